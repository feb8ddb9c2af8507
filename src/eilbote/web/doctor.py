"""The doctor: a run for an account or an address, how far it is, and what it came to: one cause first, with
the form that its next step is. Who may change an account starts it; who may read it sees what it came to.

It never starts a second run of one account beside another, and shows nothing secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from msgspec import Struct
from msgspec.structs import replace

from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Cause, Finding, Layer, Report, Verdict
from eilbote.engine import setup
from eilbote.engine.checkups import Checkup, finished, trip_of
from eilbote.engine.condition import account_of, condition_of, conditions
from eilbote.engine.diagnose import transcript_to_share, transcript_whole
from eilbote.engine.users import may_change
from eilbote.errors import EilboteError, NotAllowed, Problem
from eilbote.mail.download_name import attachment_disposition
from eilbote.store.values import Account
from eilbote.web.account import note_typed_login, note_typed_servers, note_typed_trust
from eilbote.web.account_form import AccountFields, ServerField, fields_of, spelled, typed_fields
from eilbote.web.plots import lengths
from eilbote.web.remedies import Remedy, of_account, remedy_for
from eilbote.web.visit import Owner, SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/doctor")

_SAVED = {"Content-Security-Policy": "default-src 'none'; sandbox"}
_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN)


class Rung(Struct, frozen=True):
    """A layer of a report, or a group of a domain's: its findings, the worst verdict, and how many there are
    of each."""

    layer: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    is_open: bool = False


@routes.get("")
def begin_page(visit: SignedIn) -> Response:
    return begin_page_of(visit, None)


@routes.get("/{account:int}")
def account_page(visit: SignedIn, account: int) -> Response:
    return _page(visit, account_of(visit.app, user_of(visit), account))


@routes.post("/{account:int}")
async def examine(visit: SignedIn, account: int) -> Response:
    found = await asyncio.to_thread(account_of, visit.app, user_of(visit), account)
    if not may_change(user_of(visit), account):
        raise NotAllowed("user.may_not_change")
    visit.site.work.examine(found, trip=bool(visit.field("trip")))
    return to(f"/doctor/{account}")


@routes.post("/{account:int}/login")
async def change_login(visit: Owner, account: int) -> Response:
    return await _changed(visit, account, note_typed_login)


@routes.post("/{account:int}/servers")
async def change_servers(visit: Owner, account: int) -> Response:
    return await _changed(visit, account, note_typed_servers)


@routes.post("/{account:int}/trust")
async def trust(visit: Owner, account: int) -> Response:
    return await _changed(visit, account, note_typed_trust)


@routes.get("/{account:int}/share")
def share(visit: SignedIn, account: int) -> Response:
    """Without addresses, private hosts and anything of a mail."""
    account_of(visit.app, user_of(visit), account)
    data = transcript_to_share(finished(visit.site.work.checkups.of(account)))
    return saved(data, "eilbote-doctor-shared.json")


@routes.get("/{account:int}/whole")
def whole(visit: SignedIn, account: int) -> Response:
    """All that was seen."""
    account_of(visit.app, user_of(visit), account)
    data = transcript_whole(finished(visit.site.work.checkups.of(account)))
    return saved(data, "eilbote-doctor-whole.json")


@routes.get("/address")
def address_page(visit: Owner, address: str = "") -> Response:
    checkup = visit.site.work.checkups.of(address)
    if checkup is None:
        return begin_page_of(visit, None, address=address)
    return visit.page("doctor.html", 200, account=None, problem=None, **shown_of(visit, checkup, address))


@routes.post("/address")
async def examine_address(visit: Owner) -> Response:
    """An address that is no account here; one that is, is examined as what it is."""
    typed = visit.field("address").strip()[:300]
    accounts = await asyncio.to_thread(visit.app.store.accounts.all)
    known = next((one for one in accounts if one.address.casefold() == typed.casefold()), None)
    if known is not None:
        visit.site.work.examine(known)
        return to(f"/doctor/{known.id}")
    try:
        address = visit.site.work.checkups.begin_address(typed)
    except EilboteError as error:
        return await asyncio.to_thread(begin_page_of, visit, error.problem, address=typed)
    return to(f"/doctor/address?{urlencode({'address': address})}")


@routes.get("/address/share")
def share_address(visit: Owner, address: str = "") -> Response:
    data = transcript_to_share(finished(visit.site.work.checkups.of(address)))
    return saved(data, "eilbote-doctor-shared.json")


@routes.get("/address/whole")
def whole_address(visit: Owner, address: str = "") -> Response:
    data = transcript_whole(finished(visit.site.work.checkups.of(address)))
    return saved(data, "eilbote-doctor-whole.json")


async def _changed(visit: Visit, account: int, note: Callable[[Visit, Account], None]) -> Response:
    """Changes the account, and tests it as it is now."""
    found = await asyncio.to_thread(visit.app.store.accounts.get, account)
    try:
        await asyncio.to_thread(note, visit, found)
    except EilboteError as error:
        return await asyncio.to_thread(_page, visit, found, error.problem)
    visit.site.work.examine(found, changed=True)
    return to(f"/doctor/{account}")


def begin_page_of(visit: Visit, problem: Problem | None, *, address: str = "", domain: str = "") -> Response:
    """Where a run is begun, with what was typed."""
    checkups = visit.site.work.checkups
    accounts = conditions(visit.app, user_of(visit))
    return visit.page(
        "doctor_begin.html",
        400 if problem else 200,
        problem=problem,
        address=address[:300],
        domain=domain[:300],
        accounts=[(one, checkups.of(one.account.id)) for one in accounts],
    )


def _page(visit: Visit, account: Account, problem: Problem | None = None) -> Response:
    checkup = visit.site.work.checkups.of(account.id)
    shown = shown_of(visit, checkup, account.address, account)
    fields = typed_fields(visit) if problem and visit.field("kind") else fields_of(account)
    cause = shown["cause"]
    if isinstance(cause, Cause) and not problem:
        fields = _better(fields, cause)
    return visit.page(
        "doctor.html",
        400 if problem else 200,
        account=account,
        problem=problem,
        condition=condition_of(visit.app, account),
        changeable=may_change(user_of(visit), account.id),
        provider=setup.provider_of_account(account),
        fields=fields,
        **shown,
    )


def _way(cause: Cause | None, account: Account | None) -> Remedy:
    if cause is None:
        return Remedy.NOTHING
    return of_account(remedy_for(cause), account) if account is not None else remedy_for(cause)


def shown_of(
    visit: Visit, checkup: Checkup | None, target: str, account: Account | None = None
) -> dict[str, object]:
    """What both kinds of target show of a run."""
    done = checkup.diagnosed if checkup is not None else None
    cause = done.report.cause if done is not None else None
    return {
        "target": target,
        "checkup": checkup,
        "domain": target.rpartition("@")[2],
        "running": checkup is not None and checkup.ended is None,
        "report": done.report if done is not None else None,
        "cause": cause,
        "way": _way(cause, account),
        "rungs": _rungs(done.report) if done is not None else (),
        "trip": trip_of(done) if done is not None else None,
        "because": _because,
        "reference": lambda finding: CHECKS[finding.id].reference,
        "named": "" if account is not None else "address",
        "again": f"/doctor/{account.id}" if account is not None else "/doctor/address",
        "check": "",
        "published": {},
        "main": _main_finding(done.report) if done is not None else None,
        "spelled": spelled,
        "lengths": lengths,
    }


def _rungs(report: Report) -> tuple[Rung, ...]:
    return tuple(rung_of(layer, mine) for layer in Layer if (mine := _of_layer(report, layer)))


def _of_layer(report: Report, layer: Layer) -> tuple[Finding, ...]:
    return tuple(one for one in report.findings if CHECKS[one.id].layer is layer)


def rung_of(layer: str, findings: tuple[Finding, ...], *, is_open: bool = False) -> Rung:
    """A layer or group as it is shown."""
    counts = {one.value: sum(each.verdict is one for each in findings) for one in Verdict}
    order = (*_BAD, Verdict.SKIP, Verdict.PASS, Verdict.INFO)
    verdict = next(one for one in order if counts[one.value])
    return Rung(layer, verdict, findings, counts, is_open)


def _main_finding(report: Report) -> Finding | None:
    """The finding that the cause was taken from."""
    cause = report.cause
    meant = (cause.finding, cause.text)
    return next((one for one in report.findings if (one.id, one.text) == meant), None)


def _because(finding: Finding) -> str:
    """The check that one was not made for; empty where another reason is given."""
    return finding.seen if finding.verdict is Verdict.SKIP and finding.seen in CHECKS else ""


def _better(fields: AccountFields, cause: Cause) -> AccountFields:
    """The servers as the cause proposes them, to be looked at before they are saved."""
    told = cause.parameters
    changes: dict[str, str] = {}
    match cause.code:
        case "certificate.wrong_name" if not told.get("better", "*").startswith("*"):
            changes = {"host": told["better"]}
        case "tls.no_starttls" | "tls.starttls_refused" if told.get("better"):
            changes = {"port": told["better"], "security": "tls"}
        case "tls.wrong_kind":
            changes = {"security": "tls" if cause.text.endswith("wants_tls") else "starttls"}
        case _:
            return fields
    meant = (told.get("host"), told.get("port"))

    def better(one: ServerField) -> ServerField:
        return replace(one, **changes) if (one.host, one.port) == meant else one

    return replace(fields, receiving=better(fields.receiving), sending=better(fields.sending))


def saved(data: bytes, name: str) -> Response:
    headers = {**_SAVED, "Content-Disposition": attachment_disposition(name)}
    return Response(data, media_type="application/json", headers=headers)
