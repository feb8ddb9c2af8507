"""Sending a mail on as it is, by a user of the page, and having it whole before. The mail's own text is never
read here.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from eilbote.delivery.values import Outgoing
from eilbote.engine import browse
from eilbote.engine.app import App
from eilbote.engine.demand import fetch_whole
from eilbote.engine.identities import sender_named
from eilbote.engine.read import checked_id
from eilbote.engine.send import Handling
from eilbote.engine.users import may_change
from eilbote.engine.write import Letter, write_mail
from eilbote.errors import NotAllowed, Problem
from eilbote.store.values import Placement, User

_FETCH_SECONDS = 60.0


class Redirected(Struct, frozen=True):
    """Which mail goes to whom, as it was typed; `sender` is the address of an identity."""

    mail: str
    sender: str
    to: str
    bcc: str


def original(app: App, user: User, mail: str) -> Placement:
    """Gone `store.no_message`, also where the user may not read it."""
    return browse.readable_mail(app, user, [checked_id(mail)])[0]


def redirect(app: App, user: User, wanted: Redirected, handling: Handling) -> Outgoing:
    """Queues the mail for others, no byte of it changed. Raises as `original` and `write_mail`; NotAllowed
    `user.may_not_write`."""
    placement = original(app, user, wanted.mail)
    named = sender_named(app, wanted.sender)
    if named is None or not may_change(user, named[0].id):
        raise NotAllowed("user.may_not_write")
    letter = Letter(redirects=wanted.mail, to=[wanted.to], bcc=[wanted.bcc], sender=wanted.sender)
    return write_mail(app, letter, handling, mark=may_change(user, placement.account)).mail


def fetch_for(app: App, user: User, mail: str) -> Problem | None:
    """Waits until all of a mail is here, by whoever holds its account; None then, else why it is not. To be
    called in a thread of its own. Gone `store.no_message`."""
    original(app, user, mail)
    return asyncio.run(_fetched(app, mail))


async def _fetched(app: App, mail: str) -> Problem | None:
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            return await fetch_whole(app, mail)
    except TimeoutError:
        return Problem("demand.slow", {"seconds": str(int(_FETCH_SECONDS))})
