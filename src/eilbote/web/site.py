"""All pages together, behind the guard; what goes wrong becomes a page that says so."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from eilbote.catalogue import Language
from eilbote.engine.app import App
from eilbote.engine.attached_files import fresh_file
from eilbote.engine.page_work import PageWork
from eilbote.engine.pictures import Pictures
from eilbote.engine.sign_in import SignIns
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem
from eilbote.web import (
    account,
    acting,
    assets,
    content,
    devices,
    doctor,
    doctor_domain,
    forwarding,
    help_page,
    identities,
    invitations,
    live,
    mail,
    mailboxes,
    new_account,
    outbox,
    overview,
    own,
    people,
    pictures,
    rule_building,
    rule_history,
    rule_offers,
    rule_running,
    rule_scripts,
    rule_server,
    rules,
    searching,
    settings,
    sign_in,
    signing_in,
    system,
    writing,
)
from eilbote.web.guard import FORM, Guard, Refused, Uploads, add_headers
from eilbote.web.rendering import Rendering
from eilbote.web.visit import SignedOut, Site, is_worth_keeping, visit_of, visit_of_nobody

PAGES = (
    assets.routes,
    sign_in.routes,
    signing_in.routes,
    mail.routes,
    mailboxes.routes,
    searching.routes,
    content.routes,
    pictures.routes,
    invitations.routes,
    acting.routes,
    live.routes,
    outbox.routes,
    overview.routes,
    new_account.routes,
    account.routes,
    devices.routes,
    doctor.routes,
    doctor_domain.routes,
    identities.routes,
    own.routes,
    people.routes,
    settings.routes,
    system.routes,
    help_page.routes,
    forwarding.routes,
    writing.routes,
    rules.routes,
    rule_building.routes,
    rule_scripts.routes,
    rule_server.routes,
    rule_running.routes,
    rule_history.routes,
    rule_offers.routes,
)


def new_site(
    app: App,
    sign_ins: SignIns,
    host: str,
    port: int,
    language: Language,
    closing: asyncio.Event | None = None,
    found: Pictures | None = None,
) -> FastAPI:
    """The page of an open home, for requests to this address of this machine alone. `closing`, if any, is
    set before it ends; `found` fetches pictures that lie elsewhere."""
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    rendering = Rendering(assets.addresses(), app.clock)
    fetched = found or Pictures(app)
    site.state.site = Site(
        app, sign_ins, rendering, port, language, PageWork(app), fetched, closing or asyncio.Event()
    )
    for routes in PAGES:
        site.include_router(routes)
    site.add_exception_handler(SignedOut, _to_sign_in)
    site.add_exception_handler(EilboteError, _told)
    site.add_exception_handler(HTTPException, _not_there)
    site.add_exception_handler(RequestValidationError, _not_meant)
    site.add_exception_handler(Exception, _broken)
    names = {host, "localhost", f"[{host}]"} if host != "::1" else {"[::1]", "localhost"}
    uploads = Uploads(partial(fresh_file, app), lambda session: sign_ins.visitor(session) is not None)
    site.add_middleware(
        Guard, hosts=frozenset(f"{name}:{port}" for name in names), port=port, uploads=uploads, told=_refused
    )
    return site


async def _to_sign_in(request: Request, _error: Exception) -> Response:
    typed = request.scope.get(FORM, {})
    if is_worth_keeping(typed) and request.headers.get("sec-fetch-mode", "navigate") == "navigate":
        visit = await asyncio.to_thread(visit_of, request)
        return visit.kept_typing(Problem("page.signed_out"), typed)
    return RedirectResponse("/sign-in", 303)


async def _refused(request: Request, refused: Refused) -> Response:
    try:
        visit = await asyncio.to_thread(visit_of, request)
    except EilboteError:
        visit = visit_of_nobody(request)
    problem = Problem(refused.code)
    if is_worth_keeping(refused.form):
        return visit.kept_typing(problem, refused.form)
    return visit.problem(problem, refused.status)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, EilboteError)
    match error:
        case Gone():
            status = 404
        case NotAllowed():
            status = 403
        case Misused():
            status = 400
        case _:
            status = 503
    try:
        visit = visit_of(request)
    except EilboteError:  # the store cannot be asked who that is
        visit = visit_of_nobody(request)
    return visit.problem(error.problem, status)


async def _not_meant(request: Request, _error: Exception) -> Response:
    """The address or its query is none of ours, such as a word for a number."""
    return visit_of(request).problem(Problem("page.unknown"), 404)


async def _broken(request: Request, _error: Exception) -> Response:
    """Our own mistake. It goes to the log beside this; the guard stands further in and sees nothing of it."""
    response = visit_of_nobody(request).problem(Problem("page.broken"), 500)
    add_headers(response.headers)
    return response


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return visit_of(request).problem(Problem("page.unknown"), error.status_code)
