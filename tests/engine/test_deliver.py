"""The outbox delivered to the embedded submission server: what arrives, what is written down."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from unittest import mock

import pytest
from msgspec.structs import replace

from eilbote.delivery.values import Copy, Policy, RecipientState, SendState
from eilbote.engine import deliver
from eilbote.engine.act import append
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import Delivery
from eilbote.engine.send import (
    Envelope,
    Handling,
    cancel,
    list_outbox,
    queue_mail,
    resolve,
    retry,
    show_outgoing,
)
from eilbote.engine.sent import follow_up
from eilbote.engine.setup import Wanted, change_account, remove_account
from eilbote.engine.write import Letter, write_mail
from eilbote.errors import Misused, NotAllowed
from eilbote.protocols.smtp.limits import Window
from eilbote.providers.values import Sending
from eilbote.secret import Secret
from eilbote.store.outbox import Outbox
from eilbote.store.values import Security, Server
from eilbote.testing.smtp.sink import Play, Sink, Then
from tests.engine.sending import ADDRESS, ANNA, BEN, PASSWORD, Office, office, raw_mail
from tests.engine.world import until


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def run(tmp_path: Path, store_url: str) -> Callable[..., None]:
    """Runs a story in an office of its own."""

    def running(story: Callable[[Office], Awaitable[None]], **sink: object) -> None:
        async def told() -> None:
            known = {"accounts": {ADDRESS: PASSWORD}} | sink
            async with office(tmp_path / "home", store_url, Sink(**known)) as opened:  # type: ignore[arg-type]
                await story(opened)

        asyncio.run(told())

    return running


Run = Callable[..., None]


def test_a_queued_mail_arrives_once_and_its_copy_lies_in_sent(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        assert here.sink.received == []
        result = await here.deliver()
        assert (result.sent, result.problem, result.next_at) == (1, None, None)
        (got,) = here.sink.received
        assert (got.sender, got.recipients, got.data) == (ADDRESS, (ANNA,), raw_mail(1))
        assert here.state(mail) is SendState.DONE
        assert here.sent_copies() == ["Brief 1"]
        detail = show_outgoing(here.app, mail.id)
        assert detail.mail.recipients[0].state is RecipientState.SENT
        assert "queue" in detail.mail.queue_id or "kept" in detail.mail.queue_id
        (attempt,) = detail.attempts
        assert "RCPT TO:<anna@example.org>" in attempt.transcript
        assert PASSWORD not in attempt.transcript
        assert "Guten Tag" not in attempt.transcript
        await here.deliver()
        assert len(here.sink.received) == 1

    run(story)


def test_many_mails_all_arrive_once(run: Run) -> None:
    async def story(here: Office) -> None:
        mails = [here.queue(number) for number in range(130)]
        result = await here.deliver()
        assert result.sent == 130
        assert sorted(got.data for got in here.sink.received) == sorted(raw_mail(n) for n in range(130))
        assert {here.state(mail) for mail in mails} == {SendState.DONE}
        assert len(here.sent_copies()) == 130

    run(story)


def test_some_recipients_wait_and_get_it_later_without_a_second_for_the_others(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1, ANNA, BEN)
        result = await here.deliver()
        assert (result.sent, result.deferred) == (0, 1)
        assert here.sink.received[0].recipients == (ANNA,)
        assert here.sent_copies() == []
        here.sink.replies.clear()
        retry(here.app, mail.id)
        await here.deliver()
        assert [got.recipients for got in here.sink.received] == [(ANNA,), (BEN,)]
        assert here.state(mail) is SendState.DONE
        assert here.sent_copies() == ["Brief 1"]

    run(story, replies={f"RCPT {BEN}": "450 4.2.0 Greylisted"})


def test_a_refused_recipient_fails_the_others_get_it(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1, ANNA, BEN)
        await here.deliver()
        found = here.app.store.outbox.get(mail.id)
        assert [one.state for one in found.recipients] == [RecipientState.SENT, RecipientState.FAILED]
        assert found.problem is not None
        assert found.problem.code == "send.refused_recipient"
        assert found.state is SendState.DONE

    run(story, replies={f"RCPT {BEN}": "550 5.1.1 Unknown"})


def test_a_mail_that_is_refused_fails_and_can_be_tried_again(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        result = await here.deliver()
        assert (result.failed, here.state(mail)) == (1, SendState.FAILED)
        assert here.sent_copies() == []
        here.sink.replies.clear()
        retry(here.app, mail.id)
        await here.deliver()
        assert here.state(mail) is SendState.DONE
        assert len(here.sink.received) == 1

    run(story, replies={".": "554 5.7.1 Looks like spam"})


def test_a_refused_login_pauses_sending_and_burns_no_attempt(run: Run) -> None:
    async def story(here: Office) -> None:
        first, second = here.queue(1), here.queue(2)
        result = await here.deliver()
        assert result.paused
        assert result.problem is not None
        assert result.problem.code == "smtp.login_refused"
        (attempt,) = here.app.store.outgoing_attempts.of(first.id)
        assert "> EHLO" in attempt.transcript
        assert "< 535" in attempt.transcript
        assert PASSWORD not in attempt.transcript
        assert b64encode(PASSWORD.encode()).decode() not in attempt.transcript
        for mail in (first, second):
            assert here.app.store.outbox.get(mail.id).attempts == 0
            assert here.state(mail) is SendState.DEFERRED
        assert (await here.deliver()).paused, "the password is not tried again at once"
        here.sink.accounts = {ADDRESS: PASSWORD}
        retry(here.app, first.id)
        await here.deliver()
        assert len(here.sink.received) == 2

    run(story, accounts={ADDRESS: "another"})


def test_no_server_no_loss(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        here.app.store.accounts.update(here.account.id, smtp=_nowhere(here))
        result = await here.deliver()
        assert result.problem is not None
        assert here.state(mail) is SendState.DEFERRED
        assert result.next_at is not None
        assert result.next_at > here.app.clock.now()

    run(story)


def _nowhere(here: Office) -> object:
    assert here.account.smtp is not None
    return replace(here.account.smtp, port=1)


def test_a_scheduled_mail_waits_and_can_be_taken_back(run: Run) -> None:
    async def story(here: Office) -> None:
        now = here.app.clock.now()
        later = here.queue(1, handling=Handling(at=now + 3600))
        undone = here.queue(2, handling=Handling(delay=30))
        result = await here.deliver()
        assert here.sink.received == []
        assert result.next_at is not None
        assert now + 29 < result.next_at < now + 60
        assert cancel(here.app, undone.id).state is SendState.CANCELLED
        assert here.state(later) is SendState.ACCEPTED
        with pytest.raises(NotAllowed):
            cancel(here.app, undone.id)

    run(story)


def test_the_same_key_twice_is_one_mail(run: Run) -> None:
    async def story(here: Office) -> None:
        first = here.queue(1, handling=Handling(key="4711"))
        again = here.queue(1, handling=Handling(key="4711"))
        assert first.id == again.id
        await here.deliver()
        assert here.queue(1, handling=Handling(key="4711")).state is SendState.DONE
        await here.deliver()
        assert len(here.sink.received) == 1

    run(story)


def test_what_cannot_be_queued_is_said_at_once(run: Run) -> None:
    async def story(here: Office) -> None:
        for raw, recipients, code in (
            (b"", (ANNA,), "send.empty"),
            (raw_mail(1), (), "send.nobody"),
            (raw_mail(1), tuple(f"a{n}@example.org" for n in range(5001)), "send.too_many"),
        ):
            with pytest.raises(Misused) as refused:
                queue_mail(here.app, here.account, raw, Envelope(ADDRESS, recipients))
            assert refused.value.problem.code == code
        assert list_outbox(here.app) == []

    run(story)


def test_uncertain_mail_is_settled_by_a_person_only(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        _left_at_the_dot(here, mail.id)
        result = await here.deliver()
        assert here.state(mail) is SendState.UNCERTAIN
        assert here.sink.received == []
        assert result.asked == (), "it is looked for first"
        _hours_ago(here, mail.id)
        assert (await here.deliver()).asked == (mail.id,)
        with pytest.raises(NotAllowed):
            cancel(here.app, mail.id)
        resolve(here.app, mail.id, sent=False)
        await here.deliver()
        assert here.state(mail) is SendState.DONE
        assert [got.data for got in here.sink.received] == [raw_mail(1)]

    run(story)


def test_uncertain_mail_is_called_sent_by_a_person(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        _left_at_the_dot(here, mail.id)
        await here.deliver()
        resolve(here.app, mail.id, sent=True)
        await here.deliver()
        assert (here.state(mail), here.sink.received) == (SendState.DONE, [])
        assert here.sent_copies() == ["Brief 1"]

    run(story)


def test_uncertain_mail_goes_out_once_more_where_that_is_the_policy(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1, handling=Handling(policy=Policy.RESEND))
        _left_at_the_dot(here, mail.id)
        await here.deliver()
        assert here.state(mail) is SendState.UNCERTAIN
        _hours_ago(here, mail.id)
        await here.deliver()
        await here.deliver()
        assert here.state(mail) is SendState.DONE
        assert [got.data for got in here.sink.received] == [raw_mail(1)]

    run(story)


def test_uncertain_mail_that_came_in_here_was_sent(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        _left_at_the_dot(here, mail.id)
        append(here.app, here.account, "INBOX", raw_mail(1))
        await here.deliver()
        assert (here.state(mail), here.sink.received) == (SendState.DONE, [])
        assert here.sent_copies() == ["Brief 1"]

    run(story)


def test_what_lay_here_before_says_nothing_of_an_uncertain_mail(run: Run) -> None:
    """The mail that is sent on, and the copy of another that was queued with the same Message-ID, as list
    programs do: neither proves that this one left."""

    async def story(here: Office) -> None:
        original, _ = append(here.app, here.account, "INBOX", raw_mail(1))
        letter = Letter(redirects=str(original), to=[BEN])
        redirected = write_mail(here.app, letter).mail
        _left_at_the_dot(here, redirected.id)
        await here.deliver()
        assert here.state(redirected) is SendState.UNCERTAIN
        assert redirected.message_id != "s1@example.de"

        first = here.queue(2)
        await here.deliver()
        assert here.sent_copies() == ["Brief 2"]
        assert here.state(first) is SendState.DONE
        second = here.queue(2, BEN)
        _left_at_the_dot(here, second.id)
        await here.deliver()
        assert here.state(second) is SendState.UNCERTAIN

    run(story)


def test_a_redirect_is_queued_once_under_its_key(run: Run) -> None:
    async def story(here: Office) -> None:
        original, _ = append(here.app, here.account, "INBOX", raw_mail(1))
        letter = Letter(redirects=str(original), to=[ANNA], bcc=[BEN])
        mail = write_mail(here.app, letter, Handling(key="k")).mail
        assert write_mail(here.app, letter, Handling(key="k")).mail == mail
        await here.deliver()
        (got,) = here.sink.received
        assert got.recipients == (ANNA, BEN)
        assert BEN.encode() not in got.data, "nobody sees whom Bcc names"
        assert write_mail(here.app, letter, Handling(key="k")).mail.id == mail.id, (
            "after its bytes are gone, too"
        )

    run(story)


def test_decisions_are_about_the_mail_as_it_is_at_that_moment(run: Run) -> None:
    """A server takes a mail for one of two between a person's look and their word: whoever has it gets no
    second one, and the mail is not called taken back."""

    async def story(here: Office) -> None:
        here.sink.replies[f"RCPT {BEN}"] = "450 4.2.0 Later"
        mail = here.queue(1, ANNA, BEN)
        seen = here.app.store.outbox.get(mail.id)
        await here.deliver()
        with mock.patch.object(Outbox, "get", return_value=seen):
            with pytest.raises(NotAllowed):
                cancel(here.app, mail.id)
            retry(here.app, mail.id)
        del here.sink.replies[f"RCPT {BEN}"]
        await here.deliver()
        assert [got.recipients for got in here.sink.received] == [(ANNA,), (BEN,)]

    run(story)


def test_a_new_password_ends_the_pause(run: Run) -> None:
    async def story(here: Office) -> None:
        here.sink.accounts = {ADDRESS: "neu"}
        mail = here.queue(1)
        assert (await here.deliver()).paused
        assert (await here.deliver()).paused
        await change_account(here.app, ADDRESS, Wanted(ADDRESS, name="Kim B."), None)
        assert here.app.store.sending_pauses.of(here.account.id) is not None, "another name is no reason"
        await change_account(here.app, ADDRESS, Wanted(ADDRESS), Secret("neu"))
        await here.deliver()
        assert here.state(mail) is SendState.DONE

    run(story)


def test_an_account_whose_mail_waits_is_not_removed(run: Run) -> None:
    async def story(here: Office) -> None:
        sent = here.queue(1)
        await here.deliver()
        mail = here.queue(2, handling=Handling(delay=3600))
        with pytest.raises(NotAllowed) as refused:
            remove_account(here.app, ADDRESS)
        assert refused.value.problem.code == "account.mails_wait"
        assert refused.value.problem.parameters["ids"] == str(mail.id) != str(sent.id)
        cancel(here.app, mail.id)
        remove_account(here.app, ADDRESS)
        assert list_outbox(here.app) == []

    run(story)


def _left_at_the_dot(here: Office, mail: int) -> None:
    """As a process leaves it that is killed between the end of the mail and its answer."""
    outbox, now = here.app.store.outbox, here.app.clock.now()
    assert outbox.claim(here.account.id, now, 1)
    outbox.record(now, ending={mail: ()})


def _hours_ago(here: Office, mail: int) -> None:
    with here.app.store.database.write() as session:
        session.run("UPDATE outgoing SET uncertain_since = uncertain_since - 7200 WHERE id = ?", (mail,))


def test_a_last_recipient_in_doubt_is_called_sent_and_gets_no_second(run: Run) -> None:
    """One has the mail; the process died at the dot for the other, who had been put off before."""

    async def story(here: Office) -> None:
        mail = here.queue(1, ANNA, BEN)
        await here.deliver()
        assert [one.recipients for one in here.sink.received] == [(ANNA,)]
        here.sink.replies = {".": Play(None, Then.RESET, takes=True)}
        retry(here.app, mail.id)
        assert (await here.deliver()).uncertain == 1
        here.sink.replies.clear()
        append(here.app, here.account, "INBOX", raw_mail(1))
        await here.deliver()
        assert here.state(mail) is SendState.UNCERTAIN, "the copy that was found may be of the first"
        resolve(here.app, mail.id, sent=True)
        await here.deliver()
        assert here.state(mail) is SendState.DONE
        assert [one.recipients for one in here.sink.received] == [(ANNA,), (BEN,)]

    run(story, replies={f"RCPT {BEN}": "450 4.2.0 Greylisted"})


def test_a_server_that_takes_mail_and_says_nothing_gets_no_more(run: Run) -> None:
    async def story(here: Office) -> None:
        mails = [here.queue(number) for number in range(40)]
        result = await here.deliver()
        assert result.problem is not None
        states = [here.state(mail) for mail in mails]
        assert set(states) == {SendState.UNCERTAIN, SendState.ACCEPTED}
        assert states.count(SendState.UNCERTAIN) == result.uncertain <= Window().mails
        assert len(here.sink.received) == 1

    run(story, replies={".": Play(None, Then.RESET, takes=True)})


def test_recipients_that_do_not_fit_have_their_turn_before_those_put_off(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1, ANNA, BEN, "carla@example.net")
        await here.deliver()
        assert [one.recipients for one in here.sink.received] == [("carla@example.net",)]
        found = here.app.store.outbox.get(mail.id)
        assert found.state is SendState.DEFERRED
        assert found.not_before > here.app.clock.now() + 40
        assert [one.attempts for one in found.recipients] == [1, 1, 1]

    greylisted = "450 4.2.0 Greylisted"
    run(story, limits=("RCPTMAX=2",), replies={f"RCPT {ANNA}": greylisted, f"RCPT {BEN}": greylisted})


def test_no_copy_where_none_is_wanted(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1, handling=Handling(keep_copy=False))
        assert here.app.store.outbox.get(mail.id).copy is Copy.NONE
        await here.deliver()
        assert (here.state(mail), here.sent_copies()) == (SendState.DONE, [])

    run(story)


def test_stopped_in_the_middle_nothing_is_lost_or_doubled(run: Run) -> None:
    async def story(here: Office) -> None:
        for number in range(60):
            here.queue(number)
        delivery = Delivery(here.app, here.account, HostBudget(5))
        task = asyncio.create_task(delivery.run())
        await until(lambda: bool(here.sink.received))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        states = {one.state for one in here.app.store.outbox.all(limit=100)}
        assert not states & {SendState.CLAIMED, SendState.DATA_OPEN, SendState.DOT_SENT}
        await here.deliver()
        uncertain = here.app.store.outbox.all(states=[SendState.UNCERTAIN], limit=100)
        received = [got.data for got in here.sink.received]
        assert len(received) == len(set(received))
        assert len(received) >= 60 - len(uncertain)
        follow_up(here.app, here.account)

    run(story)


def test_a_server_of_this_machine_that_asks_for_no_login_gets_none(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        await here.deliver()
        assert here.state(mail) is SendState.DONE
        assert here.sink.received[0].user == ""
        assert not any(line.upper().startswith(b"AUTH") for line in here.sink.heard)

    run(story, accounts={}, login_needed=False)


def test_a_provider_that_files_copies_itself_gets_none_from_us(run: Run) -> None:
    async def story(here: Office) -> None:
        gmail = replace(here.account, smtp=Server("smtp.gmail.com", 465, Security.TLS))
        mail = queue_mail(here.app, gmail, raw_mail(1), Envelope(ADDRESS, (ANNA,)))
        assert mail.copy is Copy.PROVIDER
        assert here.queue(2).copy is Copy.WANTED

    run(story)


def test_a_providers_limits_hold_mail_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Sending("test", date(2026, 11, 27), messages_per_hour=3)
    monkeypatch.setattr(deliver, "sending_of", lambda account: limits)

    async def story(here: Office) -> None:
        mails = [here.queue(number) for number in range(5)]
        result = await here.deliver()
        assert result.sent == 3
        assert result.next_at is not None
        assert 3500 < result.next_at - here.app.clock.now() <= 3600
        assert [here.state(mail) for mail in mails[3:]] == [SendState.ACCEPTED] * 2
        assert (await here.deliver()).sent == 0

    run(story)


def test_a_pause_ends_when_the_server_lets_the_account_in_again(run: Run) -> None:
    async def story(here: Office) -> None:
        mail = here.queue(1)
        assert (await here.deliver()).paused
        here.sink.accounts = {ADDRESS: PASSWORD}
        with here.app.store.database.write() as session:
            session.run("UPDATE sending_pause SET next_try = 0")
        assert (await here.deliver()).sent == 1
        assert here.state(mail) is SendState.DONE
        assert here.app.store.sending_pauses.of(here.account.id) is None

    run(story, accounts={ADDRESS: "another"})


def test_a_limit_that_is_used_up_holds_all_mail_of_the_account(run: Run) -> None:
    async def story(here: Office) -> None:
        for number in range(40):
            here.queue(number)
        result = await here.deliver()
        asked = sum(line.upper().startswith(b"RCPT") for line in here.sink.heard)
        assert asked < 10, "the others are not tried against the same wall"
        assert result.paused
        pause = here.app.store.sending_pauses.of(here.account.id)
        assert pause is not None
        assert pause.next_try is not None
        assert 3000 < pause.next_try - here.app.clock.now() < 4000
        assert (await here.deliver()).paused

    plain = {"extensions": ("8BITMIME",)}  # one mail after the other
    limit = "450 Requested mail action not taken: Mail send limit exceeded."
    run(story, replies={f"RCPT {ANNA}": limit}, **plain)
