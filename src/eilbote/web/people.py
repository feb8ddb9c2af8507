"""Users and their rights, for owners. A link with which somebody chooses a password is shown once, to the
owner who asked for it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

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
def add(visit: Owner, request: Request) -> Response:
    """With the password that was typed; without one, by a link with which the user chooses it."""
    typed = Secret(visit.field("password"))
    try:
        role = _role(visit.field("role"))
        if typed.reveal():
            users.add_user(visit.app, visit.field("name"), role, typed)
            return to("/people")
        user = users.invite_user(visit.app, visit.field("name"), role)
    except EilboteError as error:
        return _page(visit, error.problem)
    return _link(visit, request, user)


@routes.get("/{user:int}")
def person(visit: Owner, user: int) -> Response:
    return _person(visit, user, None)


@routes.post("/{user:int}/rights")
def set_rights(visit: Owner, user: int) -> Response:
    accounts = users.accounts_of(visit.app, user_of(visit))
    given = {account.id: visit.field(f"account-{account.id}") for account in accounts}
    rights = {key: Right(word) for key, word in given.items() if word in set(Right)}
    users.set_rights(visit.app, user, rights)
    return to(f"/people/{user}")


@routes.post("/{user:int}/role")
def set_role(visit: Owner, user: int) -> Response:
    try:
        users.set_role(visit.app, user, _role(visit.field("role")))
    except Misused as error:
        return _person(visit, user, error.problem)
    return to(f"/people/{user}" if user != user_of(visit).id else "/")


@routes.post("/{user:int}/link")
def new_link(visit: Owner, request: Request, user: int) -> Response:
    """With it the user chooses a new password; the one before is good until then."""
    return _link(visit, request, user)


@routes.post("/{user:int}/factor/off")
def drop_factor(visit: Owner, user: int) -> Response:
    users.drop_factor_of(visit.app, user)
    return to(f"/people/{user}")


@routes.post("/{user:int}/remove")
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


def _link(visit: Visit, request: Request, user: int) -> Response:
    found = visit.app.store.users.get(user)
    address = f"{request.base_url}password/{visit.site.sign_ins.password_link(user)}"
    return visit.page("people_link.html", person=found, address=address)


def _person(visit: Visit, user: int, problem: Problem | None) -> Response:
    return visit.page(
        "person.html",
        200 if problem is None else 400,
        problem=problem,
        person=visit.app.store.users.get(user),
        accounts=users.accounts_of(visit.app, user_of(visit)),
    )


def _page(visit: Visit, problem: Problem | None) -> Response:
    return visit.page(
        "people.html",
        200 if problem is None else 400,
        problem=problem,
        people=users.list_users(visit.app),
        accounts=users.accounts_of(visit.app, user_of(visit)),
        name=visit.field("name"),
    )
