"""Sending what was written on the page: once, however often it is tried and wherever that is cut off, and
taking it back into the editor. Nothing is forgotten before the mail has left.
"""

from __future__ import annotations

from msgspec.structs import replace

from eilbote.delivery.values import ENDED, Outgoing, SendState
from eilbote.engine import attached_files
from eilbote.engine.act import Origin
from eilbote.engine.app import App
from eilbote.engine.drafts import answered_by
from eilbote.engine.send import Envelope, Handling, cancel, queue_mail
from eilbote.engine.users import may_change
from eilbote.engine.write import FORWARDED, Queued, sending_time, stamp_for, warnings_about
from eilbote.engine.writings import Opened, opened, sender_of
from eilbote.engine.written import draft_to_keep, draft_to_send
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File
from eilbote.mail.identity import same_address
from eilbote.mail.mailbox import ANSWERED
from eilbote.store.values import Account, User
from eilbote.store.writings import Writing, WritingState

_KEEP_SECONDS = 7 * 24 * 3600.0
"""How long what was discarded can be brought back, and what was taken back goes on."""

_LEFT_ALONE_SECONDS = 30 * 24 * 3600.0
_SETTLING_SECONDS = 3600.0


def send_writing(app: App, user: User, writing: int, handling: Handling) -> Queued:
    """Queues the mail; it is on disk then, and its draft goes. Pressed twice it is queued once. A time that
    was typed takes the place of that in `handling`.

    Raises as `opened`, `sender_of` and `queue_mail`; Misused `compose.*`, `send.nobody`, `send.bad_time`,
    `send.past`; NotAllowed `draft.ended`; Gone `draft.file_gone`."""
    found = opened(app, user, writing)
    current = settled(app, found.writing)
    if current.state is WritingState.SENT:
        return Queued(app.store.outbox.get(current.outgoing))
    if current.state is WritingState.DISCARDED:
        raise NotAllowed("draft.ended")
    typed, begun = found.content.typed, found.content.begun
    account, identity = sender_of(app, user, typed)
    draft = attached_files.with_files(app, draft_to_send(found.content, identity), found.files)
    key = _key(current)
    if typed.at.strip():
        handling = replace(handling, at=sending_time(app, typed.at), delay=0.0)
    original = _original(app, user, account, found, draft)
    marks = (FORWARDED if begun.forwards else ANSWERED) if original else ""
    handling = replace(handling, key=key, answers=original, marks=marks)
    composed = compose(draft, stamp_for(app, account, identity.address, key))
    queued = queue_mail(app, account, composed.raw, Envelope(composed.sender, composed.recipients), handling)
    _ended(app, current, queued)
    return Queued(queued, warnings_about(app, account, draft))


def settled(app: App, writing: Writing) -> Writing:
    """The mail as it is now: one that was queued before something cut off what follows has been sent."""
    if writing.state is not WritingState.OPEN:
        return writing
    queued = app.store.outbox.of_key(writing.account, _key(writing))
    if queued is None:
        return writing
    _ended(app, writing, queued)
    return app.store.writings.get(writing.id)


def warnings_of(app: App, user: User, found: Opened) -> tuple[Problem, ...]:
    """What the writer may want to know while it can still be taken back."""
    account, identity = sender_of(app, user, found.content.typed)
    draft = draft_to_keep(found.content, identity)
    files = tuple(File(one.name, b"", one.type) for one in found.files)
    told = warnings_about(app, account, replace(draft, files=files))
    addressed = found.content.begun.addressed
    if addressed and same_address(addressed) != same_address(identity.address):
        parameters = {"address": identity.address, "addressed": addressed}
        told = (*told, Problem("compose.other_identity", parameters))
    return told


def outgoing_of(app: App, writing: Writing) -> Outgoing | None:
    """The mail in the outbox; None where it left so long ago that nothing is known of it any more."""
    try:
        return app.store.outbox.get(writing.outgoing)
    except Gone:
        return None


def written_as(app: App, user: User, mail: int) -> int:
    """What was written on the page and queued as this mail; 0 where there is nothing to go on with."""
    found = app.store.writings.find(outgoing=mail)
    return found.id if found is not None and may_change(user, found.account) else 0


def take_back(app: App, user: User, writing: int) -> None:
    """It is not sent, and is written on. NotAllowed `send.wrong_state`, `send.partly_sent` where it has
    left."""
    found = opened(app, user, writing).writing
    if found.state is not WritingState.SENT:
        return
    mail = outgoing_of(app, found)
    if mail is None:
        raise NotAllowed("draft.ended")
    if mail.state is not SendState.CANCELLED:
        cancel(app, mail.id)
    app.store.writings.reopen(writing, WritingState.SENT, app.clock.now())


def forget_ended(app: App) -> int:
    """Forgets what was sent or discarded and cannot come back, what was left alone and lies among the
    drafts, and files that nobody needs. Returns how many mails that were."""
    now, writings = app.clock.now(), app.store.writings
    ended = [one for one in writings.ended(now - _SETTLING_SECONDS) if _is_over(app, one, now)]
    over = [*ended, *writings.left_alone(now - _LEFT_ALONE_SECONDS)]
    writings.forget(over)
    attached_files.sweep(app)
    return len(over)


def _is_over(app: App, writing: Writing, now: float) -> bool:
    if now - writing.ended >= _KEEP_SECONDS and writing.state is WritingState.DISCARDED:
        return True
    if writing.state is not WritingState.SENT:
        return False
    mail = outgoing_of(app, writing)
    if mail is None:
        return True
    return mail.state is SendState.DONE or (mail.state in ENDED and now - writing.ended >= _KEEP_SECONDS)


def _ended(app: App, writing: Writing, queued: Outgoing) -> None:
    now = app.clock.now()
    gone = app.store.writings.end(writing.id, WritingState.SENT, Origin.USER.value, now, outgoing=queued.id)
    if gone:
        app.store.search.forget(gone, for_good=False)


def _key(writing: Writing) -> str:
    """Names the mail in the outbox; another one after it was taken back."""
    return f"writing:{writing.id}.{writing.sendings}"


def _original(app: App, user: User, account: Account, found: Opened, draft: Draft) -> int:
    """The mail here that gets a mark when this one is out; 0 where it is gone or may only be read."""
    begun = found.content.begun
    number = int(begun.answers or begun.forwards or 0) or answered_by(app, account, draft)
    places = app.store.messages.placements([number]) if number else []
    return number if any(may_change(user, one.account) for one in places) else 0
