"""Comparators (RFC 4790): what of two texts must be equal for the two to count as equal, and which is less.

Each is a folding: texts are equal under it where their foldings are. Never raises on any text; linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from math import inf
from typing import assert_never

_DIGITS = re.compile(r"[0-9]+")
_MOST_DIGITS = 4_000
"""Digits of one number that count; Python itself refuses to read many more."""


class Comparator(StrEnum):
    """Every comparator that `:comparator` may name."""

    OCTET = "i;octet"
    ASCII_CASEMAP = "i;ascii-casemap"
    ASCII_NUMERIC = "i;ascii-numeric"
    UNICODE_CASEMAP = "i;unicode-casemap"

    @property
    def has_substrings(self) -> bool:
        """Whether it can look for a text within another (RFC 4790 section 9.1.1: numbers cannot)."""
        return self is not Comparator.ASCII_NUMERIC

    @property
    def counts_octets(self) -> bool:
        """Whether one character is one octet of UTF-8: what `?` of `:matches` stands for (RFC 5228 section
        2.7.1)."""
        return self in (Comparator.OCTET, Comparator.ASCII_CASEMAP)


Folding = Callable[[str], str]


def folding(comparator: Comparator) -> Folding:
    """What to fold both texts with before they are compared with `==`, `in` and `<`. Of a number no
    folding keeps the order: see `number`."""
    match comparator:
        case Comparator.OCTET:
            return _same
        case Comparator.ASCII_CASEMAP:
            return ascii_upper
        case Comparator.ASCII_NUMERIC:
            return _digits
        case Comparator.UNICODE_CASEMAP:
            return unicode_folded
        case _:
            assert_never(comparator)


def _same(text: str) -> str:
    return text


def ascii_upper(text: str) -> str:
    """The letters a to z as capitals and nothing else (RFC 4790 section 9.2.1): `ü` is not `Ü`. As many
    characters as before."""
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogateescape").upper().decode("utf-8", "surrogateescape")


def number(text: str) -> float | int:
    """RFC 4790 section 9.1.1: the digits that a text begins with; without one it is more than any number,
    and all such are equal."""
    found = _DIGITS.match(text, 0, _MOST_DIGITS)
    return int(found[0]) if found else inf


def _digits(text: str) -> str:
    found = _DIGITS.match(text, 0, _MOST_DIGITS)
    return (found[0].lstrip("0") or "0") if found else ""


def unicode_folded(text: str) -> str:
    """RFC 5051: each character in title case, then decomposed."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(_title, text)))


@lru_cache(maxsize=4096)
def _title(letter: str) -> str:
    """The simple mapping of RFC 5051 section 2, which is one character: `ß` has none and stays."""
    title = letter.title()
    return title if len(title) == 1 else letter
