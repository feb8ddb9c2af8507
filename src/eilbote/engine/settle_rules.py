"""Rules on their way to an account's server or back, and where they came to: the book says so before the
server is changed, then follows what the server answers.

Never in both places, and never silently in neither. From the moment that the book says `pending`, nothing
here judges the account's mail; what comes waits for the answer. Whoever is killed in between leaves the
question to the next pass, which asks it when nobody can be under way any more. Decides nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from math import ceil

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.push_scripts import ServerScripts, open_scripts
from eilbote.engine.rule_scripts import pending_of
from eilbote.errors import Garbled, Gone, Misused, NotAllowed, Refused, Unreachable
from eilbote.sieve.rule import Where
from eilbote.sieve.rule_book import judge_book
from eilbote.sieve.rule_edit import with_changed
from eilbote.sieve.server_script import carries
from eilbote.store.values import Account

UNDER_WAY_SECONDS = 120.0
"""So long a change of a server may take, then it is given up."""
SETTLED_AFTER = 300.0
"""After so long nobody can be under way any more, even where two machines' clocks differ a little."""
TRIES = 10
"""How often an edit of the book is begun anew, because somebody else was first."""

_ORIGIN = "place"


async def settle(app: App, account: Account) -> None:
    """Rules on their way, left there by whoever was killed, are where the server says. NotAllowed
    `rules.push_under_way` while somebody may still be at it; Unreachable, Garbled, Refused."""
    if not pending_of(app, account):
        return
    if account.imap is None and account.sieve is None:  # written by hand: no server has any of its rules
        _arrived(app, account, ())
        return
    _check_nobody_under_way(app, account)
    async with open_scripts(app, account) as scripts:
        await settle_by(app, account, scripts)


async def settle_by(app: App, account: Account, scripts: ServerScripts) -> None:
    """As `settle`, over a session that is open."""
    if pending_of(app, account):
        _check_nobody_under_way(app, account)
        await _follow(app, account, scripts)


async def _follow(app: App, account: Account, scripts: ServerScripts) -> None:
    """Asks what the server runs, and says so in the book."""
    active = (await scripts.list()).active
    text = "" if active is None else await text_of(scripts, active)
    pending = pending_of(app, account)
    carried = carries(text, pending)
    _arrived(app, account, carried)


@asynccontextmanager
async def moving(
    app: App, account: Account, scripts: ServerScripts, names: Sequence[str], going: Collection[str] = ()
) -> AsyncIterator[None]:
    """While the server is changed, these rules are nowhere; then they are where the server says, also where
    it refused. Where it does not answer any more they stay on their way. `going`: those for the server, which
    are rules of this account from now on. NotAllowed `rules.push_under_way`."""
    _send_off(app, account, names, going)
    try:
        async with asyncio.timeout(UNDER_WAY_SECONDS):
            try:
                yield
            except (Refused, NotAllowed, Misused, Gone):
                await _follow(app, account, scripts)
                raise
            await _follow(app, account, scripts)
    except TimeoutError:
        server = scripts.where.server
        seconds = round(UNDER_WAY_SECONDS)
        raise Unreachable("net.timeout", 60.0, host=server.host, port=server.port, seconds=seconds) from None


def _check_nobody_under_way(app: App, account: Account) -> None:
    left = SETTLED_AFTER - (app.clock.now() - _pending_since(app, account))
    if 0 < left <= 2 * SETTLED_AFTER:  # more: a clock was wrong then, or is now
        raise NotAllowed("rules.push_under_way", address=account.address, minutes=ceil(left / 60))


def _pending_since(app: App, account: Account) -> float:
    """When the last text was saved that began to send a rule on its way."""
    since = 0.0
    names = {one.name for one in pending_of(app, account)}
    for book in app.store.rule_book.past():
        entries = judge_book(book.text)[0].of(account.address)
        names &= {one.name for one in entries if one.where is Where.PENDING}
        if not names:
            break
        since = book.saved
    return since


def _send_off(app: App, account: Account, names: Sequence[str], going: Collection[str]) -> None:
    """The book says that these are on their way. What somebody else has changed in it meanwhile stays."""
    for _ in range(TRIES if names else 0):
        book = app.store.rule_book.get()
        known = judge_book(book.text)[0].of(account.address)
        if any(one.where is Where.PENDING for one in known):
            minutes = ceil(SETTLED_AFTER / 60)
            raise NotAllowed("rules.push_under_way", address=account.address, minutes=minutes)
        leaving = (
            replace(one, where=Where.PENDING, account=account.address if one.name in going else one.account)
            for one in known
            if one.name in names
        )
        text = with_changed(book.text, leaving)
        if saved(app, text, book.revision):
            return
    if names:
        raise NotAllowed("rules.changed_meanwhile", revision=app.store.rule_book.revision())


def _arrived(app: App, account: Account, carried: Collection[str]) -> None:
    """The book says that those which the server carries out are there, and all others on their way here."""
    for _ in range(TRIES):
        book = app.store.rule_book.get()
        known = judge_book(book.text)[0].of(account.address)
        come = (
            replace(one, where=Where.SERVER if one.name in carried else Where.HERE)
            for one in known
            if one.where is Where.PENDING
        )
        text = with_changed(book.text, come)
        if text == book.text or saved(app, text, book.revision):
            return
    raise NotAllowed("rules.changed_meanwhile", revision=app.store.rule_book.revision())


def saved(app: App, text: str, revision: int) -> bool:
    """Saves the book in place of that revision; False where somebody else was first."""
    try:
        app.store.rule_book.save(text, revision, app.clock.now(), _ORIGIN)
    except NotAllowed as refused:
        if refused.problem.code != "rules.changed_meanwhile":
            raise
        return False
    return True


async def text_of(scripts: ServerScripts, name: str) -> str:
    """A script that lies there. Raises Garbled `managesieve.bad_script` where it is no text."""
    content = await scripts.pull(name)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Garbled("managesieve.bad_script") from None
