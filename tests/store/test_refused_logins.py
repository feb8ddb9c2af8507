"""Refused logins on both stores: counted within a time, and forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from eilbote.store import Store
from eilbote.store.values import AuthKind, NewAccount

NOW = 1_790_000_000.0


def account(store: Store, address: str) -> int:
    planned = NewAccount(address=address, name="", user=address, auth=AuthKind.PASSWORD, sealed=b"")
    return store.accounts.add(planned, NOW).id


def test_refused_logins_are_counted_for_each_account_and_time(store: Store) -> None:
    anna, ben = account(store, "anna@example.org"), account(store, "ben@example.org")
    for at in (NOW - 2000, NOW - 800, NOW - 5):
        store.refused_logins.note(anna, "imap", at)
    assert store.refused_logins.count(anna, NOW - 900, NOW) == 2
    assert store.refused_logins.count(ben, NOW - 900, NOW) == 0
    assert store.refused_logins.latest(anna) == NOW - 5
    assert store.refused_logins.latest(ben) is None


def test_those_of_yesterday_go_with_the_next(store: Store) -> None:
    anna = account(store, "anna@example.org")
    store.refused_logins.note(anna, "imap", NOW - 90_000)
    store.refused_logins.note(anna, "smtp", NOW)
    assert store.refused_logins.count(anna, 0.0, NOW) == 1


def test_they_are_forgotten_and_go_with_the_account(store: Store) -> None:
    anna = account(store, "anna@example.org")
    store.refused_logins.note(anna, "imap", NOW)
    store.refused_logins.forget(anna)
    assert store.refused_logins.count(anna, 0.0, NOW) == 0
    store.refused_logins.note(anna, "imap", NOW)
    store.accounts.remove(anna)
    assert store.refused_logins.latest(anna) is None


def test_a_login_under_way_counts_for_whoever_wants_one_more(store: Store) -> None:
    anna, logins = account(store, "anna@example.org"), store.refused_logins
    claims = [logins.claim(anna, "imap", NOW + at, NOW - 900, 3) for at in range(5)]
    assert claims == [True, True, True, False, False]
    assert logins.count(anna, NOW - 900, NOW + 5) == 0  # nobody was refused yet
    logins.settle(anna, "imap", NOW, refused=True)
    logins.settle(anna, "imap", NOW + 1, refused=False)
    assert logins.count(anna, NOW - 900, NOW + 5) == 1
    assert logins.claim(anna, "smtp", NOW + 6, NOW - 900, 3)
    assert not logins.claim(anna, "smtp", NOW + 7, NOW - 900, 3)


def test_a_login_that_nobody_waits_for_any_more_counts_as_refused(store: Store) -> None:
    anna = account(store, "anna@example.org")
    assert store.refused_logins.claim(anna, "imap", NOW, NOW - 900, 3)
    assert store.refused_logins.count(anna, NOW - 900, NOW + 50) == 0
    assert store.refused_logins.count(anna, NOW - 900, NOW + 70) == 1


def test_of_many_at_once_no_more_than_may_be_get_through(store: Store) -> None:
    anna = account(store, "anna@example.org")

    def claim(at: int) -> bool:
        return store.refused_logins.claim(anna, "imap", NOW + at, NOW - 900, 3)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(24))) == 3


def test_a_changed_login_begins_anew(store: Store) -> None:
    anna = account(store, "anna@example.org")
    store.refused_logins.note(anna, "imap", NOW)
    assert store.refused_logins.changed(anna) is None
    store.refused_logins.begin_anew(anna, NOW + 1)
    assert store.refused_logins.count(anna, 0.0, NOW + 2) == 0
    assert store.refused_logins.latest(anna) is None
    store.refused_logins.note(anna, "imap", NOW + 200_000)
    assert store.refused_logins.changed(anna) == NOW + 1  # however long ago
    assert store.refused_logins.count(anna, 0.0, NOW + 200_001) == 1
    store.refused_logins.forget(anna)
    assert store.refused_logins.changed(anna) is None
