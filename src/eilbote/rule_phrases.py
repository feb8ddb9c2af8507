"""Pieces of the sentences that rules are told in: values, lists, sizes and days."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote import figures
from eilbote.catalogue import Catalogue
from eilbote.sieve.rule_table import size_text

_SHOWN = 4
"""Values of a condition that a sentence names; of more it says how many."""
_LONGEST = 80


def either(values: Sequence[str], said: Catalogue) -> str:
    """Several of which one is enough; addresses as they are, other texts quoted."""
    return either_of([one if "@" in one else quoted(one, said) for one in values], said)


def either_of(values: Sequence[str], said: Catalogue) -> str:
    if len(values) > _SHOWN + 1:
        rest = len(values) - _SHOWN
        more = said.plural("{count} more", "{count} more", rest)
        values = [*values[:_SHOWN], more]
    return or_of(values, said)


def quoted(value: str, said: Catalogue) -> str:
    line = " ".join(value.split())
    return said.text("“{value}”", value=line if len(line) <= _LONGEST else line[:_LONGEST] + "…")


def size_said(size: int, said: Catalogue) -> str:
    """As it was typed, where that is a round number of kilobytes and so on."""
    short = size_text(size)
    if short.isdecimal():
        return figures.size(size, said.language)
    return f"{short[:-1]} {'k' if short[-1] == 'K' else short[-1]}B"


def day_said(day: str, said: Catalogue) -> str:
    return figures.plain_day(day, said.language) if day else ""


def and_of(parts: Sequence[str], said: Catalogue) -> str:
    return _joined(parts, said.text("{these} and {last}", these="\x00", last="\x01"))


def or_of(parts: Sequence[str], said: Catalogue) -> str:
    return _joined(parts, said.text("{these} or {last}", these="\x00", last="\x01"))


def _joined(parts: Sequence[str], how: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else ""
    return how.replace("\x00", ", ".join(parts[:-1])).replace("\x01", parts[-1])
