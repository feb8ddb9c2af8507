"""Rules and scripts as the text of their TOML block, written so that a person likes to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.rule_table import rule_table, script_table

_WIDE = 100
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')
_SPECIAL_IN_TEXT = re.compile(r'"""|"\Z|\\|[\x00-\x08\x0b-\x1f\x7f]')
_NOT_LITERAL = re.compile(r"'''|'\Z|[\x00-\x08\x0b-\x1f\x7f]")


def entry_text(entry: Rule | OwnScript) -> str:
    """The block of an entry, header and all, with a line end."""
    if isinstance(entry, Rule):
        return "[[rule]]\n" + "".join(f"{key} = {value_text(value)}\n" for key, value in _rule(entry))
    items = script_table(entry).items()
    lines = (
        f"{key} = {_script_text(str(value)) if key == 'sieve' else value_text(value)}\n"
        for key, value in items
    )
    return "[[script]]\n" + "".join(lines)


def value_text(value: object) -> str:
    """A value of a table in TOML. A list of tables that is long takes a line for each of them."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case list():
            items = [value_text(each) for each in value]
            short = "[" + ", ".join(items) + "]"
            if len(short) <= _WIDE and "\n" not in short and not (len(items) > 1 and "{" in short):
                return short
            return "[\n" + "".join(f"    {each},\n" for each in items) + "]"
        case Mapping():
            return "{" + ", ".join(f"{key} = {value_text(each)}" for key, each in value.items()) + "}"
        case _:
            raise TypeError(f"no value of a rule: {type(value).__name__}")


def _rule(rule: Rule) -> list[tuple[str, object]]:
    return list(rule_table(rule).items())


def _text(value: str) -> str:
    if "\n" not in value:
        return '"' + _SPECIAL.sub(_escaped, value) + '"'
    return (
        '"""\n'
        + _SPECIAL_IN_TEXT.sub(lambda found: "".join(_escaped_one(c) for c in found[0]), value)
        + '"""'
    )


def _script_text(value: str) -> str:
    """A script as it is, where it can be: with quotes nobody has to escape."""
    return _text(value) if _NOT_LITERAL.search(value) or "\n" not in value else f"'''\n{value}'''"


def _escaped(found: re.Match[str]) -> str:
    return _escaped_one(found[0])


def _escaped_one(character: str) -> str:
    return _ESCAPES.get(character, f"\\u{ord(character):04X}")
