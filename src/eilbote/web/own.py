"""What users change for themselves: their password and their second factor."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import users
from eilbote.errors import EilboteError, NotAllowed, Problem
from eilbote.secret import Secret
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/own")


@routes.get("")
def own(visit: SignedIn) -> Response:
    return _page(visit, None, users.new_factor_secret(visit.app))


@routes.post("/password")
def change_password(visit: SignedIn) -> Response:
    before, after = Secret(visit.field("before")), Secret(visit.field("after"))
    try:
        users.change_password(visit.app, user_of(visit), before, after)
    except EilboteError as error:
        return _page(visit, error.problem, users.new_factor_secret(visit.app))
    return to("/sign-in")


@routes.post("/factor")
def confirm_factor(visit: SignedIn) -> Response:
    try:
        secret = bytes.fromhex(visit.field("secret"))
    except ValueError:
        raise NotAllowed("user.wrong_code") from None
    try:
        users.confirm_factor(visit.app, user_of(visit), secret, visit.field("code"))
    except EilboteError as error:
        return _page(visit, error.problem, secret)
    return to("/own")


@routes.post("/factor/off")
def drop_factor(visit: SignedIn) -> Response:
    try:
        users.drop_factor(visit.app, user_of(visit), Secret(visit.field("password")))
    except EilboteError as error:
        return _page(visit, error.problem, users.new_factor_secret(visit.app))
    return to("/own")


def _page(visit: Visit, problem: Problem | None, secret: bytes) -> Response:
    return visit.page(
        "own.html",
        200 if problem is None else 400,
        problem=problem,
        secret=secret.hex(),
        typed=users.typed_secret(secret),
        address=users.secret_address(secret, user_of(visit).name),
    )
