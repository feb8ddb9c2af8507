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


def settle_uncertain(mail: Outgoing, found: bool, now: float, looked: float) -> Settlement:
    """`found`: the mail itself lies somewhere only a server that took it can have put it. `looked`: when
    the account's mailboxes were last read completely; that has to be after the time of looking.

    Under `resend` it goes out once more, with the same Message-ID and bytes, after the time of looking;
    a second uncertainty asks a person."""
    if found:
        return Settlement.SENT
    if min(now, looked) < mail.uncertain_since + LOOKING:
        return Settlement.LOOK_AGAIN
    if mail.policy is Policy.RESEND and not mail.resent:
        return Settlement.RESEND
    return Settlement.ASK


def as_sent(mail: Outgoing) -> tuple[SendState, tuple[Recipient, ...]]:
    """An uncertain mail of which it is known now that the server has it: whoever was taken in that
    attempt has the mail; the others are still to get it."""
    recipients = _in_doubt_as(mail, RecipientState.SENT)
    waiting = any(one.state in (RecipientState.WAITING, RecipientState.DEFERRED) for one in recipients)
    return SendState.DEFERRED if waiting else SendState.SENT, recipients


def as_unsent(mail: Outgoing) -> tuple[Recipient, ...]:
    """The recipients of an uncertain mail that is to go out once more."""
    return _in_doubt_as(mail, RecipientState.WAITING)


def in_doubt(mail: Outgoing) -> frozenset[str]:
    """For whom the attempt was of which nobody knows how it ended."""
    taken = frozenset(one.address for one in mail.recipients if one.state is RecipientState.TAKEN)
    # A process that died at the dot kept no word on the only recipient of a mail.
    return taken or frozenset(
        one.address
        for one in mail.recipients
        if one.state in (RecipientState.WAITING, RecipientState.DEFERRED)
    )


def can_be_proven(mail: Outgoing) -> bool:
    """Whether finding the mail somewhere says anything: where a server took it before for others, that
    may be what was found."""
    return not any(one.state is RecipientState.SENT or one.report for one in mail.recipients)


def _in_doubt_as(mail: Outgoing, state: RecipientState) -> tuple[Recipient, ...]:
    doubtful = in_doubt(mail)
    return tuple(replace(one, state=state) if one.address in doubtful else one for one in mail.recipients)
