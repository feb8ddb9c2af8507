"""Keeps a home current until told to stop: a pass at an interval, at once when something changed
here or another command asks for one. The process that serves owns the home.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from eilbote.engine.app import App
from eilbote.engine.owner import chosen_accounts
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.engine.wish import SYNC_WISH, read_wish, written_reports
from eilbote.errors import EilboteError
from eilbote.store.values import Account, AccountState

_LOOK_SECONDS = 0.25


async def serve(
    app: App,
    *,
    report: Report = lambda progress: None,
    passed: Callable[[list[SyncReport]], None] = lambda reports: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`. Raises NotAllowed `store.owned` where another
    process serves this home."""
    stop = stop or _stop_on_signal()
    with app.store.ownership.acquire(app.clock.now(), "serve"):
        app.store.wishes.unclaim()  # what a predecessor took on and did not live to answer
        work = asyncio.create_task(_serve(app, report, passed))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # A pass under way is broken off: what it began, the next one finds in the journal.
            work.cancel()
            stopped.cancel()
            ended, _ = await asyncio.gather(work, stopped, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended


async def _serve(app: App, report: Report, passed: Callable[[list[SyncReport]], None]) -> None:
    tried: dict[int, int] = {}
    due = app.clock.monotonic()
    while True:
        await _grant_wishes(app, report, passed)
        accounts = await asyncio.to_thread(_accounts_with_new_debts, app, tried)
        if app.clock.monotonic() >= due:
            accounts = [one for one in app.store.accounts.all() if one.state is not AccountState.PAUSED]
            due = app.clock.monotonic() + app.config.sync_interval
        if accounts:
            passed(await sync_owned(app, accounts, report=report))
        await app.clock.sleep(_LOOK_SECONDS)


async def _grant_wishes(app: App, report: Report, passed: Callable[[list[SyncReport]], None]) -> None:
    """Does what other commands asked for, and leaves them the answer."""
    for wish in await asyncio.to_thread(app.store.wishes.claim, app.clock.now()):
        if wish.kind != SYNC_WISH:
            continue
        try:
            asked = read_wish(wish.payload)
            reports = await sync_owned(
                app, chosen_accounts(app, asked.accounts), mailbox=asked.mailbox, report=report
            )
        except EilboteError as error:
            reports = [SyncReport("", failed=error.problem)]
        app.store.wishes.answer(wish.id, written_reports(reports))
        passed(reports)


def _accounts_with_new_debts(app: App, tried: dict[int, int]) -> list[Account]:
    """Accounts with a local change that is younger than the last look: it leaves at once, and once;
    what cannot be carried then waits for the next regular pass. `tried` remembers the youngest."""
    found = []
    for account in app.store.accounts.all():
        if account.state is AccountState.PAUSED:
            continue
        youngest = max((debt.id for debt in app.store.journal.open_debts(account.id)), default=0)
        if youngest > tried.get(account.id, 0):
            tried[account.id] = youngest
            found.append(account)
    return found


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
