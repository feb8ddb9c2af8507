"""A regular expression as an automaton that reads each character once, whatever the expression.

States are made when they are first reached and kept within a bound. Every character and every new move
is paid for from a purse, so that no text takes longer than its bound. Characters are sorted into classes
first: all that the expression cannot tell apart are one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from eilbote.sieve.regex_reading import Characters, Choice, Group, Node, Place, Repeat, Sequence, too_large

MAX_INSTRUCTIONS = 10_000
"""Of one expression, its counted repetitions written out."""

_MAX_STATES = 2_000
_CHEAP = 50
"""Characters read along known moves that cost as much as one step of making a new move."""

_END = 0xFFFF
"""The class of what lies before the first and behind the last character."""

_NOTHING, _WORD, _OTHER = range(3)
_WORD_RANGES = ((48, 57), (65, 90), (95, 95), (97, 122))
_MIRRORED = {"^": "$", "$": "^", "<": ">", ">": "<", "b": "b", "B": "B"}


class Purse:
    """The steps that one comparison may still take."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def pay(self, steps: int) -> None:
        """Raises TooCostly where too little is left."""
        self.left -= steps
        if self.left < 0:
            raise TooCostly


class TooCostly(Exception):
    """The purse is empty."""


class Alphabet:
    """The classes of characters that one expression tells apart."""

    __slots__ = ("_cuts", "_known", "_sets", "kinds")

    def __init__(self, node: Node, *, ignore_case: bool) -> None:
        ranges = [*_WORD_RANGES]
        sets = list(_characters_of(node))
        for each in sets:
            ranges += each.ranges
            if ignore_case:
                ranges += _other_case(each.ranges)
        self._cuts = sorted({0, *(low for low, _ in ranges), *(high + 1 for _, high in ranges)})
        if len(self._cuts) >= _END:
            raise too_large()
        self._known: dict[str, int] = {}
        self.kinds = [_WORD if _within(low, _WORD_RANGES) else _OTHER for low in self._cuts]
        self._sets: dict[Characters, frozenset[int]] = {}
        for each in sets:
            taken = (*each.ranges, *_other_case(each.ranges)) if ignore_case else each.ranges
            self._sets[each] = frozenset(
                place for place, low in enumerate(self._cuts) if _within(low, taken) != each.negated
            )

    def classes(self, node: Characters) -> frozenset[int]:
        """Those of the characters that the node takes."""
        return self._sets[node]

    def of_text(self, text: str) -> array[int]:
        """The class of each character."""
        known, cuts = self._known, self._cuts
        for letter in set(text).difference(known):
            known[letter] = bisect_right(cuts, ord(letter)) - 1
        return array("H", map(known.__getitem__, text))


def _within(point: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(low <= point <= high for low, high in ranges)


def _other_case(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same letters of ASCII in the other case."""
    for low, high in ranges:
        for first, last, shift in ((65, 90, 32), (97, 122, -32)):
            start, end = max(low, first), min(high, last)
            if start <= end:
                yield start + shift, end + shift


def _characters_of(node: Node) -> Iterator[Characters]:
    match node:
        case Characters():
            yield node
        case Sequence() | Choice():
            for each in node.nodes:
                yield from _characters_of(each)
        case Repeat() | Group():
            yield from _characters_of(node.node)
        case Place():
            pass
        case _:
            assert_never(node)


class _Take(NamedTuple):
    """One character of these classes, then on."""

    classes: frozenset[int]
    then: int


class _Either(NamedTuple):
    one: int
    other: int


class _Check(NamedTuple):
    """On only at such a place."""

    kind: str
    then: int


_Instruction = _Take | _Either | _Check | None
"""None: the expression is matched."""


class _Program:
    """The instructions of one expression, forwards or backwards."""

    __slots__ = ("alphabet", "backwards", "code", "start")

    def __init__(self, node: Node, alphabet: Alphabet, *, backwards: bool) -> None:
        self.alphabet = alphabet
        self.backwards = backwards
        self.code: list[_Instruction] = [None]
        self.start = self._write(node, 0)

    def _add(self, instruction: _Instruction) -> int:
        if len(self.code) >= MAX_INSTRUCTIONS:
            raise too_large()
        self.code.append(instruction)
        return len(self.code) - 1

    def _write(self, node: Node, then: int) -> int:
        """Where the instructions of the node begin, which go on with `then`."""
        match node:
            case Characters():
                return self._add(_Take(self.alphabet.classes(node), then))
            case Place():
                return self._add(_Check(_MIRRORED[node.kind] if self.backwards else node.kind, then))
            case Sequence():
                for each in node.nodes if self.backwards else reversed(node.nodes):
                    then = self._write(each, then)
                return then
            case Choice():
                starts = [self._write(each, then) for each in node.nodes]
                at = starts.pop()
                while starts:
                    at = self._add(_Either(starts.pop(), at))
                return at
            case Group():
                return self._write(node.node, then)
            case Repeat():
                return self._write_repeat(node, then)
            case _:
                assert_never(node)

    def _write_repeat(self, node: Repeat, then: int) -> int:
        at = then
        if node.most is None:
            at = self._add(None)
            self.code[at] = _Either(self._write(node.node, at), then)
        else:
            for _ in range(node.most - node.least):
                at = self._add(_Either(self._write(node.node, at), then))
        for _ in range(node.least):
            at = self._write(node.node, at)
        return at


class _State:
    """A set of instructions that may be next, and what stands before this place."""

    __slots__ = ("before", "moves", "next")

    def __init__(self, following: frozenset[int], before: int) -> None:
        self.next = following
        self.before = before
        self.moves: dict[int, tuple[bool, _State]] = {}


class Automaton:
    """One expression in one direction. `floating`: it may begin at every place, not only at the first."""

    __slots__ = ("_floating", "_program", "_states")

    def __init__(
        self, node: Node, alphabet: Alphabet, *, backwards: bool = False, floating: bool = False
    ) -> None:
        """Raises Misused `sieve.regex_too_large`."""
        self._program = _Program(node, alphabet, backwards=backwards)
        self._floating = floating
        self._states: dict[tuple[frozenset[int], int], _State] = {}

    def ends(self, classes: array[int], start: int, stop: int, purse: Purse) -> Iterator[int]:
        """Every place up to `stop` where a text that begins at `start` may end, in order; backwards: every
        place down to `stop` where a text that ends at `start` may begin. The neighbours count for
        `^`, `$` and the edges of words."""
        backwards = self._program.backwards
        size = len(classes)
        kinds = self._program.alphabet.kinds
        beside = start if backwards else start - 1
        before = kinds[classes[beside]] if 0 <= beside < size else _NOTHING
        state = self._state(frozenset((self._program.start,)), before)
        way = -1 if backwards else 1
        purse.pay(abs(stop - start) // _CHEAP + 1)
        for at in range(start, stop + way, way):
            ahead = at - 1 if backwards else at
            code = classes[ahead] if 0 <= ahead < size else _END
            move = state.moves.get(code) or self._move(state, code, purse)
            if move[0]:
                yield at
            state = move[1]
            if not state.next:
                return

    def _state(self, following: frozenset[int], before: int) -> _State:
        key = (following, before)
        found = self._states.get(key)
        if found is None:
            if len(self._states) >= _MAX_STATES:
                for each in self._states.values():
                    each.moves.clear()
                self._states.clear()
            found = self._states[key] = _State(following, before)
        return found

    def _move(self, state: _State, code: int, purse: Purse) -> tuple[bool, _State]:
        """Whether the expression may end before this character, and the state behind it."""
        program = self._program
        ahead = program.alphabet.kinds[code] if code != _END else _NOTHING
        matched = False
        taken: set[int] = {program.start} if self._floating and code != _END else set()
        seen = set(state.next)
        waiting = list(state.next)
        while waiting:
            match program.code[waiting.pop()]:
                case None:
                    matched = True
                case _Take(classes, then):
                    if code in classes:
                        taken.add(then)
                case _Either(one, other):
                    for each in (one, other):
                        if each not in seen:
                            seen.add(each)
                            waiting.append(each)
                case _Check(kind, then):
                    if then not in seen and _holds(kind, state.before, ahead):
                        seen.add(then)
                        waiting.append(then)
        purse.pay(len(seen) + 1)
        move = (matched, self._state(frozenset(taken), ahead))
        state.moves[code] = move
        return move


def _holds(kind: str, before: int, ahead: int) -> bool:
    match kind:
        case "^":
            return before == _NOTHING
        case "$":
            return ahead == _NOTHING
        case "<":
            return before != _WORD and ahead == _WORD
        case ">":
            return before == _WORD and ahead != _WORD
        case _:
            return ((before == _WORD) != (ahead == _WORD)) == (kind == "b")
