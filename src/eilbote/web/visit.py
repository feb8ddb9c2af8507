"""One request and who made it: the signed-in user, the language, and the page as an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from msgspec import Struct, field
from msgspec.structs import replace

from eilbote.catalogue import LANGUAGES, Language
from eilbote.engine.app import App
from eilbote.engine.beginnings import Beginnings
from eilbote.engine.foreseeing import Foresight
from eilbote.engine.page_work import PageWork
from eilbote.engine.pictures import Pictures
from eilbote.engine.preferences import Preferences, preferences_of
from eilbote.engine.sign_in import SESSION_SECONDS, SignIns
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.store.values import Role, User
from eilbote.web.guard import FORM, form_token, session_cookie, visit_cookie
from eilbote.web.rendering import Rendering

_LONGEST_ID = 18
_TYPED = ("to", "cc", "bcc", "subject", "text", "sieve")
"""Fields whose texts are shown again; never a password."""


class SignedOut(Exception):
    """Nobody is signed in: the page to sign in is to be shown."""


class Site(Struct, frozen=True):
    """What all pages share."""

    app: App
    sign_ins: SignIns
    rendering: Rendering
    port: int
    language: Language
    work: PageWork
    pictures: Pictures
    closing: asyncio.Event
    """Set when the page is about to close: who still listens is let go."""
    beginnings: Beginnings = field(default_factory=Beginnings)
    foresight: Foresight = field(default_factory=Foresight)
    streams: dict[int, int] = field(default_factory=dict)
    """How many pages of each user are open that are told of changes."""


class Visit(Struct, frozen=True):
    """One request. `user` is None where nobody is signed in; `session` is the cookie's value."""

    site: Site
    user: User | None
    preferences: Preferences
    session: str
    language: Language
    form: Mapping[str, tuple[str, ...]]
    path: str
    cookies: Mapping[str, str]
    from_here: bool
    """The browser says that our own page was clicked on."""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def app(self) -> App:
        return self.site.app

    def field(self, name: str) -> str:
        """The first value of a form's field; empty where it was not sent."""
        return self.form.get(name, ("",))[0]

    def page(self, template: str, status: int = 200, **shown: object) -> Response:
        """A page in the visitor's language."""
        text = self.site.rendering.page(
            template,
            self.language,
            user=self.user,
            preferences=self.preferences,
            token=form_token(self.session),
            path=self.path,
            **shown,
        )
        return HTMLResponse(text, status)

    def problem(self, problem: Problem, status: int) -> Response:
        """A page that says what went wrong, why, and what to do."""
        return self.page("problem.html", status, problem=problem)

    def kept_typing(self, problem: Problem, form: Mapping[str, tuple[str, ...]]) -> Response:
        """A form was not taken: why, and the texts that somebody typed, to be taken over from there."""
        typed = {name: form[name][0] for name in _TYPED if form.get(name, ("",))[0].strip()}
        return self.page("not_taken.html", 403, problem=problem, typed=typed)

    def keep_session(self, response: Response, token: str) -> None:
        """Signs the browser in."""
        _set_cookie(response, session_cookie(self.site.port), token, int(SESSION_SECONDS))


def is_worth_keeping(form: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether somebody has typed a text in it."""
    return any(form.get(name, ("",))[0].strip() for name in ("subject", "text", "sieve"))


def visit_of(request: Request) -> Visit:
    """The request, whoever made it."""
    site: Site = request.app.state.site
    session = request.cookies.get(session_cookie(site.port), "")
    return _visit(request, session, site.sign_ins.visitor(session) if session else None)


def visit_of_nobody(request: Request) -> Visit:
    """The request, without asking the store who made it."""
    return _visit(request, "", None)


def _visit(request: Request, session: str, user: User | None) -> Visit:
    site: Site = request.app.state.site
    cookie = session or request.cookies.get(visit_cookie(site.port), "")
    form = request.scope.get(FORM, {})
    preferences = preferences_of(user) if user else Preferences()
    chosen = next((one for one in LANGUAGES if one == preferences.language), None)
    wanted = chosen or _language_in(request.headers.get("accept-language", "")) or site.language
    mode = request.headers.get("sec-fetch-mode", "navigate")
    # Our own script says that somebody opens a mail; another site's could not without being asked first.
    opens = mode == "navigate" or request.headers.get("eilbote-opens") == "1"
    from_here = request.headers.get("sec-fetch-site") == "same-origin" and opens
    return Visit(
        site,
        user,
        preferences,
        cookie,
        wanted,
        form,
        request.url.path,
        request.cookies,
        from_here,
        request.query_params,
    )


def signed_in(request: Request) -> Visit:
    """The request of somebody who is signed in. Raises SignedOut; Gone `page.unknown` for an id that no
    store can hold."""
    visit = visit_of(request)
    if visit.user is None:
        raise SignedOut
    ids = (str(one).lstrip("-") for one in request.path_params.values())
    if any(one.isdigit() and len(one) > _LONGEST_ID for one in ids):
        raise Gone("page.unknown")
    return visit


def owner(request: Request) -> Visit:
    """The request of an owner. Raises SignedOut, NotAllowed `user.not_owner`."""
    visit = signed_in(request)
    if user_of(visit).role is not Role.OWNER:
        raise NotAllowed("user.not_owner")
    return visit


Anybody = Annotated[Visit, Depends(visit_of)]
SignedIn = Annotated[Visit, Depends(signed_in)]
Owner = Annotated[Visit, Depends(owner)]


def user_of(visit: Visit) -> User:
    """Who is signed in."""
    assert visit.user is not None
    return visit.user


def greeted(visit: Visit, template: str, status: int = 200, **shown: object) -> Response:
    """A page for somebody who is not signed in; it gives the browser the cookie its forms need."""
    if visit.session:
        return visit.page(template, status, **shown)
    token = visit.app.clock.random_bytes(16).hex()
    with_cookie = replace(visit, session=token)
    response = with_cookie.page(template, status, **shown)
    _set_cookie(response, visit_cookie(visit.site.port), token, None)
    return response


def to(path: str) -> Response:
    """After a form: the page to be loaded now."""
    return RedirectResponse(path, 303)


def _set_cookie(response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="strict")


def _language_in(accepted: str) -> Language | None:
    """The first of our languages that the browser names, in its own order (RFC 9110 section 12.5.4)."""
    for one in accepted[:200].split(","):
        tag = one.partition(";")[0].strip().lower()[:2]
        for language in LANGUAGES:
            if tag == language:
                return language
    return None
