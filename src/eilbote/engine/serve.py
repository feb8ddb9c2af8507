"""Keeps a home current until told to stop: a watch for each account, which hears of news from its
server, and a look at the store, which hears of what people want. The process that serves owns the
home.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import Checked, Event, Passed, Told, Watching, WatchState
from eilbote.engine.expire import forget_expired
from eilbote.engine.nightly import Nights
from eilbote.engine.owner import chosen_accounts
from eilbote.engine.pace import give_memory_back, storing_pace
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.repair import nightly_repair
from eilbote.engine.sync import sync_owned
from eilbote.engine.verify import VerifyReport
from eilbote.engine.watch import Watch
from eilbote.engine.watch_maildrop import MaildropWatch
from eilbote.engine.wish import SYNC_WISH, read_wish, written_reports
from eilbote.errors import EilboteError
from eilbote.store.values import Account, AccountState, Watched, Wish

LOOK_SECONDS = 0.1
"""How often the store is asked whether anything has changed: what was changed here leaves soon."""

_PASSES = 8
"""Accounts that have a pass at the same time; the others wait their turn."""

_EXPIRE_SECONDS = 3600.0

_MANY = 1_000
"""After a pass with so many new mails memory is given back."""


async def serve(
    app: App,
    *,
    report: Report = lambda progress: None,
    told: Told = lambda event: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`. Raises NotAllowed `store.owned` where another
    process serves this home."""
    stop = stop or _stop_on_signal()
    with app.store.ownership.acquire(app.clock.now(), "serve"), storing_pace():
        app.store.wishes.unclaim()  # what a predecessor took on and did not live to answer
        app.store.watches.forget()
        work = asyncio.create_task(_Service(app, report, told).run())
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


class _Running(Struct):
    """A watch at work, and the account as it was when the watch began."""

    account: Account
    watch: Watch | MaildropWatch
    task: asyncio.Task[None]


class _Service:
    """All watches of a home, and the looks at its store."""

    def __init__(self, app: App, report: Report, told: Told) -> None:
        self._app = app
        self._report = report
        self._show = told
        self._syncing: set[int] = set()
        self._untidy = True
        self._nights = Nights(app.config.check_hour)
        self._states: dict[int, Watched] = {}
        self._shown: dict[int, Watched] = {}
        self._budget = HostBudget(app.config.connections_per_host)
        self._gate = asyncio.Semaphore(_PASSES)
        self._running: dict[int, _Running] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Watches and looks until it is cancelled."""
        # One thread for all looks, because only there one version can be compared with the next.
        looks = ThreadPoolExecutor(1, "look")
        try:
            await self._look_on(looks)
        finally:
            tasks = [*self._answering, *(one.task for one in self._running.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            looks.shutdown()
            self._app.store.watches.forget()

    async def _look_on(self, looks: ThreadPoolExecutor) -> None:
        app, loop = self._app, asyncio.get_running_loop()
        seen: int | None = None
        expire = app.clock.monotonic()
        while True:
            version = await loop.run_in_executor(looks, app.store.database.version)
            if version != seen:
                seen = version
                await self._take_in(*await loop.run_in_executor(looks, self._wanted))
            await self._write_down(looks)
            if app.clock.monotonic() >= expire:
                expire = app.clock.monotonic() + _EXPIRE_SECONDS
                await loop.run_in_executor(looks, forget_expired, app)
            if self._nights.is_due(app.clock.now()):
                self._start(self._check_all(), self._answering)
            if self._untidy and not self._syncing:
                self._untidy = False
                await loop.run_in_executor(looks, give_memory_back)
            self._raise_what_failed()
            await app.clock.sleep(LOOK_SECONDS)

    def _told(self, event: Event) -> None:
        """Passes on what a watch tells, and remembers it for other processes; a pass is soon over."""
        if isinstance(event, Watching):
            (self._syncing.add if event.state is WatchState.SYNCING else self._syncing.discard)(event.id)
        if isinstance(event, Passed) and event.report.new >= _MANY:
            self._untidy = True
        if isinstance(event, Watching) and event.state is not WatchState.SYNCING:
            before = self._states.get(event.id)
            now = Watched(event.state.value, event.since, event.until, event.problem)
            if before is None or (before.state, before.problem) != (now.state, now.problem) or now.until:
                self._states[event.id] = now
        self._show(event)

    async def _write_down(self, looks: ThreadPoolExecutor) -> None:
        """What has changed of what the watches do, for other processes to read."""
        loop, watches = asyncio.get_running_loop(), self._app.store.watches
        for account, state in list(self._states.items()):
            if self._shown.get(account) != state:
                self._shown[account] = state
                await loop.run_in_executor(looks, watches.tell, account, state)

    def _wanted(self) -> tuple[list[Account], dict[int, int], list[Wish]]:
        store = self._app.store
        return store.accounts.all(), store.journal.newest_open(), store.wishes.claim(self._app.clock.now())

    async def _take_in(self, accounts: list[Account], debts: dict[int, int], wishes: list[Wish]) -> None:
        await self._agree_with(accounts)
        for account, newest in debts.items():
            if account in self._running:
                self._running[account].watch.changed_here(newest)
        for wish in wishes:
            self._start(self._grant(wish), self._answering)

    async def _agree_with(self, accounts: list[Account]) -> None:
        """A watch for every account that has a server and is not paused; a new one where the account
        was edited."""
        wanted = {
            one.id: one
            for one in accounts
            if (one.imap is not None or one.pop3 is not None) and one.state is not AccountState.PAUSED
        }
        ended = [
            one
            for key, one in self._running.items()
            if key not in wanted or _login(wanted[key]) != _login(one.account)
        ]
        for one in ended:
            del self._running[one.account.id]
            self._states.pop(one.account.id, None)
            self._syncing.discard(one.account.id)
            self._shown.pop(one.account.id, None)
            self._app.store.watches.forget(one.account.id)
            one.task.cancel()
        await asyncio.gather(*(one.task for one in ended), return_exceptions=True)
        for key, account in wanted.items():
            if key not in self._running:
                kind = Watch if account.imap is not None else MaildropWatch
                watch = kind(self._app, account, self._budget, self._gate, self._report, self._told)
                self._running[key] = _Running(account, watch, asyncio.create_task(watch.run()))

    async def _check_all(self) -> None:
        """The nightly check, account after account; healing is done by the passes of their watches."""
        for one in list(self._running.values()):
            try:
                reports = await nightly_repair(
                    self._app, one.account, lambda account: self._ask(account, None)
                )
            except EilboteError as error:
                reports = [VerifyReport(one.account.address, "", problem=error.problem)]
            self._show(Checked(one.account.address, self._app.clock.now(), tuple(reports)))

    def _start(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    def _raise_what_failed(self) -> None:
        """A watch waits out whatever its server does; what ends it is our own fault, and is shown."""
        for one in self._running.values():
            if one.task.done():
                one.task.result()

    async def _grant(self, wish: Wish) -> None:
        """Does what another command asked for, and leaves it the answer."""
        if wish.kind != SYNC_WISH:
            return
        store = self._app.store
        try:
            asked = read_wish(wish.payload)
            accounts = await asyncio.to_thread(chosen_accounts, self._app, asked.accounts)
            reports = await asyncio.gather(*(self._ask(one, asked.mailbox) for one in accounts))
        except EilboteError as error:
            reports = [SyncReport("", failed=error.problem)]
        await asyncio.to_thread(store.wishes.answer, wish.id, written_reports(reports))

    async def _ask(self, account: Account, mailbox: str | None) -> SyncReport:
        """A pass of its watch; of an account that nobody watches, because it is paused, a pass of its
        own."""
        while True:
            running = self._running.get(account.id)
            if running is None:
                return (await sync_owned(self._app, [account], mailbox=mailbox, report=self._report))[0]
            answer = running.watch.ask(mailbox)
            await asyncio.wait({answer})
            if not answer.cancelled():
                return answer.result()
            # The account was edited meanwhile, and has another watch; or it was removed.
            account = await asyncio.to_thread(self._app.store.accounts.get, account.id)


def _login(account: Account) -> tuple[object, ...]:
    """What a watch has to begin anew for, when it has changed."""
    return (account.user, account.auth, account.sealed, account.imap, account.pop3, account.trusted)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
