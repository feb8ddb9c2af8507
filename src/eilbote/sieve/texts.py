"""Texts of a script as functions of a run: constant, or with the values of variables in their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from eilbote.sieve.bound import Reference, Words
from eilbote.sieve.state import Run
from eilbote.sieve.strings import shortened
from eilbote.sieve.tree import Text

_HALF = re.compile("[\ud800-\udfff]")

TextOf = Callable[[Run], str]


def constant(words: Words) -> str | None:
    """The text where no variable stands in it."""
    return words.value if isinstance(words, Text) else None


def constants(many: Sequence[Words]) -> tuple[str, ...] | None:
    """All texts where no variable stands in any."""
    found = tuple(words.value for words in many if isinstance(words, Text))
    return found if len(found) == len(many) else None


def text_of(words: Words) -> TextOf:
    """What gives the text in a run. Longer ones than `Limits.variable_bytes` are cut (RFC 5229 section 3)."""
    if isinstance(words, Text):
        value = words.value
        return lambda run: value
    pieces = words.pieces

    def expand(run: Run) -> str:
        found: list[str] = []
        left = run.limits.variable_bytes
        for piece in pieces:
            text = piece if isinstance(piece, str) else value_of(run, piece)
            found.append(text)
            left -= len(text)
            if left < 0:
                break
        text = "".join(found)
        run.pay(len(text))
        if not text.isascii() and _HALF.search(text):
            # A match of octets may have cut a character in two.
            text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return shortened(text, run.limits.variable_bytes)

    return expand


def texts_of(many: Sequence[Words]) -> Callable[[Run], tuple[str, ...]]:
    """As `text_of`, of a list."""
    fixed = constants(many)
    if fixed is not None:
        return lambda run: fixed
    made = tuple(map(text_of, many))
    return lambda run: tuple([each(run) for each in made])


def value_of(run: Run, reference: Reference) -> str:
    """What a variable holds; one without a value is empty (RFC 5229 section 3)."""
    if reference.number >= 0:
        groups = run.groups
        return groups[reference.number] if reference.number < len(groups) else ""
    name = reference.name
    held = run.shared if reference.shared or name in run.locals else run.variables
    return held.get(name, "")
