"""What is found at a restart, and how an uncertain mail is settled."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.delivery.recovery import (
    LOOKING,
    Settlement,
    as_sent,
    as_unsent,
    can_be_proven,
    found_at_restart,
    settle_uncertain,
)
from eilbote.delivery.values import Policy, Recipient, RecipientState, SendState
from tests.delivery.test_outcome import ANNA, NOW, mail


@pytest.mark.parametrize(
    ("found", "after"),
    [
        (SendState.CLAIMED, SendState.DEFERRED),
        (SendState.DATA_OPEN, SendState.DEFERRED),
        (SendState.DOT_SENT, SendState.UNCERTAIN),
        (SendState.SENT, SendState.SENT),
        (SendState.ACCEPTED, SendState.ACCEPTED),
    ],
)
def test_found_at_restart(found: SendState, after: SendState) -> None:
    assert found_at_restart(found) is after


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("resent", [False, True])
def test_an_uncertain_mail(policy: Policy, resent: bool) -> None:
    one = replace(mail(ANNA), policy=policy, resent=resent, uncertain_since=NOW)
    assert settle_uncertain(one, True, NOW, NOW) is Settlement.SENT
    assert settle_uncertain(one, True, NOW + LOOKING, NOW + LOOKING) is Settlement.SENT
    assert settle_uncertain(one, False, NOW + LOOKING - 1, NOW + LOOKING - 1) is Settlement.LOOK_AGAIN
    again = policy is Policy.RESEND and not resent
    expected = Settlement.RESEND if again else Settlement.ASK
    assert settle_uncertain(one, False, NOW + LOOKING, NOW + LOOKING) is expected


TAKEN = Recipient("a@example.com", RecipientState.TAKEN)
FAILED = Recipient("b@example.com", RecipientState.FAILED)
LATER = Recipient("c@example.com", RecipientState.DEFERRED)


def test_known_as_sent_it_is_sent_to_whom_the_server_had_taken() -> None:
    state, recipients = as_sent(mail(TAKEN, FAILED))
    assert state is SendState.SENT
    assert [one.state for one in recipients] == [RecipientState.SENT, RecipientState.FAILED]


def test_known_as_sent_it_still_goes_to_those_who_were_put_off() -> None:
    state, recipients = as_sent(mail(TAKEN, LATER))
    assert state is SendState.DEFERRED
    assert [one.state for one in recipients] == [RecipientState.SENT, RecipientState.DEFERRED]


def test_known_as_sent_after_a_crash_its_recipients_have_it() -> None:
    state, recipients = as_sent(mail(ANNA))
    assert state is SendState.SENT
    assert recipients[0].state is RecipientState.SENT


HAS_IT = Recipient("d@example.com", RecipientState.SENT)


def test_found_in_doubt_with_others_that_have_it_only_the_doubtful_are_sent() -> None:
    """The only one who was left of a mail, and a process that died at its dot."""
    state, recipients = as_sent(mail(HAS_IT, TAKEN, FAILED))
    assert state is SendState.SENT
    assert [one.state for one in recipients][:2] == [RecipientState.SENT] * 2
    state, recipients = as_sent(mail(HAS_IT, TAKEN, LATER))
    assert state is SendState.DEFERRED
    assert [one.state for one in recipients][1:] == [RecipientState.SENT, RecipientState.DEFERRED]


def test_a_copy_found_proves_nothing_where_others_had_the_mail_before() -> None:
    assert can_be_proven(mail(TAKEN, LATER, FAILED))
    assert not can_be_proven(mail(HAS_IT, TAKEN))


def test_sent_once_more_it_goes_to_nobody_who_was_refused() -> None:
    states = [one.state for one in as_unsent(mail(TAKEN, FAILED, LATER))]
    assert states == [RecipientState.WAITING, RecipientState.FAILED, RecipientState.DEFERRED]


def test_nothing_is_sent_again_before_the_mailboxes_were_read_once_more() -> None:
    one = replace(mail(ANNA), policy=Policy.RESEND, uncertain_since=NOW)
    later = NOW + 100 * LOOKING
    assert settle_uncertain(one, False, later, NOW + LOOKING - 1) is Settlement.LOOK_AGAIN
    assert settle_uncertain(one, False, later, NOW + LOOKING) is Settlement.RESEND
    assert settle_uncertain(one, True, later, 0.0) is Settlement.SENT
