"""The outbox as a person looks at it and decides about it: only of accounts that the user may read, or
change.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from eilbote.delivery.values import WAITING, Outgoing, RecipientState, SendState
from eilbote.engine import send
from eilbote.engine.app import App
from eilbote.engine.users import accounts_of, may_change, may_read, readable_accounts
from eilbote.errors import Gone, NotAllowed
from eilbote.store.sending_pauses import Pause
from eilbote.store.values import Account, User

PAGE = 50
"""Mails of a page."""


class Decision(StrEnum):
    """What a person may say about a mail: send it as soon as possible; do not send it; it arrived, it is
    to go out once more (both of an uncertain one)."""

    SEND = "send"
    TAKE_BACK = "take-back"
    ARRIVED = "arrived"
    RESEND = "resend"


class OutboxPage(Struct, frozen=True):
    """A page of the outbox, newest first; `before` is where the next one begins, 0 at the end. `paused`:
    accounts whose sending waits, and why."""

    mails: tuple[Outgoing, ...]
    paused: tuple[tuple[Account, Pause], ...]
    before: int = 0


def change_marks(app: App, user: User) -> list[tuple[int, str, int, float]]:
    """Values that are others after any change of an outbox that the user may read."""
    return app.store.outbox.states([one.id for one in accounts_of(app, user)])


def outbox_page(app: App, user: User, before: int = 0) -> OutboxPage:
    """What is in the outboxes of the accounts that the user may read."""
    found: list[Outgoing] = []
    for account in readable_accounts(app, user):
        found += app.store.outbox.all(account.id if account else None, limit=PAGE + 1, before=before or None)
    found.sort(key=lambda one: -one.id)
    paused = [(one, app.store.sending_pauses.of(one.id)) for one in accounts_of(app, user)]
    shown = tuple(found[:PAGE])
    return OutboxPage(
        shown,
        tuple((account, pause) for account, pause in paused if pause is not None),
        shown[-1].id if len(found) > PAGE else 0,
    )


def readable_outgoing(app: App, user: User, mail: int) -> send.Detail:
    """Gone `send.unknown`, also where the user may not read it."""
    detail = send.show_outgoing(app, mail)
    if not may_read(user, detail.mail.account):
        raise Gone("send.unknown", id=mail)
    return detail


def decisions(user: User, mail: Outgoing) -> Sequence[Decision]:
    """What this user can decide about this mail now, the likeliest first."""
    if not may_change(user, mail.account):
        return ()
    partly = any(one.state is RecipientState.SENT for one in mail.recipients)
    match mail.state:
        case SendState.ACCEPTED | SendState.DEFERRED | SendState.HELD | SendState.FAILED:
            return (Decision.SEND,) if partly else (Decision.SEND, Decision.TAKE_BACK)
        case SendState.UNCERTAIN:
            return (Decision.ARRIVED, Decision.RESEND)
        case (
            SendState.CLAIMED
            | SendState.DATA_OPEN
            | SendState.DOT_SENT
            | SendState.SENT
            | SendState.DONE
            | SendState.CANCELLED
        ):
            return ()
    assert_never(mail.state)


def decide(app: App, user: User, mail: int, decision: Decision) -> Outgoing:
    """Gone `send.unknown`; NotAllowed `user.may_not_change`, `send.wrong_state`, `send.partly_sent`."""
    found = readable_outgoing(app, user, mail).mail
    _check_changeable(user, found.account)
    match decision:
        case Decision.SEND:
            return send.retry(app, mail)
        case Decision.TAKE_BACK:
            return send.cancel(app, mail)
        case Decision.ARRIVED:
            return send.resolve(app, mail, sent=True)
        case Decision.RESEND:
            return send.resolve(app, mail, sent=False)
    assert_never(decision)


def resume_sending(app: App, user: User, account: int) -> None:
    """Sending from an account goes on. Gone `account.unknown`, also where the user may not read it;
    NotAllowed `user.may_not_change`."""
    if account not in {one.id for one in accounts_of(app, user)}:
        raise Gone("account.unknown", name=str(account))
    _check_changeable(user, account)
    app.store.sending_pauses.resume(account)


def waits(mail: Outgoing) -> bool:
    """It goes out by itself later, and its time is known."""
    return mail.state in WAITING and mail.not_before > 0


def _check_changeable(user: User, account: int) -> None:
    if not may_change(user, account):
        raise NotAllowed("user.may_not_change")
