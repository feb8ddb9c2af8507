"""Refused logins on both stores: counted within a time, and forgotten."""

from __future__ import annotations

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
    assert store.refused_logins.count(anna, NOW - 900) == 2
    assert store.refused_logins.count(ben, NOW - 900) == 0
    assert store.refused_logins.latest(anna) == NOW - 5
    assert store.refused_logins.latest(ben) is None


def test_those_of_yesterday_go_with_the_next(store: Store) -> None:
    anna = account(store, "anna@example.org")
    store.refused_logins.note(anna, "imap", NOW - 90_000)
    store.refused_logins.note(anna, "smtp", NOW)
    assert store.refused_logins.count(anna, 0.0) == 1


def test_they_are_forgotten_and_go_with_the_account(store: Store) -> None:
    anna = account(store, "anna@example.org")
    store.refused_logins.note(anna, "imap", NOW)
    store.refused_logins.forget(anna)
    assert store.refused_logins.count(anna, 0.0) == 0
    store.refused_logins.note(anna, "imap", NOW)
    store.accounts.remove(anna)
    assert store.refused_logins.latest(anna) is None
