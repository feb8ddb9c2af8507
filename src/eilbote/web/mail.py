"""The mail page: mailboxes, a list, and the mail that is read. One page in three forms: the inbox of all
accounts, one mailbox, and what a search found.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Response
from msgspec import Struct

from eilbote.engine import browse, read
from eilbote.engine.browse import Listed
from eilbote.errors import Misused, Problem
from eilbote.store.values import PageMark
from eilbote.web.done import take_done
from eilbote.web.reading import reading_of
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter()


class _List(Struct, frozen=True):
    """What stands in the middle: `path` leads to it, `query` is what must be said again."""

    path: str
    listed: Listed
    mailbox: int = 0
    title: str = ""
    search: str = ""
    query: str = ""
    problem: Problem | None = None

    def mail_path(self, mail: int) -> str:
        return f"{self.path}/{mail}" + (f"?{self.query}" if self.query else "")

    @property
    def next_path(self) -> str:
        mark = self.listed.after
        return f"{self.path}?after={mark.date}.{mark.mailbox}.{mark.uid}" if mark else ""


@routes.get("/")
def first(_visit: SignedIn) -> Response:
    return to("/inbox")


@routes.get("/inbox")
@routes.get("/inbox/{mail}")
def inbox(visit: SignedIn, mail: str = "", after: str = "", view: str = "") -> Response:
    listed = browse.inbox_page(visit.app, user_of(visit), _mark(after))
    return _page(visit, _List("/inbox", listed, query=_query(after=after)), mail, view)


@routes.get("/box/{box}")
@routes.get("/box/{box}/{mail}")
def mailbox(visit: SignedIn, box: int, mail: str = "", after: str = "", view: str = "") -> Response:
    found = browse.mailbox_of(visit.app, user_of(visit), box)
    listed = browse.mailbox_page(visit.app, user_of(visit), box, _mark(after))
    shown = _List(f"/box/{box}", listed, mailbox=box, title=found.name, query=_query(after=after))
    return _page(visit, shown, mail, view)


@routes.get("/search")
@routes.get("/search/{mail}")
def search(visit: SignedIn, q: str = "", mail: str = "", view: str = "") -> Response:
    problem = None
    listed = Listed(())
    if q.strip():
        try:
            listed = browse.found_page(visit.app, user_of(visit), q)
        except Misused as error:
            problem = error.problem
    shown = _List("/search", listed, search=q, query=_query(q=q), problem=problem)
    return _page(visit, shown, mail, view)


def _page(visit: Visit, shown: _List, mail: str, view: str) -> Response:
    reading = reading_of(visit, mail, view) if mail else None
    response = visit.page(
        "mail.html",
        400 if shown.problem else 200,
        accounts=browse.mailboxes_of(visit.app, user_of(visit)),
        list=shown,
        beginnings=visit.site.beginnings.of(visit.app, shown.listed.mails),
        reading=reading,
        done=take_done(visit),
        here=visit.path + (f"?{shown.query}" if shown.query else ""),
        behind=read.search_is_behind(visit.app) if shown.path == "/search" else 0,
    )
    return take_done(visit).leave(response, visit.site.port)


def _mark(text: str) -> PageMark | None:
    """Where a page begins. Misused `page.bad_mark`."""
    if not text:
        return None
    try:
        date, mailbox, uid = (int(part) for part in text[:80].split("."))
    except ValueError:
        raise Misused("page.bad_mark") from None
    if max(abs(date), abs(mailbox), abs(uid)) >= 2**62:
        raise Misused("page.bad_mark")
    return PageMark(date, mailbox, uid)


def _query(**fields: str) -> str:
    return urlencode({name: value for name, value in fields.items() if value}, quote_via=quote)
