"""The maildrops' memory: a mail and the row that says so come together; on both stores."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from eilbote.store import Store
from eilbote.store.collected import Taken
from eilbote.store.values import Security, Server
from eilbote.sync.values import OnServer, Seen
from tests.store.given import ANNA, NOW, arrival, raw_mail


class Drop:
    """An account that collects into its inbox."""

    def __init__(self, store: Store) -> None:
        self.store = store
        pop3 = Server("pop.example.org", 995, Security.TLS)
        self.account = store.accounts.add(replace(ANNA, imap=None, pop3=pop3), NOW).id
        (self.inbox,) = (mailbox.id for mailbox in store.mailboxes.all(self.account))

    def take(self, *mails: tuple[int, str], absent: tuple[int, ...] = ()) -> list[Seen]:
        """Takes mail `number` in under a unique id."""
        taken = [
            Taken(arrival(0, number), uidl, len(raw_mail(number)), b"head %d" % number)
            for number, uidl in mails
        ]
        return self.store.collected.take_in(self.account, self.inbox, taken, absent, None, NOW)[1]

    def held(self) -> str:
        return str(self.store.messages.held_uids(self.inbox))

    def rows(self) -> list[tuple[str, int]]:
        return [(row.uidl, row.message) for row in self.store.collected.seen(self.account)]


@pytest.fixture
def drop(store: Store) -> Drop:
    return Drop(store)


def test_a_mail_and_its_row_come_together(drop: Drop) -> None:
    first, second = drop.take((1, "a"), (2, "b"))
    assert drop.held() == "1:2"
    assert drop.store.collected.seen(drop.account) == [first, second]
    assert (first.uidl, first.size, first.head) == ("a", len(raw_mail(1)), b"head 1")
    assert first.sha256 == hashlib.sha256(raw_mail(1)).digest()
    assert drop.store.messages.raw(first.message) == raw_mail(1)
    assert (first.collected, first.deleted, first.compared) == (NOW, False, True)


def test_known_content_under_another_id_is_that_mail(drop: Drop) -> None:
    first, second = drop.take((1, "a"), (2, "b"))
    again, new = drop.take((1, "x"), (3, "c"), absent=(first.id, second.id))
    assert (again.id, again.uidl, again.message) == (first.id, "x", first.message)
    assert drop.held() == "1:3"
    assert [uidl for uidl, _ in drop.rows()] == ["x", "b", "c"]
    assert new.message not in (first.message, second.message)


def test_of_two_copies_each_is_known_once(drop: Drop) -> None:
    first, second = drop.take((1, ""), (1, ""))
    assert first.id != second.id
    found = drop.take((1, ""), (1, ""), (1, ""), absent=(first.id, second.id))
    assert [row.id for row in found[:2]] == [first.id, second.id]
    assert drop.held() == "1:3"


def test_an_id_given_to_another_mail_leaves_the_first(drop: Drop) -> None:
    drop.take((1, "a"))
    drop.take((2, "a"))
    assert [uidl for uidl, _ in drop.rows()] == ["", "a"]
    assert drop.held() == "1:2"


def test_what_was_deleted_here(drop: Drop) -> None:
    one, two, three, four = drop.take((1, "a"), (2, "b"), (3, "c"), (4, "d"))
    journal, collected = drop.store.journal, drop.store.collected
    trash, _ = journal.create_mailbox(drop.account, "Trash", "user", NOW)  # type: ignore[arg-type]
    other, _ = journal.create_mailbox(drop.account, "Projekt", "user", NOW)  # type: ignore[arg-type]
    assert collected.removed(drop.account) == frozenset()
    journal.delete([(drop.inbox, 1)], "user", NOW)
    journal.move([(drop.inbox, 2)], trash.id, "user", NOW)
    journal.move([(drop.inbox, 3)], other.id, "user", NOW)
    assert collected.removed(drop.account) == {one.message, two.message}
    assert three.message != four.message


def test_rows_change(drop: Drop) -> None:
    first, second = drop.take((1, "a"), (2, "b"))
    drop.store.collected.rename([(first.id, "z", 7)])
    drop.store.collected.deleted([second.id])
    changed, gone = drop.store.collected.seen(drop.account)
    assert (changed.uidl, changed.size, changed.compared) == ("z", 7, False)
    assert (gone.deleted, changed.deleted) == (True, False)


def test_erasing_forgets_the_content_and_keeps_the_id(drop: Drop) -> None:
    first, _ = drop.take((1, "a"), (2, "b"))
    drop.store.erase([first.message], NOW)
    blank, _ = drop.store.collected.seen(drop.account)
    assert (blank.uidl, blank.size, blank.head, blank.sha256, blank.message) == ("a", None, b"", b"", 0)


def test_logins_and_pauses(drop: Drop) -> None:
    collected = drop.store.collected
    assert collected.next_login(drop.account) == 0.0
    for delay in (300, 0):
        collected.note_login(drop.account, NOW, delay)
        assert collected.next_login(drop.account) == NOW + delay


def test_accounts_remember_what_becomes_of_collected_mail(drop: Drop) -> None:
    accounts = drop.store.accounts
    assert accounts.get(drop.account).on_server == OnServer()
    for policy in (OnServer(days=14), OnServer(when_deleted=True), OnServer(days=0), OnServer()):
        accounts.update(drop.account, on_server=policy)
        assert accounts.get(drop.account).on_server == policy


def test_a_removed_account_is_forgotten(drop: Drop) -> None:
    drop.take((1, "a"))
    drop.store.collected.note_login(drop.account, NOW, 9)
    drop.store.accounts.remove(drop.account)
    assert drop.store.collected.seen(drop.account) == []
    assert drop.store.collected.next_login(drop.account) == 0.0
