"""An account added in three steps: the address and what is known of its provider; the login, which is tried
for real; what is kept here, and the start. The account waits, paused, until it is started.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from msgspec.structs import replace

from eilbote.engine import setup
from eilbote.engine.address import checked_address
from eilbote.engine.authorize import sign_in_at_hosts
from eilbote.engine.condition import Doing, condition_of
from eilbote.engine.discover import Discovered, discover
from eilbote.errors import EilboteError, Misused, Problem
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState, AuthKind
from eilbote.web.account_form import (
    AccountFields,
    auth_kind,
    fields_of,
    found_fields,
    spelled,
    typed_fields,
    typed_keep,
    typed_secret,
    wrong_with,
)
from eilbote.web.visit import Owner, Visit, to

routes = APIRouter(prefix="/accounts")

_AGAIN_SECONDS = "2"
"""A page that shows work under way is asked for again by the browser itself, without any script."""


@routes.get("/new")
def begin(visit: Owner, address: str = "") -> Response:
    if not address:
        return _first(visit, "", None)
    try:
        return _second(visit, setup.free_address(visit.app, address), AccountFields(), None)
    except EilboteError as error:
        return _first(visit, address, error.problem)


@routes.post("/new")
async def add(visit: Owner) -> Response:
    fields, typed = typed_fields(visit), visit.field("address").strip()
    try:
        account = await asyncio.to_thread(_store, visit, typed, fields)
    except EilboteError as error:
        if error.problem.code in ("account.exists", "store.account_exists"):
            # The form was sent twice, or by two: there is one account all the same.
            known = await asyncio.to_thread(visit.app.store.accounts.get, checked_address(typed))
            return to(f"/accounts/{known.id}/start")
        return await asyncio.to_thread(_second, visit, typed, fields, error.problem)
    if account.auth is AuthKind.SIGNED_IN:
        return to(f"/accounts/{account.id}/oauth")
    visit.site.work.try_login(account)
    return to(f"/accounts/{account.id}/start")


@routes.post("/new/find")
async def find(visit: Owner) -> Response:
    """Asks the network which servers belong to an address that the table does not know, and fills them in:
    nothing is given a password before a person has seen its name."""
    try:
        address = await asyncio.to_thread(setup.free_address, visit.app, visit.field("address"))
    except EilboteError as error:
        return _first(visit, visit.field("address"), error.problem)
    if setup.known_provider(address) is not None:
        return _second(visit, address, AccountFields(), None)
    found = await discover(visit.app, address)
    return await asyncio.to_thread(_second, visit, address, found_fields(found), None, found)


@routes.get("/{account:int}/start")
def start_page(visit: Owner, account: int) -> Response:
    return _third(visit, visit.app.store.accounts.get(account), None)


@routes.post("/{account:int}/start")
def start(visit: Owner, account: int) -> Response:
    found = visit.app.store.accounts.get(account)
    try:
        setup.begin_account(visit.app, found.address, typed_keep(visit))
    except Misused as error:
        return _third(visit, found, error.problem)
    return to(f"/accounts/{account}")


def _store(visit: Visit, address: str, fields: AccountFields) -> Account:
    """Planned and stored, still paused."""
    provider = setup.known_provider(address, fields.receiving.host)
    signs_in = bool(visit.field("sign_in")) and fields.kind != "local"
    auth = AuthKind.SIGNED_IN if signs_in else auth_kind(provider if fields.kind != "local" else None)
    planned = setup.planned_account(visit.app, fields.wanted(address, provider, auth))
    secret = Secret("") if signs_in else typed_secret(visit)
    if not signs_in and not secret.reveal() and (planned.imap or planned.pop3 or planned.smtp):
        raise Misused("account.empty_secret", address=planned.address)
    return setup.store_account(visit.app, replace(planned, state=AccountState.PAUSED), secret)


def _hosts(address: str) -> list[str]:
    """The mail servers that the table knows for an address."""
    provider = setup.known_provider(address)
    if provider is None:
        return []
    return [one.host for one in (provider.imap, provider.smtp, provider.pop3) if one is not None]


def _first(visit: Visit, address: str, problem: Problem | None) -> Response:
    return visit.page("account_new.html", 400 if problem else 200, problem=problem, address=address[:300])


def _second(
    visit: Visit,
    address: str,
    fields: AccountFields,
    problem: Problem | None,
    found: Discovered | None = None,
) -> Response:
    provider = found.provider if found else setup.known_provider(address, fields.receiving.host)
    return visit.page(
        "account_login.html",
        400 if problem else 200,
        problem=problem,
        address=address,
        provider=provider,
        by_address=setup.known_provider(address) is not None,
        fields=fields,
        found=found,
        provider_sign_in=sign_in_at_hosts((fields.receiving.host, *_hosts(address))),
    )


def _third(visit: Visit, account: Account, problem: Problem | None) -> Response:
    condition = condition_of(visit.app, account)
    if condition.doing is not Doing.NOT_BEGUN:
        return to(f"/accounts/{account.id}")
    trial = visit.site.work.trial_of(account.id)
    wrong = (trial.receiving or trial.sending) if trial is not None else None
    response = visit.page(
        "account_start.html",
        400 if problem else 200,
        problem=problem,
        account=account,
        provider=setup.provider_of_account(account),
        trial=trial,
        fields=fields_of(account),
        **wrong_with(visit.app, account, wrong),
        spelled=spelled,
    )
    if trial is not None and trial.running:
        response.headers["Refresh"] = _AGAIN_SECONDS
    return response
