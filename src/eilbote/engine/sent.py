"""What follows a delivery: the copy in the Sent mailbox, the flag on the mail that was answered, delivery
reports, and the search for a mail of which nobody knows whether it was sent.

It must never send anything, and never make a second copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.delivery.recovery import (
    Settlement,
    as_sent,
    as_unsent,
    can_be_proven,
    settle_uncertain,
)
from eilbote.delivery.retry import NOTICES, notice_due
from eilbote.delivery.values import Copy, Outgoing, SendState
from eilbote.engine.act import Origin, mailbox_for
from eilbote.engine.app import App
from eilbote.engine.mailboxes import create_mailbox
from eilbote.engine.reports import match_reports
from eilbote.errors import Gone, Misused, Problem
from eilbote.mail.mailbox import SEEN, SpecialUse
from eilbote.mail.message import read_source
from eilbote.mail.uploading import ready_to_upload
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, Mailbox, Placement

SENT_NAME = "Sent"
_COPIES_AT_ONCE = 50
_BYTES_AT_ONCE = 32 << 20


def follow_up(app: App, account: Account) -> list[Outgoing]:
    """Does what is left to do for the account's sent and uncertain mails; cheap where there are none.
    Returns the uncertain ones for which a person is asked."""
    match_reports(app, account.id)
    unsettled = app.store.outbox.unsettled(account.id)
    if not unsettled:
        return []
    looked = _looked(app, account.id)
    asked = [mail for mail in unsettled if _settled_uncertain(app, mail, looked)]
    sent = [mail for mail in app.store.outbox.unsettled(account.id) if mail.state is SendState.SENT]
    for mail in sent:
        _mark_answered(app, mail)
    wanted = [mail for mail in sent if mail.copy is Copy.WANTED]
    for chunk in _chunks(wanted):
        _copy(app, account, chunk)
    app.store.outbox.finish(account.id, app.clock.now())
    return asked


def note_delays(app: App, account: int) -> list[Outgoing]:
    """Mails that have waited for a quarter of an hour, four hours or a day by now: each stage is told
    once."""
    now = app.clock.now()
    told: list[Outgoing] = []
    for mail in app.store.outbox.delayed(account, now - NOTICES[0]):
        stage = notice_due(mail.told, mail.begins, now)
        if stage > mail.told:
            app.store.outbox.note_told(mail.id, stage)
            told.append(mail)
    return told


def _looked(app: App, account: int) -> float:
    """When the mailboxes in which a sent mail may turn up were last read completely."""
    known = app.store.accounts.get(account)
    if known.imap is None and known.pop3 is None:
        return app.clock.now()  # they live only here
    return known.synced or 0.0


def _settled_uncertain(app: App, mail: Outgoing, looked: float) -> bool:
    """True where a person is to be asked about this mail."""
    if mail.state is not SendState.UNCERTAIN:
        return False
    outbox, now = app.store.outbox, app.clock.now()
    found = _evidence(app, mail)
    match settle_uncertain(mail, bool(found), now, looked):
        case Settlement.SENT:
            if any(_is_sent_mailbox(app, placement) for placement in found):
                outbox.copy_found(mail.id, now)
            state, recipients = as_sent(mail)
            outbox.change(
                mail.id, (SendState.UNCERTAIN,), state, now, recipients=lambda _: recipients, not_before=now
            )
        case Settlement.RESEND:
            outbox.change(
                mail.id,
                (SendState.UNCERTAIN,),
                SendState.ACCEPTED,
                now,
                recipients=as_unsent,
                not_before=now,
                resent=True,
                problem=Problem("send.resent"),
            )
        case Settlement.ASK:
            return True
        case Settlement.LOOK_AGAIN:
            pass
    return False


def _evidence(app: App, mail: Outgoing) -> list[Placement]:
    """Where the mail lies that only a server which took it can have put there: a sent copy of the
    provider's, or a copy that came in because the writer is among the recipients."""
    if not mail.message_id or not can_be_proven(mail):
        return []
    if len(app.store.outbox.of_message_id(mail.message_id)) > 1:
        return []  # a copy of another mail that has the same name says nothing
    drafts = {one.name for one in app.store.mailboxes.all(mail.account) if one.role is SpecialUse.DRAFTS}
    return [
        placement
        for placement in app.store.messages.with_message_id(mail.account, mail.message_id)
        if placement.mailbox not in drafts and placement.uid > 0
    ]


def _is_sent_mailbox(app: App, placement: Placement) -> bool:
    mailbox = app.store.mailboxes.find(placement.account, placement.mailbox)
    return mailbox is not None and mailbox.role in (SpecialUse.SENT, SpecialUse.ALL)


def _mark_answered(app: App, mail: Outgoing) -> None:
    """The mail that this one answers or forwards gets its flag, before the copy is made: once."""
    if not mail.marks or not mail.answers or mail.copy is Copy.MADE:
        return
    places = [
        (mailbox, uid)
        for mailbox, uid, _ in app.store.messages.places([mail.answers])
        if mail.marks not in app.store.messages.held_flags(mailbox).get(uid, frozenset())
    ]
    if places:
        app.store.journal.change_flags(
            places, frozenset({mail.marks}), frozenset(), Origin.USER.value, app.clock.now()
        )


def _copy(app: App, account: Account, mails: Sequence[Outgoing]) -> None:
    mailbox = sent_mailbox(app, account)
    now = app.clock.now()
    raws = app.store.outbox.raws([mail.id for mail in mails])
    copies: list[tuple[int, Arrival]] = []
    for mail in mails:
        raw = ready_to_upload(raws[mail.id], end_last_line=True)
        prepared = prepared_mail(raw, read_source(raw))
        copies.append((mail.id, Arrival(0, frozenset({SEEN}), mail.touched, 0, raw, prepared)))
    app.store.outbox.make_copies(mailbox.id, copies, "outbox", now)


def sent_mailbox(app: App, account: Account) -> Mailbox:
    """Where copies of sent mail belong; made where the account has no such mailbox."""
    return role_mailbox(app, account, SpecialUse.SENT, SENT_NAME)


def role_mailbox(app: App, account: Account, role: SpecialUse, name: str) -> Mailbox:
    """The account's mailbox with this role, else the one of this name; made where it has neither."""
    try:
        return mailbox_for(app, account.id, role)
    except Gone:
        named = app.store.mailboxes.find(account.id, name)
        try:
            return named or create_mailbox(app, account, name)
        except Misused:  # below the server's prefix it is there already
            return next(one for one in app.store.mailboxes.all(account.id) if one.name.endswith(name))


def _chunks(mails: Sequence[Outgoing]) -> list[list[Outgoing]]:
    chunks: list[list[Outgoing]] = []
    size = 0
    for mail in mails:
        size += mail.size
        if not chunks or len(chunks[-1]) >= _COPIES_AT_ONCE or size > _BYTES_AT_ONCE:
            chunks.append([])
            size = mail.size
        chunks[-1].append(mail)
    return chunks
