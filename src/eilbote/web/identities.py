"""As whom mail of an account is written: its addresses, names and signatures. Who may read the account's mail
sees them; an owner changes them, because every user who sends from the account writes under them.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from msgspec import Struct

from eilbote.engine import identities
from eilbote.engine.condition import account_of
from eilbote.engine.identities import Saying
from eilbote.errors import Misused, Problem
from eilbote.mail.identity import Identity
from eilbote.mail.typed_addresses import as_typed
from eilbote.store.values import Account
from eilbote.web.visit import Owner, SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/accounts/{account:int}/identities")

_MOST_ALIASES = 100


class _Form(Struct, frozen=True):
    """The fields of one identity."""

    address: str = ""
    name: str = ""
    reply_to: str = ""
    organization: str = ""
    aliases: str = ""
    signature: str = ""
    usual: bool = False


@routes.get("")
def listed(visit: SignedIn, account: int) -> Response:
    return _page(visit, account_of(visit.app, user_of(visit), account), None)


@routes.post("")
def add(visit: Owner, account: int) -> Response:
    found, form = visit.app.store.accounts.get(account), _typed(visit)
    try:
        identities.add_identity(visit.app, found, form.address, _saying(form))
    except Misused as error:
        return _page(visit, found, error.problem, form)
    return to(f"/accounts/{account}/identities")


@routes.post("/change")
def change(visit: Owner, account: int) -> Response:
    found, form = visit.app.store.accounts.get(account), _typed(visit)
    try:
        identities.change_identity(visit.app, found, form.address, _saying(form))
    except Misused as error:
        return _page(visit, found, error.problem, form)
    return to(f"/accounts/{account}/identities")


@routes.post("/remove")
def remove(visit: Owner, account: int) -> Response:
    found = visit.app.store.accounts.get(account)
    identities.remove_identity(visit.app, found, visit.field("address")[:300])
    return to(f"/accounts/{account}/identities")


def _typed(visit: Visit) -> _Form:
    return _Form(
        visit.field("address").strip()[:300],
        visit.field("name").strip(),
        visit.field("reply_to").strip(),
        visit.field("organization").strip(),
        visit.field("aliases"),
        visit.field("signature"),
        bool(visit.field("usual")),
    )


def _saying(form: _Form) -> Saying:
    aliases = [one.strip() for one in form.aliases.replace(",", "\n").splitlines() if one.strip()]
    return Saying(
        name=form.name,
        reply_to=form.reply_to,
        signature=form.signature,
        organization=form.organization,
        aliases=aliases[:_MOST_ALIASES],
        usual=form.usual,
    )


def _shown(identity: Identity, usual: bool) -> _Form:
    return _Form(
        identity.address,
        identity.name,
        as_typed(identity.reply_to),
        identity.organization,
        "\n".join(identity.aliases),
        identity.signature,
        usual,
    )


def _page(visit: Visit, account: Account, problem: Problem | None, form: _Form | None = None) -> Response:
    known = identities.identities_of(visit.app, account)
    return visit.page(
        "identities.html",
        200 if problem is None else 400,
        account=account,
        identities=[_shown(one, one is known[0]) for one in known],
        problem=problem,
        new=form if form is not None and form.address not in [one.address for one in known] else _Form(),
        typed=form,
        longest=identities.LONGEST_SIGNATURE,
    )
