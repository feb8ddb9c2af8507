"""Gmail's labels and conversations: the message's, taken over as told, on both databases."""

from __future__ import annotations

from eilbote.mail.mailbox import UidSet
from eilbote.mail.thread import server_thread
from eilbote.store.update_values import Applied, MailboxUpdate
from eilbote.sync.state import LabelsNow
from tests.store.given import NOW, Home, arrival

MINE, YOURS = server_thread("1278455344230334865"), server_thread("1278455344230334866")


def labelled(home: Home, *labels: LabelsNow) -> Applied:
    return home.store.messages.apply(home.inbox, MailboxUpdate(labels=labels), NOW)


def thread(home: Home, message: int) -> int:
    return home.store.messages.get(message)[0].thread


def test_labels_and_conversation_come_with_the_mail(home: Home) -> None:
    one = arrival(1)._replace(labels=("b", "a", "a"), thread=MINE)
    (message, other) = home.arrive(one, arrival(2)).ids
    assert home.store.messages.labels(message) == ["a", "b"]
    assert thread(home, message) == MINE
    assert thread(home, other) > 0
    assert home.store.messages.held_labels(home.inbox, UidSet.of([1])) == {
        1: LabelsNow(1, frozenset("ab"), MINE)
    }
    home.check()


def test_what_changed_is_taken_over_and_counted_once(home: Home) -> None:
    kept = [arrival(uid)._replace(labels=("a",), thread=MINE) for uid in (1, 2, 3)]
    messages = home.arrive(*kept).ids
    before = home.store.changes.latest(home.account)
    now = (
        LabelsNow(1, frozenset({"x", "ü"}), MINE),
        LabelsNow(2, frozenset({"a"}), YOURS),
        LabelsNow(3, frozenset({"a"}), MINE),
        LabelsNow(77, frozenset({"a"}), MINE),
    )
    assert labelled(home, *now).changed == 2
    assert home.store.changes.latest(home.account) == before + 2
    assert [home.store.messages.labels(one) for one in messages] == [["x", "ü"], ["a"], ["a"]]
    assert [thread(home, one) for one in messages] == [MINE, YOURS, MINE]
    assert labelled(home, *now).changed == 0
    assert labelled(home, LabelsNow(1, frozenset(), MINE)).changed == 1
    assert home.store.messages.labels(messages[0]) == []
    home.check()


def test_mail_made_here_joins_the_server_s_conversation_and_joins_no_two(home: Home) -> None:
    (mine, yours) = home.arrive(arrival(1)._replace(thread=MINE), arrival(2)._replace(thread=YOURS)).ids
    answer = arrival(3, references=["1@example.org", "2@example.org"])
    (answer_id,) = home.arrive(answer).ids
    assert (thread(home, mine), thread(home, yours)) == (MINE, YOURS)
    assert thread(home, answer_id) in (MINE, YOURS)
    found = home.store.messages.thread(home.account, MINE)
    assert mine in {one.id for one in found}
    home.check()


def test_a_conversation_of_ours_goes_into_the_server_s(home: Home) -> None:
    """An answer came first, of a mail that the server then tells the conversation of."""
    (answer,) = home.arrive(arrival(3, references=["1@example.org"])).ids
    home.arrive(arrival(1)._replace(thread=MINE))
    (third,) = home.arrive(arrival(4, references=["1@example.org", "3@example.org"])).ids
    assert {thread(home, answer), thread(home, third)} == {MINE}
    home.check()
