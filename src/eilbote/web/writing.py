"""Writing on the page: a new mail, an answer, a mail sent on, a draft of any device. What is typed is kept,
with a script or by a button; what is sent waits some seconds in the outbox, where it can be taken back.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from msgspec.structs import replace

from eilbote.engine import show_drafts, write_as, writing_sent, writings
from eilbote.engine.attached_files import Received
from eilbote.engine.foreseeing import outlook
from eilbote.engine.read import checked_id
from eilbote.engine.send import Handling
from eilbote.engine.write_as import About
from eilbote.engine.writings import Form
from eilbote.engine.written import Typed, typed_of
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed
from eilbote.mail.draft import Priority
from eilbote.mail.typed_addresses import as_typed
from eilbote.web.forwarding import fetch_page
from eilbote.web.guard import RECEIVED, form_token
from eilbote.web.visit import SignedIn, Visit, to, user_of
from eilbote.web.writing_form import Shown, ShownFile, form_page, opened_page, refused_page

routes = APIRouter(prefix="/write")

_LONGEST_ASKED = 100
_LONGEST_LINKED = 1000
_MOST_PEOPLE = 8


def _received(request: Request) -> Received:
    found: Received = request.scope.get(RECEIVED, Received())
    return found


Files = Annotated[Received, Depends(_received)]


@routes.get("")
def write(
    visit: SignedIn,
    answers: str = "",
    forwards: str = "",
    everyone: str = "",
    attached: str = "",
    draft: str = "",
    people: Annotated[str, Query(alias="to")] = "",
    subject: str = "",
) -> Response:
    """`to` and `subject` are those of a link to an address: they only stand in the form."""
    app, user = visit.app, user_of(visit)
    if draft and write_as.is_held_in_part(app, user, draft):
        return fetch_page(visit, draft, "draft")
    if draft:
        return to(f"/write/{writings.open_draft(app, user, draft).id}")
    about = About(visit.language, answers, bool(everyone), forwards, bool(attached), visit.preferences.sender)
    if forwards and write_as.is_held_in_part(app, user, forwards):
        return fetch_page(visit, forwards, "forward", attached=bool(attached))
    began = write_as.first_form(app, user, about)
    typed = typed_of(began)
    typed = replace(
        typed,
        to=people[:_LONGEST_LINKED] or typed.to,
        subject=subject[:_LONGEST_LINKED] or typed.subject,
        sign=visit.preferences.signature,
    )
    form = Form(writings.new_key(app), typed, about)
    files = [ShownFile(one.name, len(one.content)) for one in began.files]
    return form_page(visit, Shown(form, began.quoted, files))


@routes.get("/people")
def people(visit: SignedIn, q: str = "") -> list[str]:
    """Who may be meant, as it is typed."""
    found = write_as.people_for(visit.app, user_of(visit), q[:_LONGEST_ASKED], _MOST_PEOPLE)
    return [as_typed([one]) for one in found]


@routes.get("/foresee")
async def foreseen(visit: SignedIn, domains: str = "") -> Response:
    """Whether mail to these domains, with commas between them, will arrive encrypted."""
    if not await asyncio.to_thread(write_as.identities_for, visit.app, user_of(visit)):
        raise NotAllowed("user.may_not_write")
    found = await visit.site.foresight.of(visit.app, user_of(visit).id, domains[:_LONGEST_LINKED].split(","))
    reason = visit.site.rendering.sentences
    seen = [(one.domain, outlook(one), " ".join(reason(visit.language, one.reason))) for one in found]
    return visit.page("write_foreseen.html", seen=seen)


@routes.get("/token")
def token(visit: SignedIn) -> dict[str, str]:
    """For a form that is older than its session: what was typed goes on under the new one."""
    return {"token": form_token(visit.session)}


@routes.get("/{writing}")
def written(visit: SignedIn, writing: str) -> Response:
    return opened_page(visit, checked_id(writing))


@routes.post("")
def act(visit: SignedIn, received: Files) -> Response:
    """The form, sent by one of its buttons. All of them keep what was typed first."""
    app, user = visit.app, user_of(visit)
    form = _form(visit)
    try:
        kept = writings.save(app, user, form)
    except Gone:
        raise
    except EilboteError as error:
        return refused_page(visit, form, error.problem)
    number = kept.writing.id
    try:
        writings.attach(app, user, number, received)
        if kept.beside:
            return opened_page(visit, number, beside=kept.beside)
        _do(visit, number, visit.field("do") or "send")
    except Gone:
        raise
    except EilboteError as error:
        return opened_page(visit, number, problem=error.problem)
    return to(f"/write/{number}")


@routes.post("/save")
def save(visit: SignedIn, received: Files) -> Response:
    """The form, sent by a script: what it has to know."""
    app, user = visit.app, user_of(visit)
    try:
        kept = writings.save(app, user, _form(visit))
        number, problem = kept.writing.id, None
    except EilboteError as error:
        return JSONResponse({"problem": visit.site.rendering.sentences(visit.language, error.problem)}, 400)
    try:
        writings.attach(app, user, number, received)
        if not kept.beside:
            _do(visit, number, visit.field("do") or "keep")
    except EilboteError as error:
        problem = error.problem
    found = writings.opened(app, user, number)
    page = visit.site.rendering.page(
        "write_files.html", visit.language, files=found.files, shown_size=sum(one.size for one in found.files)
    )
    told = {
        "writing": number,
        "version": found.writing.version,
        "path": f"/write/{number}",
        "saved": visit.site.rendering.list_date(visit.language, found.writing.saved),
        "files": page,
        "beside": f"/write/{kept.beside}" if kept.beside else "",
        "problem": visit.site.rendering.sentences(visit.language, problem) if problem else [],
    }
    return JSONResponse(told, 400 if problem else 200)


@routes.post("/{writing}/take-back")
def take_back(visit: SignedIn, writing: str) -> Response:
    number = checked_id(writing)
    try:
        writing_sent.take_back(visit.app, user_of(visit), number)
    except NotAllowed as error:
        return opened_page(visit, number, problem=error.problem)
    return to(f"/write/{number}")


@routes.post("/{writing}/bring-back")
def bring_back(visit: SignedIn, writing: str) -> Response:
    number = checked_id(writing)
    writings.bring_back(visit.app, user_of(visit), number)
    return to(f"/write/{number}")


def _do(visit: Visit, number: int, what: str) -> None:
    """What a button is for, after the text was kept."""
    app, user = visit.app, user_of(visit)
    match what.partition("-")[0]:
        case "send":
            writing_sent.send_writing(
                app, user, number, Handling(delay=float(visit.preferences.undo_seconds))
            )
        case "leave" | "save":
            show_drafts.show(app, writings.opened(app, user, number).writing)
        case "keep" | "attach":
            pass
        case "remove":
            writings.detach(app, user, number, checked_id(what.partition("-")[2]))
        case "discard":
            writings.discard(app, user, number)
        case _:
            raise Misused("page.unknown_act")


def _form(visit: Visit) -> Form:
    field = visit.field
    try:
        priority = Priority(field("priority") or Priority.NORMAL)
    except ValueError:
        raise Misused("page.unknown_act") from None
    typed = Typed(
        sender=field("sender"),
        to=field("to"),
        cc=field("cc"),
        bcc=field("bcc"),
        subject=field("subject"),
        text=field("text").replace("\r\n", "\n"),
        quotes=bool(field("quotes")),
        markdown=bool(field("markdown")),
        sign=bool(field("sign")),
        priority=priority,
        at=field("at"),
    )
    about = About(
        visit.language, field("answers"), bool(field("everyone")), field("forwards"), bool(field("attached"))
    )
    number, version = _number(field("writing")), _number(field("version"))
    return Form(field("key"), typed, about, number, version, _number(field("edit")))


def _number(text: str) -> int:
    """0 for nothing. Misused `mail.bad_id`."""
    return checked_id(text) if text not in ("", "0") else 0
