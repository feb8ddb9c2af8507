"""Sending, as people and scripts ask for it: a mail is queued, and what waits can be cancelled, tried
again or settled. Nothing here speaks to a server; `deliver` does.

Once `queue_mail` has returned, the mail is on disk and never lost. It must never be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from eilbote.delivery.recovery import as_sent, as_unsent
from eilbote.delivery.values import (
    ENDED,
    WAITING,
    Copy,
    Options,
    Outgoing,
    Policy,
    Recipient,
    RecipientState,
    SendState,
    Submission,
)
from eilbote.engine.accounts import find_account
from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.errors import Misused, NotAllowed
from eilbote.mail.message import read_source, resent_id
from eilbote.providers.table import provider_at
from eilbote.providers.values import Sending
from eilbote.store.outgoing_attempts import Attempt
from eilbote.store.sending_pauses import Pause
from eilbote.store.values import Account

LARGEST = 150 << 20
MOST_RECIPIENTS = 5000


class Envelope(Struct, frozen=True):
    """From whom and for whom a mail goes, which its header need not say."""

    sender: str
    recipients: tuple[str, ...]


class Handling(Struct, frozen=True):
    """How a mail is to be sent. `at`: seconds since 1970, not before; `delay`: seconds in which it can
    still be taken back. `key`: two mails with the same key are one. `answers`: the message here that it
    answers or forwards, and `marks` the flag which that gets when this one is out."""

    at: float = 0.0
    delay: float = 0.0
    policy: Policy = Policy.ASK
    keep_copy: bool = True
    key: str = ""
    options: Options = Options()
    answers: int = 0
    marks: str = ""


AT_ONCE = Handling()


def queue_mail(
    app: App,
    account: Account,
    raw: bytes,
    envelope: Envelope,
    handling: Handling = AT_ONCE,
    *,
    origin: Origin = Origin.USER,
) -> Outgoing:
    """Puts a mail into the outbox of an account. Returns it with its number; it is on disk then.

    Raises Misused `send.no_server`, `send.nobody`, `send.too_many`, `send.too_large`, `send.empty`;
    NotAllowed `send.key_reused`, `act.not_allowed`.
    """
    return queue_mails(app, account, [(raw, envelope)], handling, origin=origin)[0]


def queue_mails(
    app: App,
    account: Account,
    mails: Sequence[tuple[bytes, Envelope]],
    handling: Handling = AT_ONCE,
    *,
    origin: Origin = Origin.USER,
) -> list[Outgoing]:
    """Several at once, all of them or none; see `queue_mail`."""
    made = submissions(app, account, mails, handling, origin=origin)
    return app.store.outbox.add(made, app.clock.now())


def submissions(
    app: App,
    account: Account,
    mails: Sequence[tuple[bytes, Envelope]],
    handling: Handling = AT_ONCE,
    *,
    origin: Origin = Origin.USER,
) -> list[Submission]:
    """Mails as the outbox takes them, not queued yet; raises as `queue_mail`."""
    check_allowed(origin, Act.SEND)
    if not account.can_send:
        raise Misused("send.no_server", address=account.address)
    now = app.clock.now()
    grants = sending_of(account)
    made = [_submission(account, raw, envelope, handling, grants, origin, now) for raw, envelope in mails]
    if account.direct:
        from eilbote.engine.dkim import signed  # noqa: PLC0415  # few accounts sign

        made = [
            replace(one, raw=signed(app, account, one.raw), digest=sha256(one.raw).digest()) for one in made
        ]
    return made


def sending_of(account: Account) -> Sending | None:
    """What is known of the submission server of this account, None: nothing."""
    provider = provider_at(account.smtp.host, account.smtp.port) if account.smtp is not None else None
    return provider.sending if provider is not None else None


# --- looking ---


class Detail(Struct, frozen=True):
    """A mail in the outbox with the dialogues of its attempts, and why its account's sending waits."""

    mail: Outgoing
    attempts: list[Attempt]
    pause: Pause | None


def list_outbox(
    app: App, account: str | None = None, *, limit: int = 50, open_only: bool = False
) -> list[Outgoing]:
    """The newest first; `open_only`: without what has ended."""
    chosen = None if account is None else find_account(app, account).id
    states = [state for state in SendState if state not in ENDED] if open_only else None
    return app.store.outbox.all(chosen, states=states, limit=limit)


def show_outgoing(app: App, mail: int) -> Detail:
    """Raises Gone `send.unknown`."""
    found = app.store.outbox.get(mail)
    return Detail(found, app.store.outgoing_attempts.of(mail), app.store.sending_pauses.of(found.account))


# --- deciding ---


def cancel(app: App, mail: int) -> Outgoing:
    """Takes back a mail of which no server has heard. NotAllowed `send.wrong_state` otherwise."""

    def unsent(found: Outgoing) -> tuple[Recipient, ...]:
        if any(one.state is RecipientState.SENT for one in found.recipients):
            raise NotAllowed("send.partly_sent", id=mail)
        return found.recipients

    before = (*WAITING, SendState.HELD, SendState.FAILED)
    return app.store.outbox.change(mail, before, SendState.CANCELLED, app.clock.now(), recipients=unsent)


def retry(app: App, mail: int) -> Outgoing:
    """Sends a waiting or failed mail as soon as possible, to the recipients that do not have it; a
    pause of its account ends. NotAllowed `send.wrong_state`."""

    def fresh(found: Outgoing) -> tuple[Recipient, ...]:
        return tuple(
            one if one.state is RecipientState.SENT else Recipient(one.address) for one in found.recipients
        )

    found = app.store.outbox.retry(mail, fresh, app.clock.now())
    app.store.sending_pauses.resume(found.account)
    return found


def resolve(app: App, mail: int, *, sent: bool) -> Outgoing:
    """A person's word about an uncertain mail: it arrived (`sent`), or it is to be sent once more, with
    the same Message-ID and bytes. NotAllowed `send.wrong_state`."""
    found, now = app.store.outbox.get(mail), app.clock.now()
    after, recipients = as_sent(found) if sent else (SendState.ACCEPTED, as_unsent(found))
    return app.store.outbox.change(
        mail,
        (SendState.UNCERTAIN,),
        after,
        now,
        recipients=lambda _: recipients,
        not_before=now,
        resent=not sent,
    )


def resume(app: App, address: str) -> bool:
    """Sending of an account goes on at once; False where it did not wait."""
    return app.store.sending_pauses.resume(find_account(app, address).id)


def _submission(
    account: Account,
    raw: bytes,
    envelope: Envelope,
    handling: Handling,
    grants: Sending | None,
    origin: Origin,
    now: float,
) -> Submission:
    if not raw.strip():
        raise Misused("send.empty")
    if not envelope.recipients:
        raise Misused("send.nobody")
    if len(envelope.recipients) > MOST_RECIPIENTS:
        raise Misused("send.too_many", count=len(envelope.recipients), limit=MOST_RECIPIENTS)
    largest = min(LARGEST, (grants and grants.largest_message) or LARGEST)
    if len(raw) > largest:
        raise Misused("send.too_large", size=len(raw), limit=largest)
    source = read_source(raw)
    files_itself = grants is not None and grants.files_sent_copy
    copy = Copy.NONE if not handling.keep_copy else Copy.PROVIDER if files_itself else Copy.WANTED
    return Submission(
        account=account.id,
        sender=envelope.sender,
        recipients=envelope.recipients,
        raw=raw,
        message_id=resent_id(raw) or source.message_id,
        subject=source.decoded().subject[:1000],
        not_before=max(handling.at, now + handling.delay) if handling.at or handling.delay else 0.0,
        policy=handling.policy,
        copy=copy,
        key=handling.key,
        origin=origin.value,
        options=handling.options,
        answers=handling.answers,
        marks=handling.marks,
    )
