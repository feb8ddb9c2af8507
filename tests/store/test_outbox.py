"""The outbox: queued once, claimed once, settled once; on both stores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from eilbote.delivery.recovery import found_at_restart
from eilbote.delivery.values import (
    Answer,
    Copy,
    Outgoing,
    Phase,
    Recipient,
    RecipientState,
    SendState,
    Settled,
    Submission,
)
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.store import Store
from eilbote.store.outgoing_attempts import KEPT_ATTEMPTS, Attempt
from tests.store.given import NOW, Home, arrival, raw_mail

BEN = "ben@example.com"


def submission(home: Home, number: int = 1, **changes: object) -> Submission:
    made = Submission(
        account=home.account,
        sender="anna@example.org",
        recipients=(BEN,),
        raw=raw_mail(number),
        message_id=f"{number}@example.org",
    )
    return replace(made, **changes)


def queued(home: Home, number: int = 1, **changes: object) -> Outgoing:
    return home.store.outbox.add([submission(home, number, **changes)], NOW)[0]


def sent(mail: Outgoing, queue_id: str = "Ok: queued as 1") -> Settled:
    answer = Answer(250, "2.0.0", queue_id)
    done = tuple(Recipient(one.address, RecipientState.SENT, answer, 1) for one in mail.recipients)
    return Settled(SendState.SENT, done, queue_id=queue_id)


def test_what_is_queued_is_there_as_it_was(home: Home) -> None:
    mail = queued(home, subject="Größe 📦", key="a", origin="sendmail", answers=7, marks="\\Answered")
    assert home.store.outbox.get(mail.id) == mail
    assert home.store.outbox.raw(mail.id) == raw_mail(1)
    assert (mail.state, mail.recipients) == (SendState.ACCEPTED, (Recipient(BEN),))
    assert (mail.subject, mail.size, mail.answers) == ("Größe 📦", len(raw_mail(1)), 7)
    assert home.store.outbox.all() == [mail]
    assert home.store.outbox.of_message_id("1@example.org") == [mail]
    with pytest.raises(Gone):
        home.store.outbox.get(mail.id + 1)


def test_the_same_key_gives_the_same_mail(home: Home) -> None:
    outbox = home.store.outbox
    first = queued(home, key="order-4711")
    again = queued(home, key="order-4711")
    assert again == first
    assert len(outbox.all()) == 1
    for other in ({"raw": raw_mail(2)}, {"recipients": ("c@example.com",)}, {"sender": "x@example.org"}):
        with pytest.raises(NotAllowed) as refused:
            queued(home, key="order-4711", **other)
        assert refused.value.problem.code == "send.key_reused"
    assert len(outbox.all()) == 1


def test_all_are_queued_or_none(home: Home) -> None:
    queued(home, key="k")
    with pytest.raises(NotAllowed):
        home.store.outbox.add([submission(home, 2), submission(home, 3, key="k")], NOW)
    assert len(home.store.outbox.all()) == 1


def test_only_what_is_due_is_claimed_oldest_first(home: Home) -> None:
    outbox = home.store.outbox
    later = queued(home, 1, not_before=NOW + 60)
    first, second, third = (queued(home, number) for number in (2, 3, 4))
    assert outbox.next_due() == {home.account: 0.0}
    assert [mail.id for mail in outbox.claim(home.account, NOW, 2)] == [first.id, second.id]
    assert [mail.id for mail in outbox.claim(home.account, NOW, 2)] == [third.id]
    assert outbox.claim(home.account, NOW, 2) == []
    assert outbox.next_due() == {home.account: 0.0}, "where nobody sends, those claimed were left behind"
    outbox.recover(home.account, lambda state: SendState.UNCERTAIN, NOW)
    assert outbox.next_due() == {home.account: NOW + 60}
    assert [mail.id for mail in outbox.claim(home.account, NOW + 60, 2)] == [later.id]


def test_two_that_claim_at_once_share(home: Home) -> None:
    outbox = home.store.outbox
    outbox.add([submission(home, number) for number in range(60)], NOW)
    with ThreadPoolExecutor(4) as threads:
        claims = list(threads.map(lambda _: outbox.claim(home.account, NOW, 20), range(4)))
    ids = [mail.id for claim in claims for mail in claim]
    assert len(ids) == len(set(ids)) == 60


def test_a_mail_goes_its_way(home: Home) -> None:
    outbox = home.store.outbox
    (mail,) = [queued(home)]
    outbox.claim(home.account, NOW, 10)
    outbox.advance([mail.id], SendState.DATA_OPEN, NOW)
    told = (Recipient(BEN, RecipientState.TAKEN, Answer(250, "", "Ok")),)
    outbox.record(NOW, ending={mail.id: told})
    assert outbox.get(mail.id).recipients == told
    attempt = Attempt(NOW, NOW + 1, "smtp.example.org:587", Phase.ANSWERED, 1, "> EHLO\n< 250 Ok")
    outbox.record(NOW, settled={mail.id: sent(mail)}, attempts={mail.id: attempt})
    found = outbox.get(mail.id)
    assert (found.state, found.queue_id, found.attempts) == (SendState.SENT, "Ok: queued as 1", 1)
    assert found.recipients[0].state is RecipientState.SENT
    assert home.store.outgoing_attempts.of(mail.id) == [attempt]
    assert home.store.outgoing_attempts.sends(home.account, NOW) == [(NOW + 1, 1)]
    assert home.store.outgoing_attempts.sends(home.account, NOW + 2) == []
    assert outbox.unsettled(home.account) == [found]
    copy = arrival(0, 1, raw=raw_mail(1))
    assert outbox.make_copies(home.archive, [(mail.id, copy)], "outbox", NOW) == [mail.id]
    assert outbox.make_copies(home.archive, [(mail.id, copy)], "outbox", NOW) == []
    assert len(home.store.messages.list_placements(mailbox=home.archive)) == 1
    assert outbox.finish(home.account, NOW) == 0, "its copy is still owed to the server"
    debt = outbox.get(mail.id).copy_debt
    home.store.journal.mark_sent([debt], NOW)
    home.store.journal.close(debt, NOW, uid=5)
    assert outbox.finish(home.account, NOW) == 1
    assert outbox.get(mail.id).state is SendState.DONE
    with pytest.raises(Gone):
        outbox.raw(mail.id)


def test_what_is_not_under_way_can_neither_go_on_nor_be_settled(home: Home) -> None:
    outbox, mail, other = home.store.outbox, queued(home), queued(home, 2)
    with pytest.raises(NotAllowed):
        outbox.record(NOW, settled={mail.id: sent(mail)})
    outbox.claim(home.account, NOW, 1)
    with pytest.raises(NotAllowed):
        outbox.record(NOW, ending={mail.id: (), other.id: ()})
    assert outbox.get(mail.id).state is SendState.CLAIMED


def test_given_back_it_waits_as_before(home: Home) -> None:
    outbox, mail = home.store.outbox, queued(home)
    outbox.claim(home.account, NOW, 1)
    outbox.give_back([mail.id], NOW)
    assert outbox.get(mail.id).state is SendState.ACCEPTED
    outbox.claim(home.account, NOW, 1)
    outbox.record(NOW, settled={mail.id: Settled(SendState.DEFERRED, mail.recipients, NOW)})
    outbox.claim(home.account, NOW, 1)
    outbox.give_back([mail.id], NOW)
    assert outbox.get(mail.id).state is SendState.DEFERRED


def test_after_a_crash_each_goes_on_as_the_table_says(home: Home) -> None:
    outbox = home.store.outbox
    claimed, opened, dotted, waiting = (queued(home, number) for number in range(4))
    outbox.claim(home.account, NOW, 3)
    outbox.advance([opened.id], SendState.DATA_OPEN, NOW)
    outbox.advance([dotted.id], SendState.DOT_SENT, NOW)
    recovered = outbox.recover(home.account, found_at_restart, NOW + 5)
    assert len(recovered) == 3
    states = [outbox.get(mail.id).state for mail in (claimed, opened, dotted, waiting)]
    assert states == [SendState.DEFERRED, SendState.DEFERRED, SendState.UNCERTAIN, SendState.ACCEPTED]
    assert outbox.get(dotted.id).uncertain_since == NOW + 5
    assert outbox.get(dotted.id).problem == Problem("send.uncertain")
    assert outbox.recover(home.account, found_at_restart, NOW) == []


def test_a_person_decides_only_from_the_states_named(home: Home) -> None:
    outbox, mail = home.store.outbox, queued(home)
    outbox.change(mail.id, (SendState.ACCEPTED,), SendState.CANCELLED, NOW)
    assert outbox.get(mail.id).state is SendState.CANCELLED
    with pytest.raises(NotAllowed) as refused:
        outbox.change(mail.id, (SendState.ACCEPTED,), SendState.CANCELLED, NOW)
    assert refused.value.problem.parameters["state"] == "cancelled"
    assert outbox.claim(home.account, NOW, 1) == []


def test_a_paused_account_waits_until_its_time_or_a_word(home: Home) -> None:
    outbox = home.store.outbox
    queued(home)
    problem = Problem("smtp.login_refused", {"host": "smtp.example.org"})
    assert home.store.sending_pauses.pause(home.account, problem, NOW, NOW + 3600).tries == 1
    assert outbox.next_due() == {home.account: NOW + 3600}
    pause = home.store.sending_pauses.pause(home.account, problem, NOW + 3600, None)
    assert (pause.since, pause.tries, pause.next_try, pause.problem) == (NOW, 2, None, problem)
    assert outbox.next_due() == {}
    assert home.store.sending_pauses.resume(home.account)
    assert not home.store.sending_pauses.resume(home.account)
    assert outbox.next_due() == {home.account: 0.0}


def test_of_many_attempts_the_newest_are_kept(home: Home) -> None:
    outbox, mail = home.store.outbox, queued(home)
    for number in range(KEPT_ATTEMPTS + 3):
        outbox.claim(home.account, NOW, 1)
        attempt = Attempt(NOW + number, NOW, "mx", Phase.CONNECT, 0, str(number))
        settled = Settled(SendState.DEFERRED, mail.recipients, NOW)
        outbox.record(NOW, settled={mail.id: settled}, attempts={mail.id: attempt})
    kept = home.store.outgoing_attempts.of(mail.id)
    assert [one.transcript for one in kept] == [str(number) for number in range(3, KEPT_ATTEMPTS + 3)]
    assert outbox.get(mail.id).attempts == KEPT_ATTEMPTS + 3


def test_what_ended_is_forgotten_after_its_time(home: Home) -> None:
    outbox, mail, waiting = home.store.outbox, queued(home), queued(home, 2)
    outbox.change(mail.id, (SendState.ACCEPTED,), SendState.CANCELLED, NOW)
    assert outbox.forget_ended(NOW) == 0
    assert outbox.forget_ended(NOW + 1) == 1
    assert [one.id for one in outbox.all()] == [waiting.id]


def test_lists_are_read_page_by_page(home: Home) -> None:
    mails = home.store.outbox.add([submission(home, number) for number in range(5)], NOW)
    page = home.store.outbox.all(limit=2)
    assert [mail.id for mail in page] == [mails[4].id, mails[3].id]
    assert [mail.id for mail in home.store.outbox.all(limit=9, before=page[-1].id)] == [
        mail.id for mail in reversed(mails[:3])
    ]
    assert home.store.outbox.counts(home.account) == {SendState.ACCEPTED: 5}


def test_a_provider_that_files_its_own_copy_needs_none(home: Home) -> None:
    outbox, mail = home.store.outbox, queued(home, copy=Copy.PROVIDER)
    outbox.claim(home.account, NOW, 1)
    outbox.record(NOW, settled={mail.id: sent(mail)})
    assert outbox.make_copies(home.archive, [(mail.id, arrival(0, 1))], "outbox", NOW) == []
    assert outbox.finish(home.account, NOW) == 1


def test_the_outbox_survives_a_new_opening(home: Home, url: str | None) -> None:
    mail = queued(home)
    with Store.open(home.store.home, url) as again:
        assert again.outbox.get(mail.id) == mail


def test_a_mail_is_found_by_its_message_id(home: Home) -> None:
    applied = home.arrive(arrival(1, 1), arrival(2, 2))
    (found,) = home.store.messages.with_message_id(home.account, "1@example.org")
    assert found.id == applied.ids[0]
    assert home.store.messages.with_message_id(home.account + 1, "1@example.org") == []
    assert home.store.messages.with_message_id(home.account, "3@example.org") == []
