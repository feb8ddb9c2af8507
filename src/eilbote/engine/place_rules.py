"""Where rules are carried out: brought to the account's own server (ManageSieve), and taken back.

Each way goes through `settle_rules`, so that a rule is carried out in one place at most, whatever fails or is
killed. What lies on the server is replaced only where it is ours, or where somebody says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from msgspec import Struct

from eilbote.clock import local_day_and_hour
from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.engine.filter import filter_new
from eilbote.engine.owner import sync_accounts
from eilbote.engine.push_scripts import OWN_NAME, ServerScripts, open_scripts
from eilbote.engine.round import to_the_end
from eilbote.engine.rule_scripts import Entry, compiled, decider_for, entries_of, is_active
from eilbote.engine.settle_rules import moving, settle_by, text_of
from eilbote.errors import Gone, Misused, NotAllowed, Refused, Unreachable
from eilbote.protocols.managesieve.values import Remark
from eilbote.sieve.read_back import read_back
from eilbote.sieve.rule import Where
from eilbote.sieve.server_script import (
    Chosen,
    Found,
    Stay,
    build_for_server,
    carries,
    choose,
    compared,
    rule_at,
)
from eilbote.store.values import Account, Server


class Placed(Struct, frozen=True):
    """After a change: the rules of the account that its server carries out now, what stays here and why,
    and what the server remarked."""

    account: str
    server: Server
    there: tuple[str, ...] = ()
    stays: tuple[Stay, ...] = ()
    warnings: tuple[Remark, ...] = ()
    changed: bool = True


def name_server(app: App, account: Account, server: Server) -> Account:
    """From now on the account's scripts lie there."""
    return app.store.accounts.update(account.id, sieve=server)


async def push(
    app: App,
    account: Account,
    names: Collection[str] = (),
    *,
    replacing: bool = False,
    origin: Origin = Origin.USER,
) -> Placed:
    """The server carries the account's rules out, and we do not any more: those named, else all that can be
    without any mail being treated otherwise. Those there stay there, as the book has them now.

    Unless `replacing`: NotAllowed `managesieve.other_active` where another script filters, Refused
    `managesieve.changed_there` where another program changed ours. Gone `rules.unknown`, NotAllowed
    `rules.none_for_server`, `rules.push_under_way`; Refused `rules.refused_there` with the rule that the
    server's Sieve does not take; Unreachable, Garbled: what became of it the next pass asks.
    """
    check_allowed(origin, Act.SCRIPT)
    entries = entries_of(app, account)
    wanted = _known(entries, names) if names else None
    await _judge_what_came(app, account)
    async with open_scripts(app, account) as scripts:
        await settle_by(app, account, scripts)
        entries = entries_of(app, account)
        chosen = chosen_for(app, entries, scripts, wanted)
        listing = await scripts.list()
        there = await text_of(scripts, OWN_NAME) if listing.find(OWN_NAME) else None
        unused = there is None and all(one.where is Where.HERE for one in entries)
        if not chosen.entries and unused:
            raise NotAllowed("rules.none_for_server", address=account.address, host=scripts.where.server.host)
        if not chosen.entries:
            return await _taken_back(app, account, scripts, chosen.stays)
        if not replacing:
            _check_untouched(scripts, listing.active, there, account, entries)
        text = build_for_server(chosen.entries, scripts.capabilities.extensions, today(app))
        going = {one.name for one in chosen.entries}
        away = [one.name for one in entries if (one.where is Where.SERVER) != (one.name in going)]
        same = compared(there, text) is Found.SAME and listing.active == OWN_NAME
        if same and not away:
            return _placed(account, scripts, going, chosen.stays, changed=False)
        warnings: tuple[Remark, ...] = ()
        async with moving(app, account, scripts, away, going):
            if listing.active == OWN_NAME:
                await _judge_meanwhile(app, account, going)
            warnings = await _put(scripts, text, there, replacing=replacing)
            if listing.active != OWN_NAME:
                await _judge_meanwhile(app, account, going)
                await scripts.activate(OWN_NAME, replace=replacing)
            if not going.issuperset(away):
                await _judge_meanwhile(app, account)
        return _placed(account, scripts, _there(app, account), chosen.stays, warnings)


async def take_back(app: App, account: Account, *, origin: Origin = Origin.USER) -> Placed:
    """The script of the server that carries out rules of the book filters no more, ours is deleted, and the
    rules are carried out here again. Misused where they could not be, as the book has them; NotAllowed
    `rules.push_under_way`."""
    check_allowed(origin, Act.SCRIPT)
    await _judge_what_came(app, account)
    async with open_scripts(app, account) as scripts:
        await settle_by(app, account, scripts)
        return await _taken_back(app, account, scripts, ())


async def activate(
    app: App, account: Account, name: str, *, replacing: bool = False, origin: Origin = Origin.USER
) -> Placed:
    """Makes a script that lies there the one that filters. Rules of the book that it carries out are not
    carried out here any more; those of the script that filtered before are.

    NotAllowed `managesieve.other_active` unless `replacing`; Gone `managesieve.no_such_script`."""
    check_allowed(origin, Act.SCRIPT)
    await _judge_what_came(app, account)
    async with open_scripts(app, account) as scripts:
        await settle_by(app, account, scripts)
        listing = await scripts.list()
        if not replacing and listing.active not in (None, name):
            raise NotAllowed("managesieve.other_active", name=name, active=listing.active)
        text = await text_of(scripts, name)
        entries = [one for one in entries_of(app, account) if is_active(one)]
        carried = carries(text, entries)
        away = [one.name for one in entries if (one.where is Where.SERVER) != (one.name in carried)]
        shared = [one.name for one in entries if one.name in carried and not one.account]
        if shared and len(app.store.accounts.all()) > 1:
            raise NotAllowed("rules.stays.all_accounts", rule=shared[0])
        _check_can_be_here(app, account, {one for one in away if one not in carried})
        async with moving(app, account, scripts, away, carried):
            await _judge_meanwhile(app, account, carried)
            await scripts.activate(name, replace=True)
            if not carried.issuperset(away):
                await _judge_meanwhile(app, account)
        return _placed(account, scripts, _there(app, account), ())


async def _judge_what_came(app: App, account: Account) -> None:
    """A pass, so that mail which came before a change is treated as it was until then, and little is left to
    do while rules are on their way."""
    (report,) = await sync_accounts(app, [account.address])
    if report.failed is not None:
        raise Unreachable(report.failed)


async def _judge_meanwhile(app: App, account: Account, going: Collection[str] = ()) -> None:
    """While rules are on their way no pass judges mail: what has come by now is judged at this moment, by the
    rules that are here and by those still `going` to the server, and never again by others."""
    await sync_accounts(app, [account.address])
    await to_the_end(_judge, app, account, going)


def _judge(app: App, account: Account, going: Collection[str]) -> None:
    entries = entries_of(app, account)
    here = [
        one
        for one in entries
        if is_active(one) and (one.where is Where.HERE or (one.where is Where.PENDING and one.name in going))
    ]
    decider = decider_for(app, here, entries, app.store.rule_book.revision()) if here else None
    filter_new(app, account, decider)


async def _taken_back(app: App, account: Account, scripts: ServerScripts, stays: Sequence[Stay]) -> Placed:
    listing = await scripts.list()
    entries = entries_of(app, account)
    away = [one.name for one in entries if one.where is not Where.HERE]
    _check_can_be_here(app, account, away)
    active = "" if listing.active is None else await text_of(scripts, listing.active)
    carried = carries(active, [one for one in entries if one.where is not Where.HERE])
    async with moving(app, account, scripts, away):
        if carried or listing.active == OWN_NAME:
            await scripts.deactivate()
        if listing.find(OWN_NAME) is not None:
            await scripts.delete(OWN_NAME)
        if away:
            await _judge_meanwhile(app, account)
    return _placed(account, scripts, (), stays, changed=bool(away) or listing.find(OWN_NAME) is not None)


async def _put(
    scripts: ServerScripts, text: str, there: str | None, *, replacing: bool
) -> tuple[Remark, ...]:
    """Stores it in place of what was `there` when we looked."""
    try:
        return await scripts.push(OWN_NAME, text, overwrite=replacing, instead_of=there)
    except Refused as refused:
        told = refused.problem.parameters
        if refused.problem.code != "managesieve.invalid_script":
            raise
        rule = rule_at(text, int(str(told.get("line", "0"))))
        raise Refused(
            "rules.refused_there", rule=rule, host=told.get("host", ""), text=told.get("text", "")
        ) from refused


def _check_untouched(
    scripts: ServerScripts, active: str | None, there: str | None, account: Account, entries: Iterable[Entry]
) -> None:
    if active not in (None, OWN_NAME):
        raise NotAllowed("managesieve.other_active", name=OWN_NAME, active=active)
    if there is not None and compared(there, "") is Found.FOREIGN:
        raise Refused("managesieve.changed_there", host=scripts.where.server.host, name=OWN_NAME)
    unknown = there is not None and active == OWN_NAME and not carries(there, entries) and read_back(there)
    if unknown:  # another home of this account put it there
        raise Refused("managesieve.changed_there", host=scripts.where.server.host, name=OWN_NAME)


def _check_can_be_here(app: App, account: Account, names: Collection[str]) -> None:
    """Misused `rules.script_wrong` where what is to come back cannot be carried out here."""
    entries = entries_of(app, account)
    coming = [one for one in entries if is_active(one) and (one.where is Where.HERE or one.name in names)]
    made = compiled(app, coming, entries)
    if made.script is None:
        first = made.problems[0]
        raise Misused(
            "rules.script_wrong", line=first.at.line, column=first.at.column, code=first.problem.code
        )


def chosen_for(
    app: App, entries: Sequence[Entry], scripts: ServerScripts, wanted: Collection[str] | None
) -> Chosen:
    """Which of these the server can carry out, of those `wanted` (see `choose`)."""
    capabilities = scripts.capabilities
    return choose(
        entries,
        capabilities.extensions,
        capabilities.notify,
        today(app),
        wanted=wanted,
        alone=len(app.store.accounts.all()) == 1,
    )


def _known(entries: Sequence[Entry], names: Collection[str]) -> frozenset[str]:
    known = {one.name.lower() for one in entries}
    for name in names:
        if name.lower() not in known:
            raise Gone("rules.unknown", name=name)
    return frozenset(name.lower() for name in names)


def _there(app: App, account: Account) -> frozenset[str]:
    return frozenset(one.name for one in entries_of(app, account) if one.where is Where.SERVER)


def _placed(
    account: Account,
    scripts: ServerScripts,
    there: Iterable[str],
    stays: Sequence[Stay],
    warnings: tuple[Remark, ...] = (),
    *,
    changed: bool = True,
) -> Placed:
    return Placed(
        account.address, scripts.where.server, tuple(sorted(there)), tuple(stays), warnings, changed
    )


def today(app: App) -> date:
    """The owner's day."""
    return date.fromisoformat(local_day_and_hour(app.clock.now())[0])
