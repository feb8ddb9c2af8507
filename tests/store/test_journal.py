"""Local changes with their debts: seen at once, paid by evidence, taken back or undone."""

from __future__ import annotations

import pytest

from eilbote.errors import Gone, Misused, Problem
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName
from eilbote.mail.source import EnvelopeSource
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import DebtKind, DebtState, Watermarks
from tests.store.given import ANNA, NOW, Home, arrival, raw_mail

REFUSED = Problem("imap.refused", {"command": "UID MOVE"})
DAY = 24 * 3600.0


@pytest.fixture
def three(home: Home) -> Home:
    """The inbox holds UIDs 1 to 3."""
    home.arrive(arrival(1), arrival(2, flags=[SEEN]), arrival(3))
    return home


def states(home: Home) -> list[tuple[str, str, int]]:
    return [(d.kind.value, d.state.value, d.uid) for d in home.store.journal.open_debts(home.account)]


def test_flags_change_at_once_and_owe_only_what_changed(three: Home) -> None:
    journal = three.store.journal
    places = [(three.inbox, 1), (three.inbox, 2), (three.inbox, 99)]
    ids = journal.change_flags(places, frozenset({SEEN, FLAGGED}), frozenset(), "user", NOW)
    first, second = journal.open_debts(three.account)
    assert ids == [first.id, second.id]
    assert (first.uid, first.add, first.uidvalidity) == (1, frozenset({SEEN, FLAGGED}), 100 + three.inbox)
    assert (second.uid, second.add) == (2, frozenset({FLAGGED}))
    assert three.flags_at(2) == {SEEN, FLAGGED}
    assert journal.change_flags(places, frozenset({SEEN}), frozenset(), "user", NOW) == []
    three.check()


def test_a_debt_is_claimed_once(three: Home) -> None:
    journal = three.store.journal
    (debt,) = journal.change_flags([(three.inbox, 1)], frozenset({SEEN}), frozenset(), "user", NOW)
    assert journal.mark_sent([debt], NOW) == [debt]
    assert journal.mark_sent([debt], NOW) == []
    assert journal.get(debt).attempts == 1
    assert journal.reopen([debt], NOW) == [debt]
    assert journal.close(debt, NOW)
    assert not journal.close(debt, NOW)
    assert not journal.fail(debt, REFUSED, NOW)
    assert states(three) == []
    with pytest.raises(Gone):
        journal.get(999)


def test_a_move_waits_for_its_number_and_later_debts_follow(three: Home) -> None:
    journal, messages = three.store.journal, three.store.messages
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    debt = journal.get(move)
    assert (debt.kind, debt.uid, debt.target, debt.target_mailbox) == (
        DebtKind.MOVE,
        2,
        "Archiv",
        three.archive,
    )
    assert debt.placement < 0
    assert three.held() == "1,3"
    assert messages.waiting(three.archive) == [(debt.placement, debt.message)]
    journal.change_flags([(three.archive, debt.placement)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    assert states(three) == [("move", "open", 2), ("flag", "open", debt.placement)]
    assert journal.close(move, NOW, 40)
    assert states(three) == [("flag", "open", 40)]
    assert three.held(three.archive) == "40"
    assert three.flags_at(40, three.archive) == {SEEN, FLAGGED}
    assert [one.id for one in messages.get(debt.message)] == [debt.message]
    three.check()


@pytest.mark.parametrize("named", [True, False])
def test_what_waits_can_be_moved_on(three: Home, named: bool) -> None:
    """`named`: the server tells the number of the first move's copy (COPYUID), or it turns up."""
    journal = three.store.journal
    made, _ = three.store.journal.create_mailbox(three.account, MailboxName("Ablage"), "user", NOW)
    (first,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    waiting = journal.get(first).placement
    (second,) = journal.move([(three.archive, waiting)], made.id, "user", NOW)
    assert journal.get(second).uid == waiting
    journal.mark_sent([first], NOW)
    journal.close(first, NOW, 40 if named else None)
    if not named:
        applied = three.arrive(arrival(40, 2), mailbox=three.archive)
        assert (applied.new, list(applied.fresh)) == (0, [])
    assert journal.get(second).uid == 40
    assert three.held(three.archive) == ""
    journal.close(second, NOW, 7)
    assert three.held(made.id) == "7"
    three.check()


def test_what_waits_can_be_deleted(three: Home) -> None:
    journal = three.store.journal
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    (deletion,) = journal.delete([(three.archive, journal.get(move).placement)], "user", NOW)
    journal.close(move, NOW, 40)
    assert journal.get(deletion).uid == 40
    three.check()


def test_an_arrival_of_a_sent_move_is_its_evidence(three: Home) -> None:
    journal = three.store.journal
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    message = journal.get(move).message
    journal.mark_sent([move], NOW)
    applied = three.arrive(arrival(40, 2), mailbox=three.archive)
    assert (applied.new, applied.changed, list(applied.ids), list(applied.fresh)) == (0, 1, [message], [])
    debt = journal.get(move)
    assert (debt.state, debt.placement) == (DebtState.SENT, 40)  # the source may still be there
    assert journal.close(move, NOW)
    assert three.held(three.archive) == "40"
    three.check()


def test_an_arrival_of_a_move_never_sent_is_somebody_elses(three: Home) -> None:
    three.store.journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    applied = three.arrive(arrival(40, 2), mailbox=three.archive)
    assert applied.new == 1
    three.check()


def test_the_copy_that_arrived_before_the_answer_is_not_kept_twice(three: Home) -> None:
    journal = three.store.journal
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    three.arrive(arrival(40, 2), mailbox=three.archive)
    journal.close(move, NOW, 40)
    assert three.held(three.archive) == "40"
    assert three.store.messages.waiting(three.archive) == []
    assert three.store.messages.get(journal.get(move).message)[0].uid == 40
    three.check()


def test_a_number_that_another_mail_has_is_a_conflict(three: Home) -> None:
    journal = three.store.journal
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    three.arrive(arrival(40, 77), mailbox=three.archive)
    journal.close(move, NOW, 40)
    (conflict,) = journal.conflicts(three.account)
    assert (conflict.rule, conflict.debt) == ("number-taken", move)
    three.check()


def test_a_copy_is_a_new_message_with_the_same_content(three: Home) -> None:
    journal, messages = three.store.journal, three.store.messages
    (copy,) = journal.copy([(three.inbox, 2)], three.archive, "user", NOW)
    twin = journal.get(copy).message
    assert three.held() == "1:3"
    assert messages.raw(twin) == raw_mail(2)
    assert messages.get(twin)[0].thread == messages.list_placements(mailbox=three.inbox)[1].thread
    journal.mark_sent([copy], NOW)
    update = MailboxUpdate(moved_in=[(41, twin, FlagChange(41, frozenset()))])
    three.store.messages.apply(three.archive, update, NOW)
    assert journal.get(copy).state is DebtState.DONE
    assert three.held(three.archive) == "41"
    three.check()


def test_append_stores_the_mail_until_the_server_has_it(home: Home) -> None:
    raw = raw_mail(5)
    message, debt = home.store.journal.append(
        home.archive, raw, EnvelopeSource(message_id="5@example.org"), frozenset({SEEN}), NOW, "import", NOW
    )
    assert home.store.messages.raw(message) == raw
    owed = home.store.journal.get(debt)
    assert (owed.kind, owed.mailbox, owed.add) == (DebtKind.APPEND, home.archive, frozenset({SEEN}))
    applied = home.arrive(arrival(8, 5), mailbox=home.archive)  # it was there all the time
    assert list(applied.ids) == [message]
    assert home.store.journal.get(debt).state is DebtState.DONE
    home.check()


@pytest.mark.parametrize("act", ["flag", "move", "copy", "delete"])
def test_what_the_server_refuses_is_taken_back(three: Home, act: str) -> None:
    journal, messages = three.store.journal, three.store.messages
    places = [(three.inbox, 2)]
    match act:
        case "flag":
            (debt,) = journal.change_flags(places, frozenset({FLAGGED}), frozenset({SEEN}), "user", NOW)
        case "move":
            (debt,) = journal.move(places, three.archive, "user", NOW)
        case "copy":
            (debt,) = journal.copy(places, three.archive, "user", NOW)
        case _:
            (debt,) = journal.delete(places, "user", NOW)
    journal.mark_sent([debt], NOW)
    assert journal.fail(debt, REFUSED, NOW)
    assert journal.get(debt).problem == REFUSED
    assert three.held() == "1:3"
    assert three.flags_at(2) == {SEEN}
    assert messages.waiting(three.archive) == []
    assert states(three) == []
    three.check()


def test_a_mail_that_cannot_be_uploaded_is_not_lost(home: Home) -> None:
    message, debt = home.store.journal.append(
        home.archive, raw_mail(5), EnvelopeSource(), frozenset(), NOW, "user", NOW
    )
    home.store.journal.fail(debt, REFUSED, NOW)
    assert home.store.messages.raw(message) == raw_mail(5)
    assert home.store.messages.waiting(home.archive) != []


def test_undo_of_flags_and_move_owes_the_opposite(three: Home) -> None:
    journal = three.store.journal
    (flag,) = journal.change_flags([(three.inbox, 2)], frozenset({FLAGGED}), frozenset({SEEN}), "user", NOW)
    message = journal.get(flag).message
    (move,) = journal.move([(three.inbox, 2)], three.archive, "user", NOW)
    journal.close(flag, NOW)
    journal.close(move, NOW, 40)
    latest = journal.latest_of(message)
    assert latest is not None
    assert latest.id == move
    (back,) = journal.undo(move, NOW)
    assert (journal.get(back).undo_of, journal.get(back).uid) == (move, 40)
    journal.close(back, NOW, 4)
    assert three.held() == "1,3:4"
    earlier = journal.latest_of(message)
    assert earlier is not None
    assert earlier.id == flag
    journal.undo(flag, NOW)
    assert three.flags_at(4) == {SEEN}
    assert journal.latest_of(message) is None
    three.check()


def test_a_deletion_never_sent_is_withdrawn(three: Home) -> None:
    journal = three.store.journal
    (debt,) = journal.delete([(three.inbox, 2)], "user", NOW)
    message = journal.get(debt).message
    assert three.held() == "1,3"
    with pytest.raises(Gone):
        three.store.messages.get(message)
    assert journal.undo(debt, NOW) == []
    assert three.held() == "1:3"
    assert three.flags_at(2) == {SEEN}
    assert states(three) == []
    three.check()


def test_a_deletion_that_was_sent_is_undone_by_upload(three: Home) -> None:
    journal = three.store.journal
    (debt,) = journal.delete([(three.inbox, 2)], "user", NOW)
    message = journal.get(debt).message
    journal.mark_sent([debt], NOW)
    journal.close(debt, NOW)
    (upload,) = journal.undo(debt, NOW)
    owed = journal.get(upload)
    assert (owed.kind, owed.message, owed.add, owed.undo_of) == (
        DebtKind.APPEND,
        message,
        frozenset({SEEN}),
        debt,
    )
    journal.close(upload, NOW, 9)
    assert three.store.messages.get(message)[0].uid == 9
    three.check()


def test_what_the_server_removed_can_be_restored_for_thirty_days(three: Home) -> None:
    journal, messages = three.store.journal, three.store.messages
    message = messages.places([m.id for m in messages.list_placements(mailbox=three.inbox)])[0][2]
    three.remove("1:3")
    assert messages.expire(NOW - DAY) == []
    assert len(journal.restore([message, message], "user", NOW)) == 1
    forgotten = messages.expire(NOW + DAY)
    assert len(forgotten) == 2
    assert message not in forgotten
    with pytest.raises(Gone):
        journal.restore(forgotten, "user", NOW)
    three.check()


def test_mailboxes_are_made_renamed_and_removed_with_debts(three: Home) -> None:
    journal, mailboxes = three.store.journal, three.store.mailboxes
    made, create = journal.create_mailbox(three.account, MailboxName("Archiv/2026"), "user", NOW)
    assert journal.get(create).source == "Archiv/2026"
    with pytest.raises(Misused) as taken:
        journal.create_mailbox(three.account, MailboxName("Archiv/2026"), "user", NOW)
    assert taken.value.problem.code == "store.mailbox_exists"
    journal.close(create, NOW)
    rename = journal.rename_mailbox(three.archive, MailboxName("Ablage"), "user", NOW)
    assert (journal.get(rename).source, journal.get(rename).target) == ("Archiv", "Ablage")
    assert mailboxes.get(made.id).name == "Ablage/2026"
    journal.fail(rename, REFUSED, NOW)
    assert mailboxes.get(made.id).name == "Archiv/2026"
    off = journal.subscribe(made.id, False, "user", NOW)
    assert not mailboxes.get(made.id).subscribed
    journal.undo(off, NOW)
    assert mailboxes.get(made.id).subscribed
    (move,) = journal.move([(three.inbox, 1)], made.id, "user", NOW)
    message = journal.get(move).message
    journal.close(move, NOW, 1)
    journal.remove_mailbox(made.id, "user", NOW)
    assert mailboxes.find(three.account, "Archiv/2026") is None
    journal.restore([message], "user", NOW)
    assert three.store.messages.get(message)[0].mailbox == "INBOX"
    three.check()


def test_a_mailbox_that_the_server_will_not_create_goes_again(home: Home) -> None:
    made, create = home.store.journal.create_mailbox(home.account, MailboxName("Neu"), "user", NOW)
    home.store.journal.fail(create, REFUSED, NOW)
    with pytest.raises(Gone):
        home.store.mailboxes.get(made.id)


def test_nothing_moves_between_accounts(three: Home) -> None:
    other = three.store.accounts.add(type(ANNA)("b@example.org", "", "b", ANNA.auth, b""), NOW)
    (made,) = three.store.mailboxes.all(other.id)
    assert three.store.journal.move([(three.inbox, 1)], made.id, "user", NOW) == []
    assert three.held() == "1:3"


def test_a_written_rule_ends_a_debt_and_is_logged(three: Home) -> None:
    journal = three.store.journal
    (debt,) = journal.change_flags([(three.inbox, 1)], frozenset({SEEN}), frozenset(), "user", NOW)
    assert journal.conflict(debt, "server-wins", {"flag": SEEN}, NOW)
    assert not journal.conflict(debt, "server-wins", {}, NOW)
    assert journal.get(debt).state is DebtState.CONFLICT
    (row,) = journal.conflicts(three.account)
    assert (row.rule, row.debt, row.detail, row.mailbox) == ("server-wins", debt, {"flag": SEEN}, three.inbox)
    with pytest.raises(Misused):
        journal.undo(debt, NOW)


def test_debts_follow_a_new_uidvalidity(three: Home) -> None:
    journal = three.store.journal
    (debt,) = journal.change_flags([(three.inbox, 2)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    marks = Watermarks(uidvalidity=999, uidnext=4, cursor=3)
    three.store.messages.renumber(
        three.inbox, marks, [(1, 2), (2, 3)], three.store.messages.held_uids(0), NOW
    )
    owed = journal.get(debt)
    assert (owed.uid, owed.uidvalidity) == (3, 999)
