"""`:regex` (draft-ietf-sieve-regex): an expression prepared once, then asked of values, at a bounded price.

The library's engine looks where no value of that size can make it slow; otherwise our own does, whose
steps are counted. Characters are characters here, not octets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, log
from typing import assert_never

from eilbote.errors import Misused
from eilbote.sieve.regex_automaton import Alphabet, Automaton, Purse, TooCostly
from eilbote.sieve.regex_groups import GroupFinder
from eilbote.sieve.regex_reading import (
    ANY,
    Characters,
    Choice,
    Group,
    Node,
    Place,
    Repeat,
    Sequence,
    read_regex,
)
from eilbote.sieve.values import Limits

_CHEAP = 100
"""Steps of the library that take as long as one of our own."""

_PLACES = {"^": r"\A", "$": r"\Z", "b": r"\b", "B": r"\B", "<": r"\b(?=\w)", ">": r"\b(?<=\w)"}

_Ways = tuple[float, int]
"""How many ways the expression can go from one place: factor and power of the text's length."""


def regular_expression(
    key: str, limits: Limits, *, ignore_case: bool
) -> Callable[[str], tuple[str, ...] | None]:
    """What looks for the expression in values and gives the text of the match and of each group, empty for
    one that took no part. Of several matches the one that begins first, of those the longest. Raises
    Misused `sieve.regex_*`; the function itself `sieve.regex_too_costly`."""
    tree, groups = read_regex(key)
    search = _Search(tree, groups, ignore_case=ignore_case)

    def match(value: str) -> tuple[str, ...] | None:
        try:
            return search.match(value, Purse(limits.match_steps))
        except TooCostly:
            raise Misused("sieve.regex_too_costly", regex=key[:100], limit=limits.match_steps) from None

    return match


class _Search:
    """One expression: quickly whether and where a match begins, then its end, then its groups."""

    __slots__ = ("_alphabet", "_backwards", "_factor", "_finder", "_forwards", "_groups", "_literal",
                 "_pattern", "_plain", "_power")  # fmt: skip

    def __init__(self, tree: Node, groups: int, *, ignore_case: bool) -> None:
        flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
        self._groups = groups
        self._factor, self._power = _ways(tree)
        self._plain = _fixed_size(tree) > 0
        self._pattern = re.compile(_translated(tree), flags) if self._factor < inf else None
        self._alphabet = Alphabet(tree, ignore_case=ignore_case)
        self._forwards = Automaton(tree, self._alphabet)
        self._backwards = Automaton(tree, self._alphabet, backwards=True, floating=True)
        self._finder = GroupFinder(tree, self._alphabet)
        literal = _needed(tree)
        self._literal = re.compile(re.escape(literal), flags) if literal else None

    def match(self, value: str, purse: Purse) -> tuple[str, ...] | None:
        if self._literal is not None and self._literal.search(value) is None:
            return None
        size = len(value) + 1
        # In logarithms: the ways of an expression can be more than any float holds.
        ways = log(self._factor) + (self._power + 1) * log(size)
        if self._pattern is not None and ways <= log(purse.left * _CHEAP):
            found = self._pattern.search(value)
            if found is None:
                return None
            if self._plain:  # there is but one way to match: the library's groups are those of POSIX
                return (found[0], *found.groups())
            start = found.start()
            classes = self._alphabet.of_text(value)
        else:
            classes = self._alphabet.of_text(value)
            start = min(self._backwards.ends(classes, len(value), 0, purse), default=-1)
            if start < 0:
                return None
        end = max(self._forwards.ends(classes, start, len(value), purse))
        if not self._groups:
            return (value[start:end],)
        lie = self._finder.groups(classes, start, end, purse)
        none = (0, 0)
        spans = (lie.get(number, none) for number in range(1, self._groups + 1))
        return (value[start:end], *(value[low:high] for low, high in spans))


def _needed(node: Node) -> str:
    """The longest stretch of letters that every match holds; empty if there is none, or not surely."""
    runs = [""]

    def gather(node: Node) -> None:
        match node:
            case Characters(((low, high),), False) if low == high:
                runs[-1] += chr(low)
            case Sequence():
                for each in node.nodes:
                    gather(each)
            case Group():
                gather(node.node)
            case Place():
                pass
            case Characters() | Choice() | Repeat():
                runs.append("")
            case _:
                assert_never(node)

    gather(node)
    return max(runs, key=len)


def _translated(node: Node) -> str:
    match node:
        case Characters():
            return _set(node)
        case Place():
            return _PLACES[node.kind]
        case Sequence():
            return "".join(map(_translated, node.nodes))
        case Choice():
            return f"(?:{'|'.join(map(_translated, node.nodes))})"
        case Repeat():
            most = "" if node.most is None else node.most
            return f"(?:{_translated(node.node)}){{{node.least},{most}}}"
        case Group():
            return f"({_translated(node.node)})"
        case _:
            assert_never(node)


def _set(node: Characters) -> str:
    if node == ANY:
        return "."
    if not node.negated and len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1]:
        return re.escape(chr(node.ranges[0][0]))
    inside = "".join(f"{_code(low)}-{_code(high)}" for low, high in node.ranges)
    return f"[{'^' if node.negated else ''}{inside}]"


def _code(point: int) -> str:
    return f"\\U{point:08x}"


def _ways(node: Node) -> _Ways:
    """At most so many for a text of n characters: factor times n to the power. Without bound: infinite."""
    match node:
        case Characters() | Place():
            return 1, 0
        case Group():
            return _ways(node.node)
        case Sequence():
            factor: float = 1
            power = 0
            for each in node.nodes:
                ways = _ways(each)
                factor, power = factor * ways[0], power + ways[1]
            return factor + len(node.nodes), power
        case Choice():
            all_ways = [_ways(each) for each in node.nodes]
            return sum(ways[0] for ways in all_ways), max(ways[1] for ways in all_ways)
        case Repeat():
            return _ways_of_repeat(node)
        case _:
            assert_never(node)


def _ways_of_repeat(node: Repeat) -> _Ways:
    factor, power = _ways(node.node)
    if node.most is None:
        # Each turn has one way to go and takes as many characters: only the number of turns is free.
        return (1, 1) if _fixed_size(node.node) else (inf, 1)
    turns = node.most - node.least + 1
    if _fixed_size(node.node):
        return turns + node.most, 0
    try:
        return float(factor + 1) ** node.most * turns, power * node.most
    except OverflowError:
        return inf, 1


def _fixed_size(node: Node) -> int:
    """Characters of the node's text where there is one way to read it; 0 where there are more, or none."""
    match node:
        case Characters():
            return 1
        case Group():
            return _fixed_size(node.node)
        case Sequence():
            sizes = [_fixed_size(each) for each in node.nodes]
            return sum(sizes) if all(sizes) else 0
        case Repeat():
            return _fixed_size(node.node) * node.least if node.least == node.most else 0
        case Place() | Choice():
            return 0
        case _:
            assert_never(node)
