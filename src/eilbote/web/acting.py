"""What is done with mail on the page: flags, labels, archive, junk, deletion, moves, and taking it back.
All of it goes through `engine/bulk`, which asks for the user's rights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue, mark
from eilbote.engine import act, browse, bulk, read
from eilbote.engine.app import App
from eilbote.engine.labels import Label, keyword_of, labels_there
from eilbote.errors import Misused
from eilbote.mail.mailbox import FLAGGED, SEEN
from eilbote.store.values import Only
from eilbote.web.done import Done
from eilbote.web.lists import Scope, ids_of, scope_at
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter()

_FLAGS: dict[str, tuple[list[str], list[str]]] = {
    "read": ([SEEN], []),
    "unread": ([], [SEEN]),
    "flag": ([FLAGGED], []),
    "unflag": ([], [FLAGGED]),
}

KNOWN_LABELS = {
    "$label1": mark("Important"),
    "$label2": mark("Work"),
    "$label3": mark("Personal"),
    "$label4": mark("To do"),
    "$label5": mark("Later"),
    "$EilboteLook": mark("To be looked at"),
}
"""What programs call the labels that have no name of their own."""


@routes.post("/act")
def act_on_mail(visit: SignedIn) -> Response:
    back, wanted = safe_path(visit.field("back")), visit.field("act")
    change = _change(visit, wanted)
    ids = _chosen(visit, wanted)
    if not ids or change is None:
        return to(back)
    changed = bulk.change(visit.app, user_of(visit), wanted, ids, change)
    return Done(wanted, changed.batch, changed.mails).keep(to(back), visit.site.port)


@routes.post("/undo")
def undo(visit: SignedIn) -> Response:
    count = bulk.undo(visit.app, user_of(visit), read.checked_id(visit.field("batch")))
    done = Done("undone", 0, count) if count else Done("not-undone")
    return done.keep(to(safe_path(visit.field("back"))), visit.site.port)


def _chosen(visit: Visit, wanted: str) -> list[int]:
    """The mails meant: those that are ticked, or the whole list."""
    if visit.field("all"):
        scope = scope_at(visit.field("back"))
        if wanted == "read" and not scope.only and scope.path != "/search":
            scope = Scope(scope.path, "", Only.UNREAD, scope.label)
        return ids_of(visit.app, user_of(visit), scope, bulk.MOST_AT_ONCE)
    ids = [read.checked_id(one) for one in dict.fromkeys(visit.form.get("id", ()))]
    if visit.field("together"):
        ids = browse.with_conversations(visit.app, user_of(visit), ids, scope_at(visit.field("back")).mailbox)
    return ids


def _change(visit: Visit, wanted: str) -> Callable[[Sequence[int]], list[int]] | None:
    """What is to be done; None where the form says too little. Misused `page.unknown_act`,
    `label.bad_name`."""
    app = visit.app
    match wanted:
        case "read" | "unread" | "flag" | "unflag":
            return lambda ids: act.change_flags(app, ids, *_FLAGS[wanted])
        case "archive":
            return lambda ids: act.archive(app, ids)
        case "junk":
            return lambda ids: act.junk(app, ids)
        case "delete":
            return lambda ids: act.delete(app, ids)
        case "erase":
            return lambda ids: act.delete(app, ids, for_good=True)
        case "move" if not visit.field("to"):
            return None  # no mailbox was chosen
        case "move":
            target = visit.field("to")
            return lambda ids: act.move(app, ids, target)
        case "label" | "unlabel" if not visit.field("label").strip():
            return None
        case "label":
            keyword = keyword_of(visit.field("label"), _known(visit, app))
            return lambda ids: act.change_flags(app, ids, [keyword])
        case "unlabel":
            keyword = keyword_of(visit.field("label"), _known(visit, app))
            return lambda ids: act.change_flags(app, ids, [], [keyword])
        case _:
            raise Misused("page.unknown_act")


def _known(visit: Visit, app: App) -> list[Label]:
    """Labels that a typed name may mean: those with a number by their names in the user's language, then
    those of the user's mail."""
    catalogue = Catalogue(visit.language)
    accounts = browse.mailboxes_of(app, user_of(visit))
    there = labels_there(app, [box.id for one in accounts for box in one.mailboxes])
    numbered = [Label(catalogue.text(name), keyword, 0) for keyword, name in KNOWN_LABELS.items()]
    return [*numbered, *(label for label, _ in there)]


def safe_path(path: str) -> str:
    """A list of ours to go back to, with the mail that is read there if any."""
    inside = path.startswith(("/inbox", "/box/", "/search", "/all")) and path.isprintable()
    return path if inside and "\\" not in path else "/inbox"
