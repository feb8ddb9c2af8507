"""Users and their rights, for owners."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import users
from eilbote.errors import EilboteError, Misused, Problem
from eilbote.secret import Secret
from eilbote.store.values import Right, Role
from eilbote.web.visit import Owner, Visit, to, user_of

routes = APIRouter(prefix="/people")


@routes.get("")
def people(visit: Owner) -> Response:
    return _page(visit, None)


@routes.post("")
def add(visit: Owner) -> Response:
    try:
        role = _role(visit.field("role"))
        users.add_user(visit.app, visit.field("name"), role, Secret(visit.field("password")))
    except EilboteError as error:
        return _page(visit, error.problem)
    return to("/people")


@routes.post("/{user}/rights")
def set_rights(visit: Owner, user: int) -> Response:
    accounts = users.accounts_of(visit.app, user_of(visit))
    given = {account.id: visit.field(f"account-{account.id}") for account in accounts}
    rights = {key: Right(word) for key, word in given.items() if word in set(Right)}
    users.set_rights(visit.app, user, rights)
    return to("/people")


@routes.post("/{user}/remove")
def remove(visit: Owner, user: int) -> Response:
    try:
        users.remove_user(visit.app, user)
    except EilboteError as error:
        return _page(visit, error.problem)
    return to("/people")


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise Misused("user.bad_role", role=word[:20]) from None


def _page(visit: Visit, problem: Problem | None) -> Response:
    return visit.page(
        "people.html",
        200 if problem is None else 400,
        problem=problem,
        people=users.list_users(visit.app),
        accounts=users.accounts_of(visit.app, user_of(visit)),
        name=visit.field("name"),
    )
