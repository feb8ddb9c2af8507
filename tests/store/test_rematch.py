"""Mail is recognised without its bytes: after a new UIDVALIDITY, and when it was moved."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.errors import Gone
from eilbote.mail.mailbox import UidSet
from eilbote.store.values import Identity, Watermarks
from tests.store.given import NOW, Home, arrival, raw_mail


def test_renumbering_keeps_every_id_even_where_numbers_overlap(home: Home) -> None:
    ids = home.arrive(*(arrival(uid) for uid in range(1, 6))).ids
    marks = Watermarks(uidvalidity=200, uidnext=7, cursor=6)
    home.store.messages.renumber(home.inbox, marks, [(1, 2), (2, 3), (3, 1), (4, 6)], UidSet.parse("5"), NOW)
    assert home.held() == "1:3,6"
    held = {one.uid: one.message for one in home.store.messages.held_identities(home.inbox)}
    assert held == {2: ids[0], 3: ids[1], 1: ids[2], 6: ids[3]}
    assert home.store.mailboxes.get(home.inbox).watermarks == marks
    assert home.store.mailboxes.get(home.inbox).messages == 4
    with pytest.raises(Gone):
        home.store.messages.get(ids[4])
    assert len(home.store.journal.restore([ids[4]], "user", NOW)) == 1
    home.check()


def test_placements_that_nobody_named_become_tombstones(home: Home) -> None:
    ids = home.arrive(arrival(1), arrival(2)).ids
    home.store.messages.renumber(home.inbox, Watermarks(uidvalidity=200), [(1, 9)], UidSet(), NOW)
    assert home.held() == "9"
    assert home.store.messages.identity(ids[1]).message_id == "2@example.org"
    home.check()


def test_candidates_by_message_id_and_size(home: Home) -> None:
    ids = home.arrive(arrival(1), arrival(2, references=["1@example.org"])).ids
    home.remove("2")
    shown = [Identity("", f"{n}@example.org", len(raw_mail(n)), NOW + n) for n in (1, 2, 3)]
    found = home.store.messages.candidates(home.account, [*shown, replace(shown[0], size=5)])
    assert [[one.message for one in row] for row in found] == [[ids[0]], [ids[1]], [], []]
    live, gone = found[0][0], found[1][0]
    assert (live.mailbox, live.uid, live.removed_at) == (home.inbox, 1, None)
    assert (gone.mailbox, gone.uid, gone.removed_at) == (home.inbox, 2, NOW)
    assert live.identity == shown[0]


def test_candidates_by_email_id_need_nothing_else(home: Home) -> None:
    (message, *_) = home.arrive(arrival(1, email_id="M1"), arrival(2, email_id="M2")).ids
    shown = Identity("M1", "", 0, 0.0)
    ((one,),) = home.store.messages.candidates(home.account, [shown])
    assert one.message == message
    assert home.store.messages.candidates(home.account, [Identity("M3", "1@example.org", 1, 0.0)]) == [[]]


def test_replies_join_threads_in_any_order(home: Home) -> None:
    root, middle, leaf = (
        arrival(1),
        arrival(2, references=["1@example.org"]),
        arrival(3, references=["2@example.org"]),
    )
    other = arrival(9)
    for number, order in enumerate(([root, middle, leaf], [leaf, middle, root], [middle, leaf, root])):
        with home.store.database.write() as session:
            for table in ("placement", "message"):
                session.run(f"DELETE FROM {table}")
            session.run("UPDATE mailbox SET messages = 0, unread = 0")
        for one in order:
            home.arrive(one)
        home.arrive(other)
        shown = home.store.messages.list_placements(mailbox=home.inbox)
        threads = {placement.uid: placement.thread for placement in shown}
        assert threads[1] == threads[2] == threads[3] != threads[9], number
        thread = home.store.messages.thread(home.account, threads[1])
        assert [placement.uid for placement in thread] == [1, 2, 3]


def test_a_batch_of_replies_without_their_root_is_one_thread(home: Home) -> None:
    home.arrive(
        *(arrival(uid, references=["gone@example.org", f"{uid - 1}@example.org"]) for uid in (5, 4, 6))
    )
    threads = {placement.thread for placement in home.store.messages.list_placements()}
    assert len(threads) == 1


def test_mails_without_any_id_are_threads_of_their_own(home: Home) -> None:
    home.arrive(arrival(1, message_id=""), arrival(2, message_id=""))
    assert len({placement.thread for placement in home.store.messages.list_placements()}) == 2
