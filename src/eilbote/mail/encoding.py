"""Content transfer encodings, read tolerantly: base64, quoted-printable, uuencode.

Each decoder takes any bytes, never raises, costs time linear in its input and never returns more
bytes than it was given.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDING = re.compile(rb"=[^A-Za-z0-9+/]*")
_MAX_SEGMENTS = 1000
"""Padding in the middle starts a new stretch; real mail has a handful (signed files glued together)."""

_UU_BEGIN = re.compile(rb"^begin[ \t]+[0-7]{3,4}[ \t]+([^\r\n]*)\r?\n", re.MULTILINE)


def decode_base64(data: bytes) -> bytes:
    """RFC 2045 section 6.8. Foreign characters are skipped, missing padding is supplied, and what
    follows padding is decoded as well."""
    pad = data.find(b"=")
    if pad >= 0 and _PADDING.sub(b"", data[pad : pad + 64], 8):
        segments = _PADDING.split(data, _MAX_SEGMENTS)
        return b"".join(map(_decode_segment, segments))
    return _decode_segment(data)


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
        try:
            out.append(a2b_uu(bare))
        except Error:
            # Encoders that miscount or pad lines: take as many bytes as the length character says.
            wanted = (((bare[0] - 32) & 63) * 4 + 5) // 3 if bare else 0
            try:
                out.append(a2b_uu(bare[:wanted]))
            except Error:
                continue
    return b"".join(out)


def uuencoded_name(data: bytes) -> bytes | None:
    """The file name that a uuencoded body begins with, None if it is no such body."""
    begin = _UU_BEGIN.search(data, 0, 4096)
    return begin[1].strip() if begin else None


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """The content behind a Content-Transfer-Encoding; an unknown or identity encoding changes nothing."""
    match encoding:
        case "base64":
            return decode_base64(data)
        case "quoted-printable":
            return decode_quoted_printable(data)
        case "x-uuencode" | "uuencode" | "x-uue":
            return decode_uuencode(data) or data
        case _:
            return data
