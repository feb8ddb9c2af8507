"""Keeps a home current until told to stop: a watch for each account, which hears of news from its
server, and a look at the store, which hears of what people want. The process that serves owns the
home, or its part of the accounts where several share them.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any, ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.backoff import LOGIN_CODES
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import (
    Checked,
    Event,
    Interrupted,
    Shared,
    Told,
    Watching,
    WatchState,
)
from eilbote.engine.expire import forget_expired
from eilbote.engine.give_back import give_back_memory
from eilbote.engine.nightly import Nights
from eilbote.engine.owner import chosen_accounts
from eilbote.engine.pace import storing_pace
from eilbote.engine.progress import Delivered, Report, SyncReport
from eilbote.engine.repair import nightly_repair
from eilbote.engine.senders import Senders
from eilbote.engine.sync import sync_owned
from eilbote.engine.tenure import FENCED, Under, lasting
from eilbote.engine.verify import VerifyReport
from eilbote.engine.watch import Watch
from eilbote.engine.watch_imap import ImapWatch
from eilbote.engine.watch_maildrop import MaildropWatch
from eilbote.engine.wish import DELIVER_WISH, SYNC_WISH, read_wish, written_delivered, written_reports
from eilbote.errors import EilboteError, NotAllowed, Unreachable
from eilbote.store.ownership import Tenure
from eilbote.store.values import Account, AccountState, Holder, Watched, Wish

LOOK_SECONDS = 0.25
"""How often the store is asked whether anything has changed: what was changed here leaves soon."""

_PASSES = 8
"""Accounts that have a pass at the same time; the others wait their turn."""

_EXPIRE_SECONDS = 3600.0

_SHARE_SECONDS = 1.0
"""How often it is looked for accounts whose holder has died, of which no change in the store tells."""

P = ParamSpec("P")
T = TypeVar("T")


async def serve(
    app: App,
    *,
    report: Report = lambda progress: None,
    told: Told = lambda event: None,
    stop: asyncio.Event | None = None,
    beside: AbstractAsyncContextManager[object] | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`; what is `beside` is entered once the home is ours, and left
    when serving ends. Raises NotAllowed `store.owned` where another
    process serves this home and one alone may."""
    stop = stop or _stop_on_signal()
    with app.store.ownership.join(app.clock, "serve") as tenure, storing_pace():
        if tenure.whole:
            app.store.wishes.unclaim()  # what a predecessor took on and did not live to answer
            app.store.watches.forget()
        async with lasting(app, tenure) as under, beside or nullcontext():
            work = asyncio.create_task(_Service(app, tenure, under, report, told).run())
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
    """A watch at work, the account as it was when the watch began, and what to work for it with."""

    account: Account
    app: App
    watch: Watch
    task: asyncio.Task[None]
    retiring: bool = False


class _Wanted(Struct, frozen=True):
    """What a look at the store has found: accounts to keep current, how many of them are this
    process's part, who keeps those that it does not hold; local changes; when mail is due to be sent,
    and where something is left to do for mail that was; and wishes."""

    accounts: dict[int, Account]
    part: int
    others: tuple[tuple[str, Holder], ...]
    debts: dict[int, int]
    due: dict[int, float]
    unsettled: frozenset[int]
    wishes: list[Wish]


class _Service:
    """All watches of a home, and the looks at its store."""

    def __init__(self, app: App, tenure: Tenure, under: Under, report: Report, told: Told) -> None:
        self._app = app
        self._tenure = tenure
        self._under = under
        self._report = report
        self._show = told
        self._syncing: set[int] = set()
        self._untidy = False
        """An account has come to rest for the first time: what its beginning took can be given back."""
        self._nights = Nights(app.config.check_hour)
        self._states: dict[int, Watched] = {}
        self._shown: dict[int, Watched] = {}
        self._budget = HostBudget(app.config.connections_per_host)
        self._gate = asyncio.Semaphore(_PASSES)
        self._running: dict[int, _Running] = {}
        self._ending: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[int] = set()
        """Accounts to be given back when their watch has ended."""
        self._shared: Shared | None = None
        self._interrupted = False
        self._answering: set[asyncio.Task[None]] = set()
        self._senders = Senders(app, self._app_of, self._budget, self._told)

    async def run(self) -> None:
        """Watches and looks until it is cancelled."""
        # One thread for all looks, because only there one version can be compared with the next.
        looks = ThreadPoolExecutor(1, "look")
        losses = asyncio.create_task(self._end_what_is_lost())
        try:
            await self._look_on(looks)
        finally:
            await self._senders.close()
            running = [*self._ending.values(), *(one.task for one in self._running.values())]
            tasks = [losses, *self._answering, *running]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            looks.shutdown()
            with suppress(Unreachable):  # it only informs, and the database may be what ended us
                for account in [*self._ending, *self._running]:
                    if self._tenure.holds(account):
                        self._app.store.watches.forget(account)

    async def _look_on(self, looks: ThreadPoolExecutor) -> None:
        clock = self._app.clock
        seen: int | None = None
        share = expire = clock.monotonic()
        while True:
            now = clock.monotonic()
            try:
                version = await self._in(looks, self._app.store.database.version)
                await self._settle_ended(looks)
                if version != seen or now >= share or self._ending or self._interrupted:
                    await self._take_in(await self._in(looks, self._wanted))
                    seen, share = version, now + _SHARE_SECONDS
                await self._write_down(looks)
                if now >= expire:
                    expire = now + _EXPIRE_SECONDS
                    await self._in(looks, forget_expired, self._app)
                if self._nights.is_due(clock.now()):
                    self._start(self._check_all(), self._answering)
                if self._untidy and not self._syncing:
                    self._untidy = False
                    await self._in(looks, give_back_memory)
                self._interrupted = False
            except Unreachable as error:
                if self._tenure.whole:
                    raise
                if not self._interrupted:
                    self._interrupted = True
                    self._show(Interrupted(clock.now(), error.problem))
            await clock.sleep(LOOK_SECONDS)

    @staticmethod
    async def _in(looks: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(looks, function, *args)

    def _told(self, event: Event) -> None:
        """Passes on what a watch tells, and remembers it for other processes; a pass is soon over."""
        if isinstance(event, Watching):
            (self._syncing.add if event.state is WatchState.SYNCING else self._syncing.discard)(event.id)
        if isinstance(event, Watching) and event.state is not WatchState.SYNCING:
            before = self._states.get(event.id)
            self._untidy = self._untidy or before is None
            now = Watched(event.state.value, event.since, event.until, event.problem)
            if before is None or (before.state, before.problem) != (now.state, now.problem) or now.until:
                self._states[event.id] = now
        self._show(event)

    async def _write_down(self, looks: ThreadPoolExecutor) -> None:
        """What has changed of what the watches do, for other processes to read."""
        for account, state in list(self._states.items()):
            if self._shown.get(account) != state and account in self._running:
                self._shown[account] = state
                await self._in(looks, self._app.store.watches.tell, account, state)

    def _wanted(self) -> _Wanted:
        """Looks, and takes what falls to this process of the accounts that nobody holds."""
        store, tenure = self._app.store, self._tenure
        accounts = {
            one.id: one
            for one in store.accounts.all()
            if _has_server(one) and one.state is not AccountState.PAUSED
        }
        part = tenure.part(accounts)
        lacking = [key for key in accounts if not tenure.holds(key)]
        room = part - (len(accounts) - len(lacking))
        if lacking and room > 0:
            store.wishes.unclaim(tenure.claim(lacking, room))
            lacking = [key for key in accounts if not tenure.holds(key)]
        holders = store.ownership.holders() if lacking else {}
        others = tuple((accounts[key].address, holders[key]) for key in lacking if key in holders)
        debts = store.journal.newest_open()
        mine = None if tenure.whole else [key for key in accounts if tenure.holds(key)]
        if self._interrupted and mine:
            store.wishes.unclaim(mine)  # what could not be answered
        wishes = store.wishes.claim(self._app.clock.now(), mine)
        outbox = store.outbox
        due, unsettled = outbox.next_due(), outbox.unsettled_accounts()
        return _Wanted(accounts, part, others, debts, due, unsettled, wishes)

    async def _take_in(self, wanted: _Wanted) -> None:
        self._agree_with(wanted.accounts)
        self._retire_above(wanted.part)
        for account, newest in wanted.debts.items():
            if account in self._running:
                self._running[account].watch.changed_here(newest)
        held = {key: one for key, one in wanted.accounts.items() if self._tenure.holds(key)}
        self._senders.look(held, wanted.due, wanted.unsettled)
        for wish in wanted.wishes:
            self._start(self._grant(wish), self._answering)
        if not self._tenure.whole:
            self._tell_who_has_what(wanted.others)

    def _agree_with(self, wanted: dict[int, Account]) -> None:
        """A watch for every account that has a server, is not paused and is held here; a new one
        where the account was edited."""
        for key, one in list(self._running.items()):
            if key not in wanted:
                self._end(key)
            elif _login(wanted[key]) != _login(one.account):
                self._end(key, leave=False)
        for key, account in wanted.items():
            if key in self._running or key in self._ending or not _is_watched(account):
                continue
            if self._tenure.holds(key):
                try:
                    app = self._under(key)
                except NotAllowed:  # its time ran out between two lines
                    continue
                kind = ImapWatch if account.imap is not None else MaildropWatch
                watch = kind(app, account, self._budget, self._gate, self._report, self._told)
                self._running[key] = _Running(account, app, watch, asyncio.create_task(watch.run()))

    def _app_of(self, account: int) -> App | None:
        """What to work for an account with, None where it is another process's."""
        try:
            return self._under(account) if self._tenure.holds(account) else None
        except NotAllowed:  # its time ran out between two lines
            return None

    def _retire_above(self, part: int) -> None:
        """Others lack what is held here above our part: it is given back, each at a quiet moment."""
        staying = [one for one in self._running.values() if not one.retiring]
        staying.sort(key=lambda one: one.watch.is_at_rest)  # those at rest leave first
        for one in staying[part:]:
            one.retiring = True
            one.watch.retire()

    async def _end_what_is_lost(self) -> None:
        """Ends at once what another process may have taken over: by our own clock, because a look at a
        database that cannot be reached may take long."""
        while True:
            for key in list(self._running):
                if not self._tenure.holds(key):
                    self._end(key)
            await self._app.clock.sleep(LOOK_SECONDS)

    def _end(self, key: int, *, leave: bool = True) -> None:
        """Ends a watch, and gives its account back, unless it is to have another watch."""
        task = self._running.pop(key).task
        task.cancel()
        self._ending[key] = task
        if leave:
            self._leaving.add(key)

    async def _settle_ended(self, looks: ThreadPoolExecutor) -> None:
        """Gives back the accounts of watches that have ended. A watch waits out whatever its server
        does; what else ends it is our own fault, and is shown."""
        for key, one in list(self._running.items()):
            if one.task.done():
                one.task.result()
                self._end(key)
        for key, task in list(self._ending.items()):
            if task.done():
                if not task.cancelled():
                    task.result()
                self._states.pop(key, None)
                self._shown.pop(key, None)
                self._syncing.discard(key)
                await self._in(looks, self._hand_over, key, key in self._leaving)
                self._leaving.discard(key)
                del self._ending[key]

    def _hand_over(self, account: int, leave: bool) -> None:
        if self._tenure.holds(account):
            self._app.store.watches.forget(account)
        if leave:
            self._tenure.give_back([account])

    def _tell_who_has_what(self, others: tuple[tuple[str, Holder], ...]) -> None:
        mine = tuple(one.account.address for one in self._running.values())
        if self._shared is None or (self._shared.mine, self._shared.others) != (mine, others):
            self._shared = Shared(self._app.clock.now(), mine, others)
            self._show(self._shared)

    async def _check_all(self) -> None:
        """The nightly check, account after account; healing is done by the passes of their watches. It
        logs in by itself, and so leaves out those whose login is refused."""
        for one in list(self._running.values()):
            try:
                account = await asyncio.to_thread(self._app.store.accounts.get, one.account.id)
                if account.problem is not None and account.problem.code in LOGIN_CODES:
                    continue
                reports = await nightly_repair(one.app, one.account, lambda account: self._ask(account, None))
            except EilboteError as error:
                if error.problem.code == FENCED:
                    continue  # it is another's to check
                reports = [VerifyReport(one.account.address, "", problem=error.problem)]
            self._show(Checked(one.account.address, self._app.clock.now(), tuple(reports)))

    def _start(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    async def _grant(self, wish: Wish) -> None:
        """Does what another command asked for, and leaves it the answer."""
        if wish.kind == DELIVER_WISH:
            await self._grant_delivery(wish)
        if wish.kind != SYNC_WISH:
            return
        store = self._app.store
        try:
            asked = read_wish(wish.payload)
            accounts = await asyncio.to_thread(chosen_accounts, self._app, asked.accounts)
            reports = await asyncio.gather(*(self._ask(one, asked.mailbox) for one in accounts))
        except EilboteError as error:
            if error.problem.code == FENCED:
                await asyncio.to_thread(store.wishes.put_back, wish.id)
                return
            reports = [SyncReport("", failed=error.problem)]
        with suppress(Unreachable):  # granted anew when the store is back
            await asyncio.to_thread(store.wishes.answer, wish.id, written_reports(reports))

    async def _grant_delivery(self, wish: Wish) -> None:
        """Delivers what is due of an account, and leaves word of it."""
        store = self._app.store
        delivered: Delivered | None = None
        try:
            account = await asyncio.to_thread(store.accounts.get, wish.payload)
            delivered = await self._senders.flush(account)
            if delivered is None and self._tenure.holds(account.id):
                delivered = Delivered(account.address)  # nothing is sent from it
        except EilboteError as error:
            delivered = Delivered(wish.payload, problem=error.problem)
        with suppress(Unreachable):  # granted anew when the store is back
            if delivered is None:  # it is another's now
                await asyncio.to_thread(store.wishes.put_back, wish.id)
            else:
                await asyncio.to_thread(store.wishes.answer, wish.id, written_delivered(delivered))

    async def _ask(self, account: Account, mailbox: str | None) -> SyncReport:
        """A pass of its watch; of an account that nobody watches, because it is paused or local, a
        pass of its own. What is due to be sent goes out first. NotAllowed `store.fenced` where the
        account is another process's now."""
        delivered = await self._senders.flush(account) if account.id in self._running else None
        while True:
            running = self._running.get(account.id)
            if running is not None:
                answer = running.watch.ask(mailbox)
                await asyncio.wait({answer})
                if not answer.cancelled():
                    report = answer.result()
                    if report.failed is None or report.failed.code != FENCED:
                        return replace(report, delivered=delivered)
            elif not self._tenure.holds(account.id):
                raise NotAllowed(FENCED)
            elif account.id not in self._ending and (
                (account.imap is None and account.pop3 is None) or account.state is AccountState.PAUSED
            ):
                return (await sync_owned(self._app, [account], mailbox=mailbox, report=self._report))[0]
            # The account was edited and has another watch soon; or it was removed or given back.
            await self._app.clock.sleep(LOOK_SECONDS)
            account = await asyncio.to_thread(self._app.store.accounts.get, account.id)


def _has_server(account: Account) -> bool:
    return account.imap is not None or account.pop3 is not None or account.can_send


def _is_watched(account: Account) -> bool:
    """There is a server that may have news; others are only sent from."""
    return account.imap is not None or account.pop3 is not None


def _login(account: Account) -> tuple[object, ...]:
    """What a watch has to begin anew for, when it has changed."""
    return (account.user, account.auth, account.sealed, account.imap, account.pop3, account.trusted)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
