"""Where the tables, keys and elements of a rule document stand: for problems with a line, and so that an
edit touches its own block of text and no other.

It knows of TOML what it takes to find the lines: strings, comments and brackets. Whether the text is
right, the standard library's reader says. Linear; never raises but for too many brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from eilbote.errors import Misused

DEEPEST = 16
"""Brackets within each other, and twice as many dots in a line, which no rule needs at all: the
standard library's reader takes its time for long ones."""

_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\[^\n])*+"|' + r"'[^'\n]*+'"
    r"|\#[^\n]*+|[\[\]{}]|\n|[^\"'\#\[\]{}\n]++|.",
    re.DOTALL,
)
_HEADER = re.compile(r"[ \t]*(\[{1,2})([^\]\n]*)\]")
_KEY = re.compile(r"""[ \t]*("[^"\n]*"|'[^'\n]*'|[^=\n"'\#\[\]{}]*?)[ \t]*=""")
_COMMENT = re.compile(r"[ \t]*#")


@dataclass(slots=True)
class Block:
    """A table of the document. Offsets count characters; lines count from 1."""

    name: str
    """As in its header: `rule`; `[rule]` where only one bracket stands around it."""
    line: int
    start: int
    """Where the comments begin that stand right above its header."""
    end: int = 0
    keys: dict[str, int] = field(default_factory=dict)
    elements: dict[str, list[int]] = field(default_factory=dict)
    """For a key, the line of each inline table of its array."""

    def line_of(self, section: str, index: int, key: str) -> int:
        """The line of a condition or action, else of a key, else of the table."""
        inner = self.elements.get(section, ())
        if section and index < len(inner):
            return inner[index]
        return self.keys.get(section or key, self.line)


@dataclass(slots=True)
class Layout:
    """The document: its tables in order, and the keys that stand above the first."""

    blocks: list[Block]
    loose: dict[str, int]


def lay_out(text: str) -> Layout:
    """Read where things stand. Misused `rules.too_deep` with the line."""
    layout = Layout([], {})
    key, depth, line, at, dots = "", 0, 1, 0, 0
    comments = -1  # where the comment lines begin that nothing but comments has followed
    beginning = True
    while at < len(text):
        if beginning and not depth:
            comments, key = _begin_line(text, at, line, comments, layout, key)
        token = _TOKEN.match(text, at)
        assert token is not None  # any character is a token
        piece, at = token[0], token.end()
        beginning = piece == "\n"
        dots = 0 if beginning else dots if piece[0] in "\"'#" else dots + piece.count(".")
        depth += piece in ("[", "{")
        if depth > DEEPEST or dots > 2 * DEEPEST:
            raise Misused("rules.too_deep", place=f"rules.toml:{line}", line=line, limit=DEEPEST)
        if piece == "{" and depth == 2 and layout.blocks:
            layout.blocks[-1].elements.setdefault(key, []).append(line)
        elif piece in ("]", "}"):
            depth = max(0, depth - 1)
        line += piece.count("\n")
    if layout.blocks:
        layout.blocks[-1].end = len(text)
    return layout


def _begin_line(text: str, at: int, line: int, comments: int, layout: Layout, key: str) -> tuple[int, str]:
    """What the line that begins here is; gives where comments above it begin, and the key it is about."""
    if _COMMENT.match(text, at):
        return (at if comments < 0 else comments), key
    if header := _HEADER.match(text, at):
        start = at if comments < 0 else comments
        if layout.blocks:
            layout.blocks[-1].end = start
        name = header[2].strip()
        layout.blocks.append(Block(name if header[1] == "[[" else f"[{name}]", line, start))
        return -1, ""
    if found := _KEY.match(text, at):
        key = found[1].strip()
        key = key[1:-1] if key[:1] in ('"', "'") else key.partition(".")[0].rstrip()
        (layout.blocks[-1].keys if layout.blocks else layout.loose).setdefault(key, line)
    return -1, key
