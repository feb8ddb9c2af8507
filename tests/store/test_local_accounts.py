"""Accounts whose mailboxes live only here: numbers of their own, nothing owed, everything undone at will."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, SpecialUse
from eilbote.mail.source import EnvelopeSource
from eilbote.store import Store
from eilbote.store.values import DebtState, Mailbox
from tests.store.given import ANNA, NOW, arrival, raw_mail

DAY = 24 * 3600.0


class Local:
    """A local account with an inbox of three mails and an archive."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.account = store.accounts.add(replace(ANNA, imap=None, smtp=None), NOW).id
        (self.inbox,) = (mailbox.id for mailbox in store.mailboxes.all(self.account))
        self.archive = self.create("Archive").id
        arrivals = [arrival(0, number) for number in (1, 2, 3)]
        self.ids = list(store.messages.take_in(self.inbox, arrivals, NOW).ids)

    def create(self, name: str) -> Mailbox:
        return self.store.journal.create_mailbox(self.account, MailboxName(name), "user", NOW)[0]

    def held(self, mailbox: int) -> str:
        return str(self.store.messages.held_uids(mailbox))

    def where(self, message: int) -> list[tuple[int, int]]:
        return [(mailbox, uid) for mailbox, uid, _ in self.store.messages.places([message])]

    def check(self) -> None:
        """Nothing is owed, nothing waits, every number is below UIDNEXT, the counts are right."""
        assert self.store.journal.open_debts(self.account) == []
        for mailbox in self.store.mailboxes.all(self.account):
            held = self.store.messages.held_uids(mailbox.id)
            assert self.store.messages.waiting(mailbox.id) == []
            assert held.highest < mailbox.watermarks.uidnext if held else True
            assert mailbox.messages == len(held), mailbox.name
            assert mailbox.watermarks.uidvalidity > 0


@pytest.fixture
def local(store: Store) -> Local:
    return Local(store)


def test_the_inbox_is_there_from_the_first_moment(local: Local) -> None:
    inbox = local.store.mailboxes.get(local.inbox)
    assert (inbox.name, inbox.role, inbox.messages) == ("INBOX", SpecialUse.INBOX, 3)
    assert local.held(local.inbox) == "1:3"
    local.check()


def test_a_mailbox_of_the_same_name_is_another(local: Local) -> None:
    seen = set()
    for _ in range(3):
        made = local.create("Projekt")
        seen.add(made.watermarks.uidvalidity)
        local.store.journal.remove_mailbox(made.id, "user", NOW)
    assert len(seen) == 3
    local.check()


def test_a_name_that_says_what_for_gives_the_role(local: Local) -> None:
    assert local.store.mailboxes.get(local.archive).role is SpecialUse.ARCHIVE
    assert local.create("Privat").role is None


def test_numbers_are_never_given_twice(local: Local) -> None:
    local.store.journal.delete([(local.inbox, 3)], "user", NOW)
    (again,) = local.store.messages.take_in(local.inbox, [arrival(0, 9)], NOW).ids
    assert local.where(again) == [(local.inbox, 4)]
    assert local.held(local.inbox) == "1:2,4"
    local.check()


def _flag(local: Local) -> list[int]:
    return local.store.journal.change_flags(
        [(local.inbox, 2)], frozenset({SEEN, FLAGGED}), frozenset(), "user", NOW
    )


def _move(local: Local) -> list[int]:
    return local.store.journal.move([(local.inbox, 2)], local.archive, "user", NOW)


def _copy(local: Local) -> list[int]:
    return local.store.journal.copy([(local.inbox, 2)], local.archive, "user", NOW)


def _delete(local: Local) -> list[int]:
    return local.store.journal.delete([(local.inbox, 2)], "user", NOW)


def _append(local: Local) -> list[int]:
    raw = raw_mail(7)
    source = EnvelopeSource(message_id="7@example.org", subject="Brief 7", date=NOW)
    _, debt = local.store.journal.append(local.archive, raw, source, frozenset({SEEN}), NOW, "user", NOW)
    return [debt]


def _rename(local: Local) -> list[int]:
    return [local.store.journal.rename_mailbox(local.archive, MailboxName("Alt"), "user", NOW)]


def _subscribe(local: Local) -> list[int]:
    return [local.store.journal.subscribe(local.archive, False, "user", NOW)]


def _state(local: Local) -> object:
    """Everything that a user sees, but for the numbers, which only ever grow."""
    seen = []
    for mailbox in local.store.mailboxes.all(local.account):
        flags = local.store.messages.held_flags(mailbox.id)
        ids = {uid: message for _, uid, message in local.store.messages.places(local.ids)}
        lying = sorted((ids.get(uid, 0), sorted(words)) for uid, words in flags.items())
        seen.append((mailbox.name, mailbox.subscribed, mailbox.unread, lying))
    return seen


ACTS = [_flag, _move, _copy, _delete, _append, _rename, _subscribe]


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_complete_at_once_and_can_be_undone(
    local: Local, act: Callable[[Local], list[int]]
) -> None:
    before = _state(local)
    made = act(local)
    assert made and _state(local) != before
    assert [local.store.journal.get(one).state for one in made] == [DebtState.DONE]
    local.check()
    for one in made:
        local.store.journal.undo(one, NOW)
    assert _state(local) == before
    local.check()


def test_what_is_removed_can_be_brought_back_for_thirty_days(local: Local) -> None:
    (_, second, _) = local.ids
    local.store.journal.delete([(local.inbox, 2)], "user", NOW)
    assert local.where(second) == []
    assert local.store.messages.expire(NOW + 29 * DAY - 30 * DAY) == []
    local.store.journal.restore([second], "user", NOW + 29 * DAY)
    assert local.where(second) == [(local.inbox, 4)]
    assert local.store.messages.raw(second) == raw_mail(2)
    local.store.journal.delete([(local.inbox, 4)], "user", NOW + 29 * DAY)
    assert local.store.messages.expire(NOW + 60 * DAY) == [second]


def test_mail_of_a_removed_mailbox_comes_back_to_the_inbox(local: Local) -> None:
    _move(local)
    local.store.journal.remove_mailbox(local.archive, "user", NOW)
    local.store.journal.restore([local.ids[1]], "user", NOW)
    assert local.where(local.ids[1]) == [(local.inbox, 4)]
    local.check()


def test_erased_mail_is_not_put_aside_as_on_a_server(local: Local) -> None:
    local.store.erase(local.ids[:1], NOW)
    assert local.held(local.inbox) == "2:3"
    assert not local.store.messages.quarantined(local.inbox)
    local.check()


def test_taking_in_nothing_changes_nothing(local: Local) -> None:
    before = local.store.mailboxes.get(local.inbox)
    assert local.store.messages.take_in(local.inbox, [], NOW).new == 0
    assert local.store.mailboxes.get(local.inbox) == before


def test_an_account_with_a_server_owes_as_before(local: Local) -> None:
    other = local.store.accounts.add(replace(ANNA, address="otto@example.org"), NOW)
    assert local.store.mailboxes.all(other.id) == []
    local.store.journal.create_mailbox(other.id, MailboxName("Neu"), "user", NOW)
    (debt,) = local.store.journal.open_debts(other.id)
    assert debt.state is DebtState.OPEN
    with pytest.raises(Misused):
        local.create("Archive")
