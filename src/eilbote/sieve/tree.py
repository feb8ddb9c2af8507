"""What a script is once its grammar is read: commands, tests and arguments, each with its place.

The names of RFC 5228 section 8.2. Values without logic: what a command means, the vocabulary knows.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.sieve.values import Position


class Text(Struct, frozen=True):
    """A string as it is meant, quotes and dots undone; `multiline`: written as `text:`."""

    at: Position
    value: str
    multiline: bool = False


class TextList(Struct, frozen=True):
    """Strings in square brackets."""

    at: Position
    items: tuple[Text, ...]


class Number(Struct, frozen=True):
    """A number, its quantifier applied (`1K` is 1024)."""

    at: Position
    value: int


class Tag(Struct, frozen=True):
    """A tagged argument's name, lower case and without its colon."""

    at: Position
    name: str


Argument = Text | TextList | Number | Tag


class Test(Struct, frozen=True):
    """A test, name in lower case. `grouped`: its tests stand in brackets (a test-list of the grammar)."""

    at: Position
    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Test, ...] = ()
    grouped: bool = False


class Command(Struct, frozen=True):
    """A command, name in lower case; `block` is None where a semicolon ends it. `comments`: the lines
    that begin with `#` right before it, without the sign."""

    at: Position
    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Test, ...] = ()
    grouped: bool = False
    block: tuple[Command, ...] | None = None
    comments: tuple[str, ...] = ()


class Tree(Struct, frozen=True):
    """A whole script; `comments` are those after its last command."""

    commands: tuple[Command, ...]
    comments: tuple[str, ...] = ()
