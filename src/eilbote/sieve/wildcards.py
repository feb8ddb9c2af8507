"""`:matches`: `*` and `?` in a key (RFC 5228 section 2.7.1), and what each of them stood for (RFC 5229).

The shortest first: whatever stands furthest left takes as little as it can (RFC 5229 section 3.2). No
key makes this slower than its bound; nothing here knows comparators.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from eilbote.errors import Misused

Spans = list[tuple[int, int]]
"""Where in the text each wildcard's part lies, in the order of the wildcards."""

_PIECE = re.compile(r"\\(.)|(\*)|(\?)|([^*?\\]+|\\)", re.DOTALL)
_CHEAP = 500
"""Comparisons of single characters that the library makes while one of our own steps takes place."""

_MAX_PATTERN = 2_000
"""Characters of a stretch that the library looks for: longer patterns take long to compile."""

MAX_PARTS = 32
"""Wildcards whose parts are told (RFC 5229 section 3.2 wants 9 at least)."""


class _Stretch(NamedTuple):
    """What stands between two stars: a fixed number of characters, some of them free."""

    letters: str
    """The whole of it where nothing is free, else the longest run without a free character."""
    before: int
    """Characters before `letters`."""
    size: int
    others: tuple[tuple[int, str], ...]
    """The other runs and where they begin."""
    free: tuple[int, ...]
    """Where the free characters are."""
    pattern: re.Pattern[str] | None
    """The same for the library, where a free character stands between two runs."""


def wildcards(key: str, fold: Callable[[str], str], steps: int) -> Callable[[str], Spans | None]:
    """What looks for the key in texts that are folded as `fold` does. It raises Misused
    `sieve.match_too_long` where a text would take more than `steps` steps."""
    stretches, stars = _stretches(key, fold)
    first, last = stretches[0], stretches[-1]
    least = sum(stretch.size for stretch in stretches)

    def find(text: str) -> Spans | None:
        size = len(text)
        if size < least or (not stars and size != least):
            return None
        if not _stands(first, text, 0):
            return None
        spans = [(at, at + 1) for at in first.free[:MAX_PARTS]]
        if not stars:
            return spans
        end = size - last.size
        if not _stands(last, text, end):
            return None
        at = first.size
        for stretch in stretches[1:-1]:
            found = _search(stretch, text, at, end, steps)
            if found < 0:
                return None
            if len(spans) < MAX_PARTS:
                spans.append((at, found))
                spans += [(found + place, found + place + 1) for place in stretch.free]
            at = found + stretch.size
        if at > end:
            return None
        spans.append((at, end))
        spans += [(end + place, end + place + 1) for place in last.free[:MAX_PARTS]]
        return spans[:MAX_PARTS]

    return find


def has_question_mark(key: str) -> bool:
    """Whether the key has a wildcard that stands for one character."""
    return any(found[3] for found in _PIECE.finditer(key))


def _stretches(key: str, fold: Callable[[str], str]) -> tuple[list[_Stretch], int]:
    """The key cut at its stars, of which there are as many as stretches less one."""
    made: list[_Stretch] = []
    runs: list[tuple[int, list[str]]] = []
    free: list[int] = []
    size = 0
    open_run = False
    for found in _PIECE.finditer(key):
        escaped, star, one, plain = found.groups()
        if star:
            made.append(_stretch(size, runs, free))
            runs, free, size, open_run = [], [], 0, False
        elif one:
            free.append(size)
            size += 1
            open_run = False
        else:
            text = fold(plain if escaped is None else escaped)
            if not open_run:
                runs.append((size, []))
                open_run = True
            runs[-1][1].append(text)
            size += len(text)
    made.append(_stretch(size, runs, free))
    return made, len(made) - 1


def _stretch(size: int, runs: list[tuple[int, list[str]]], free: list[int]) -> _Stretch:
    joined = [(at, "".join(pieces)) for at, pieces in runs]
    if not joined:
        return _Stretch("", 0, size, (), tuple(free), None)
    longest = max(joined, key=lambda run: len(run[1]))
    others = tuple(run for run in joined if run is not longest)
    pattern = None
    if others and size <= _MAX_PATTERN:
        signs: list[str] = []
        at = 0
        for place, text in joined:
            signs += [f".{{{place - at}}}"] if place > at else []
            signs.append(re.escape(text))
            at = place + len(text)
        signs += [f".{{{size - at}}}"] if size > at else []
        pattern = re.compile("".join(signs), re.DOTALL)
    return _Stretch(longest[1], longest[0], size, others, tuple(free), pattern)


def _stands(stretch: _Stretch, text: str, at: int) -> bool:
    return text.startswith(stretch.letters, at + stretch.before) and all(
        text.startswith(run, at + place) for place, run in stretch.others
    )


def _search(stretch: _Stretch, text: str, at: int, end: int, steps: int) -> int:
    """The first place from `at` where the stretch stands whole before `end`; below 0 for none."""
    if at + stretch.size > end:
        return -1
    if not stretch.others:
        most = end - stretch.size + stretch.before + len(stretch.letters)
        found = text.find(stretch.letters, at + stretch.before, most)
        return found - stretch.before if found >= 0 else -1
    if stretch.pattern is not None and (end - at) * stretch.size <= steps * _CHEAP:
        match = stretch.pattern.search(text, at, end)
        return match.start() if match else -1
    return _by_steps(stretch, text, at, end, steps)


def _by_steps(stretch: _Stretch, text: str, at: int, end: int, steps: int) -> int:
    """The same for texts and keys so large that the library could take seconds: candidate by candidate."""
    before, most = stretch.before, end - stretch.size + stretch.before + len(stretch.letters)
    place = at + before
    taken = 0
    while True:
        place = text.find(stretch.letters, place, most)
        if place < 0:
            return -1
        for offset, run in stretch.others:
            taken += 1
            if not text.startswith(run, place - before + offset):
                break
        else:
            return place - before
        if taken > steps:
            raise Misused("sieve.match_too_long", limit=steps)
        place += 1
