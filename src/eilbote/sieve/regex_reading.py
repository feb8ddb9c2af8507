"""Regular expressions as POSIX has them (ERE, IEEE Std 1003.1 chapter 9.4), read to a tree.

What POSIX leaves open is as in the GNU C library, whose rules most Sieve servers have: `\\w`, `\\s`,
`\\b`, `\\<` and `\\>` are known. Back references are refused: nothing bounds what they cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eilbote.errors import Misused

MAX_LENGTH = 4_000
"""Characters of an expression."""

MAX_REPEAT = 255
"""RE_DUP_MAX of POSIX."""

MAX_GROUPS = 100
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Characters:
    """One character: of these ranges, or of no such range where `negated`."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """No character but a place: `^`, `$`, `b` and `B` (at a word's edge or not), `<` and `>` (before and
    behind a word)."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; of none, the empty text."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """As often as `least` at least and `most` at most; None: without end."""

    node: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """In parentheses, whose text is told; numbered from 1."""

    number: int
    node: Node


Node = Characters | Place | Sequence | Choice | Repeat | Group

ANY = Characters((), negated=True)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 13), (32, 32))
_CLASSES: dict[str, tuple[tuple[int, int], ...]] = {
    "alpha": ((65, 90), (97, 122)),
    "digit": ((48, 57),),
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "upper": ((65, 90),),
    "lower": ((97, 122),),
    "space": _SPACE,
    "blank": ((9, 9), (32, 32)),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "print": ((32, 126),),
    "graph": ((33, 126),),
    "cntrl": ((0, 31), (127, 127)),
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_BOUNDS = re.compile(r"\{(\d{1,5})?(,)?(\d{1,5})?\}", re.ASCII)
_ESCAPED: dict[str, Node] = {
    "w": Characters(_WORD),
    "W": Characters(_WORD, negated=True),
    "s": Characters(_SPACE),
    "S": Characters(_SPACE, negated=True),
    "b": Place("b"),
    "B": Place("B"),
    "<": Place("<"),
    ">": Place(">"),
    "`": Place("^"),
    "'": Place("$"),
}  # fmt: skip


def read_regex(text: str) -> tuple[Node, int]:
    """The tree and how many groups there are. Raises Misused: `sieve.regex_invalid` with the place (a
    character, from 1), `sieve.regex_too_large`, `sieve.regex_back_reference`."""
    if len(text) > MAX_LENGTH:
        raise too_large()
    reader = _Reader(text)
    node = reader.choice(0)
    if reader.at < len(text):
        raise reader.wrong()
    return node, reader.groups


class _Reader:
    """One pass through an expression."""

    __slots__ = ("at", "groups", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0

    def wrong(self) -> Misused:
        return Misused("sieve.regex_invalid", regex=self.text[:100], place=min(self.at, len(self.text)) + 1)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def choice(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise too_large()
        nodes = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            nodes.append(self.sequence(depth))
        return nodes[0] if len(nodes) == 1 else Choice(tuple(nodes))

    def sequence(self, depth: int) -> Node:
        nodes: list[Node] = []
        while (sign := self.peek()) and sign not in "|)":
            nodes.append(self.repeated(depth))
        return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))

    def repeated(self, depth: int) -> Node:
        node = self.one(depth)
        stacked = 0
        while sign := self.peek():
            if sign in "*+?":
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
                self.at += 1
            elif sign == "{" and (bounds := _BOUNDS.match(self.text, self.at)):
                least = int(bounds[1] or 0)
                most = (int(bounds[3]) if bounds[3] else None) if bounds[2] else least
                if not (bounds[1] or bounds[2]) or (most is not None and most < least):
                    raise self.wrong()
                if max(least, most or 0) > MAX_REPEAT:
                    raise too_large()
                self.at = bounds.end()
            else:
                break
            stacked += 1
            if stacked > MAX_DEPTH:
                raise too_large()
            node = node if isinstance(node, Place) else Repeat(node, least, most)
        return node

    def one(self, depth: int) -> Node:
        sign = self.peek()
        match sign:
            case "(":
                return self.group(depth)
            case "[":
                return self.bracket()
            case ".":
                self.at += 1
                return ANY
            case "^" | "$":
                self.at += 1
                return Place(sign)
            case "*" | "+" | "?":
                raise self.wrong()  # nothing to repeat
            case "\\":
                return self.escaped()
            case _:
                self.at += 1
                return _letter(sign)

    def group(self, depth: int) -> Node:
        self.groups += 1
        number = self.groups
        if number > MAX_GROUPS:
            raise too_large()
        self.at += 1
        inside = self.choice(depth + 1)
        if self.peek() != ")":
            raise self.wrong()
        self.at += 1
        return Group(number, inside)

    def escaped(self) -> Node:
        sign = self.text[self.at + 1 : self.at + 2]
        if not sign:
            raise self.wrong()
        if sign in "123456789":
            raise Misused("sieve.regex_back_reference", regex=self.text[:100], place=self.at + 1)
        self.at += 2
        return _ESCAPED.get(sign) or _letter(sign)

    def bracket(self) -> Node:
        """IEEE Std 1003.1 section 9.3.5: a backslash is a backslash in here."""
        self.at += 1
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while (sign := self.peek()) != "]" or first:
            first = False
            if not sign:
                raise self.wrong()
            if self.text.startswith("[:", self.at):
                end = self.text.find(":]", self.at)
                known = _CLASSES.get(self.text[self.at + 2 : end]) if end > 0 else None
                if known is None:
                    raise self.wrong()
                ranges += known
                self.at = end + 2
                continue
            low = self.member()
            high = low
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.member()
            if high < low:
                raise self.wrong()
            ranges.append((low, high))
        self.at += 1
        return Characters(tuple(ranges), negated)

    def member(self) -> int:
        if self.text.startswith(("[.", "[=", "[:"), self.at):
            sign = self.text[self.at + 1]
            # A collating element or an equivalence class of one character is that character.
            if sign == ":" or self.text[self.at + 3 : self.at + 5] != sign + "]":
                raise self.wrong()
            letter = self.text[self.at + 2]
            self.at += 5
            return ord(letter)
        letter = self.peek()
        if not letter:
            raise self.wrong()
        self.at += 1
        return ord(letter)


def _letter(sign: str) -> Characters:
    return Characters(((ord(sign), ord(sign)),))


def too_large() -> Misused:
    return Misused(
        "sieve.regex_too_large", limit=MAX_LENGTH, depth=MAX_DEPTH, groups=MAX_GROUPS, repeat=MAX_REPEAT
    )
