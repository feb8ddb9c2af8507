"""The words of stored mail: mailbox names, roles, flags, UIDs and sets of them.

Values only. Nothing here knows a protocol's syntax beyond the sequence-set notation that IMAP,
our store and our reports share (RFC 9051 section 9, `sequence-set`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NewType

MailboxName = NewType("MailboxName", str)
"""A mailbox's full name as Unicode, with the server's own hierarchy delimiter inside."""

Uid = int
"""A message's number in one mailbox under one UIDVALIDITY: 1 to 2**32-1 (RFC 9051 section 2.3.1.1).
Our store uses negative numbers for placements that the server has not numbered yet."""

UidValidity = int
ModSeq = int
"""A mod-sequence, 1 to 2**63-1 (RFC 7162 section 3.1)."""

MAX_UID = 2**32 - 1

Flag = str
"""A system flag (`\\Seen`) in canonical case, or a keyword as the server spells it."""

Flags = frozenset[Flag]

SEEN = "\\Seen"
ANSWERED = "\\Answered"
FLAGGED = "\\Flagged"
DELETED = "\\Deleted"
DRAFT = "\\Draft"
RECENT = "\\Recent"

_SYSTEM_FLAGS = {flag.lower(): flag for flag in (SEEN, ANSWERED, FLAGGED, DELETED, DRAFT, RECENT)}


def canonical_flag(flag: str) -> Flag:
    """System flags are case-insensitive (RFC 9051 section 2.3.2); keywords keep their spelling."""
    return _SYSTEM_FLAGS.get(flag.lower(), flag) if flag.startswith("\\") else flag


def flags_to_text(flags: Iterable[Flag]) -> str:
    """One canonical text of a set of flags: sorted, one space between; `\\Recent` never stored."""
    return " ".join(sorted(flag for flag in flags if flag != RECENT))


def flags_from_text(text: str) -> Flags:
    """The inverse of `flags_to_text`."""
    return frozenset(text.split())


class SpecialUse(StrEnum):
    """What a mailbox is for (RFC 6154; `inbox` and `important` from RFC 9051 and RFC 8457)."""

    INBOX = "inbox"
    ALL = "all"
    ARCHIVE = "archive"
    DRAFTS = "drafts"
    FLAGGED = "flagged"
    IMPORTANT = "important"
    JUNK = "junk"
    SENT = "sent"
    TRASH = "trash"


class UidSet:
    """An immutable set of UIDs kept as sorted, disjoint, non-adjacent inclusive ranges.

    Cost follows the number of ranges, never of members, so `1:4294967295` is as cheap as `1`.
    Build one with `UidSet.of(...)`, `UidSet.range(a, b)` or `UidSet.parse("1:3,7")`.
    """

    __slots__ = ("ranges",)

    ranges: tuple[tuple[int, int], ...]

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """`ranges` may come in any order, overlap, or run backwards (`1593:1580`)."""
        ordered = sorted((a, b) if a <= b else (b, a) for a, b in ranges)
        merged: list[tuple[int, int]] = []
        for low, high in ordered:
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        self.ranges = tuple(merged)

    @classmethod
    def of(cls, uids: Iterable[int]) -> UidSet:
        """The set of these UIDs; they may repeat and come in any order."""
        ordered = sorted(set(uids))
        made = cls.__new__(cls)
        if not ordered:
            made.ranges = ()
            return made
        if ordered[-1] - ordered[0] + 1 == len(ordered):
            made.ranges = ((ordered[0], ordered[-1]),)
            return made
        ranges: list[tuple[int, int]] = []
        start = ordered[0]
        for before, after in pairwise(ordered):
            if after != before + 1:
                ranges.append((start, before))
                start = after
        ranges.append((start, ordered[-1]))
        made.ranges = tuple(ranges)
        return made

    @classmethod
    def range(cls, low: int, high: int) -> UidSet:
        """`low` to `high`, both included; empty if `high < low`."""
        return cls(((low, high),)) if low <= high else cls()

    @classmethod
    def parse(cls, text: str) -> UidSet:
        """Reads `1:3,7,9:*` (`*` is `MAX_UID`). ValueError on anything else."""
        if not text:
            return cls()
        ranges = []
        for part in text.split(","):
            low, colon, high = part.partition(":")
            first = _uid_number(low)
            ranges.append((first, _uid_number(high) if colon else first))
        return cls(ranges)

    def __str__(self) -> str:
        """As IMAP writes it; the empty set is the empty text and must not reach a wire."""
        return ",".join(f"{a}" if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __repr__(self) -> str:
        return f"UidSet({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self.ranges == other.ranges if isinstance(other, UidSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        """Number of UIDs; may be as large as 2**32-1."""
        return sum(high - low + 1 for low, high in self.ranges)

    def __iter__(self) -> Iterator[int]:
        """Every UID, ascending. Never iterate a set that came off the wire: intersect it first."""
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        at = bisect_right(self.ranges, (uid, MAX_UID + 1)) - 1
        return at >= 0 and self.ranges[at][0] <= uid <= self.ranges[at][1]

    def __or__(self, other: UidSet) -> UidSet:
        if not other.ranges:
            return self
        return UidSet((*self.ranges, *other.ranges)) if self.ranges else other

    def __and__(self, other: UidSet) -> UidSet:
        found: list[tuple[int, int]] = []
        mine, theirs = self.ranges, other.ranges
        i = j = 0
        while i < len(mine) and j < len(theirs):
            low = max(mine[i][0], theirs[j][0])
            high = min(mine[i][1], theirs[j][1])
            if low <= high:
                found.append((low, high))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return UidSet(found)

    def __sub__(self, other: UidSet) -> UidSet:
        left: list[tuple[int, int]] = []
        theirs = other.ranges
        j = 0
        for low, high in self.ranges:
            start = low
            while j < len(theirs) and theirs[j][1] < start:
                j += 1
            k = j
            while k < len(theirs) and theirs[k][0] <= high:
                if theirs[k][0] > start:
                    left.append((start, theirs[k][0] - 1))
                start = theirs[k][1] + 1
                k += 1
            if start <= high:
                left.append((start, high))
        return UidSet(left)

    @property
    def lowest(self) -> int:
        """The smallest UID, 0 if empty."""
        return self.ranges[0][0] if self.ranges else 0

    @property
    def highest(self) -> int:
        """The largest UID, 0 if empty."""
        return self.ranges[-1][1] if self.ranges else 0

    def chunks(self, size: int, *, newest_first: bool = False) -> Iterator[UidSet]:
        """Splits into sets of at most `size` UIDs each, ascending or from the highest down."""
        if newest_first:
            yield from self._chunks_descending(size)
            return
        taken: list[tuple[int, int]] = []
        room = size
        for low, high in self.ranges:
            at = low
            while at <= high:
                end = min(high, at + room - 1)
                taken.append((at, end))
                room -= end - at + 1
                at = end + 1
                if room == 0:
                    yield UidSet(taken)
                    taken, room = [], size
        if taken:
            yield UidSet(taken)

    def _chunks_descending(self, size: int) -> Iterator[UidSet]:
        taken: list[tuple[int, int]] = []
        room = size
        for low, high in reversed(self.ranges):
            at = high
            while at >= low:
                start = max(low, at - room + 1)
                taken.append((start, at))
                room -= at - start + 1
                at = start - 1
                if room == 0:
                    yield UidSet(taken)
                    taken, room = [], size
        if taken:
            yield UidSet(taken)


def _uid_number(text: str) -> int:
    if text == "*":
        return MAX_UID
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise ValueError(f"not a UID: {text[:20]!r}")
    value = int(text)
    if not 0 < value <= MAX_UID:
        raise ValueError(f"UID out of range: {text}")
    return value
