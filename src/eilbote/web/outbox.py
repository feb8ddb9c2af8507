"""The outbox: what waits to be sent, what became of it and why, and what a person decides about it. All of
it goes through `engine/browse_outbox`, which asks for the user's rights.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import browse_outbox, writing_sent
from eilbote.engine.browse_outbox import Decision
from eilbote.engine.read import checked_id
from eilbote.engine.users import accounts_of, may_change
from eilbote.errors import Misused, NotAllowed, Problem
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/outbox")


@routes.get("")
def outbox(visit: SignedIn, before: str = "") -> Response:
    listed = browse_outbox.outbox_page(visit.app, user_of(visit), checked_id(before) if before else 0)
    changeable = {account.id for account, _ in listed.paused if may_change(user_of(visit), account.id)}
    return visit.page(
        "outbox.html",
        listed=listed,
        changeable=changeable,
        addresses=_addresses(visit),
        waits=browse_outbox.waits,
    )


@routes.get("/{mail}")
def outgoing(visit: SignedIn, mail: str) -> Response:
    return _mail_page(visit, checked_id(mail), None)


@routes.post("/{mail}")
def decide(visit: SignedIn, mail: str) -> Response:
    number = checked_id(mail)
    try:
        decision = Decision(visit.field("decision"))
    except ValueError:
        raise Misused("page.unknown_act") from None
    try:
        browse_outbox.decide(visit.app, user_of(visit), number, decision)
    except NotAllowed as error:
        # What the page showed may be over: a mail leaves while somebody reads about it.
        return _mail_page(visit, number, error.problem)
    written = writing_sent.written_as(visit.app, user_of(visit), number)
    if decision is Decision.TAKE_BACK and written:
        return to(f"/write/{written}")  # its text is there, to go on with
    return to(f"/outbox/{number}")


@routes.post("/account/{account}/resume")
def resume(visit: SignedIn, account: str) -> Response:
    browse_outbox.resume_sending(visit.app, user_of(visit), checked_id(account))
    return to("/outbox")


def _mail_page(visit: Visit, number: int, problem: Problem | None) -> Response:
    detail = browse_outbox.readable_outgoing(visit.app, user_of(visit), number)
    return visit.page(
        "outgoing.html",
        200 if problem is None else 403,
        detail=detail,
        mail=detail.mail,
        address=_addresses(visit)[detail.mail.account],
        decisions=browse_outbox.decisions(user_of(visit), detail.mail),
        waits=browse_outbox.waits,
        problem=problem,
    )


def _addresses(visit: Visit) -> dict[int, str]:
    return {one.id: one.address for one in accounts_of(visit.app, user_of(visit))}
