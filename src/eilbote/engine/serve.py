"""Keeps a home current until told to stop: a pass at an interval, at once when something changed
here or another command asks for one. The process that serves owns the home.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import msgspec

from eilbote.engine.app import App
from eilbote.engine.owner import SYNC_WISH, SyncWish, chosen_accounts
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.errors import EilboteError, Problem
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
        due = app.clock.monotonic()
        while not stop.is_set():
            await _grant_wishes(app, report, passed)
            accounts = await asyncio.to_thread(_accounts_with_debts, app)
            if app.clock.monotonic() >= due:
                accounts = [one for one in app.store.accounts.all() if one.state is not AccountState.PAUSED]
                due = app.clock.monotonic() + app.config.sync_interval
            if accounts:
                passed(await sync_owned(app, accounts, report=report))
            await _wait(app, stop)


async def _grant_wishes(app: App, report: Report, passed: Callable[[list[SyncReport]], None]) -> None:
    """Does what other commands asked for, and leaves them the answer."""
    for wish in await asyncio.to_thread(app.store.wishes.claim, app.clock.now()):
        if wish.kind != SYNC_WISH:
            continue
        try:
            asked = msgspec.json.decode(wish.payload, type=SyncWish)
            reports = await sync_owned(
                app, chosen_accounts(app, asked.accounts), mailbox=asked.mailbox, report=report
            )
        except msgspec.MsgspecError:
            reports = [SyncReport("", failed=Problem("sync.unreadable_wish"))]
        except EilboteError as error:
            reports = [SyncReport("", failed=error.problem)]
        app.store.wishes.answer(wish.id, msgspec.json.encode(reports).decode())
        passed(reports)


def _accounts_with_debts(app: App) -> list[Account]:
    """Accounts with a local change that has not been tried yet: it leaves at once."""
    return [
        account
        for account in app.store.accounts.all()
        if account.state in (AccountState.NEW, AccountState.READY)
        and any(debt.attempts == 0 for debt in app.store.journal.open_debts(account.id))
    ]


async def _wait(app: App, stop: asyncio.Event) -> None:
    waits = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(app.clock.sleep(_LOOK_SECONDS))}
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
