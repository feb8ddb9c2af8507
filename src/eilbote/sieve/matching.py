"""Match types: whether a value and a key match (RFC 5228 section 2.7.1, RFC 5231, the regex draft).

A key is prepared once, then asked for every value. What a key and a value can cost is bounded: see
`Limits.match_steps`. Knows no headers and no scripts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import StrEnum
from typing import Any, assert_never

from eilbote.errors import Misused
from eilbote.sieve.comparator import Comparator, ascii_upper, folding, number, unicode_folded
from eilbote.sieve.regex import regular_expression
from eilbote.sieve.values import Limits
from eilbote.sieve.wildcards import has_question_mark, wildcards

Matcher = Callable[[str], tuple[str, ...] | None]
"""None: no match. A match of `:matches` or `:regex` gives what `${0}`, `${1}` ... become (RFC 5229 section
3.2); one of another type gives the empty tuple, which leaves them as they are."""


class MatchType(StrEnum):
    """The match types without `:count`, for which see `counted`."""

    IS = "is"
    CONTAINS = "contains"
    MATCHES = "matches"
    REGEX = "regex"
    VALUE = "value"


class Relation(StrEnum):
    """RFC 5231 section 4."""

    GREATER = "gt"
    AT_LEAST = "ge"
    LESS = "lt"
    AT_MOST = "le"
    EQUAL = "eq"
    OTHER = "ne"


def matcher(
    match: MatchType, comparator: Comparator, key: str, limits: Limits, relation: Relation = Relation.EQUAL
) -> Matcher:
    """What compares values with the key. Raises Misused `sieve.comparator_unsuitable` where the comparator
    cannot do it, `sieve.regex_*` where the expression is none; the matcher itself `sieve.match_too_long`
    and `sieve.regex_too_costly`. `relation` is for VALUE alone."""
    if not can_match(match, comparator):
        raise Misused("sieve.comparator_unsuitable", comparator=comparator.value, match=f":{match.value}")
    simple = yes_or_no(match, comparator, key, relation)
    if simple is not None:
        fold, test = folding(comparator), simple

        def compare(value: str) -> tuple[str, ...] | None:
            return () if test(fold(value)) else None

        return compare
    if match is MatchType.REGEX:
        return regular_expression(key, limits, ignore_case=comparator is not Comparator.OCTET)
    return _wildcards(comparator, key, limits)


def can_match(match: MatchType, comparator: Comparator) -> bool:
    """Whether the two go together: numbers have no parts (RFC 4790 section 9.1.1)."""
    return comparator.has_substrings or match in (MatchType.IS, MatchType.VALUE)


def yes_or_no(
    match: MatchType, comparator: Comparator, key: str, relation: Relation = Relation.EQUAL
) -> Callable[[str], bool] | None:
    """A quicker way for match types that set no variables: a test of values that are folded already (with
    `comparator.folding`), so that one folding serves many keys. None for MATCHES and REGEX."""
    match match:
        case MatchType.IS:
            return folding(comparator)(key).__eq__
        case MatchType.CONTAINS:
            return _within(folding(comparator)(key))
        case MatchType.VALUE:
            return _related(comparator, key, relation)
        case MatchType.MATCHES | MatchType.REGEX:
            return None
        case _:
            assert_never(match)


def counted(relation: Relation, comparator: Comparator, key: str) -> Callable[[int], bool]:
    """`:count` (RFC 5231 section 4.2): compares how many there are with the key."""
    test, fold = _related(comparator, key, relation), folding(comparator)
    return lambda count: test(fold(str(count)))


def _within(key: str) -> Callable[[str], bool]:
    return lambda value: key in value


def _related(comparator: Comparator, key: str, relation: Relation) -> Callable[[str], bool]:
    """The value stands left: `:value "gt" "5"` is value > 5."""
    holds = _RELATIONS[relation]
    if comparator is Comparator.ASCII_NUMERIC:
        limit = number(key)
        return lambda value: bool(holds(number(value), limit))
    folded = folding(comparator)(key)
    return lambda value: bool(holds(value, folded))


_RELATIONS: dict[Relation, Callable[[Any, Any], object]] = {
    Relation.GREATER: operator.gt,
    Relation.AT_LEAST: operator.ge,
    Relation.LESS: operator.lt,
    Relation.AT_MOST: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.OTHER: operator.ne,
}


def _wildcards(comparator: Comparator, key: str, limits: Limits) -> Matcher:
    if comparator is Comparator.UNICODE_CASEMAP:
        return _unicode_wildcards(key, limits)
    fold = _same if comparator is Comparator.OCTET else ascii_upper
    find = wildcards(key, fold, limits.match_steps)
    octets = wildcards(_as_octets(key), fold, limits.match_steps) if has_question_mark(key) else None

    def match(value: str) -> tuple[str, ...] | None:
        if octets is not None and not value.isascii():
            # RFC 5228 section 2.7.1: under these comparators `?` is one octet, so `ü` is two.
            value = _as_octets(value)
            spans = octets(fold(value))
            return None if spans is None else (_text(value), *(_text(value[a:b]) for a, b in spans))
        spans = find(fold(value))
        return None if spans is None else (value, *(value[start:end] for start, end in spans))

    return match


def _unicode_wildcards(key: str, limits: Limits) -> Matcher:
    find = wildcards(key, unicode_folded, limits.match_steps)

    def match(value: str) -> tuple[str, ...] | None:
        if value.isascii():
            spans = find(value.upper())
            return None if spans is None else (value, *(value[start:end] for start, end in spans))
        spans = find(unicode_folded(value))
        if spans is None:
            return None
        places = _places(value)
        return (value, *(value[places[start] : places[end]] for start, end in spans))

    return match


def _places(value: str) -> list[int]:
    """For each character of the folded value, and for its end, where in the value it comes from."""
    places: list[int] = []
    for at, letter in enumerate(value):
        places += [at] * len(unicode_folded(letter))
    return [*places, len(value)]


def _same(text: str) -> str:
    return text


def _as_octets(text: str) -> str:
    """One character for each octet of its UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _text(octets: str) -> str:
    """The inverse; half a character, of which no text can be made, becomes U+FFFD."""
    return octets.encode("latin-1").decode("utf-8", "replace")
