"""Senders whose pictures a user wants, kept for each user, on both stores."""

from __future__ import annotations

from eilbote.store import Store
from eilbote.store.values import Role
from tests.store.given import NOW


def test_kept_for_each_user_and_taken_back(store: Store) -> None:
    kim, ben = (store.users.add(name, Role.OWNER, "hash", NOW) for name in ("Kim", "Ben"))
    store.picture_senders.put(kim, "News@Shop.example", "mx.example")
    store.picture_senders.put(kim, "news@shop.example", "mx2.example")
    assert store.picture_senders.voucher_of(kim, "NEWS@shop.example") == "mx2.example"
    assert store.picture_senders.voucher_of(ben, "news@shop.example") is None
    assert store.picture_senders.all(kim) == ["news@shop.example"]
    store.picture_senders.put(ben, "a@b.example", "mx.example")
    store.picture_senders.remove(kim, "news@SHOP.example")
    assert store.picture_senders.all(kim) == []
    store.users.remove(ben)
    assert store.picture_senders.all(ben) == []
