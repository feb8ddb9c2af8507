"""Modified UTF-7, the way IMAP4rev1 writes mailbox names (RFC 3501 section 5.1.3).

`decode` raises ValueError on what no encoder may produce; the caller then keeps the raw name.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_UNSAFE = re.compile(r"&|[^\x20-\x7e]+")


def encode(name: str) -> bytes:
    """The name as ASCII bytes. ValueError for lone surrogates."""
    return _UNSAFE.sub(_shift, name).encode("ascii")


def decode(raw: bytes) -> str:
    """The name that `raw` means. ValueError where `raw` is not modified UTF-7."""
    if b"&" not in raw:
        return raw.decode("ascii")
    pieces = []
    at = 0
    for found in _SHIFTED.finditer(raw):
        pieces += [_direct(raw[at : found.start()]), _unshift(found[1])]
        at = found.end()
    pieces.append(_direct(raw[at:]))
    return "".join(pieces)


def _shift(found: re.Match[str]) -> str:
    text = found[0]
    if text == "&":
        return "&-"
    return "&" + b64encode(text.encode("utf-16-be"), b"+,").decode("ascii").rstrip("=") + "-"


def _unshift(packed: bytes) -> str:
    if not packed:
        return "&"
    text = b64decode(packed + b"=" * (-len(packed) % 4), b"+,", validate=True).decode("utf-16-be")
    if not text:
        raise ValueError("an empty shift in modified UTF-7")
    return text


def _direct(raw: bytes) -> str:
    if b"&" in raw:
        raise ValueError("an unfinished shift in modified UTF-7")
    return raw.decode("ascii")
