"""What is done with mail on the page: flags, archive, junk, deletion, moves, and taking it back. All of it
goes through `engine/act`, after the user's rights were asked.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import act, browse, read
from eilbote.errors import Misused
from eilbote.mail.mailbox import FLAGGED, SEEN
from eilbote.web.done import Done
from eilbote.web.visit import SignedIn, to, user_of

routes = APIRouter()

_MOST = 100
"""Mails at once: those of a page and more."""

_FLAGS: dict[str, tuple[list[str], list[str]]] = {
    "read": ([SEEN], []),
    "unread": ([], [SEEN]),
    "flag": ([FLAGGED], []),
    "unflag": ([], [FLAGGED]),
}


@routes.post("/act")
def act_on_mail(visit: SignedIn) -> Response:
    chosen = visit.form.get("id", ())
    wanted = visit.field("act")
    back = safe_path(visit.field("back"))
    if len(chosen) > _MOST:
        raise Misused("page.too_many", limit=_MOST)
    ids = [read.checked_id(one) for one in dict.fromkeys(chosen)]
    if not ids:
        return to(back)
    app = visit.app
    browse.changeable_mail(app, user_of(visit), ids)
    match wanted:
        case "read" | "unread" | "flag" | "unflag":
            act.change_flags(app, ids, *_FLAGS[wanted])
        case "archive":
            act.archive(app, ids)
        case "junk":
            act.junk(app, ids)
        case "delete":
            act.delete(app, ids)
        case "move" if not visit.field("to"):
            return to(back)  # no mailbox was chosen
        case "move":
            act.move(app, ids, visit.field("to"))
        case _:
            raise Misused("page.unknown_act")
    return Done(wanted, tuple(map(str, ids))).keep(to(back), visit.site.port)


@routes.post("/undo")
def undo(visit: SignedIn) -> Response:
    ids = [read.checked_id(one) for one in dict.fromkeys(visit.form.get("id", ())[:_MOST])]
    browse.undoable_mail(visit.app, user_of(visit), ids)
    act.undo(visit.app, ids)
    return to(safe_path(visit.field("back")))


def safe_path(path: str) -> str:
    """A page of ours to go back to."""
    inside = path.startswith(("/inbox", "/box/", "/search")) and path.isprintable() and "\\" not in path
    return path if inside else "/inbox"
