"""Text as format=flowed (RFC 3676): wrapped for readers of 80 columns, whole again in all others.

Lines that begin with `>` are quotes and keep their depth. The reading half is in `body.py`.
"""

from __future__ import annotations

import re

WIDTH = 72
"""Columns at which a paragraph is wrapped (RFC 3676 section 4.2 allows up to 78)."""

MAX_DEPTH = 50
"""Quote marks that a line keeps: every wrapped line repeats them all."""

_QUOTE = re.compile(r"(?:> ?)++")
_SIGNATURE = "-- "
_MAY_CHANGE = (" ", ">", "From ")


def flow(text: str) -> str:
    """The text (with `\\n` line ends) wrapped. Space at the end of a line is dropped, as it would say
    that the line goes on; the line `-- ` stays (RFC 3676 section 4.3)."""
    out: list[str] = []
    for line in text.split("\n"):
        if len(line) <= WIDTH and not line.startswith(_MAY_CHANGE) and not line.endswith(" "):
            out.append(line)  # nearly all lines of nearly all mail
            continue
        if line == _SIGNATURE:
            out.append(line)
            continue
        mark = _QUOTE.match(line)
        if mark is None:
            out += _wrapped(line.rstrip(" "), "", WIDTH)
        else:
            depth = min(mark[0].count(">"), MAX_DEPTH)
            out += _wrapped(line[mark.end() :].rstrip(" "), ">" * depth, WIDTH - depth - 1)
    return "\n".join(out)


def _wrapped(line: str, quote: str, width: int) -> list[str]:
    """One paragraph as lines of which all but the last end in a space. Words longer than a line stay
    whole."""
    if not line:
        return [quote]
    pieces: list[str] = []
    width = max(width, 20)
    at, end = 0, len(line)
    while end - at > width:
        cut = line.rfind(" ", at + 1, at + width)
        if cut < 0 or line[at:cut].isspace():
            cut = line.find(" ", at + width)
        if line[at : cut + 1] == _SIGNATURE:  # on a line of its own it would begin a signature
            cut = line.find(" ", at + len(_SIGNATURE))
        if cut < 0:
            break
        pieces.append(line[at : cut + 1])
        at = cut + 1
    pieces.append(line[at:])
    return [quote + _stuffed(piece, bool(quote)) for piece in pieces]


def _stuffed(piece: str, quoted: bool) -> str:
    """RFC 3676 section 4.4: a space before what would be read as something else; after quote marks
    always."""
    needs = quoted or piece.startswith(_MAY_CHANGE)
    return " " + piece if needs and piece else piece
