"""Arrivals, flags and removals, stored in one transaction or not at all."""

from __future__ import annotations

import pytest

from eilbote.errors import Gone, Problem
from eilbote.mail.mailbox import FLAGGED, SEEN, UidSet
from eilbote.store.database import Session
from eilbote.store.envelopes import from_columns
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import Watermarks
from tests.store.given import NOW, Home, arrival, raw_mail


def test_arrivals_are_stored_and_listed(home: Home) -> None:
    applied = home.arrive(arrival(1, flags=[SEEN]), arrival(2), arrival(5))
    assert (applied.new, applied.changed, applied.deleted) == (3, 0, 0)
    assert list(applied.ids) == list(applied.fresh)
    assert home.held() == "1:2,5"
    newest = home.store.messages.list_placements(account=home.account, limit=2)
    assert [placement.uid for placement in newest] == [5, 2]
    shown = newest[0]
    assert shown.envelope == from_columns(arrival(5).prepared.columns)
    assert (shown.address, shown.mailbox, shown.size) == ("anna@example.org", "INBOX", len(raw_mail(5)))
    assert home.store.messages.raw(shown.id) == raw_mail(5)
    inbox = home.store.mailboxes.get(home.inbox)
    assert (inbox.messages, inbox.unread) == (3, 2)
    home.check()


def test_the_same_arrivals_again_change_nothing(home: Home) -> None:
    first = home.arrive(arrival(1), arrival(2))
    before = home.store.changes.latest(home.account)
    again = home.arrive(arrival(1), arrival(2))
    assert (again.new, again.changed, list(again.fresh)) == (0, 0, [])
    assert list(again.ids) == list(first.ids)
    assert home.store.changes.latest(home.account) == before
    home.check()


def test_one_uid_twice_in_a_batch_is_one_mail(home: Home) -> None:
    applied = home.arrive(arrival(1), arrival(1))
    assert applied.new == 1
    assert len(set(applied.ids)) == 1
    assert home.held() == "1"
    home.check()


def test_content_is_stored_once(home: Home) -> None:
    home.arrive(arrival(1, 7), arrival(2, 7))
    home.arrive(arrival(1, 7), mailbox=home.archive)
    with home.store.database.read() as session:
        assert session.one("SELECT count(*) FROM content") == (1,)
        assert session.one("SELECT count(*) FROM message") == (3,)


def test_other_bytes_under_a_held_uid_win_and_are_logged(home: Home) -> None:
    (message,) = home.arrive(arrival(1)).ids
    applied = home.arrive(arrival(1, raw=raw_mail(1, "Geänderter Text")))
    assert (applied.new, applied.changed, list(applied.ids)) == (0, 1, [message])
    assert home.store.messages.raw(message) == raw_mail(1, "Geänderter Text")
    (conflict,) = home.store.journal.conflicts(home.account)
    assert (conflict.rule, conflict.message) == ("other-bytes", message)
    home.check()


def test_the_body_after_the_headers_is_no_conflict(home: Home) -> None:
    whole = raw_mail(1)
    (message,) = home.arrive(arrival(1, raw=whole[:40], size=len(whole))).ids
    assert home.store.messages.sizes(home.inbox) == {1: len(whole)}
    home.arrive(arrival(1))
    assert home.store.messages.raw(message) == whole
    assert home.store.journal.conflicts(home.account) == []


def test_flags_follow_the_server(home: Home) -> None:
    home.arrive(arrival(1), arrival(2))
    applied = home.flags(
        FlagChange(1, frozenset({SEEN})), FlagChange(2, frozenset()), FlagChange(9, frozenset())
    )
    assert applied.changed == 1
    assert home.store.messages.held_flags(home.inbox) == {1: {SEEN}, 2: frozenset()}
    assert home.store.mailboxes.get(home.inbox).unread == 1
    home.check()


def test_unpaid_flag_changes_lie_over_the_servers_flags(home: Home) -> None:
    home.arrive(arrival(1, flags=["$Work"]))
    home.store.journal.change_flags(
        [(home.inbox, 1)], frozenset({FLAGGED}), frozenset({"$Work"}), "user", NOW
    )
    home.flags(FlagChange(1, frozenset({SEEN, "$Work"})))
    assert home.flags_at(1) == {SEEN, FLAGGED}
    home.check()


def test_removal_of_a_huge_range_touches_only_what_is_held(home: Home) -> None:
    home.arrive(*(arrival(uid) for uid in (3, 4, 4_000_000_000)))
    applied = home.remove("1:3,5:4294967295")
    assert applied.deleted == 2
    assert home.held() == "4"
    scattered = UidSet((uid, uid) for uid in range(4, 4000, 2))
    update = MailboxUpdate(removed=scattered)
    assert home.store.messages.apply(home.inbox, update, NOW).deleted == 1
    home.check()


def test_removal_leaves_what_was_owed_for_the_rules_to_decide(home: Home) -> None:
    home.arrive(arrival(1))
    owed = home.store.journal.change_flags([(home.inbox, 1)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    home.remove("1")
    assert [debt.id for debt in home.store.journal.open_debts(home.account)] == owed


def test_a_mail_that_comes_back_keeps_its_id(home: Home) -> None:
    (message,) = home.arrive(arrival(1)).ids
    home.remove("1")
    applied = home.arrive(arrival(4, 1), mailbox=home.archive)
    assert list(applied.ids) == [message]
    assert (applied.new, list(applied.fresh)) == (1, [])
    home.check()


def test_moved_mail_keeps_its_id_and_is_placed_once(home: Home) -> None:
    (message,) = home.arrive(arrival(1)).ids
    update = MailboxUpdate(moved_in=[(9, message, FlagChange(9, frozenset({SEEN})))])
    assert home.store.messages.apply(home.archive, update, NOW).changed == 1
    assert home.store.messages.apply(home.archive, update, NOW).changed == 0
    home.remove("1")
    assert [(one.mailbox, one.uid) for one in home.store.messages.get(message)] == [("Archiv", 9)]
    home.check()


def test_watermarks_move_with_the_mail(home: Home) -> None:
    marks = Watermarks(7, 3, 2, 2**62, 2, UidSet.parse("1,4:9"))
    home.store.messages.apply(home.inbox, MailboxUpdate(arrivals=[arrival(2)], watermarks=marks), NOW)
    assert home.store.mailboxes.get(home.inbox).watermarks == marks


def test_a_failure_in_the_middle_leaves_nothing_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Gone("store.no_mailbox")

    monkeypatch.setattr("eilbote.store.applying.save_watermarks", broken)
    update = MailboxUpdate(arrivals=[arrival(1)], watermarks=Watermarks(cursor=1))
    with pytest.raises(Gone):
        home.store.messages.apply(home.inbox, update, NOW)
    assert home.held() == ""
    assert home.store.changes.latest(home.account) == 2  # the two mailboxes
    home.check()


def test_quarantine_is_left_by_arriving_or_going(home: Home) -> None:
    bad = Problem("mail.unreadable", {"uid": "3"})
    update = MailboxUpdate(quarantined=[(3, bad), (4, bad), (5, bad)])
    home.store.messages.apply(home.inbox, update, NOW)
    home.store.messages.apply(home.inbox, update, NOW)
    assert str(home.store.messages.quarantined(home.inbox)) == "3:5"
    home.arrive(arrival(4))
    home.remove("5")
    assert str(home.store.messages.quarantined(home.inbox)) == "3"


def test_an_unknown_mailbox_is_named(home: Home) -> None:
    with pytest.raises(Gone) as gone:
        home.store.messages.apply(999, MailboxUpdate(arrivals=[arrival(1)]), NOW)
    assert gone.value.problem.code == "store.no_mailbox"


def test_hostile_text_is_stored_without_breaking(home: Home) -> None:
    odd = arrival(1, message_id="a\0b\udc80@x", references=["\udcff"] * 1000)
    (message,) = home.arrive(odd).ids
    shown = home.store.messages.get(message)[0].envelope
    assert "\0" not in shown.message_id
    assert len(shown.references) == 100


def test_a_thousand_arrivals_cost_one_row_of_the_feed(home: Home) -> None:
    home.arrive(*(arrival(uid) for uid in range(1, 1001)))
    with home.store.database.read() as session:
        assert session.one("SELECT count(*) FROM change WHERE kind = 'new'") == (1,)
    changes = home.store.changes.since(home.account, 500, 3)
    assert [change.number for change in changes] == [501, 502, 503]
    assert [change.kind for change in changes] == ["new"] * 3
    home.check()


def test_a_batch_needs_few_statements(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement may cost 5 ms beside a busy thread: their number must not grow with the mails."""
    counted: list[str] = []

    def counting(name: str) -> None:
        kind = type_of_session(home)
        real = getattr(kind, name)

        def called(self: Session, sql: str, *rest: object) -> object:
            counted.append(sql)
            return real(self, sql, *rest)

        monkeypatch.setattr(kind, name, called)

    for name in ("rows", "one", "run"):
        counting(name)
    home.arrive(*(arrival(uid) for uid in range(1, 1001)))
    assert len(counted) < 25


def type_of_session(home: Home) -> type:
    with home.store.database.read() as session:
        return type(session)
