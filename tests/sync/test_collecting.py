"""Which mails of a maildrop are new, and which may go there: pure decisions."""

from __future__ import annotations

import pytest

from eilbote.sync.collecting import head_of, is_due, match, recognise, trusted_ids, worth_a_look
from eilbote.sync.values import Listed, OnServer, Seen

DAY = 24 * 3600.0


def seen(number: int, uidl: str, size: int | None = 100, *, deleted: bool = False) -> Seen:
    return Seen(number, uidl, size, b"h%d" % number, b"s%d" % number, 10 + number, 1000.0, deleted)


def known(matched_to: dict[int, int], listed: list[Listed], rows: list[Seen]) -> None:
    found = match(listed, rows)
    assert {number: row.id for number, row in found.known.items()} == matched_to


def test_known_by_id_and_size() -> None:
    rows = [seen(1, "a"), seen(2, "b"), seen(3, "c")]
    listed = [Listed(1, 100, "b"), Listed(2, 100, "x"), Listed(3, 101, "c")]
    found = match(listed, rows)
    assert {number: row.id for number, row in found.known.items()} == {1: 2}
    assert [mail.number for mail in found.unknown] == [2, 3]
    assert [row.id for row in found.absent] == [1, 3]


@pytest.mark.parametrize("sizes", [(None, 100), (100, None), (None, None)])
def test_a_size_that_is_not_told_contradicts_nothing(sizes: tuple[int | None, int | None]) -> None:
    known({1: 1}, [Listed(1, sizes[0], "a")], [seen(1, "a", sizes[1])])


def test_an_id_listed_twice_is_none() -> None:
    listed = [Listed(1, 100, "a"), Listed(2, 100, "a"), Listed(3, 100, "")]
    assert trusted_ids(listed) == frozenset()
    known({}, listed, [seen(1, "a")])
    assert [row.id for row in match(listed, [seen(1, "a")]).absent] == [1]


def test_what_the_server_deleted_for_us_is_no_other_mail_s_past() -> None:
    found = match([], [seen(1, "a", deleted=True), seen(2, "b")])
    assert [row.id for row in found.absent] == [2]


def test_an_id_that_is_back_after_its_mail_was_deleted_has_to_be_looked_into() -> None:
    found = match([Listed(1, 100, "a")], [seen(1, "a", deleted=True)])
    assert (dict(found.known), [row.id for row in found.absent]) == ({}, [1])
    assert found.unknown == (Listed(1, 100, "a"),)


def test_only_mails_of_a_known_size_are_worth_a_look() -> None:
    unknown = [Listed(1, 100), Listed(2, 200), Listed(3, None)]
    assert worth_a_look(unknown, [seen(1, "", 200), seen(2, "", None)]) == [unknown[1]]


def test_recognised_by_header_and_size_each_once() -> None:
    rows = [seen(1, "a"), seen(1, "b"), seen(2, "c", 7)]
    heads = {Listed(1, 100): b"h1", Listed(2, 100): b"h1", Listed(3, 100): b"h1", Listed(4, 8): b"h2"}
    assert [(mail.number, row.uidl) for mail, row in recognise(heads, rows).items()] == [(1, "a"), (2, "b")]


def test_a_header_is_the_same_however_it_ends() -> None:
    whole = b"Subject: a\r\n b\r\n\r\nText\r\n\r\nmore"
    assert head_of(whole) == head_of(b"Subject: a\r\n b\r\n\r\n") == head_of(b"Subject: a\r\n b\r\n")
    assert head_of(whole) != head_of(b"Subject: a\r\n")
    assert head_of(b"") == head_of(b"\r\n")


@pytest.mark.parametrize(
    ("policy", "removed", "now", "due"),
    [
        (OnServer(), frozenset({11}), 1e12, False),
        (OnServer(days=0), frozenset(), 1000.0, True),
        (OnServer(days=2), frozenset(), 1000.0 + 2 * DAY - 1, False),
        (OnServer(days=2), frozenset(), 1000.0 + 2 * DAY, True),
        (OnServer(days=2), frozenset({11}), 1000.0, False),
        (OnServer(when_deleted=True), frozenset({11}), 0.0, True),
        (OnServer(when_deleted=True), frozenset({12}), 1e12, False),
        (OnServer(days=2, when_deleted=True), frozenset({11}), 1000.0, True),
    ],
)
def test_what_is_due(policy: OnServer, removed: frozenset[int], now: float, due: bool) -> None:
    assert is_due(seen(1, "a"), policy, removed, now) is due
