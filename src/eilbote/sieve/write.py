"""A tree to text that reads well, and that reads back to the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eilbote.sieve.tree import Argument, Command, Number, Tag, Test, Text, TextList, Tree

_QUANTIFIERS = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_DOT = re.compile(r"^\.", re.MULTILINE)
_WIDE = 100
"""Characters after which a list takes a line for each of its texts."""


def write_script(tree: Tree) -> str:
    """The script: four spaces a level, a line a command, lists of many texts a line a text."""
    lines = list(_commands(tree.commands, ""))
    lines += (f"#{comment}" for comment in tree.comments)
    return "\n".join(lines) + "\n" if lines else ""


def write_test(test: Test) -> str:
    """One test, on one line unless a text of its own has several."""
    inner = [write_argument(argument) for argument in test.arguments]
    return " ".join((test.name, *inner, *_tests(test.tests, test.grouped)))


def write_command(command: Command) -> str:
    """One command without its block and comments."""
    inner = [write_argument(argument) for argument in command.arguments]
    return " ".join((command.name, *inner, *_tests(command.tests, command.grouped)))


def write_argument(argument: Argument) -> str:
    """One argument."""
    match argument:
        case Text():
            return _text(argument)
        case TextList():
            return "[" + ", ".join(map(_text, argument.items)) + "]"
        case Number():
            return _number(argument.value)
        case Tag():
            return f":{argument.name}"


def quoted(value: str) -> str:
    """Text as a quoted string (RFC 5228 section 2.4.2)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _commands(commands: tuple[Command, ...], indent: str) -> Iterator[str]:
    for command in commands:
        yield from (f"{indent}#{comment}" for comment in command.comments)
        head = write_command(command)
        if len(head) + len(indent) > _WIDE:
            head = " ".join(
                (
                    command.name,
                    *(_spread(argument, indent) for argument in command.arguments),
                    *_spread_tests(command.tests, command.grouped, indent),
                )
            )
        if command.block is None:
            yield f"{indent}{head};"
        else:
            yield f"{indent}{head} {{"
            yield from _commands(command.block, indent + "    ")
            yield f"{indent}}}"


def _spread(argument: Argument, indent: str) -> str:
    if isinstance(argument, TextList) and len(argument.items) > 2:
        inner = ",\n".join(f"{indent}    {_text(item)}" for item in argument.items)
        return f"[\n{inner}\n{indent}]"
    return write_argument(argument)


def _spread_tests(tests: tuple[Test, ...], grouped: bool, indent: str) -> tuple[str, ...]:
    """As `_tests`, a line for each test of a group."""
    deeper = indent + "    "
    shown = [
        " ".join(
            (
                test.name,
                *(_spread(argument, deeper if grouped else indent) for argument in test.arguments),
                *_spread_tests(test.tests, test.grouped, deeper if grouped else indent),
            )
        )
        for test in tests
    ]
    if not grouped:
        return tuple(shown)
    inner = ",\n".join(deeper + each for each in shown)
    return (f"(\n{inner}\n{indent})",)


def _tests(tests: tuple[Test, ...], grouped: bool) -> tuple[str, ...]:
    shown = tuple(map(write_test, tests))
    return ("(" + ", ".join(shown) + ")",) if grouped else shown


def _text(text: Text) -> str:
    # A multi-line text ends with a line end; one that does not can only be quoted.
    if not text.multiline or not (text.value.endswith("\n") or not text.value) or "\r" in text.value:
        return quoted(text.value)
    return f"text:\n{_DOT.sub('..', text.value)}.\n"


def _number(value: int) -> str:
    for size, letter in _QUANTIFIERS:
        if value and value % size == 0:
            return f"{value // size}{letter}"
    return str(value)
