"""What a server's answers mean: the table of sending, row by row."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.delivery.outcome import DAILY_PAUSE, RATE_PAUSE, Meaning, meaning_of, settle
from eilbote.delivery.retry import LIFETIME
from eilbote.delivery.values import (
    Answer,
    Copy,
    Ended,
    Outgoing,
    Phase,
    Policy,
    Recipient,
    RecipientState,
    SendState,
)
from eilbote.errors import Problem

NOW = 1_790_000_000.0
ANNA, BEN = "anna@example.org", "ben@example.com"
YES = Answer(250, "2.1.5", "Ok")
TAKEN = Answer(250, "2.0.0", "Ok: queued as 4XyZ")
LATER = Answer(450, "4.2.0", "Greylisted, try again in 300 seconds")
NEVER = Answer(550, "5.1.1", "No such user here")


def mail(*recipients: Recipient | str, attempts: int = 0, created: float = NOW) -> Outgoing:
    return Outgoing(
        id=1,
        account=1,
        state=SendState.CLAIMED,
        message_id="1@example.org",
        sender="max@example.org",
        subject="",
        size=1,
        sha256=b"",
        recipients=tuple(one if isinstance(one, Recipient) else Recipient(one) for one in recipients),
        not_before=0.0,
        created=created,
        touched=created,
        begins=created,
        policy=Policy.ASK,
        copy=Copy.WANTED,
        attempts=attempts,
    )


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(250, "", "Ok"), Meaning.YES),
        (Answer(354, "", "go ahead"), Meaning.LATER),
        (Answer(421, "4.7.0", "Try again later, closing connection"), Meaning.LATER),
        (Answer(450, "4.2.1", "The user is receiving mail too quickly"), Meaning.LATER),
        (Answer(452, "4.2.2", "over quota"), Meaning.LATER),
        (Answer(452, "4.5.3", "too many recipients"), Meaning.SPLIT),
        (Answer(452, "", "too many recipients"), Meaning.SPLIT),
        (Answer(552, "", "too many recipients"), Meaning.SPLIT),
        (Answer(552, "5.2.2", "mailbox full"), Meaning.NEVER),
        (Answer(552, "5.3.4", "Message size exceeds fixed limit"), Meaning.NEVER),
        (Answer(550, "5.1.1", "unknown"), Meaning.NEVER),
        (Answer(550, "4.7.1", "come back"), Meaning.LATER),
        (Answer(450, "5.1.1", "unknown"), Meaning.NEVER),
        (Answer(550, "5.5.0", "Service unavailable"), Meaning.ONCE_MORE),
        (Answer(503, "5.5.1", "Bad sequence of commands"), Meaning.LATER),
        (Answer(535, "5.7.8", "not accepted"), Meaning.LOGIN),
        (Answer(530, "5.7.57", "Client not authenticated to send mail"), Meaning.LOGIN),
        (Answer(550, "5.7.30", "Basic authentication is not supported"), Meaning.LOGIN),
        (Answer(454, "4.7.0", "Too many login attempts"), Meaning.LATER),
        (Answer(450, "", "Requested mail action not taken: Mail send limit exceeded."), Meaning.LIMIT),
        (Answer(550, "5.4.5", "Daily user sending limit exceeded"), Meaning.LIMIT),
        (Answer(521, "", "over the limit"), Meaning.LIMIT),
        (Answer(553, "5.7.1", "Sender address rejected: not owned by user"), Meaning.NEVER),
        (Answer(554, "5.7.1", "Relay access denied"), Meaning.NEVER),
    ],
)
def test_what_an_answer_means(answer: Answer, meaning: Meaning) -> None:
    assert meaning_of(answer) is meaning


def test_taken_for_all() -> None:
    settled = settle(mail(ANNA, BEN), Ended(Phase.ANSWERED, {ANNA: YES, BEN: YES}, TAKEN), NOW, 0.5)
    assert settled.state is SendState.SENT
    assert [one.state for one in settled.recipients] == [RecipientState.SENT] * 2
    assert [one.attempts for one in settled.recipients] == [1, 1]
    assert settled.queue_id == "Ok: queued as 4XyZ"
    assert settled.problem is None


def test_one_recipient_waits_the_others_have_it() -> None:
    ended = Ended(Phase.ANSWERED, {ANNA: YES, BEN: LATER}, TAKEN)
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert [one.state for one in settled.recipients] == [RecipientState.SENT, RecipientState.DEFERRED]
    assert settled.not_before == NOW + 60.0
    assert settled.problem == Problem(
        "send.refused_recipient",
        {"code": "450", "enhanced": "4.2.0", "text": LATER.text, "address": BEN},
    )
    again = settle(
        mail(*settled.recipients, attempts=1), Ended(Phase.ANSWERED, {BEN: YES}, TAKEN), NOW + 60, 0.5
    )
    assert again.state is SendState.SENT
    assert [one.attempts for one in again.recipients] == [1, 2]


def test_one_recipient_is_unknown_the_others_have_it() -> None:
    ended = Ended(Phase.ANSWERED, {ANNA: YES, BEN: NEVER}, TAKEN)
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.SENT
    assert [one.state for one in settled.recipients] == [RecipientState.SENT, RecipientState.FAILED]
    assert settled.problem is not None
    assert settled.problem.parameters["address"] == BEN


def test_nobody_takes_it() -> None:
    ended = Ended(Phase.DATA, {ANNA: NEVER}, Answer(554, "5.5.1", "no valid recipients"))
    settled = settle(mail(ANNA), ended, NOW, 0.5)
    assert settled.state is SendState.FAILED
    assert settled.recipients[0].answer == NEVER


def test_the_sender_is_refused() -> None:
    refused = Answer(550, "5.7.60", "SendAsDenied")
    settled = settle(mail(ANNA, BEN), Ended(Phase.ENVELOPE, {}, refused), NOW, 0.5)
    assert settled.state is SendState.FAILED
    assert {one.answer for one in settled.recipients} == {refused}


@pytest.mark.parametrize(("code", "state"), [(451, SendState.DEFERRED), (554, SendState.FAILED)])
def test_an_answer_after_the_dot_decides(code: int, state: SendState) -> None:
    ended = Ended(Phase.ANSWERED, {ANNA: YES}, Answer(code, "", "no"))
    settled = settle(mail(ANNA), ended, NOW, 0.5)
    assert settled.state is state
    assert settled.queue_id == "no" if state is SendState.SENT else True


def test_silence_after_the_dot_is_uncertain_for_those_who_were_taken() -> None:
    lost = Problem("net.lost")
    carla = "carla@example.com"
    ended = Ended(Phase.DOT, {ANNA: YES, BEN: NEVER, carla: LATER}, problem=lost)
    settled = settle(mail(ANNA, BEN, carla), ended, NOW, 0.5)
    assert settled.state is SendState.UNCERTAIN
    states = [one.state for one in settled.recipients]
    assert states == [RecipientState.TAKEN, RecipientState.FAILED, RecipientState.DEFERRED]
    assert settled.problem == lost


@pytest.mark.parametrize("phase", [Phase.ENVELOPE, Phase.DATA])
def test_the_line_breaks_before_the_dot(phase: Phase) -> None:
    ended = Ended(phase, {ANNA: YES, BEN: NEVER}, problem=Problem("net.lost", retry_after=10.0))
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert [one.state for one in settled.recipients] == [RecipientState.DEFERRED, RecipientState.FAILED]
    assert settled.not_before == NOW + 60.0


def test_no_connection_is_tried_again_and_names_why() -> None:
    settled = settle(mail(ANNA), Ended(Phase.CONNECT, {}, problem=Problem("net.refused")), NOW, 0.0)
    assert settled.state is SendState.DEFERRED
    assert settled.not_before == NOW + 48.0
    assert settled.recipients[0].attempts == 0
    assert settled.burns_attempt


def test_a_refused_login_pauses_the_queue_and_burns_nothing() -> None:
    for ended in (
        Ended(Phase.LOGIN, {}, problem=Problem("smtp.login_refused")),
        Ended(Phase.ENVELOPE, {}, Answer(530, "5.7.0", "Authentication required")),
    ):
        settled = settle(mail(ANNA), ended, NOW, 0.5)
        assert settled.state is SendState.DEFERRED
        assert settled.pauses_queue
        assert not settled.burns_attempt
        assert settled.recipients == (Recipient(ANNA),)


def test_too_many_recipients_go_on_at_once() -> None:
    split = Answer(452, "4.5.3", "too many recipients")
    settled = settle(mail(ANNA, BEN), Ended(Phase.ANSWERED, {ANNA: YES, BEN: split}, TAKEN), NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert settled.not_before == NOW
    assert not settled.burns_attempt


def test_recipients_that_were_not_asked_about_go_on_at_once() -> None:
    ended = Ended(Phase.ANSWERED, {ANNA: YES}, TAKEN, asked=(ANNA,))
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert settled.not_before == NOW
    assert settled.recipients[1] == Recipient(BEN)


def test_nobody_has_it_of_whom_nothing_was_said() -> None:
    settled = settle(mail(ANNA, BEN), Ended(Phase.ANSWERED, {ANNA: YES}, TAKEN), NOW, 0.5)
    assert [one.state for one in settled.recipients] == [RecipientState.SENT, RecipientState.DEFERRED]


def test_silence_after_a_chunk_leaves_everybody_in_doubt_who_was_asked() -> None:
    """With BDAT the answers to RCPT come behind the mail: the line may die between two of them."""
    carla = "carla@example.com"
    ended = Ended(Phase.DOT, {ANNA: YES}, problem=Problem("net.lost"), asked=(ANNA, BEN))
    settled = settle(mail(ANNA, BEN, carla), ended, NOW, 0.5)
    assert settled.state is SendState.UNCERTAIN
    states = [one.state for one in settled.recipients]
    assert states == [RecipientState.TAKEN, RecipientState.TAKEN, RecipientState.WAITING]


@pytest.mark.parametrize(("code", "state"), [(552, SendState.FAILED), (452, SendState.DEFERRED)])
def test_too_much_is_too_many_recipients_only_where_a_recipient_is_named(code: int, state: SendState) -> None:
    for phase in (Phase.ANSWERED, Phase.DATA):
        settled = settle(mail(ANNA), Ended(phase, {ANNA: YES}, Answer(code, "", "too much")), NOW, 0.5)
        assert settled.state is state
    named = settle(mail(ANNA), Ended(Phase.ENVELOPE, {ANNA: Answer(code, "", "too much")}), NOW, 0.5)
    assert named.state is SendState.DEFERRED


def test_the_rest_of_a_mail_is_not_tried_without_a_pause() -> None:
    """Others have the mail since an earlier attempt: "too many" is no reason to go on at once."""
    had = Recipient(ANNA, RecipientState.SENT)
    for answer in (Answer(452, "", "too many"), Answer(452, "4.2.2", "mailbox full")):
        settled = settle(mail(had, BEN), Ended(Phase.ENVELOPE, {BEN: answer}), NOW, 0.5)
        assert (settled.state, settled.not_before) == (SendState.DEFERRED, NOW + 60.0)
        assert settled.burns_attempt


def test_a_login_that_is_wanted_at_rcpt_pauses_the_queue_too() -> None:
    wanted = Answer(530, "5.7.0", "SMTP authentication is required")
    settled = settle(mail(ANNA, BEN), Ended(Phase.ENVELOPE, {ANNA: wanted, BEN: wanted}), NOW, 0.5)
    assert settled.pauses_queue
    assert not settled.burns_attempt
    assert settled.recipients == (Recipient(ANNA), Recipient(BEN))


def test_a_stranger_that_wants_a_login_refuses_this_mail_alone() -> None:
    wanted = Answer(530, "5.7.0", "Authentication required")
    for ended in (
        Ended(Phase.ENVELOPE, {}, wanted, logs_in=False),
        Ended(Phase.ENVELOPE, {ANNA: wanted}, logs_in=False),
    ):
        settled = settle(mail(ANNA), ended, NOW, 0.5)
        assert (settled.state, settled.pauses_queue) == (SendState.FAILED, False)


def test_a_sending_limit_is_not_hammered() -> None:
    hourly = Answer(450, "", "Requested mail action not taken: Mail send limit exceeded.")
    daily = Answer(550, "5.4.5", "Daily user sending limit exceeded")
    for answer, pause in ((hourly, RATE_PAUSE), (daily, DAILY_PAUSE)):
        settled = settle(mail(ANNA), Ended(Phase.ENVELOPE, {ANNA: answer}), NOW, 0.5)
        assert settled.state is SendState.DEFERRED
        assert settled.not_before == NOW + pause


def test_a_service_unavailable_gets_one_more_try() -> None:
    answer = Answer(550, "5.5.0", "Service unavailable")
    first = settle(mail(ANNA), Ended(Phase.ENVELOPE, {ANNA: answer}), NOW, 0.5)
    assert first.state is SendState.DEFERRED
    second = settle(mail(*first.recipients, attempts=1), Ended(Phase.ENVELOPE, {ANNA: answer}), NOW + 60, 0.5)
    assert second.state is SendState.FAILED


def test_after_five_days_it_is_given_up() -> None:
    old = NOW - LIFETIME
    settled = settle(mail(ANNA, created=old, attempts=40), Ended(Phase.ENVELOPE, {ANNA: LATER}), NOW, 0.5)
    assert settled.state is SendState.FAILED
    assert settled.recipients[0].state is RecipientState.FAILED
    unreachable = Ended(Phase.CONNECT, {}, problem=Problem("net.refused"))
    assert settle(mail(ANNA, created=old), unreachable, NOW, 0.5).state is SendState.FAILED


def test_given_up_for_one_it_stays_sent_for_the_other() -> None:
    has_it = replace(Recipient(ANNA), state=RecipientState.SENT)
    settled = settle(mail(has_it, BEN, created=NOW - LIFETIME), Ended(Phase.ENVELOPE, {BEN: LATER}), NOW, 0.5)
    assert settled.state is SendState.SENT
    assert [one.state for one in settled.recipients] == [RecipientState.SENT, RecipientState.FAILED]


def test_a_mail_that_the_server_cannot_be_given_fails_at_once() -> None:
    too_big = Problem("smtp.too_big", {"size": "9", "limit": "8"})
    settled = settle(mail(ANNA), Ended(Phase.CONNECT, {}, problem=too_big, hopeless=True), NOW, 0.5)
    assert settled.state is SendState.FAILED
    assert (settled.problem, settled.recipients[0].problem) == (too_big, too_big)


CARLA = "carla@example.net"
DEFERRED = replace(Recipient(CARLA), state=RecipientState.DEFERRED)


def only_anna(answer: Answer | None, phase: Phase = Phase.ANSWERED) -> Ended:
    """An attempt that was about one of several recipients."""
    told = {ANNA: YES} if answer is not None else {}
    problem = None if answer is not None else Problem("net.refused")
    return Ended(phase, told, answer, problem, asked=(ANNA,))


@pytest.mark.parametrize(
    ("ended", "anna"),
    [
        (only_anna(TAKEN), RecipientState.SENT),
        (only_anna(None, Phase.CONNECT), RecipientState.DEFERRED),
    ],
)
def test_an_attempt_for_some_lets_the_others_go_at_once(ended: Ended, anna: RecipientState) -> None:
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert (settled.not_before, settled.burns_attempt) == (NOW, False)
    assert settled.recipients[0].state is anna
    assert settled.recipients[0].problem == ended.problem
    assert settled.recipients[1] == Recipient(BEN)


def test_an_attempt_for_some_leaves_those_who_were_put_off_to_their_time() -> None:
    settled = settle(mail(ANNA, DEFERRED), only_anna(TAKEN), NOW, 0.5)
    assert settled.state is SendState.DEFERRED
    assert settled.not_before == NOW + 60.0
    assert [one.state for one in settled.recipients] == [RecipientState.SENT, RecipientState.DEFERRED]


def test_an_attempt_for_some_ends_the_mail_where_the_others_have_ended() -> None:
    has_it = replace(Recipient(BEN), state=RecipientState.SENT)
    lost = replace(Recipient(BEN), state=RecipientState.FAILED)
    refused = only_anna(Answer(554, "", "no"))
    assert settle(mail(ANNA, has_it), only_anna(TAKEN), NOW, 0.5).state is SendState.SENT
    assert settle(mail(ANNA, has_it), refused, NOW, 0.5).state is SendState.SENT
    assert settle(mail(ANNA, lost), refused, NOW, 0.5).state is SendState.FAILED


def test_an_attempt_for_some_that_nobody_answered_makes_the_mail_uncertain() -> None:
    ended = Ended(Phase.DOT, {ANNA: YES}, problem=Problem("net.lost"), asked=(ANNA,))
    settled = settle(mail(ANNA, BEN), ended, NOW, 0.5)
    assert settled.state is SendState.UNCERTAIN
    assert [one.state for one in settled.recipients] == [RecipientState.TAKEN, RecipientState.WAITING]
