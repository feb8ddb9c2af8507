"""Signing in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from eilbote.engine.users import is_anybody
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.secret import Secret
from eilbote.web.browser_name import browser_name
from eilbote.web.visit import Anybody, SignedIn, Visit, greeted, to

routes = APIRouter()


@routes.get("/sign-in")
def sign_in_page(visit: Anybody) -> Response:
    return to("/") if visit.user else _form(visit, None)


@routes.post("/sign-in")
def sign_in(visit: Anybody, request: Request) -> Response:
    try:
        password = Secret(visit.field("password"))
        token = visit.site.sign_ins.sign_in(
            visit.field("name"), password, visit.field("code"), _browser(request)
        )
    except EilboteError as error:
        return _form(visit, error.problem)
    return _signed_in(visit, token)


@routes.post("/sign-out")
def sign_out(visit: SignedIn) -> Response:
    visit.site.sign_ins.sign_out(visit.session)
    response = to("/sign-in")
    visit.keep_session(response, "")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@routes.get("/link/{token}")
def link_page(visit: Anybody, token: str) -> Response:
    if not visit.site.sign_ins.is_link(token):
        return greeted(visit, "sign_in.html", 404, problem=Problem("user.link_gone"), nobody=False, name="")
    return greeted(visit, "first_user.html", problem=None, name="")


@routes.post("/link/{token}")
def use_link(visit: Anybody, request: Request, token: str) -> Response:
    try:
        password = Secret(visit.field("password"))
        session = visit.site.sign_ins.use_link(token, visit.field("name"), password, _browser(request))
    except Gone:
        raise
    except EilboteError as error:
        return visit.page("first_user.html", 400, problem=error.problem, name=visit.field("name"))
    return _signed_in(visit, session)


@routes.get("/password/{token}")
def choose_password_page(visit: Anybody, token: str) -> Response:
    return _choose(visit, token, None)


@routes.post("/password/{token}")
def choose_password(visit: Anybody, token: str) -> Response:
    try:
        visit.site.sign_ins.use_password_link(token, Secret(visit.field("password")))
    except Gone:
        raise
    except EilboteError as error:
        return _choose(visit, token, error.problem)
    return to("/sign-in")


def _choose(visit: Visit, token: str, problem: Problem | None) -> Response:
    """Where a password is chosen, by whoever has the link. Raises Gone `user.link_gone`."""
    whose = visit.site.sign_ins.password_link_of(token)
    if whose is None:
        raise Gone("user.link_gone")
    status = 200 if problem is None else 400
    return greeted(visit, "choose_password.html", status, problem=problem, name=whose.name)


def _browser(request: Request) -> str:
    return browser_name(request.headers.get("user-agent", ""))


def _form(visit: Visit, problem: Problem | None) -> Response:
    nobody = not is_anybody(visit.app)
    status = 200 if problem is None else 403
    return greeted(visit, "sign_in.html", status, problem=problem, nobody=nobody, name=visit.field("name"))


def _signed_in(visit: Visit, token: str) -> Response:
    response = to("/")
    visit.keep_session(response, token)
    return response
