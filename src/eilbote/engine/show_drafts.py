"""Puts what is written on the page into the mailbox for drafts, where every device finds it: not with every
key, but when its writer pauses, and now and then while they do not. What has waited longest goes first.

Killed at any step, the mailbox holds the draft before or the draft after, and the next look goes on.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from eilbote.engine import attached_files
from eilbote.engine.act import Origin
from eilbote.engine.app import App
from eilbote.engine.drafts import draft_arrival, draft_mailbox
from eilbote.engine.identities import sender_named
from eilbote.engine.writing_sent import forget_ended, settled
from eilbote.engine.written import draft_to_keep, read_content
from eilbote.errors import EilboteError, NotAllowed, Unreachable
from eilbote.store.writings import Writing, WritingState

LOOK_SECONDS = 1.0
_FORGET_EVERY = 3600

_PAUSE_SECONDS = 5.0
_SHORTEST_SECONDS = 30.0
_LONGEST_SECONDS = 90.0
_SECONDS_PER_MEGABYTE = 5.0
"""What is large is put there less often: it is stored and uploaded whole each time."""


async def keep_drafts_shown(app: App, closing: asyncio.Event) -> None:
    """Until `closing` is set. A store that cannot be reached for a while is asked again."""
    looks = 0
    while not closing.is_set():
        with suppress(Unreachable):
            await asyncio.to_thread(show_due, app)
            if looks % _FORGET_EVERY == 0:
                await asyncio.to_thread(forget_ended, app)
        looks += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), LOOK_SECONDS)


def show_due(app: App) -> int:
    """Shows what is due; returns how many drafts that were."""
    shown = 0
    for one in app.store.writings.behind():
        size = sum(file.size for file in app.store.writings.files(one.id))
        if is_due(one, size, app.clock.now()):
            shown += show(app, one)
    return shown


def is_due(writing: Writing, size: int, now: float) -> bool:
    """Whether its writer has paused, and the draft is not fresh; or they have not paused for long. `size`:
    bytes of its files."""
    more = _SECONDS_PER_MEGABYTE * size / 1e6
    since = now - writing.shown_at
    is_fresh = writing.message != 0 and since < _SHORTEST_SECONDS + more
    return (now - writing.saved >= _PAUSE_SECONDS and not is_fresh) or since >= _LONGEST_SECONDS + more


def show(app: App, writing: Writing) -> bool:
    """Puts the draft as it is now in place of the one before. False where there is nothing to show, or it
    cannot be: then the writing says why."""
    if settled(app, writing).state is not WritingState.OPEN:
        return False
    try:
        shown = _show(app, writing)
    except Unreachable:
        raise
    except EilboteError as error:
        app.store.writings.cannot_show(writing, error.problem)
        return False
    return shown


def _show(app: App, writing: Writing) -> bool:
    content = read_content(writing.content)
    named = sender_named(app, content.typed.sender)
    if named is None:
        raise NotAllowed("user.may_not_write")
    account, identity = named
    files = app.store.writings.files(writing.id)
    draft = attached_files.with_files(app, draft_to_keep(content, identity), files)
    arrival = draft_arrival(app, account, draft)
    mailbox = draft_mailbox(app, account)
    done = app.store.writings.show(writing, mailbox.id, arrival, Origin.USER.value, app.clock.now())
    if done is not None and done[1]:
        app.store.search.forget(done[1], for_good=False)
    return done is not None
