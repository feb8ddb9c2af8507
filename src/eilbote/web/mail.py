"""The mail page: mailboxes, a list, and the mail that is read. One page in four forms: the inbox of all
accounts, all mail, one mailbox, and what a search found.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.engine import browse, read
from eilbote.engine.bulk import MOST_AT_ONCE
from eilbote.engine.condition import troubles
from eilbote.engine.labels import labels_of, labels_there, not_kept
from eilbote.engine.users import may_change
from eilbote.web.done import take_done
from eilbote.web.lists import BY_CONVERSATION, Scope, day_mark, list_of
from eilbote.web.reading import reading_of
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter()

_REFUSED_SECONDS = 600.0
"""So long it is told that a server keeps no labels."""

_BY_SECONDS = 400 * 86_400


@routes.get("/")
def first(_visit: SignedIn) -> Response:
    return to("/inbox")


def _narrowed(
    q: str = "", only: str = "", label: str = "", by: str = "", after: str = "", day: str = "", many: str = ""
) -> Scope:
    """What an address says of the list beside its path; `after` is carried in `mark`."""
    return Scope("", q, only, label, by, day_mark(day) if day else after, bool(many))


Narrowing = Annotated[Scope, Depends(_narrowed)]


@routes.get("/inbox")
@routes.get("/inbox/{mail}")
def inbox(visit: SignedIn, narrowing: Narrowing, mail: str = "", view: str = "") -> Response:
    return _page(visit, replace(narrowing, search="", path="/inbox"), mail, view)


@routes.get("/all")
@routes.get("/all/{mail}")
def everything(visit: SignedIn, narrowing: Narrowing, mail: str = "", view: str = "") -> Response:
    return _page(visit, replace(narrowing, search="", path="/all"), mail, view)


@routes.get("/box/{box}")
@routes.get("/box/{box}/{mail}")
def mailbox(visit: SignedIn, narrowing: Narrowing, box: int, mail: str = "", view: str = "") -> Response:
    browse.mailbox_of(visit.app, user_of(visit), box)
    return _page(visit, replace(narrowing, search="", path=f"/box/{box}"), mail, view)


@routes.get("/search")
@routes.get("/search/{mail}")
def search(
    visit: SignedIn, narrowing: Narrowing, mail: str = "", view: str = "", growing: str = ""
) -> Response:
    scope = Scope("/search", narrowing.search, mark=narrowing.mark, many=narrowing.many)
    return _page(visit, scope, mail, view, growing=bool(growing))


def _page(visit: Visit, scope: Scope, mail: str, view: str, *, growing: bool = False) -> Response:
    app, user = visit.app, user_of(visit)
    chosen_by = scope.by
    if not chosen_by and scope.path != "/search":
        kept = visit.cookies.get(_cookie(visit), "")
        scope = replace(scope, by=kept)
    reading = reading_of(visit, mail, view) if mail else None
    shown = list_of(app, user, scope, growing=growing)
    accounts = browse.mailboxes_of(app, user)
    done = take_done(visit)
    refused = not_kept(app, [one.account.id for one in accounts], app.clock.now() - _REFUSED_SECONDS)
    response = visit.page(
        "mail.html",
        400 if shown.problem else 200,
        accounts=accounts,
        troubles=troubles(app, user),
        changeable={one.account.id for one in accounts if may_change(user, one.account.id)},
        list=shown,
        beginnings=visit.site.beginnings.of(app, shown.listed.mails),
        here_mailbox=next(
            (box for one in accounts for box in one.mailboxes if box.id == scope.mailbox), None
        ),
        labels=labels_there(app, [box.id for one in accounts for box in one.mailboxes]),
        no_labels=[one.account.address for one in accounts if one.account.id in refused],
        reading=reading,
        reading_labels=labels_of(app, [reading.mail])[reading.mail.id] if reading else [],
        done=done,
        here=visit.path + (f"?{shown.query}" if shown.query else ""),
        behind=read.search_is_behind(app) if scope.path == "/search" else 0,
        most_at_once=MOST_AT_ONCE,
        by_conversation=scope.by == BY_CONVERSATION,
        **words(Catalogue(visit.language)),
    )
    if chosen_by in (BY_CONVERSATION, "mail"):
        response.set_cookie(_cookie(visit), chosen_by, max_age=_BY_SECONDS, httponly=True, samesite="strict")
    return done.leave(response, visit.site.port)


def _cookie(visit: Visit) -> str:
    return f"eilbote-by-{visit.site.port}"
