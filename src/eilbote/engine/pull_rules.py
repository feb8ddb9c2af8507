"""What an account's server runs, beside the book, and a script of the server brought into it.

What is pulled is carried out in one place: the script that filters goes on doing so there, and any other is
switched off in the book. Nothing on the server is changed.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.engine.edit_rules import free_name
from eilbote.engine.place_rules import chosen_for, today
from eilbote.engine.push_scripts import OWN_NAME, open_scripts
from eilbote.engine.rule_scripts import Entry, entries_of, is_active
from eilbote.engine.settle_rules import TRIES, saved, settle_by, text_of
from eilbote.errors import Gone, NotAllowed
from eilbote.sieve.read_back import read_back
from eilbote.sieve.rule import Rule, Where
from eilbote.sieve.rule_book import judge_book
from eilbote.sieve.rule_check import LONGEST_NAME
from eilbote.sieve.rule_edit import with_entry
from eilbote.sieve.server_script import (
    Found,
    Stay,
    build_for_server,
    carries,
    compared,
    does_the_same,
    unsealed,
)
from eilbote.store.values import Account, Server


class OnServer(Struct, frozen=True):
    """One script on the server. `found` is said of ours alone."""

    name: str
    active: bool
    found: Found | None = None


class Remote(Struct, frozen=True):
    """What an account's server runs, beside the book. `lost`: rules that the book has there and the server
    does not carry out; `both`: rules that are carried out here and there."""

    account: str
    server: Server
    scripts: tuple[OnServer, ...] = ()
    there: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    stays: tuple[Stay, ...] = ()
    extensions: tuple[str, ...] = ()


class Pulled(Struct, frozen=True):
    """A script of the server that stands in the book now: the entries made of it, and how many were there
    already."""

    account: str
    script: str
    active: bool
    entries: tuple[Entry, ...] = ()
    known: int = 0


async def pull(app: App, account: Account, name: str = "", *, origin: Origin = Origin.USER) -> Pulled:
    """A script of the server (none named: the one that filters) as rules and scripts at the book's end.

    The script that filters goes on doing so: what it says stands in the book as carried out there. Any
    other is switched off in the book. What the book has already is not repeated. Gone
    `managesieve.no_such_script`, `rules.nothing_there`."""
    check_allowed(origin, Act.SCRIPT)
    async with open_scripts(app, account) as scripts:
        await settle_by(app, account, scripts)
        active = (await scripts.list()).active
        if not name and active is None:
            raise Gone("rules.nothing_there", address=account.address, host=scripts.where.server.host)
        script = name or str(active)
        text = await text_of(scripts, script)
    filters = script == active
    for _ in range(TRIES):
        book = app.store.rule_book.get()
        known = judge_book(book.text)[0]
        content, made, held = book.text, list[Entry](), 0
        for entry in read_back(unsealed(text), _name(script)):
            if any(does_the_same(entry, one) for one in known.of(account.address)):
                held += 1
                continue
            new = _pulled(entry, account, filters=filters)
            new = replace(new, name=free_name(judge_book(content)[0], new.name))
            content = with_entry(content, new)
            made.append(new)
        if not made or saved(app, content, book.revision):
            return Pulled(account.address, script, filters, tuple(made), held)
    raise NotAllowed("rules.changed_meanwhile", revision=app.store.rule_book.revision())


async def look(app: App, account: Account) -> Remote:
    """What the server has and runs, beside the book. Changes nothing."""
    entries = [one for one in entries_of(app, account) if is_active(one)]
    async with open_scripts(app, account) as scripts:
        listing = await scripts.list()
        chosen = chosen_for(app, entries, scripts, frozenset())
        wanted = build_for_server(chosen.entries, scripts.capabilities.extensions, today(app))
        own = await text_of(scripts, OWN_NAME) if listing.find(OWN_NAME) else None
        active = own if listing.active == OWN_NAME else None
        if active is None and listing.active is not None:
            active = await text_of(scripts, listing.active)
        every = chosen_for(app, entries, scripts, None)
    carried = frozenset[str]() if active is None else carries(active, entries)
    return Remote(
        account.address,
        scripts.where.server,
        tuple(
            OnServer(one.name, one.active, compared(own, wanted) if one.name == OWN_NAME else None)
            for one in listing.scripts
        ),
        tuple(one.name for one in entries if one.where is Where.SERVER and one.name in carried),
        tuple(one.name for one in entries if one.where is Where.SERVER and one.name not in carried),
        tuple(one.name for one in entries if one.where is Where.HERE and one.name in carried),
        every.stays,
        scripts.capabilities.extensions,
    )


def _pulled(entry: Entry, account: Account, *, filters: bool) -> Entry:
    where = Where.SERVER if filters else Where.HERE
    if isinstance(entry, Rule):
        on = entry.enabled and filters
        return replace(entry, account=account.address, where=where if on else Where.HERE, enabled=on)
    return replace(entry, account=account.address, where=where, run=filters)


def _name(script: str) -> str:
    """What the book calls a script of this name on a server: on one line, and not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in script)
    return " ".join(shown.split())[: LONGEST_NAME - 8].strip() or "Sieve"
