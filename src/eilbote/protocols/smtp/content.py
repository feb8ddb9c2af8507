"""The content of a mail in the one form that may leave: every line ends in CRLF, and no CR or LF stands
anywhere else (RFC 5321 section 2.3.8), so that no server can be made to see a second mail in it.

Works block by block and never holds a second copy of a clean mail. It must never change anything but
line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_LINE_END = re.compile(rb"\r\n|\r|\n")
_HEADER_END = re.compile(rb"(?>\r\n|\r|\n)(?:\r|\n)")


class Traits(Struct, frozen=True):
    """What of a content decides how it may travel. `size`: octets as they leave, without stuffed dots
    (RFC 1870 section 3). `is_clean`: no CR or LF stands alone in it."""

    size: int
    is_clean: bool
    has_8bit: bool
    has_utf8_header: bool
    has_nul: bool


def traits_of(content: bytes) -> Traits:
    """Looks at a whole content; each test runs over it once."""
    pairs, feeds, returns = content.count(b"\r\n"), content.count(b"\n"), content.count(b"\r")
    open_end = bool(content) and content[-1:] not in (b"\r", b"\n")
    size = len(content) + feeds + returns - 2 * pairs + 2 * open_end
    has_8bit = not content.isascii()
    is_clean = pairs == feeds == returns
    return Traits(size, is_clean, has_8bit, has_8bit and _has_utf8_header(content), b"\0" in content)


def longest_line(content: bytes) -> int:
    """Octets of the longest line without its end."""
    longest = start = 0
    for block in _cut(content, 1 << 20):
        pieces = block.splitlines()
        # A block without any line end goes on in the next one.
        start = start + len(block) if len(pieces) == 1 and block[-1:] not in b"\r\n" else 0
        longest = max(longest, start, *map(len, pieces))
    return longest


def normalised(content: bytes, block: int, *, stuffed: bool, is_clean: bool = False) -> Iterator[bytes]:
    """The content in blocks of about `block` bytes, ending in CRLF unless it is empty. `stuffed`: a dot
    before each dot that begins a line (RFC 5321 section 4.5.2), as DATA wants it and BDAT does not.
    `is_clean`: what `traits_of` found, so that nobody looks twice."""
    at_line_start = True
    end = b"\r\n"
    for cut in _cut(content, block):
        piece = cut if is_clean or _is_clean(cut) else _LINE_END.sub(b"\r\n", cut)
        ends_line = piece.endswith(b"\r\n")
        if stuffed:
            dot = b"." if at_line_start and piece.startswith(b".") else b""
            piece = dot + piece.replace(b"\r\n.", b"\r\n..")
        at_line_start = ends_line
        end = b"" if ends_line else b"\r\n"
        yield piece
    if content and end:
        yield end


def _cut(content: bytes, block: int) -> Iterator[bytes]:
    """Pieces of about `block` bytes that never part a CR from its LF; after a line where one ends."""
    if len(content) <= block:
        if content:
            yield content
        return
    start = 0
    while start < len(content):
        stop = start + block
        if stop < len(content):
            line_end = content.rfind(b"\n", start, stop) + 1
            stop = line_end or stop
            if content[stop - 1 : stop + 1] == b"\r\n":
                stop += 1
        yield content[start:stop]
        start = stop


def _is_clean(cut: bytes) -> bool:
    return cut.count(b"\r\n") == cut.count(b"\n") == cut.count(b"\r")


def _has_utf8_header(content: bytes) -> bool:
    """Whether the header holds UTF-8 (RFC 6532); other 8-bit text in it is no reason for SMTPUTF8."""
    found = _HEADER_END.search(content)
    header = content[: found.start()] if found else content
    if header.isascii() or content.startswith((b"\r", b"\n")):
        return False
    try:
        header.decode()
    except UnicodeDecodeError:
        return False
    return True
