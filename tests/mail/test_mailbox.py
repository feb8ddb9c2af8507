"""UidSet against Python's own sets, and the canonical forms of flags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.mailbox import MAX_UID, UidSet, canonical_flag, flags_from_text, flags_to_text

members = st.sets(st.integers(1, 60))


@given(members, members)
def test_algebra_is_that_of_sets(a: set[int], b: set[int]) -> None:
    left, right = UidSet.of(a), UidSet.of(b)
    assert set(left | right) == a | b
    assert set(left & right) == a & b
    assert set(left - right) == a - b
    assert len(left) == len(a) and bool(left) == bool(a)
    assert all((uid in left) == (uid in a) for uid in range(62))


@given(members)
def test_text_round_trip(a: set[int]) -> None:
    assert UidSet.parse(str(UidSet.of(a))) == UidSet.of(a)


@given(members, st.integers(1, 9), st.booleans())
def test_chunks_cover_once_in_order(a: set[int], size: int, newest_first: bool) -> None:
    chunks = [list(chunk) for chunk in UidSet.of(a).chunks(size, newest_first=newest_first)]
    assert all(0 < len(chunk) <= size for chunk in chunks)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    flat = [uid for chunk in chunks for uid in (reversed(chunk) if newest_first else chunk)]
    assert flat == sorted(a, reverse=newest_first)


def test_hostile_ranges_cost_nothing() -> None:
    everything = UidSet.parse("1:4294967295")
    assert len(everything) == MAX_UID
    assert everything & UidSet.of([3, 9]) == UidSet.of([3, 9])
    assert UidSet.of([3, 9]) - everything == UidSet()


def test_a_backward_range_is_read_forward() -> None:
    assert UidSet.parse("1593:1580") == UidSet.range(1580, 1593)


@pytest.mark.parametrize(
    "text", ["0", "x", "1:", ":1", "1,,2", "4294967296", "-1", "1 2", "١", "99999999999999999999"]
)
def test_what_is_no_uid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="UID"):
        UidSet.parse(text)


def test_flags_have_one_text() -> None:
    assert canonical_flag("\\SEEN") == "\\Seen"
    assert canonical_flag("$Forwarded") == "$Forwarded"
    assert flags_to_text(["b", "\\Seen", "\\Recent"]) == "\\Seen b"
    assert flags_from_text("\\Seen b") == {"\\Seen", "b"}
