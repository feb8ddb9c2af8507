"""What lists are narrowed to, pages of what a search finds, and batches of acts, on both stores."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eilbote.engine.indexing import index_all
from eilbote.errors import Gone
from eilbote.mail.mailbox import FLAGGED, SEEN
from eilbote.mail.source import EnvelopeSource
from eilbote.search.parse import parse_query
from eilbote.store import Store
from eilbote.store.narrowing import LABELLED, NO_LABELS
from eilbote.store.prepare import prepared_mail
from eilbote.store.schema.migrations import shipped
from eilbote.store.search import Hit
from eilbote.store.values import Narrowed, Only, PageMark, Role
from tests.store.given import NOW, Home, arrival, raw_mail


def uids(store: Store, home: Home, narrowed: Narrowed, size: int = 3) -> list[int]:
    """All UIDs of a narrowed inbox, page by page."""
    found: list[int] = []
    mark: PageMark | None = None
    while page := store.messages.page([home.inbox], mark, size, narrowed):
        found += [mail.uid for mail, _ in page]
        mark = page[-1][1]
    return found


def test_lists_are_narrowed_page_by_page(store: Store, home: Home) -> None:
    attached = (
        b"From: max@example.org\r\nTo: Kim <KIM@example.org>\r\nSubject: Anhang\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n"
    )
    home.arrive(
        *(arrival(uid, flags=[SEEN] if uid % 2 else []) for uid in range(1, 9)),
        arrival(9, flags=[SEEN, FLAGGED, "$Forwarded", "NonJunk"]),
        arrival(10, flags=[SEEN, "Projekt", "$Forwarded"], raw=attached),
        arrival(11, flags=["Projekt_2", "$label1"]),
    )
    assert uids(store, home, Narrowed(Only.UNREAD)) == [11, 8, 6, 4, 2]
    assert uids(store, home, Narrowed(Only.FLAGGED)) == [9]
    assert uids(store, home, Narrowed(keyword="Projekt")) == [10]
    assert uids(store, home, Narrowed(Only.UNREAD, "$label1")) == [11]
    assert uids(store, home, Narrowed(Only.UNREAD, "Projekt")) == []
    assert uids(store, home, Narrowed(Only.MINE, addresses=("anna@EXAMPLE.org",)), 4) == [*range(11, 0, -1)]
    assert uids(store, home, Narrowed(Only.MINE, addresses=("a@example.org",))) == [*range(11, 0, -1)]
    assert uids(store, home, Narrowed(Only.MINE, addresses=("kim@example.com",))) == []
    assert uids(store, home, Narrowed(Only.MINE)) == []
    assert len(uids(store, home, Narrowed(Only.ATTACHED))) <= 1
    labelled = dict(store.messages.keywords([home.inbox, home.archive]))
    assert labelled == {frozenset({SEEN, "Projekt", "$Forwarded"}): 1, frozenset({"Projekt_2", "$label1"}): 1}
    everything = store.messages.ids_in([home.inbox, home.archive], Narrowed(), 100)
    assert len(everything) == 11 == len(set(everything))
    assert len(store.messages.ids_in([home.inbox], Narrowed(Only.UNREAD), 2)) == 2


def test_the_index_answers_what_is_asked_in_its_own_words() -> None:
    (written,) = (sql for number, sql in shipped() if number == 14)
    assert LABELLED.replace("p.flags", "flags") in written
    assert all(f"' {flag} '" in written for flag in NO_LABELS)


def test_what_a_search_finds_comes_in_pages(store: Store, home: Home) -> None:
    # Many in the same second: the index of SQLite gives them rows of other seconds.
    home.arrive(*(arrival(uid, date=NOW + uid // 7) for uid in range(1, 41)))
    index_all(store)
    brief = parse_query("brief", datetime.fromtimestamp(NOW, UTC))
    found: list[int] = []
    after: Hit | None = None
    while page := store.search.page(brief, None, after, 6):
        found += [hit.message for hit in page]
        after = page[-1]
    assert len(found) == 40 == len(set(found))
    assert store.search.count(brief, None, 1000) == 40
    assert store.search.count(brief, [home.account], 11) == 11
    assert store.search.page(brief, [home.account + 1], None, 6) == []
    assert store.search.count(brief, [], 6) == 0


def test_a_batch_is_its_users_alone_and_undone_once(store: Store, home: Home) -> None:
    kim = store.users.add("Kim", Role.OWNER, "x", NOW)
    ben = store.users.add("Ben", Role.OWNER, "x", NOW)
    batch = store.batches.add(kim, "move", 4, [7, 5, 6, 9], NOW)
    assert store.batches.get(batch, kim).debts == (5, 6, 7, 9)
    with pytest.raises(Gone):
        store.batches.get(batch, ben)
    assert store.batches.undo(batch)
    assert not store.batches.undo(batch)
    store.batches.add(kim, "read", 0, [], NOW + 40 * 86_400)
    with pytest.raises(Gone):
        store.batches.get(batch, kim)


def test_many_changes_are_turned_back_in_one_go(store: Store, home: Home) -> None:
    home.arrive(*(arrival(uid) for uid in range(1, 6)))
    moved = store.journal.move([(home.inbox, uid) for uid in (1, 2, 3)], home.archive, "user", NOW)
    flagged = store.journal.change_flags([(home.inbox, 4)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    assert store.journal.accounts_of([*moved, *flagged]) == {home.account}
    assert store.journal.undo_all([*moved, *flagged], NOW) == 4
    assert store.mailboxes.get(home.inbox).messages == 5
    assert home.flags_at(4) == frozenset()
    assert store.journal.undo_all([*moved, *flagged], NOW) == 0
    home.check()


def test_lists_name_the_first_of_many_recipients_and_a_mail_all(store: Store, home: Home) -> None:
    people = ", ".join(f"Person {number} <p{number}@example.org>" for number in range(2000))
    one = arrival(1)
    envelope = EnvelopeSource("1@example.org", "Brief 1", "Max <max@example.org>", people, people)
    mail = one._replace(prepared=prepared_mail(raw_mail(1), envelope))
    (number,) = home.arrive(mail).ids
    ((listed, _),) = store.messages.page([home.inbox], None, 10)
    (brief,) = store.messages.placements([number], brief=True)
    (whole,) = store.messages.placements([number])
    assert len(whole.envelope.to) == len(whole.envelope.cc) == 2000
    assert 1 < len(listed.envelope.to) < 200 and listed == brief
    assert listed.envelope.sender == whole.envelope.sender and listed.envelope.to[0] == whole.envelope.to[0]
