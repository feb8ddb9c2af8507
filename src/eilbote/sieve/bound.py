"""The checked tree: each command and test beside its row of the vocabulary, arguments sorted by tag and
place, texts divided where variables stand in them.

Values of checker and compiler; nothing here can fail on a script that was checked.
"""

from __future__ import annotations

import re

from msgspec import Struct

from eilbote.sieve.tree import Command, Test, Text
from eilbote.sieve.values import Position
from eilbote.sieve.vocabulary import Word

# RFC 5229 section 3: what looks otherwise is plain text.
_REFERENCE = re.compile(
    r"\$\{((?:[A-Za-z_][A-Za-z0-9_]*\.(?:(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+)\.)*)?)"
    r"([A-Za-z_][A-Za-z0-9_]*|[0-9]+)\}"
)


class Reference(Struct, frozen=True):
    """A variable in a text: its name in lower case, or the number of a match variable. `shared`: of the
    name space `global` (RFC 6609 section 3.4)."""

    name: str
    number: int = -1
    shared: bool = False


class Template(Struct, frozen=True):
    """A text with variables in it; `value` is as written."""

    at: Position
    value: str
    pieces: tuple[str | Reference, ...]


Words = Text | Template
Value = Words | tuple[Words, ...] | int | None


class Bound(Struct):
    """A command or test that was checked. Tags without a value hold None. `certain`: its result is known
    from `ihave` alone. `rule`: the friendly rule that it stands in."""

    word: Word
    node: Command | Test
    tags: dict[str, Value]
    arguments: tuple[Value, ...]
    tests: tuple[Bound, ...] = ()
    block: tuple[Bound, ...] = ()
    certain: bool | None = None
    rule: str = ""

    def texts(self, place: int) -> tuple[Words, ...]:
        """The argument at this place, where it is a list."""
        return _texts(self.arguments[place])

    def text(self, place: int) -> Words:
        """The argument at this place, where it is one text."""
        return _text(self.arguments[place])

    def number(self, place: int) -> int:
        """The argument at this place, where it is a number."""
        value = self.arguments[place]
        assert isinstance(value, int)
        return value

    def tag_texts(self, name: str) -> tuple[Words, ...]:
        """The list behind a tag; empty without the tag."""
        return _texts(self.tags[name]) if name in self.tags else ()

    def tag_text(self, name: str) -> Words | None:
        """The text behind a tag."""
        return _text(self.tags[name]) if name in self.tags else None

    def tag_number(self, name: str) -> int | None:
        """The number behind a tag."""
        value = self.tags.get(name)
        assert value is None or isinstance(value, int)
        return value

    def templates(self) -> tuple[Template, ...]:
        """Its texts that variables stand in."""
        values = (*self.tags.values(), *self.arguments)
        many = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(each for value in many for each in value if isinstance(each, Template))

    def one_of(self, *names: str) -> str | None:
        """Which of these tags stands here."""
        return next((name for name in names if name in self.tags), None)


class NameSpaceUnknown(Exception):
    """A variable of a name space that nobody here fills; holds its name."""


def divide(text: Text, *, shared: bool) -> Words:
    """The text with its variables found. `shared`: the name space `global` is known. Raises
    NameSpaceUnknown for another (RFC 5229 section 3)."""
    pieces: list[str | Reference] = []
    at = 0
    for found in _REFERENCE.finditer(text.value):
        space, name = found[1].lower(), found[2].lower()
        if space and not (shared and space == "global." and not name.isdigit()):
            raise NameSpaceUnknown(found[1] + found[2])
        if found.start() > at:
            pieces.append(text.value[at : found.start()])
        # A number that no match can have is one without a value.
        number = int(name[:6]) if name.isdigit() else -1
        pieces.append(Reference("" if number >= 0 else name, number, bool(space)))
        at = found.end()
    if not pieces:
        return text
    if at < len(text.value):
        pieces.append(text.value[at:])
    return Template(text.at, text.value, tuple(pieces))


def _texts(value: Value) -> tuple[Words, ...]:
    assert isinstance(value, tuple)
    return value


def _text(value: Value) -> Words:
    assert isinstance(value, Text | Template)
    return value
