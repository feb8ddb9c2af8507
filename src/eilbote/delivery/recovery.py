"""What a mail that was left in the middle of sending means, and how an uncertain one is settled.

The table of what is found at a restart: as long as the end of the mail was not about to be written the
server cannot have it; afterwards nobody knows, and it is never sent again without proof or permission.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec.structs import replace

from eilbote.delivery.values import Outgoing, Policy, Recipient, RecipientState, SendState

LOOKING = 600.0
"""Seconds for which the Sent mailbox, own copies and bounces are searched for an uncertain mail."""


class Settlement(Enum):
    """What becomes of an uncertain mail now."""

    SENT = auto()
    LOOK_AGAIN = auto()
    ASK = auto()
    RESEND = auto()


def found_at_restart(state: SendState) -> SendState:
    """The state in which a mail goes on that a process left behind in `state`."""
    match state:
        case SendState.CLAIMED | SendState.DATA_OPEN:
            return SendState.DEFERRED
        case SendState.DOT_SENT:
            return SendState.UNCERTAIN
        case _:
            return state


def settle_uncertain(mail: Outgoing, found: bool, now: float) -> Settlement:
    """`found`: the mail itself lies somewhere only a server that took it can have put it.

    Under `resend` it goes out once more, with the same Message-ID and bytes, after the time of looking;
    a second uncertainty asks a person."""
    if found:
        return Settlement.SENT
    if now - mail.uncertain_since < LOOKING:
        return Settlement.LOOK_AGAIN
    if mail.policy is Policy.RESEND and not mail.resent:
        return Settlement.RESEND
    return Settlement.ASK


def as_sent(mail: Outgoing) -> tuple[SendState, tuple[Recipient, ...]]:
    """An uncertain mail of which it is known now that the server has it: whoever was taken in that
    attempt has the mail; the others are still to get it."""
    recipients = tuple(
        replace(one, state=RecipientState.SENT) if one.state is RecipientState.TAKEN else one
        for one in mail.recipients
    )
    waiting = any(one.state in (RecipientState.WAITING, RecipientState.DEFERRED) for one in recipients)
    if waiting and any(one.state is RecipientState.SENT for one in recipients):
        return SendState.DEFERRED, recipients
    # A process that died at the dot kept no word on its only recipient.
    return SendState.SENT, tuple(
        replace(one, state=RecipientState.SENT) if one.state is not RecipientState.FAILED else one
        for one in recipients
    )


def as_unsent(mail: Outgoing) -> tuple[Recipient, ...]:
    """The recipients of an uncertain mail that is to go out once more."""
    return tuple(
        replace(one, state=RecipientState.WAITING) if one.state is RecipientState.TAKEN else one
        for one in mail.recipients
    )
