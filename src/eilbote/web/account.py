"""One account: how it is doing, what is kept of it, its login and servers, and its removal. Who may read its
mail sees it; an owner changes it. A password is taken in here and never given out.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from eilbote.engine import read, setup
from eilbote.engine.authorize import sign_in_of
from eilbote.engine.condition import account_of, condition_of, mails_by_day
from eilbote.engine.setup import Wanted
from eilbote.engine.users import may_change
from eilbote.errors import EilboteError, Misused, NotAllowed, Problem
from eilbote.mail.keep import read_keep
from eilbote.store.values import Account, Conflict
from eilbote.sync.values import OnServer
from eilbote.web.account_form import (
    AccountFields,
    auth_kind,
    fields_of,
    spelled,
    typed_fields,
    typed_keep,
    typed_secret,
    wrong_with,
)
from eilbote.web.plots import bars
from eilbote.web.visit import Owner, SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/accounts/{account:int}")

_MOST_CONFLICTS = 20


@routes.get("")
def account_page(visit: SignedIn, account: int) -> Response:
    return _page(visit, account_of(visit.app, user_of(visit), account), None)


@routes.post("/sync")
async def sync(visit: SignedIn, account: int) -> Response:
    found = await asyncio.to_thread(account_of, visit.app, user_of(visit), account)
    if not may_change(user_of(visit), account):
        raise NotAllowed("user.may_not_change")
    visit.site.work.sync(found)
    return to(f"/accounts/{account}")


@routes.post("/test")
async def try_login(visit: Owner, account: int) -> Response:
    return await _tried(visit, account)


@routes.post("/login")
async def change_login(visit: Owner, account: int) -> Response:
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    await asyncio.to_thread(note_typed_login, visit, found)
    return await _tried(visit, account)


@routes.post("/servers")
async def change_servers(visit: Owner, account: int) -> Response:
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    try:
        await asyncio.to_thread(note_typed_servers, visit, found)
    except EilboteError as error:
        return await asyncio.to_thread(_page, visit, found, error.problem, typed_fields(visit))
    return await _tried(visit, account)


@routes.post("/trust")
async def trust(visit: Owner, account: int) -> Response:
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    await asyncio.to_thread(note_typed_trust, visit, found)
    return await _tried(visit, account)


@routes.post("/pause")
def pause(visit: Owner, account: int) -> Response:
    setup.pause_account(visit.app, visit.app.store.accounts.get(account).address)
    return to(f"/accounts/{account}")


@routes.post("/resume")
def resume(visit: Owner, account: int) -> Response:
    setup.resume_account(visit.app, visit.app.store.accounts.get(account).address)
    return to(f"/accounts/{account}")


@routes.post("/keep")
def set_keep(visit: Owner, account: int) -> Response:
    found = visit.app.store.accounts.get(account)
    try:
        setup.set_keep(visit.app, found.address, typed_keep(visit))
    except Misused as error:
        return _page(visit, found, error.problem)
    return to(f"/accounts/{account}#keep")


@routes.post("/keep-each")
def set_keep_of_each(visit: Owner, account: int) -> Response:
    """What is kept of single mailboxes: only what was changed is written."""
    found = visit.app.store.accounts.get(account)
    for _, box in read.list_mailboxes(visit.app, found.address):
        word = visit.field(f"keep-{box.id}")[:40]
        if word and word != (str(box.keep) if box.keep else "account"):
            setup.set_keep(visit.app, found.address, None if word == "account" else read_keep(word), box.name)
    return to(f"/accounts/{account}#keep")


@routes.post("/on-server")
def keep_on_server(visit: Owner, account: int) -> Response:
    found = visit.app.store.accounts.get(account)
    days = visit.field("days")
    match visit.field("policy"):
        case "keep":
            policy = OnServer()
        case "when-deleted":
            policy = OnServer(when_deleted=True)
        case "days" if days.isascii() and days.isdigit() and len(days) < 5:
            policy = OnServer(days=int(days))
        case _:
            return _page(visit, found, Problem("account.bad_policy"))
    setup.keep_on_server(visit.app, found.address, policy)
    return to(f"/accounts/{account}#keep")


@routes.get("/remove")
def remove_page(visit: Owner, account: int) -> Response:
    return _removal(visit, visit.app.store.accounts.get(account), None)


@routes.post("/remove")
def remove(visit: Owner, account: int) -> Response:
    found = visit.app.store.accounts.get(account)
    if visit.field("address").strip().casefold() != found.address.casefold():
        return _removal(visit, found, Problem("account.not_confirmed", {"address": found.address}))
    try:
        setup.remove_account(visit.app, found.address)
    except NotAllowed as error:
        return _removal(visit, found, error.problem)
    return to("/accounts")


def note_typed_login(visit: Visit, account: Account) -> None:
    """Password, user name and name of the account; what is left empty stays."""
    secret = typed_secret(visit)
    auth = auth_kind(setup.provider_of_account(account))
    user, name = visit.field("user").strip(), visit.field("name").strip()
    wanted = Wanted(account.address, user=user, name=name, auth=auth)
    setup.note_change(visit.app, account.address, wanted, secret if secret.reveal() else None)


def note_typed_servers(visit: Visit, account: Account) -> None:
    """The servers of the form."""
    wanted = typed_fields(visit).wanted(account.address, None, account.auth)
    setup.note_change(visit.app, account.address, wanted, None)


def note_typed_trust(visit: Visit, account: Account) -> None:
    """The certificate of the form, trusted or no longer."""
    fingerprint, remove = visit.field("fingerprint")[:200], bool(visit.field("remove"))
    setup.trust_certificate(visit.app, account.address, fingerprint, remove=remove)


async def _tried(visit: Visit, account: int) -> Response:
    """The login is tried, and where the account is shown says what came of it."""
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    visit.site.work.try_login(found)
    return to(f"/accounts/{account}/start")  # which leads on where the account was started before


def _conflict_problem(conflict: Conflict) -> Problem:
    """How it was decided, for the catalogue."""
    return Problem(f"conflict.{conflict.rule}", conflict.detail)


def _removal(visit: Visit, account: Account, problem: Problem | None) -> Response:
    mails = len(visit.app.store.messages.ids_of(account.id))
    status = 400 if problem else 200
    return visit.page("account_remove.html", status, account=account, mails=mails, problem=problem)


def _page(
    visit: Visit, account: Account, problem: Problem | None, fields: AccountFields | None = None
) -> Response:
    app, work = visit.app, visit.site.work
    trial, condition = work.trial_of(account.id), condition_of(app, account)
    if trial is None or trial.running or trial.is_good:
        wrong = condition.problem
    else:
        wrong = trial.receiving or trial.sending
    response = visit.page(
        "account.html",
        400 if problem else 200,
        problem=problem,
        account=account,
        condition=condition,
        changeable=may_change(user_of(visit), account.id),
        days=mails_by_day(app, account.id),
        trial=trial,
        passing=work.is_syncing(account.id),
        pass_problem=work.pass_problem(account.id),
        provider=setup.provider_of_account(account),
        provider_sign_in=sign_in_of((account.imap, account.pop3, account.smtp)),
        fields=fields or fields_of(account),
        conflicts=read.list_conflicts(app, account.address, _MOST_CONFLICTS),
        quarantined=read.list_quarantine(app, account.address),
        **wrong_with(app, account, wrong),
        spelled=spelled,
        bars=bars,
        conflict_problem=_conflict_problem,
    )
    if trial is not None and trial.running:
        response.headers["Refresh"] = "2"
    return response
