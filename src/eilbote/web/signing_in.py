"""Signing in at a provider's own page for an account: where to go, and what came of it. The page shows no
token, and where to go only to the session that began.
"""

from __future__ import annotations

import asyncio
import hashlib
import html

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue
from eilbote.engine.authorize import Pages, WantedSignIn, has_client, last_sign_in, sign_in_of
from eilbote.errors import EilboteError, Problem
from eilbote.secret import Secret
from eilbote.store.values import Account
from eilbote.web.visit import Owner, Visit, to

routes = APIRouter(prefix="/accounts/{account:int}/oauth")

_LONGEST = 1024
_LONGEST_ADDRESS = 32 * 1024


@routes.get("")
async def show(visit: Owner, account: int) -> Response:
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    return await asyncio.to_thread(_page, visit, found, None)


@routes.post("")
async def begin(visit: Owner, account: int) -> Response:
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    secret = visit.field("client_secret")[:_LONGEST].strip()
    wanted = WantedSignIn(
        visit.field("issuer").strip()[:_LONGEST],
        visit.field("client_id").strip()[:_LONGEST],
        client_secret=Secret(secret) if secret else None,
        scope=visit.field("scope").strip()[:_LONGEST],
    )
    device = visit.field("way") == "code"
    visit.site.work.sign_in(found, wanted, _closing(visit), _session(visit), device=device)
    return to(f"/accounts/{account}/oauth")


@routes.post("/typed")
async def take(visit: Owner, account: int) -> Response:
    """The address of the page at which a browser on another machine ended."""
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    try:
        visit.site.work.typed(account, visit.field("address")[:_LONGEST_ADDRESS])
    except EilboteError as error:
        return await asyncio.to_thread(_page, visit, found, error.problem)
    return to(f"/accounts/{account}/oauth")


@routes.post("/end")
async def end(visit: Owner, account: int) -> Response:
    visit.site.work.end_sign_in(account)
    return to(f"/accounts/{account}")


def _page(visit: Visit, account: Account, problem: Problem | None) -> Response:
    work = visit.site.work
    going = work.sign_in_of(account.id)
    if going is not None and going.is_good:
        work.end_sign_in(account.id)
        return to(f"/accounts/{account.id}/start")  # where it is told what the try of the login came to
    known = sign_in_of((account.imap, account.pop3, account.smtp))
    before = last_sign_in(visit.app, account.id) if known is None else None
    key = known.id if known is not None else before.endpoints.issuer if before is not None else ""
    response = visit.page(
        "account_oauth.html",
        400 if problem else 200,
        problem=problem or (going.problem if going else None),
        account=account,
        known=known,
        name=known.name if known is not None else before.name if before is not None else "",
        by_code=known is None or bool(known.device),
        has_client=bool(key) and has_client(visit.app, key),
        going=going,
        mine=going is not None and going.by == _session(visit),
        typing=visit.query.get("elsewhere") == "1" or problem is not None,
    )
    if going is not None and going.running and not problem and visit.query.get("elsewhere") != "1":
        response.headers["Refresh"] = "3"
    return response


def _session(visit: Visit) -> str:
    """The session, so that it can be compared and not be used."""
    return hashlib.sha256(visit.session.encode()).hexdigest()


def _closing(visit: Visit) -> Pages:
    """What the window at the provider ends with."""
    words = Catalogue(visit.language)

    def page(text: str) -> str:
        return (
            f'<!doctype html><html lang="{visit.language}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>Eilbote</title>'
            f"<p>{html.escape(words.text(text))}</p></html>"
        )

    return Pages(
        page("You are signed in. You can close this window."),
        page("The sign-in did not work. Eilbote says why; you can close this window."),
        page("This answer belongs to another sign-in. You can close this window."),
    )
