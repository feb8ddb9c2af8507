"""What users choose for themselves: language, colours, how mail is read and written, and whose pictures from
elsewhere are always fetched.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine.pictures import always_shown, show_on_request
from eilbote.engine.preferences import LONGEST_UNDO, Preferences, set_preferences
from eilbote.engine.write_as import identities_for
from eilbote.errors import Misused, Problem
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/settings")

_LONGEST_ADDRESS = 1000


@routes.get("")
def settings(visit: SignedIn) -> Response:
    return _page(visit, visit.preferences, None)


@routes.post("")
def save(visit: SignedIn) -> Response:
    chosen = _chosen(visit)
    try:
        set_preferences(visit.app, user_of(visit), chosen)
    except Misused as error:
        return _page(visit, chosen, error.problem)
    return to("/settings")


@routes.post("/pictures")
def ask_for_pictures_again(visit: SignedIn) -> Response:
    """Of a sender whose pictures were always fetched."""
    show_on_request(visit.app, user_of(visit), visit.field("sender")[:_LONGEST_ADDRESS])
    return to("/settings#pictures")


def _chosen(visit: Visit) -> Preferences:
    """What the form says."""
    seconds = visit.field("undo_seconds")
    return Preferences(
        language=visit.field("language"),
        theme=visit.field("theme"),
        compact=bool(visit.field("compact")),
        undo_seconds=int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 4 else -1,
        html=visit.field("html") != "text",
        keys=bool(visit.field("keys")),
        mark_read=visit.field("mark_read") != "never",
        signature=bool(visit.field("signature")),
        sender=visit.field("sender"),
    )


def _page(visit: Visit, chosen: Preferences, problem: Problem | None) -> Response:
    return visit.page(
        "settings.html",
        200 if problem is None else 400,
        chosen=chosen,
        problem=problem,
        offered=[(one.address, one.address) for one in identities_for(visit.app, user_of(visit))],
        longest=LONGEST_UNDO,
        picture_senders=always_shown(visit.app, user_of(visit)),
    )
