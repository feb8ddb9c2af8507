"""One real mail to another account of the user's own, and an answer to it: each waited for, compared, and
removed on both sides.

It must never touch any other mail, nor try a login of the other account that is known to be refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from eilbote.diagnosis.checks.auth import MOST_REFUSED, WINDOW_SECONDS
from eilbote.diagnosis.trips import SecondTrip, Trip
from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of, terms_of
from eilbote.engine.round_trip import Return, Watch, hand_over, searched
from eilbote.engine.route import surroundings_of
from eilbote.engine.setup import note_login
from eilbote.errors import EilboteError, Gone, Misused, Unreachable
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.protocols.imap.types import MailboxListing
from eilbote.store.values import Account, AccountState

_NAME_SECONDS = 1.5


class _Side(Struct, frozen=True):
    """One of both accounts, logged in to where it receives mail."""

    account: Account
    terms: Terms
    imap: ImapSession
    mailboxes: list[MailboxListing]


def second_of(app: App, account: Account, address: str) -> Account | None:
    """The other account, if it is one here that can send and receive and whose logins are not refused."""
    try:
        other = find_account(app, address)
    except (Gone, Misused):
        return None
    now = app.clock.now()
    refused = app.store.refused_logins.count(other.id, now - WINDOW_SECONDS, now)
    able = other.imap is not None and other.smtp is not None and other.state is not AccountState.FAILING
    return other if other.id != account.id and able and refused < MOST_REFUSED else None


async def send_there_and_back(
    app: App, account: Account, address: str, terms: Terms, most_seconds: float
) -> SecondTrip:
    """Both ways; each mail is waited for `most_seconds`. Raises EilboteError where a line of the first
    account broke."""
    other = await asyncio.to_thread(second_of, app, account, address)
    if other is None:
        return SecondTrip(Trip("account.unknown"))
    async with _logged_in(app, account, terms) as here:
        try:
            async with (
                _counted(app, other, "imap"),
                _logged_in(app, other, terms_of(app, other)) as there,
            ):
                first, message_id = await _way(app, here, there, most_seconds)
                if first.problem or not first.found:
                    return SecondTrip(first)
                async with _counted(app, other, "smtp"):
                    back, _ = await _way(app, there, here, most_seconds, message_id)
                return SecondTrip(first, back)
        except EilboteError as failure:
            problem = failure.problem
            return SecondTrip(Trip(problem.code, problem.parameters.get("text", "")))


@asynccontextmanager
async def _counted(app: App, account: Account, protocol: str) -> AsyncIterator[None]:
    """A login of the other account that is counted before it is tried. Unreachable `account.unknown` where
    none may be tried."""
    store, now = app.store.refused_logins, app.clock.now()
    since = now - WINDOW_SECONDS
    if not await asyncio.to_thread(store.claim, account.id, protocol, now, since, MOST_REFUSED):
        raise Unreachable("account.unknown", name=account.address)
    refused = True
    try:
        yield
        refused = False
    except EilboteError as failure:
        refused = failure.problem.code == f"{protocol}.login_refused"
        raise
    finally:
        await asyncio.to_thread(store.settle, account.id, protocol, now, refused=refused)


@asynccontextmanager
async def _logged_in(app: App, account: Account, terms: Terms) -> AsyncIterator[_Side]:
    assert account.imap is not None  # `second_of` and the ladder see to it
    credential = await asyncio.to_thread(credential_of, app, account)
    try:
        imap = await ImapSession.open(account.imap, credential, terms)
    except EilboteError as failure:
        if not failure.problem.code.startswith("net."):
            await asyncio.to_thread(note_login, app, account, failure.problem)
        raise
    try:
        yield _Side(account, terms, imap, searched(await imap.list_mailboxes(status=False)))
    finally:
        imap.abort()


async def _way(
    app: App, sender: _Side, receiver: _Side, most_seconds: float, answers: str = ""
) -> tuple[Trip, str]:
    """One mail from one account to the other; what came of it, and its Message-ID."""
    watch = Watch(app.clock)
    sent = await hand_over(app, sender.account, sender.terms, watch, receiver.account.address, answers)
    if isinstance(sent, Trip):
        return sent, ""
    resolver = surroundings_of(app, seconds=_NAME_SECONDS).resolver
    address = sender.account.address
    back = Return(receiver.imap, receiver.mailboxes, sent, address, watch, app.clock, resolver)
    trip = await back.wait(most_seconds)
    # The provider may have filed a copy of what was sent.
    own = Return(sender.imap, sender.mailboxes, sent, address, watch, app.clock, resolver)
    await own.remove()
    return trip, sent.message_id
