"""Users on both stores: preferences, roles, sessions, links to choose a password, recovery codes."""

from __future__ import annotations

import pytest

from eilbote.errors import Gone, Misused
from eilbote.store import Store
from eilbote.store.values import Role

NOW = 1_790_000_000.0


def test_preferences_are_kept_for_each_user(store: Store) -> None:
    anna = store.users.add("Anna", Role.OWNER, "hash", NOW)
    ben = store.users.add("Ben", Role.MEMBER, "hash", NOW)
    store.users.set_preferences(anna, '{"theme":"dark"}')
    assert (store.users.get(anna).preferences, store.users.get(ben).preferences) == ('{"theme":"dark"}', "")


def test_the_last_owner_who_can_sign_in_stays_one(store: Store) -> None:
    anna = store.users.add("Anna", Role.OWNER, "hash", NOW)
    invited = store.users.add("Ben", Role.OWNER, "", NOW)
    with pytest.raises(Misused):
        store.users.remove(anna)
    with pytest.raises(Misused):
        store.users.set_role(anna, Role.MEMBER)
    store.users.set_password(invited, "hash")
    store.users.set_role(anna, Role.AUDITOR)
    assert store.users.get(anna).role is Role.AUDITOR


def test_sessions_are_listed_and_ended_by_their_user_alone(store: Store) -> None:
    anna = store.users.add("Anna", Role.OWNER, "hash", NOW)
    ben = store.users.add("Ben", Role.MEMBER, "hash", NOW)
    for token, user, begun in (
        ("a1", anna, NOW),
        ("a2", anna, NOW + 5),
        ("a3", anna, NOW + 9),
        ("b1", ben, NOW),
    ):
        store.users.begin_session(token, user, begun, NOW + 100, "Firefox, Linux")
    store.users.note_seen("a1", NOW + 30, 60)
    assert [one.seen for one in store.users.sessions(anna, NOW) if one.id == "a1"] == [NOW]
    store.users.note_seen("a1", NOW + 61, 60)
    listed = store.users.sessions(anna, NOW + 62)
    assert [(one.id, one.begun, one.seen, one.browser) for one in listed][-1] == (
        "a1",
        NOW,
        NOW + 61,
        "Firefox, Linux",
    )
    store.users.end_sessions(ben, only="a1")
    assert [one.id for one in store.users.sessions(anna, NOW)] == ["a3", "a2", "a1"]
    store.users.end_sessions(anna, only="a3")
    store.users.end_sessions(anna, but="a2")
    assert [one.id for one in store.users.sessions(anna, NOW)] == ["a2"]
    assert [one.id for one in store.users.sessions(ben, NOW)] == ["b1"]
    assert store.users.sessions(ben, NOW + 100) == []


def test_a_password_link_is_good_once_in_its_time_and_ends_sessions(store: Store) -> None:
    anna = store.users.add("Anna", Role.OWNER, "old", NOW)
    store.users.begin_session("a1", anna, NOW, NOW + 100)
    store.users.put_password_link(anna, "first", NOW + 50)
    store.users.put_password_link(anna, "second", NOW + 50)
    assert store.users.password_link_of("first", NOW) is None
    found = store.users.password_link_of("second", NOW)
    assert found is not None and found.name == "Anna"
    for token, at in (("first", NOW), ("second", NOW + 50)):
        with pytest.raises(Gone):
            store.users.use_password_link(token, "new", at)
    assert store.users.use_password_link("second", "new", NOW + 49) == anna
    assert (store.users.get(anna).password, store.users.sessions(anna, NOW)) == ("new", [])
    with pytest.raises(Gone):
        store.users.use_password_link("second", "newer", NOW)
    with pytest.raises(Gone):
        store.users.put_password_link(anna + 1, "third", NOW + 50)


def test_a_recovery_code_is_good_once_and_goes_with_the_factor(store: Store) -> None:
    anna = store.users.add("Anna", Role.OWNER, "hash", NOW)
    ben = store.users.add("Ben", Role.MEMBER, "hash", NOW)
    store.users.set_factor(anna, b"sealed", 0)
    store.users.set_recovery_codes(anna, ["one", "two"])
    assert not store.users.use_recovery_code(ben, "one")
    assert store.users.use_recovery_code(anna, "one")
    assert not store.users.use_recovery_code(anna, "one")
    assert store.users.recovery_codes_left(anna) == 1
    store.users.set_factor(anna, b"", 0)
    assert store.users.recovery_codes_left(anna) == 0
