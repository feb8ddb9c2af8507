"""Tests that compare values with keys, as functions of a run: comparator, match type and keys prepared.

Where keys are constant, each is folded once for all mails, and the values of a field once for a mail:
a hundred tests of one subject fold it one time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from operator import methodcaller
from typing import NamedTuple

from eilbote.sieve.bound import Bound, Words
from eilbote.sieve.comparator import Comparator, folding
from eilbote.sieve.matching import Matcher, MatchType, Relation, counted, matcher, yes_or_no
from eilbote.sieve.state import Run
from eilbote.sieve.texts import constants, texts_of
from eilbote.sieve.values import Limits, Position

Condition = Callable[[Run], bool]
Values = Callable[[Run], Sequence[str]]


_DEAR_REGEX = 16
_WILD = re.compile(r"[*?\\]")


class Probe(NamedTuple):
    """A test, and what it looks at: for the trace."""

    test: Condition
    seen: Values | None = None


class Source(NamedTuple):
    """Where the values come from. `key` names what is the same for the whole mail, None what is not."""

    values: Values
    key: Hashable | None = None


SlotOf = Callable[[Hashable], int]
"""Gives a source of values its place in `Run.values`."""


def comparison(
    bound: Bound,
    keys: Sequence[Words],
    source: Source,
    slot_of: SlotOf,
    limits: Limits,
    *,
    sets_variables: bool = True,
) -> Probe:
    """The test that compares the source's values with the keys, as the tags of the command say.
    `sets_variables`: a match sets those of RFC 5229 section 3.2."""
    named = bound.tag_text("comparator")
    comparator = Comparator(named.value) if named else Comparator.ASCII_CASEMAP
    values = _kept(source, slot_of)
    at = bound.node.at
    if "count" in bound.tags:
        return Probe(_count(bound, keys, values, comparator), values)
    if "list" in bound.tags:
        return Probe(_listed(keys, values), values)
    match = next((each for each in MatchType if each.value in bound.tags), MatchType.IS)
    asked = bound.tag_text("value") if match is MatchType.VALUE else None
    relation = Relation(asked.value.lower()) if asked else Relation.EQUAL
    fixed = constants(keys)
    if fixed is None:
        return Probe(_made_anew(match, comparator, relation, keys, values, at, sets_variables), values)
    if match is MatchType.MATCHES and not sets_variables:
        simple = _simple(fixed, comparator)
        if simple is not None:
            return Probe(_related(simple, *_folded(source, comparator, slot_of)), values)
    if match in (MatchType.MATCHES, MatchType.REGEX):
        matchers = tuple(matcher(match, comparator, key, limits) for key in fixed)
        return Probe(_matching(matchers, values, at, sets_variables, _dear(match) * len(matchers)), values)
    folded = _folded(source, comparator, slot_of)
    if match is MatchType.IS:
        fold = folding(comparator)
        return Probe(_equal(frozenset(map(fold, fixed)), *folded), values)
    if match is MatchType.CONTAINS:
        fold = folding(comparator)
        return Probe(_containing(tuple(dict.fromkeys(map(fold, fixed))), *folded), values)
    tests = [yes_or_no(match, comparator, key, relation) for key in fixed]
    related = tuple(test for test in tests if test is not None)
    return Probe(_related(related, *folded), values)


def _within(word: str) -> Callable[[str], bool]:
    return lambda value: word in value


def _simple(keys: Sequence[str], comparator: Comparator) -> tuple[Callable[[str], bool], ...] | None:
    """Tests of folded values for patterns with `*` at their ends alone; None where any has more to it."""
    fold = folding(comparator)
    found: list[Callable[[str], bool]] = []
    for key in keys:
        inner = key.strip("*")
        if _WILD.search(inner):
            return None
        start, end, word = key.startswith("*"), key.endswith("*"), fold(inner)
        if not key.strip("*"):
            found.append((lambda value: True) if key else (lambda value: not value))
        elif start and end:
            found.append(_within(word))
        elif start or end:
            found.append(methodcaller("endswith" if start else "startswith", word))
        else:
            found.append(word.__eq__)
    return tuple(found)


def _dear(match: MatchType) -> int:
    """How much dearer than reading a text it is to compare it so, at worst."""
    return _DEAR_REGEX if match is MatchType.REGEX else 1


def _kept(source: Source, slot_of: SlotOf) -> Values:
    """The values, asked for once a mail where they stay the same."""
    values, key = source
    if key is None:
        return values
    slot = slot_of(key)

    def kept(run: Run) -> Sequence[str]:
        found = run.values[slot]
        if found is None:
            found = run.values[slot] = values(run)
        return found

    return kept


def _folded(source: Source, comparator: Comparator, slot_of: SlotOf) -> tuple[Values, int]:
    """What gives the folded values, and where they are kept; -1 where they are not."""
    fold, values = folding(comparator), _kept(source, slot_of)
    slot = -1 if source.key is None else slot_of((source.key, comparator))

    def folded(run: Run) -> Sequence[str]:
        found = [fold(value) for value in values(run)]
        if slot >= 0:
            run.values[slot] = found
        else:
            run.pay(sum(map(len, found)))
        return found

    return folded, slot


def _equal(keys: frozenset[str], values: Values, slot: int) -> Condition:
    if slot < 0:
        return lambda run: not keys.isdisjoint(values(run))

    def equal(run: Run) -> bool:
        found = run.values[slot]
        return not keys.isdisjoint(values(run) if found is None else found)

    return equal


def _containing(keys: tuple[str, ...], values: Values, slot: int) -> Condition:
    if slot >= 0 and len(keys) == 1:
        (only,) = keys

        def contains_one(run: Run) -> bool:
            found = run.values[slot]
            for value in values(run) if found is None else found:  # noqa: SIM110  # twice as quick
                if only in value:
                    return True
            return False

        return contains_one

    def contains(run: Run) -> bool:
        found = run.values[slot] if slot >= 0 else None
        for value in values(run) if found is None else found:
            for key in keys:
                if key in value:
                    return True
        return False

    return contains


def _related(tests: tuple[Callable[[str], bool], ...], values: Values, slot: int) -> Condition:
    def related(run: Run) -> bool:
        found = run.values[slot] if slot >= 0 else None
        return any(test(value) for value in (values(run) if found is None else found) for test in tests)

    return related


def _matching(
    matchers: tuple[Matcher, ...], values: Values, at: Position, sets_variables: bool, dearness: int
) -> Condition:
    def matching(run: Run) -> bool:
        run.at = at
        for value in values(run):
            run.pay(len(value) * dearness)
            for match in matchers:
                groups = match(value)
                if groups is not None:
                    if groups and sets_variables:
                        run.groups = groups
                    return True
        return False

    return matching


def _made_anew(
    match: MatchType,
    comparator: Comparator,
    relation: Relation,
    keys: Sequence[Words],
    values: Values,
    at: Position,
    sets_variables: bool,
) -> Condition:
    """Keys that hold variables: prepared at every run."""
    keys_of = texts_of(keys)

    def anew(run: Run) -> bool:
        run.at = at
        matchers = tuple(matcher(match, comparator, key, run.limits, relation) for key in keys_of(run))
        return _matching(matchers, values, at, sets_variables, _dear(match) * len(matchers))(run)

    return anew


def _count(bound: Bound, keys: Sequence[Words], values: Values, comparator: Comparator) -> Condition:
    """RFC 5231 section 4.2."""
    asked = bound.tag_text("count")
    assert asked is not None
    relation, keys_of = Relation(asked.value.lower()), texts_of(keys)
    fixed = constants(keys)
    if fixed is not None:
        tests = tuple(counted(relation, comparator, key) for key in fixed)
        return lambda run: any(test(len(values(run))) for test in tests)

    def count(run: Run) -> bool:
        number = len(values(run))
        return any(counted(relation, comparator, key)(number) for key in keys_of(run))

    return count


def _listed(keys: Sequence[Words], values: Values) -> Condition:
    """RFC 6134 section 2.2: the value is in one of the lists; a match becomes `${0}`."""
    keys_of = texts_of(keys)

    def listed(run: Run) -> bool:
        for name in keys_of(run):
            members = run.world.lists.get(name, frozenset())
            for value in values(run):
                if value in members or value.lower() in members:
                    run.groups = (value,)
                    return True
        return False

    return listed
