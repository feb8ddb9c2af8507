"""Identities are kept by address, on both stores; one is the usual one."""

from __future__ import annotations

from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.store import Store
from tests.store.given import Home

ANNA = Identity(
    "Anna@Example.org", "Anna Groß", (Address("", "antwort@example.org"),), "Anna\nKöln", "Verein", ("@a.de",)
)
SHOP = Identity("shop@example.org", "Laden")


def test_kept_as_said_and_changed_by_address(store: Store, home: Home) -> None:
    store.identities.put(home.account, ANNA, usual=False)
    store.identities.put(home.account, SHOP, usual=True)
    assert store.identities.all(home.account) == [(ANNA, False), (SHOP, True)]
    changed = Identity("anna@example.ORG", "Anna")
    store.identities.put(home.account, changed, usual=True)
    assert store.identities.all(home.account) == [(changed, True), (SHOP, False)]


def test_removed_by_address_and_with_the_account(store: Store, home: Home) -> None:
    store.identities.put(home.account, ANNA, usual=False)
    store.identities.put(home.account, SHOP, usual=False)
    assert store.identities.remove(home.account, "ANNA@example.org")
    assert not store.identities.remove(home.account, "ANNA@example.org")
    assert store.identities.all(home.account) == [(SHOP, False)]
    store.accounts.remove(home.account)
    assert store.identities.all(home.account) == []
