"""What rules do with a mail: once, whole, told, and taken back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from eilbote.delivery.values import SendState, Submission
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.mail.mailbox import FLAGGED, MailboxName, SpecialUse
from eilbote.store import Store
from eilbote.store.rule_values import (
    Asked,
    Cap,
    ChangeFlags,
    CopyTo,
    Deed,
    Drop,
    Effect,
    Memory,
    MemoryKind,
    MoveTo,
    Put,
    Ruling,
    RunOrigin,
    Send,
    Target,
    Told,
)
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import Watermarks
from tests.store.given import NOW, Home, arrival

DAY = 86_400.0
BOOKS = Target(MailboxName("Buchhaltung"))


def ruling(home: Home, *effects: Effect, uid: int = 1, **more: object) -> Ruling:
    """What a rule called `Rechnungen` decides about the mail in the inbox under this UID."""
    message = {
        uid_: message
        for _, uid_, message in home.store.messages.places(home.store.messages.ids_of(home.account))
    }[uid]
    made = Ruling(
        home.account,
        message,
        (home.inbox, uid),
        RunOrigin.ARRIVAL,
        3,
        effects,
        deeds=(Deed("fileinto", "Buchhaltung", line=2, rule="Rechnungen"),),
        steps=(Told(1, "header", "Subject contains Rechnung", True, "Rechnungen"),),
        rules=("Rechnungen",),
    )
    return replace(made, **more)


def letter(home: Home, to: str = "chef@example.net") -> Submission:
    raw = f"To: {to}\r\nSubject: Weiter\r\n\r\nText\r\n".encode()
    return Submission(home.account, "anna@example.org", (to,), raw, "weiter@example.org")


def names(store: Store, home: Home) -> dict[str, int]:
    """How many mails lie where."""
    return {box.name: box.messages for box in store.mailboxes.all(home.account)}


def waiting(home: Home, ids: Sequence[int]) -> list[int]:
    inbox = home.store.mailboxes.get(home.inbox)
    return [one.message for one in home.store.rule_runs.unfiltered(inbox, ids, NOW)]


class TestPerforming:
    def test_all_of_it_once(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(
            home,
            CopyTo(Target(MailboxName("Kopien")), frozenset({"$Wichtig"})),
            ChangeFlags(frozenset({FLAGGED})),
            MoveTo(BOOKS),
            Send(letter(home)),
        )
        done = store.rule_runs.perform(decided, NOW)
        assert done is not None
        assert names(store, home) == {"INBOX": 0, "Archiv": 0, "Buchhaltung": 1, "Kopien": 1}
        kinds = [store.journal.get(debt).kind for debt in done.debts]
        assert kinds == ["create", "copy", "flag", "flag", "create", "move"]
        assert {store.journal.get(debt).origin for debt in done.debts} == {"rule"}
        (mail,) = store.outbox.all(home.account)
        assert (mail.id, mail.key, mail.state) == (done.outgoing[0], f"rule:{done.run}:0", SendState.ACCEPTED)
        (lying,) = store.messages.get(decided.message)
        assert (lying.mailbox, lying.flags) == ("Buchhaltung", frozenset({FLAGGED}))
        assert store.rule_runs.perform(decided, NOW) is None
        assert len(store.outbox.all(home.account)) == 1
        home.check()

    def test_history_tells_it(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(home, MoveTo(BOOKS), problem=Problem("rules.no_run", {"id": "1"}))
        done = store.rule_runs.perform(decided, NOW)
        assert done is not None
        run = store.rule_runs.get(done.run)
        assert (run.message, run.mailbox, run.revision, run.origin) == (
            decided.message,
            "INBOX",
            3,
            "arrival",
        )
        assert (run.rules, run.deeds, run.steps) == (("Rechnungen",), decided.deeds, decided.steps)
        assert (run.problem, run.debts, run.undone) == (decided.problem, done.debts, None)
        assert store.rule_runs.of_messages([decided.message]) == {decided.message: [run]}
        assert store.rule_runs.filtered_at(decided.message) == NOW
        with pytest.raises(Gone):
            store.rule_runs.get(run.id + 1)

    def test_a_mail_that_is_gone_is_left_alone(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(home, MoveTo(BOOKS), Send(letter(home)))
        home.remove("1")
        assert store.rule_runs.perform(decided, NOW) is None
        assert not store.outbox.all(home.account)
        assert "Buchhaltung" not in names(store, home)

    def test_a_mailbox_with_the_role_comes_before_the_name(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        store.rule_runs.perform(
            ruling(home, MoveTo(Target(MailboxName("Archive"), "/", SpecialUse.ARCHIVE))), NOW
        )
        assert names(store, home) == {"INBOX": 0, "Archiv": 1}

    def test_a_changed_mail_stands_in_for_the_old_one(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        changed = arrival(0, 1, raw=b"X-Neu: ja\r\nSubject: Brief\r\n\r\nText\r\n")
        done = store.rule_runs.perform(ruling(home, Put(changed), Drop()), NOW)
        assert done is not None
        (lying,) = store.messages.list_placements(mailbox=home.inbox)
        assert store.messages.raw(lying.id) == changed.raw
        assert waiting(home, [lying.id]) == []
        assert store.rule_runs.undo(done.run, NOW + 1).mails == 1
        (back,) = store.messages.list_placements(mailbox=home.inbox)
        assert b"X-Neu" not in store.messages.raw(back.id)
        home.check()


class TestSending:
    def test_nobody_is_answered_twice_until_it_is_forgotten(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1), arrival(2), arrival(3))
        once = Memory(MemoryKind.VACATION, "urlaub", "max@example.org", NOW + 7 * DAY)
        assert store.rule_runs.perform(ruling(home, Send(letter(home), once=once)), NOW)
        done = store.rule_runs.perform(ruling(home, Send(letter(home), once=once), uid=2), NOW + DAY)
        assert done is not None
        assert done.answered_before == ("max@example.org",)
        assert len(store.outbox.all(home.account)) == 1
        later = replace(once, expires=NOW + 20 * DAY)
        store.rule_runs.perform(ruling(home, Send(letter(home), once=later), uid=3), NOW + 8 * DAY)
        assert len(store.outbox.all(home.account)) == 2

    def test_a_cap_stops_all_of_it(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1), arrival(2), arrival(3))
        day = int(NOW // DAY)

        def sends(uid: int, on: int = day) -> Ruling:
            cap = Cap("Weiter", "chef@example.net", on, 1)
            return ruling(
                home, ChangeFlags(frozenset({FLAGGED})), Send(letter(home), cap), MoveTo(BOOKS), uid=uid
            )

        assert store.rule_runs.perform(sends(1), NOW)
        with pytest.raises(NotAllowed) as refused:
            store.rule_runs.perform(sends(2), NOW)
        assert refused.value.problem.code == "rules.sent_enough"
        assert home.flags_at(2) == frozenset()
        assert len(store.outbox.all(home.account)) == len(store.rule_runs.history()) == 1
        assert store.rule_runs.perform(sends(2, day + 1), NOW + DAY)

    def test_duplicates_are_remembered_with_what_was_done(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        seen = Memory(MemoryKind.DUPLICATE, "h", "id-1", NOW + DAY)
        store.rule_runs.perform(ruling(home, memories=(seen,)), NOW)
        pairs = [("h", "id-1"), ("h", "id-2")]
        remembered = store.rule_runs.remembered
        assert remembered(home.account, MemoryKind.DUPLICATE, pairs, NOW) == {("h", "id-1")}
        assert not remembered(home.account, MemoryKind.VACATION, pairs, NOW)
        assert not remembered(home.account, MemoryKind.DUPLICATE, pairs, NOW + 2 * DAY)


class TestWhatHasCome:
    def test_what_was_there_before_has_not(self, home: Home, store: Store) -> None:
        store.accounts.update(home.account, synced=NOW)
        old = home.arrive(arrival(1)).ids
        assert waiting(home, old) == []
        store.rule_book.save("rules", 0, NOW)
        assert store.rule_runs.cursor(home.account) == store.changes.latest(home.account)
        new = home.arrive(arrival(2)).ids
        assert waiting(home, [*old, *new]) == list(new)
        store.rule_book.save("other rules", 1, NOW)
        assert waiting(home, [*old, *new]) == list(new)

    def test_before_the_first_sync_is_complete_nothing_has(self, home: Home, store: Store) -> None:
        store.rule_book.save("rules", 0, NOW)
        assert store.rule_runs.cursor(home.account) is None
        assert waiting(home, home.arrive(arrival(1)).ids) == []
        store.rule_runs.begin(home.account, NOW)
        new = home.arrive(arrival(2)).ids
        assert waiting(home, new) == list(new)

    def test_old_mail_that_is_fetched_late_has_not(self, home: Home, store: Store) -> None:
        store.mailboxes.set_watermarks(home.inbox, Watermarks(uidvalidity=7, uidnext=50, cursor=49))
        store.rule_runs.begin(home.account, NOW)
        late, new = home.arrive(arrival(30), arrival(50)).ids
        assert waiting(home, [late, new]) == [new]

    def test_a_clock_that_was_ahead_makes_no_new_mail_old(self, home: Home, store: Store) -> None:
        store.rule_runs.begin(home.account, NOW + 4 * 365 * DAY)
        inbox = store.mailboxes.get(home.inbox)
        new = home.arrive(arrival(50)).ids
        (found,) = store.rule_runs.unfiltered(inbox, new, NOW)
        assert not found.older

    def test_what_people_put_there_has_not(self, home: Home, store: Store) -> None:
        store.rule_runs.begin(home.account, NOW)
        (message,) = home.arrive(arrival(5), mailbox=home.archive).ids
        store.journal.move([(home.archive, 5)], home.inbox, "user", NOW)
        store.journal.copy([(home.inbox, -1)], home.inbox, "user", NOW)
        made = store.messages.ids_of(home.account)
        assert message in made
        assert len(made) == 2
        assert waiting(home, made) == []

    def test_a_mail_stays_filtered_under_a_new_number_and_a_new_id(self, home: Home, store: Store) -> None:
        store.mailboxes.set_watermarks(home.inbox, Watermarks(uidvalidity=7, uidnext=1))
        store.rule_runs.begin(home.account, NOW)
        first, second = home.arrive(arrival(1), arrival(2)).ids
        for uid in (1, 2):
            store.rule_runs.perform(ruling(home, uid=uid), NOW)
        # The server numbers anew, and the rows of the mails are lost: both are downloaded again.
        with store.database.write() as session:
            session.run("DELETE FROM placement")
            session.run("DELETE FROM message")
            session.run("UPDATE mailbox SET messages = 0, unread = 0")
        store.mailboxes.set_watermarks(home.inbox, Watermarks(uidvalidity=8, uidnext=1))
        again = home.arrive(arrival(1), arrival(2), arrival(3, date=NOW)).ids
        assert not {first, second} & set(again)
        assert waiting(home, again) == [again[2]]

    def test_what_came_elsewhere_first_has_not_come_later(self, home: Home, store: Store) -> None:
        store.rule_runs.begin(home.account, NOW)
        (message,) = home.arrive(arrival(5), mailbox=home.archive).ids
        store.rule_runs.advance(home.account, store.changes.latest(home.account), NOW, elsewhere=[message])
        # Another client moves it: here it only gets another place.
        with store.database.write() as session:
            session.run("UPDATE placement SET mailbox = ? WHERE message = ?", (home.inbox, message))
        assert waiting(home, [message]) == []


class TestTakingBack:
    def test_mail_lies_where_it_lay_and_what_waits_is_not_sent(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(home, ChangeFlags(frozenset({FLAGGED})), MoveTo(BOOKS), Send(letter(home)))
        done = store.rule_runs.perform(decided, NOW)
        assert done is not None
        undone = store.rule_runs.undo(done.run, NOW + 5)
        assert (undone.runs, undone.mails, undone.unsent, undone.sent) == (1, 1, 1, 0)
        (lying,) = store.messages.get(decided.message)
        assert (lying.mailbox, lying.flags) == ("INBOX", frozenset())
        assert store.outbox.get(done.outgoing[0]).state is SendState.CANCELLED
        assert store.rule_runs.get(done.run).undone == NOW + 5
        assert store.rule_runs.undo(done.run, NOW + 6).runs == 0
        assert waiting(home, [decided.message]) == []
        home.check()

    def test_what_a_person_did_since_stands(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(home, MoveTo(BOOKS))
        done = store.rule_runs.perform(decided, NOW)
        assert done is not None
        books = store.mailboxes.find(home.account, "Buchhaltung")
        assert books is not None
        (place,) = store.messages.places([decided.message])
        store.journal.move([place[:2]], home.archive, "user", NOW)
        store.rule_runs.undo(done.run, NOW)
        assert [one.mailbox for one in store.messages.get(decided.message)] == ["Archiv"]

    def test_all_runs_of_a_rule_since_a_time(self, home: Home, store: Store) -> None:
        home.arrive(*[arrival(uid) for uid in range(1, 8)])
        for uid in range(1, 8):
            rules = ("Rechnungen", "100 %_") if uid % 2 else ("Andere",)
            store.rule_runs.perform(ruling(home, MoveTo(BOOKS), uid=uid, rules=rules), NOW + uid)
        assert len(store.rule_runs.history(Asked(rule="100 %_"))) == 4
        assert store.rule_runs.history(Asked(rule="100")) == []
        undone = store.rule_runs.undo_all(Asked(rule="Rechnungen", since=NOW + 3), NOW + 100)
        assert (undone.runs, undone.mails) == (3, 3)
        assert names(store, home)["INBOX"] == 3
        standing = store.rule_runs.history(Asked(standing=True))
        assert [run.ran - NOW for run in standing] == [6, 4, 2, 1]
        home.check()

    def test_a_run_over_mail_that_was_there(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1), arrival(2))
        batch = store.rule_runs.begin_batch(3, "all", NOW)
        for uid in (1, 2):
            decided = ruling(home, MoveTo(BOOKS), uid=uid, batch=batch, origin=RunOrigin.RUN, once=False)
            assert store.rule_runs.perform(decided, NOW)
        assert [(one.id, one.mails) for one in store.rule_runs.batches()] == [(batch, 2)]
        assert store.rule_runs.undo_all(Asked(batch=batch), NOW).runs == 2
        assert names(store, home)["INBOX"] == 2


class TestForgetting:
    def test_thirty_days_can_be_taken_back(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        done = store.rule_runs.perform(ruling(home, MoveTo(BOOKS)), NOW)
        assert done is not None
        for debt in done.debts:
            store.journal.close(debt, NOW, 9)
        later = NOW + 29 * DAY
        store.messages.expire(later - 7 * DAY, later - 30 * DAY)
        store.rule_runs.prune(later, 30)
        assert store.rule_runs.undo(done.run, later).mails == 1
        store.rule_runs.prune(NOW + 31 * DAY, 30)
        with pytest.raises(Gone):
            store.rule_runs.get(done.run)

    def test_an_erased_mail_leaves_no_history(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        decided = ruling(home, MoveTo(BOOKS))
        store.rule_runs.perform(decided, NOW)
        store.erase([decided.message], NOW)
        assert store.rule_runs.history() == []
        assert store.rule_runs.filtered_at(decided.message) is None

    def test_an_account_that_is_removed_takes_its_memory_along(self, home: Home, store: Store) -> None:
        home.arrive(arrival(1))
        store.rule_runs.perform(ruling(home, Send(letter(home))), NOW)
        store.accounts.remove(home.account)
        assert store.rule_runs.history() == []


def test_the_update_of_a_sync_knows_nothing_of_rules(home: Home) -> None:
    """Mail arrives as before where no rules are."""
    assert home.store.messages.apply(home.inbox, MailboxUpdate(arrivals=[arrival(1)]), NOW).new == 1
    assert home.store.rule_runs.cursor(home.account) is None
