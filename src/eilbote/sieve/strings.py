"""Strings of a script: `encoded-character` (RFC 5228 section 2.4.2.4) and the modifiers of `set` (RFC 5229).

Knows no variables: what `${name}` stands for is put in by the caller. Linear in the string.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import assert_never
from urllib.parse import quote

from eilbote.errors import Misused
from eilbote.sieve.comparator import ascii_upper

_ENCODED = re.compile(
    rb"\$\{(?:hex:[ \t\r\n]*+([0-9a-f]{1,2}(?:[ \t\r\n]++[0-9a-f]{1,2})*+)"
    rb"|unicode:[ \t\r\n]*+([0-9a-f]++(?:[ \t\r\n]++[0-9a-f]++)*+))[ \t\r\n]*+\}",
    re.IGNORECASE,
)
_WILD = re.compile(r"([*?\\])")
_SIGN_OF_REGEX = re.compile(r"([][\\.()*+?{}^$|])")


class Modifier(StrEnum):
    """A modifier of `set`, without its colon."""

    LOWER = "lower"
    UPPER = "upper"
    LOWER_FIRST = "lowerfirst"
    UPPER_FIRST = "upperfirst"
    QUOTE_WILDCARD = "quotewildcard"
    QUOTE_REGEX = "quoteregex"
    ENCODE_URL = "encodeurl"
    LENGTH = "length"

    @property
    def precedence(self) -> int:
        """The greater, the earlier it works; two of one rank do not go together (RFC 5229 section 4.1,
        RFC 5435 section 6, draft-ietf-sieve-regex section 6)."""
        return _PRECEDENCE[self]


_PRECEDENCE = {
    Modifier.LOWER: 40,
    Modifier.UPPER: 40,
    Modifier.LOWER_FIRST: 30,
    Modifier.UPPER_FIRST: 30,
    Modifier.QUOTE_WILDCARD: 20,
    Modifier.QUOTE_REGEX: 20,
    Modifier.ENCODE_URL: 15,
    Modifier.LENGTH: 10,
}


def decode_characters(text: str) -> str:
    """With `${hex:...}` and `${unicode:...}` as what they stand for; what only looks like one stays. Raises
    Misused `sieve.encoded_character` where that is no character (U+D800, U+110000), no UTF-8, or NUL."""
    if "${" not in text:
        return text
    try:
        decoded = _ENCODED.sub(_decoded, text.encode()).decode()
    except (UnicodeError, OverflowError, ValueError):
        decoded = "\0"
    if "\0" in decoded and "\0" not in text:
        raise Misused("sieve.encoded_character", text=text[:100])
    return decoded


def _decoded(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes(int(pair, 16) for pair in found[1].split())
    points = found[2].split()
    if any(len(point.lstrip(b"0")) > 6 for point in points):
        raise ValueError("no character")
    return "".join(chr(int(point, 16)) for point in points).encode()


def modified(text: str, modifiers: Collection[Modifier]) -> str:
    """The text as `set` keeps it, the modifiers at work by their precedence."""
    for modifier in sorted(modifiers, key=lambda each: -each.precedence):
        text = _modified(text, modifier)
    return text


def _modified(text: str, modifier: Modifier) -> str:
    match modifier:
        case Modifier.LOWER:
            return ascii_lower(text)
        case Modifier.UPPER:
            return ascii_upper(text)
        case Modifier.LOWER_FIRST:
            return ascii_lower(text[:1]) + text[1:]
        case Modifier.UPPER_FIRST:
            return ascii_upper(text[:1]) + text[1:]
        case Modifier.QUOTE_WILDCARD:
            return _WILD.sub(r"\\\1", text)
        case Modifier.QUOTE_REGEX:
            return _SIGN_OF_REGEX.sub(r"\\\1", text)
        case Modifier.ENCODE_URL:
            return quote(text, safe="", errors="replace")
        case Modifier.LENGTH:
            return str(len(text))
        case _:
            assert_never(modifier)


def ascii_lower(text: str) -> str:
    """The letters A to Z as small ones; RFC 5229 section 4.1.1 leaves all others as they are."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def shortened(text: str, octets: int) -> str:
    """The text, or as much of its beginning as that many octets of UTF-8 hold: no character is cut in two
    (RFC 5229 section 3)."""
    if len(text) * 4 <= octets:
        return text
    data = text.encode("utf-8", "replace")
    return text if len(data) <= octets else data[:octets].decode("utf-8", "ignore")
