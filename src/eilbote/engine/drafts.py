"""Drafts: saved in the account's mailbox for them, where every device finds them, edited, and sent.

A draft is never changed, as no mail is: the edited one is put beside it, then the old one goes. It goes,
too, when it is sent; it is queued once, however often that is tried.
"""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from eilbote.delivery.values import Outgoing
from eilbote.engine import act
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.engine.read import checked_id
from eilbote.engine.send import AT_ONCE, Envelope, Handling, queue_mail
from eilbote.engine.sent import role_mailbox
from eilbote.engine.write import Letter, Queued, changed_by, first_draft, stamp_for, warnings_about
from eilbote.errors import Misused, Problem
from eilbote.mail.compose import MARKDOWN_FIELD, compose
from eilbote.mail.draft import Composed, Draft
from eilbote.mail.draft_reading import SavedDraft, read_draft
from eilbote.mail.headers import split_headers
from eilbote.mail.mailbox import ANSWERED, DRAFT, SEEN, SpecialUse
from eilbote.mail.message import Message, parse_message, read_source
from eilbote.mail.submission import submitted
from eilbote.mail.uploading import ready_to_upload
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, Mailbox, Placement

# What is made anew when a draft is sent as it lies there.
_ANEW = re.compile(
    rb"^(?:Date|Message-ID|" + MARKDOWN_FIELD.encode() + rb")[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)


class Saved(Struct, frozen=True):
    """A draft that lies here and goes to the server at the next pass: the mail's id and Message-ID."""

    message: int
    message_id: str
    warnings: tuple[Problem, ...] = ()


def save_draft(app: App, letter: Letter) -> Saved:
    """Saves what is written, Bcc included; instead of the draft that `letter` goes on with, if it names one.

    Raises as `write_mail`, but nobody needs to get it yet; Misused `draft.none`."""
    if letter.redirects:
        raise Misused("draft.redirect")
    warnings: tuple[Problem, ...] = ()
    if letter.draft:
        account, saved, _ = opened_draft(app, letter.draft)
        draft, warnings = changed_by(letter, saved.draft), _losses(saved)
    else:
        account, draft, _ = first_draft(app, letter)
    composed = compose(draft, stamp_for(app, account, draft.identity.address), keep_bcc=True)
    mailbox = draft_mailbox(app, account)
    message, _ = act.append(app, account, mailbox.name, composed.raw, (DRAFT, SEEN))
    if letter.draft:
        act.delete(app, [checked_id(letter.draft)], for_good=True)
    return Saved(message, composed.message_id, warnings)


def draft_mailbox(app: App, account: Account) -> Mailbox:
    """Where the account's drafts lie; made where there is none."""
    return role_mailbox(app, account, SpecialUse.DRAFTS, "Drafts")


def draft_arrival(app: App, account: Account, draft: Draft) -> Arrival:
    """A draft as the mail that lies in its mailbox, Bcc included. Misused `compose.*`."""
    composed = compose(draft, stamp_for(app, account, draft.identity.address), keep_bcc=True)
    raw = ready_to_upload(composed.raw, end_last_line=True)
    flags = frozenset({DRAFT, SEEN})
    return Arrival(0, flags, app.clock.now(), 0, raw, prepared_mail(raw, read_source(raw)))


def send_draft(app: App, letter: Letter, handling: Handling = AT_ONCE) -> Queued:
    """Queues the draft that `letter` names, with the changes that it gives, and deletes it (undo brings it
    back). Tried again after an interruption it is queued no second time. Raises as `write_mail`, Misused
    `draft.none`."""
    number = checked_id(letter.draft)
    account, saved, message = opened_draft(app, letter.draft)
    key = handling.key or f"draft:{number}"
    draft = changed_by(letter, saved.draft)
    stamp = stamp_for(app, account, draft.identity.address, key)
    composed: Composed
    if saved.loses_layout and draft == saved.draft:
        composed = submitted(_without_stamp(message.raw), draft.identity, stamp, from_header=True)
        warnings: tuple[Problem, ...] = ()
    else:
        composed, warnings = compose(draft, stamp), _losses(saved)
    answers = answered_by(app, account, draft)
    handling = replace(handling, key=key, answers=answers, marks=ANSWERED if answers else "")
    envelope = Envelope(composed.sender, composed.recipients)
    queued: Outgoing = queue_mail(app, account, composed.raw, envelope, handling)
    act.delete(app, [number], for_good=True)
    return Queued(queued, (*warnings, *warnings_about(app, account, draft)))


def is_draft(app: App, mail: Placement) -> bool:
    """Whether a mail is one that is being written: marked so, or among the drafts."""
    mailbox = app.store.mailboxes.find(mail.account, mail.mailbox)
    return DRAFT in mail.flags or (mailbox is not None and mailbox.role is SpecialUse.DRAFTS)


def opened_draft(app: App, draft: str) -> tuple[Account, SavedDraft, Message]:
    """A draft of any program, read so that writing can go on, and whose it is.

    Gone `store.no_message`, `store.headers_only`; Misused `draft.none` for mail that is no draft."""
    number = checked_id(draft)
    places = app.store.messages.get(number)
    account = app.store.accounts.get(places[0].account)
    if not any(is_draft(app, one) for one in places):
        raise Misused("draft.none", id=draft)
    message = parse_message(app.store.messages.whole(number))
    return account, read_draft(message, identities_of(app, account)), message


def _losses(saved: SavedDraft) -> tuple[Problem, ...]:
    return (Problem("draft.layout_lost"),) if saved.loses_layout else ()


def _without_stamp(raw: bytes) -> bytes:
    start, end, _ = split_headers(raw, 0, len(raw))
    return _ANEW.sub(b"", raw[start:end]) + raw[end:]


def answered_by(app: App, account: Account, draft: Draft) -> int:
    """The mail here that a draft answers, whatever program it was written with; 0: none."""
    if not draft.in_reply_to:
        return 0
    found = app.store.messages.with_message_id(account.id, draft.in_reply_to)
    return found[0].id if found else 0
