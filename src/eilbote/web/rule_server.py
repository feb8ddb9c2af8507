"""Rules that an account's own mail server carries out: brought there, taken back, and what else lies there.
Asks the server only when somebody clicks.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from msgspec import Struct

from eilbote.engine import place_rules, rules_of_user
from eilbote.engine.address import server_from
from eilbote.engine.place_rules import Placed
from eilbote.engine.pull_rules import Pulled, Remote, look, pull
from eilbote.engine.rules_of_user import SeenBook
from eilbote.errors import EilboteError, Misused, Problem
from eilbote.sieve.rule import Where
from eilbote.store.values import Account
from eilbote.web.visit import Owner, SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules/server")

_REPLACEABLE = ("managesieve.other_active", "managesieve.changed_there")
_SECONDS = 90.0


class _Came(Struct, frozen=True):
    """What a click came to."""

    remote: Remote | None = None
    placed: Placed | None = None
    pulled: Pulled | None = None
    problem: Problem | None = None
    do: str = ""
    script: str = ""

    @property
    def may_replace(self) -> bool:
        return self.problem is not None and self.problem.code in _REPLACEABLE


@routes.get("")
def server(visit: SignedIn, account: str = "") -> Response:
    return _page(visit, account, _Came())


@routes.post("")
async def change(visit: SignedIn) -> Response:
    address = visit.field("account")[:300]
    found = await asyncio.to_thread(rules_of_user.account_for_server, visit.app, user_of(visit), address)
    came = await _done(visit, found)
    return await asyncio.to_thread(_page, visit, address, came)


@routes.post("/named")
def name(visit: Owner) -> Response:
    """The server's address, where the provider names another than the one that is found."""
    address = visit.field("account")[:300]
    found = rules_of_user.account_for_server(visit.app, user_of(visit), address)
    try:
        named = server_from(
            visit.field("server").strip()[:300], "managesieve", visit.field("security") or None
        )
        place_rules.name_server(visit.app, found, named)
    except EilboteError as error:
        return _page(visit, address, _Came(problem=error.problem))
    return to(f"/rules/server?{urlencode({'account': found.address})}")


async def _done(visit: Visit, account: Account) -> _Came:
    do, script = visit.field("do"), visit.field("script")[:300]
    replacing = visit.field("replacing") == "1"
    names = [one[:300] for one in visit.form.get("rule", ())][:1000]
    try:
        async with asyncio.timeout(_SECONDS):
            match do:
                case "look":
                    return _Came(remote=await look(visit.app, account))
                case "push":
                    return _Came(
                        placed=await place_rules.push(visit.app, account, names, replacing=replacing)
                    )
                case "back":
                    return _Came(placed=await place_rules.take_back(visit.app, account))
                case "activate":
                    done = await place_rules.activate(visit.app, account, script, replacing=replacing)
                    return _Came(placed=done)
                case "pull":
                    return _Came(pulled=await pull(visit.app, account, script))
                case _:
                    raise Misused("page.unknown_act")
    except TimeoutError:
        return _Came(problem=Problem("rules.server_slow"), do=do, script=script)
    except EilboteError as error:
        return _Came(problem=error.problem, do=do, script=script)


def _page(visit: Visit, address: str, came: _Came) -> Response:
    user = user_of(visit)
    accounts = [one for one in rules_of_user.accounts_for_rules(visit.app, user) if one.imap is not None]
    chosen = next((one for one in accounts if one.address.lower() == address.lower()), None)
    chosen = chosen or (accounts[0] if accounts else None)
    book = rules_of_user.seen_book(visit.app, user)
    return visit.page(
        "rule_server.html",
        200 if came.problem is None else 400,
        accounts=[one.address for one in accounts],
        account=chosen,
        may=chosen is not None and rules_of_user.may_place(visit.app, user, chosen),
        rows=_rules_of(book, chosen),
        came=came,
    )


def _rules_of(book: SeenBook, account: Account | None) -> list[tuple[str, Where, bool]]:
    if account is None:
        return []
    return [
        (one.entry.name, one.entry.where, one.is_on)
        for one in book.entries
        if one.entry.account.lower() in ("", account.address.lower())
    ]
