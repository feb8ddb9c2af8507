"""Sending mail on: what is held in part is fetched whole from its server first, and a mail is redirected
unchanged. Only mail that the user may read goes on, only from accounts that the user may change.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from eilbote.engine import sending_on, write_as
from eilbote.engine.send import Handling
from eilbote.engine.sending_on import Redirected
from eilbote.engine.write_as import About
from eilbote.engine.writings import new_key
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/write")


@routes.post("/fetch")
async def fetch(visit: SignedIn) -> Response:
    """Waits until the server has given the mail, for a minute at most."""
    mail, attached = visit.field("mail"), visit.field("attached")
    way = visit.field("way")
    problem = await asyncio.to_thread(sending_on.fetch_for, visit.app, user_of(visit), mail)
    if problem is not None:
        return fetch_page(visit, mail, way, attached=bool(attached), problem=problem)
    match way:
        case "redirect":
            return to(f"/write/redirect?mail={mail}")
        case "draft":
            return to(f"/write?draft={mail}")
        case _:
            return to(f"/write?forwards={mail}" + ("&attached=1" if attached else ""))


@routes.get("/redirect")
def redirect(visit: SignedIn, mail: str = "") -> Response:
    if write_as.is_held_in_part(visit.app, user_of(visit), mail):
        return fetch_page(visit, mail, "redirect")
    sender = write_as.first_form(
        visit.app, user_of(visit), About(visit.language, sender=visit.preferences.sender)
    ).identity.address
    return _page(visit, Redirected(mail, sender, "", ""), new_key(visit.app), None)


@routes.post("/redirect")
def send(visit: SignedIn) -> Response:
    field = visit.field
    wanted = Redirected(field("mail"), field("sender"), field("to"), field("bcc"))
    key = field("key")[:100]
    handling = Handling(delay=float(visit.preferences.undo_seconds), key=f"page:{key}" if key else "")
    try:
        queued = sending_on.redirect(visit.app, user_of(visit), wanted, handling)
    except Gone:
        raise
    except EilboteError as error:
        return _page(visit, wanted, new_key(visit.app), error.problem)
    return to(f"/outbox/{queued.id}")


def fetch_page(
    visit: Visit, mail: str, way: str, *, attached: bool = False, problem: Problem | None = None
) -> Response:
    """Says that a mail has to be fetched before it goes on, or why it could not be. `way`: what for."""
    return visit.page(
        "write_fetch.html",
        200 if problem is None else 503,
        mail=mail,
        way=way,
        attached=attached,
        problem=problem,
    )


def _page(visit: Visit, wanted: Redirected, key: str, problem: Problem | None) -> Response:
    return visit.page(
        "redirect.html",
        200 if problem is None else 400,
        mail=sending_on.original(visit.app, user_of(visit), wanted.mail),
        wanted=wanted,
        key=key,
        identities=write_as.identities_for(visit.app, user_of(visit)),
        problem=problem,
    )
