"""Flags of a mail in an mbox file: the fields `Status`, `X-Status` and `X-Keywords`.

They are what mbox programs have used since the nineties (c-client, mutt, Dovecot). We write all three,
in this order, before the mail's own first line; just such a head is taken away again on reading, so
that the mail is the same to the byte. A letter of ours in `X-Status` says that the mail ends in the
middle of a line, which mbox cannot show. Elsewhere in a header the fields are read and stay there.
"""

from __future__ import annotations

import re

from eilbote.mail.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags

_LETTERS = {"A": ANSWERED, "F": FLAGGED, "T": DRAFT, "D": DELETED}
_UNENDED = "E"
_HEAD = re.compile(rb"Status: ([A-Z]*)\r?\nX-Status: ([A-Z]*)\r?\nX-Keywords: ([^\r\n]*)\r?\n")
_FIELD = re.compile(rb"^(X-Status|X-Keywords|Status):[ \t]*([^\r\n]{0,2000})", re.MULTILINE | re.IGNORECASE)
_MOZILLA = re.compile(rb"^X-Mozilla-(Status|Keys):[ \t]*([^\r\n]{0,2000})", re.MULTILINE | re.IGNORECASE)
_MOZILLA_BITS = {0x0001: SEEN, 0x0002: ANSWERED, 0x0004: FLAGGED, 0x0008: DELETED, 0x1000: "$Forwarded"}
_HEADER_BYTES = 64 * 1024
_BLANK = re.compile(rb"\n\r?\n")


def with_flags(raw: bytes, flags: Flags) -> bytes:
    """The mail with its flags before it. A keyword with a blank or a line end in it, which no server
    gives, is left out."""
    end = "\r\n" if raw[: raw.find(b"\n") + 1].endswith(b"\r\n") else "\n"
    status = ("R" if SEEN in flags else "") + "O"
    marks = "".join(letter for letter, flag in _LETTERS.items() if flag in flags)
    marks += _UNENDED if raw and not raw.endswith(b"\n") else ""
    words = sorted(flag for flag in flags if not flag.startswith("\\") and flag.split() == [flag])
    lines = (f"Status: {status}", f"X-Status: {marks}", f"X-Keywords: {' '.join(words)}", "")
    return end.join(lines).encode("utf-8", "surrogateescape") + raw


def split_flags(entry: bytes) -> tuple[bytes, Flags]:
    """The mail as it was before `with_flags`, and its flags. A mail that another program wrote stays
    whole."""
    head = _HEAD.match(entry)
    if head is not None:
        raw = entry[head.end() :]
        unended = _UNENDED.encode() in head[2]
        return raw.removesuffix(b"\n") if unended else raw, _flags(head[1], head[2], head[3])
    blank = _BLANK.search(entry, 0, _HEADER_BYTES)
    header = entry[: blank.start() + 1 if blank is not None else _HEADER_BYTES]
    told = {name.lower(): value for name, value in _FIELD.findall(header)}
    flags = _flags(told.get(b"status", b""), told.get(b"x-status", b""), told.get(b"x-keywords", b""))
    for name, value in _MOZILLA.findall(header):
        flags |= _mozilla(name.lower(), value)
    return entry, flags


def _flags(status: bytes, marks: bytes, words: bytes) -> Flags:
    found = {flag for letter, flag in _LETTERS.items() if letter.encode() in marks}
    if b"R" in status:
        found.add(SEEN)
    return frozenset(found | set(words.decode("utf-8", "surrogateescape").split()))


def _mozilla(name: bytes, value: bytes) -> Flags:
    """Thunderbird's fields: bits in hexadecimal, and the keys of its tags."""
    if name == b"keys":
        return frozenset(value.decode("utf-8", "surrogateescape").split())
    try:
        bits = int(value.strip()[:8], 16)
    except ValueError:
        return frozenset()
    return frozenset(flag for bit, flag in _MOZILLA_BITS.items() if bits & bit)
