"""Content transfer encodings, read tolerantly: base64, quoted-printable, uuencode.

Each decoder takes any bytes, never raises, costs time linear in its input and never returns more
than twice the bytes it was given.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu
from itertools import islice

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDING = re.compile(rb"=[=\r\n]*")
_PADS = re.compile(rb"=[^A-Za-z0-9+/]*")
_MORE_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]++\r?\n?)++")
_MAX_SEGMENTS = 1000
"""Padding in the middle starts a new stretch; real mail has a handful (files glued together)."""

_WORD_GAP = re.compile(rb"[^\s][ \t]+(?=[^\s])")

_UU_BEGIN = re.compile(rb"^begin[ \t]+[0-7]{3,4}[ \t]+([^\r\n]*)\r?\n", re.MULTILINE)


def decode_base64(data: bytes) -> bytes:
    """RFC 2045 section 6.8. Foreign characters are skipped and missing padding is supplied. After
    padding only more base64 counts: the footers that mailing lists append do not."""
    pad = data.find(b"=")
    if pad >= 0:
        rest = data[pad:].strip(b"=\r\n \t")
        if rest and _MORE_BASE64.fullmatch(rest):
            return b"".join(map(_decode_segment, _PADDING.split(data, _MAX_SEGMENTS)))
        if rest:
            return _decode_segment(_through_padding(data))
    return _decode_segment(data)


def _through_padding(data: bytes) -> bytes:
    """What ends with the first padding that fills four characters. The library would stop there by
    itself, or read on as newer versions do."""
    at = letters = 0
    for pads in islice(_PADS.finditer(data), _MAX_SEGMENTS):
        letters += len(_NOT_BASE64.sub(b"", data[at : pads.start()]))
        at = pads.end()
        if letters % 4 >= 2 and letters % 4 + pads[0].count(b"=") >= 4:
            return data[:at]
    return data


def _decode_segment(data: bytes) -> bytes:
    try:
        return a2b_base64(data)
    except Error:
        pure = _NOT_BASE64.sub(b"", data)
        if len(pure) % 4 == 1:
            pure = pure[:-1]  # six bits make no byte
        return a2b_base64(pure + b"=" * (-len(pure) % 4))


def decode_quoted_printable(data: bytes) -> bytes:
    """RFC 2045 section 6.7. `=` before anything but two hexadecimal digits stays as it is."""
    return a2b_qp(data)


def decode_uuencode(data: bytes) -> bytes:
    """The first file between `begin` and `end`; empty if there is no `begin`."""
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return b""
    out = []
    for line in data[begin.end() :].split(b"\n"):
        bare = line.rstrip(b"\r")
        if bare in (b"end", b"`"):
            break
        if len(bare) > 1:
            out.append(_uu_line(bare))
    return b"".join(out)


def _uu_line(line: bytes) -> bytes:
    """One line; the first character says how many bytes it holds, at most 45."""
    held = (line[0] - 32) & 63
    try:
        data = a2b_uu(line)
    except Error:
        # Encoders that pad or miscount: take only the characters that the length asks for.
        try:
            data = a2b_uu(line[: (held * 4 + 5) // 3])
        except Error:
            return b""
    # Spaces at a line's end are lost on the way and read as zeros; half a line of them is a bomb.
    return data if held <= 2 * len(line) else b""


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """The content behind a Content-Transfer-Encoding; an unknown or identity encoding changes nothing."""
    match encoding:
        case "base64":
            # Words with spaces between them: a sender's mistake, and readable as it stands.
            return data if len(_WORD_GAP.findall(data, 0, 512)) > 3 else decode_base64(data)
        case "quoted-printable":
            return decode_quoted_printable(data)
        case "x-uuencode" | "uuencode" | "x-uue":
            return decode_uuencode(data) or data
        case _:
            return data
