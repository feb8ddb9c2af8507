"""`:regex` (draft-ietf-sieve-regex): an expression prepared once, then asked of values, at a bounded price.

The library's engine looks where no value of that size can make it slow; otherwise our own does, whose
steps are counted. Characters are characters here, not octets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import assert_never

from eilbote.errors import Misused
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

_CHEAP = 20
"""Steps of the library that take as long as one of our own."""

_PLACES = {"^": r"\A", "$": r"\Z", "b": r"\b", "B": r"\B", "<": r"\b(?=\w)", ">": r"\b(?<=\w)"}

_Ways = tuple[float, int]
"""How many ways the expression can go from one place: factor and power of the text's length."""


def regular_expression(
    key: str, limits: Limits, *, ignore_case: bool
) -> Callable[[str], tuple[str, ...] | None]:
    """What looks for the expression in values and gives the text of the match and of each group, empty for
    one that took no part. Raises Misused `sieve.regex_*`; the function itself `sieve.regex_too_costly`."""
    tree, _ = read_regex(key)
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
    pattern = re.compile(_translated(tree), flags)
    factor, power = _ways(tree)
    most = float(limits.match_steps) * _CHEAP

    def match(value: str) -> tuple[str, ...] | None:
        size = len(value) + 1
        if factor * float(size) ** (power + 1) > most:
            raise Misused("sieve.regex_too_costly", regex=key[:100], limit=limits.match_steps)
        found = pattern.search(value)
        return None if found is None else (found[0], *(part or "" for part in found.groups()))

    return match


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
