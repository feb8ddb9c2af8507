"""How users sign in: their password, their second factor with its recovery codes, and where they are signed
in now. A code, a key or a link is shown once and nowhere else.
"""

from __future__ import annotations

import io

from fastapi import APIRouter, Response
from markupsafe import Markup

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
        with visit.site.sign_ins.patiently(user_of(visit)):
            users.change_password(visit.app, user_of(visit), before, after)
    except EilboteError as error:
        return _page(visit, error.problem, users.new_factor_secret(visit.app))
    return to("/sign-in")


@routes.post("/factor")
def confirm_factor(visit: SignedIn) -> Response:
    """From now on it is asked for; the codes that stand in for it are shown at once."""
    try:
        secret = bytes.fromhex(visit.field("secret"))
    except ValueError:
        raise NotAllowed("user.wrong_code") from None
    try:
        users.confirm_factor(visit.app, user_of(visit), secret, visit.field("code"))
    except EilboteError as error:
        return _page(visit, error.problem, secret)
    return visit.page("own_codes.html", codes=users.new_recovery_codes(visit.app, user_of(visit)))


@routes.post("/factor/off")
def drop_factor(visit: SignedIn) -> Response:
    try:
        with visit.site.sign_ins.patiently(user_of(visit)):
            users.drop_factor(visit.app, user_of(visit), Secret(visit.field("password")))
    except EilboteError as error:
        return _page(visit, error.problem, users.new_factor_secret(visit.app))
    return to("/own")


@routes.post("/codes")
def new_codes(visit: SignedIn) -> Response:
    try:
        with visit.site.sign_ins.patiently(user_of(visit)):
            users.check_password(user_of(visit), Secret(visit.field("password")))
    except EilboteError as error:
        return _page(visit, error.problem, users.new_factor_secret(visit.app))
    if not user_of(visit).factor:
        return to("/own")
    return visit.page("own_codes.html", codes=users.new_recovery_codes(visit.app, user_of(visit)))


@routes.post("/sessions/end")
def end_session(visit: SignedIn) -> Response:
    """One of the user's own; without one, all but this one."""
    session = visit.field("session")
    if session:
        visit.site.sign_ins.end_session(user_of(visit), session)
    else:
        visit.site.sign_ins.end_other_sessions(user_of(visit), visit.session)
    return to("/own#sessions")


def _page(visit: Visit, problem: Problem | None, secret: bytes) -> Response:
    user = user_of(visit)
    address = users.secret_address(secret, user.name)
    return visit.page(
        "own.html",
        200 if problem is None else 400,
        problem=problem,
        secret=secret.hex(),
        typed=users.typed_secret(secret),
        address=address,
        picture=None if user.factor else _picture(address),
        codes_left=visit.app.store.users.recovery_codes_left(user.id) if user.factor else 0,
        sessions=visit.site.sign_ins.sessions(user, visit.session),
    )


def _picture(address: str) -> Markup:
    """The address as a QR code (ISO/IEC 18004): SVG of attributes alone, which the page's policy allows."""
    import segno  # noqa: PLC0415  # one page needs it

    drawn = io.BytesIO()
    code = segno.make(address, micro=False, error="m")
    code.save(drawn, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=3)
    # Drawn by us out of the code's squares: nothing of the address stands in it as text.
    return Markup(drawn.getvalue().decode())  # noqa: S704
