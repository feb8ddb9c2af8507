"""Keeps one account current, whatever its protocol: passes, and the waiting for the next.

One task does all of it. Whoever wants something leaves it here and wakes it. It must never give a
server more attempts than the back-off allows.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from eilbote.engine.app import App
from eilbote.engine.backoff import Backoff
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import Told, Watching, WatchState
from eilbote.engine.give_back import give_back_memory
from eilbote.engine.index import Indexer
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Progress, Report, SyncReport
from eilbote.engine.tenure import FENCED
from eilbote.errors import EilboteError, Problem
from eilbote.store.values import Account

Request = tuple[str | None, asyncio.Future[SyncReport]]
"""Somebody wants a pass, over one mailbox or all."""


class Watch(ABC):
    """One account, watched. `run` ends by being cancelled, after `retire`, and when the account is
    another process's."""

    def __init__(
        self,
        app: App,
        account: Account,
        budget: HostBudget,
        gate: asyncio.Semaphore,
        report: Report,
        told: Told,
    ) -> None:
        self.account = account
        self.is_at_rest = True
        """No pass is under way."""
        self._app = app
        self._budget = budget
        self._gate = gate
        self._report = report
        self._told = told
        self._retiring = False
        self._wake = asyncio.Event()
        self._asked: list[Request] = []
        self._well_since: float | None = None

    # --- what others may do ----------------------------------------------------------------------

    @abstractmethod
    def changed_here(self, newest: int) -> None:
        """There are local changes, the newest with this number."""

    def ask(self, mailbox: str | None) -> asyncio.Future[SyncReport]:
        """Asks for a pass now, over all mailboxes or one; the future gives its report."""
        answer: asyncio.Future[SyncReport] = asyncio.get_running_loop().create_future()
        self._asked.append((mailbox, answer))
        self._stir()
        return answer

    def retire(self) -> None:
        """Asks it to end when it is at rest: not before a pass that is under way or asked for."""
        self._retiring = True
        self._stir()

    def _stir(self) -> None:
        """Wakes it, wherever it waits."""
        self._wake.set()

    # --- the life of a watch ---------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps the account current. Whatever goes wrong with its server is waited out."""
        backoff = Backoff()
        clock = self._app.clock
        try:
            while True:
                self._well_since = None
                try:
                    problem = await self._live()
                except EilboteError as error:  # of our own store, too: account removed, disk full
                    problem = error.problem
                if problem is None or problem.code == FENCED:
                    return
                backoff = backoff.failed(problem, self._lived)
                chance = int.from_bytes(clock.random_bytes(4), "big") / 2**32
                seconds = backoff.seconds(problem, chance)
                if backoff.has_given_up:
                    self._tell(WatchState.STOPPED, problem=problem)
                    await self._sleep(None)
                else:
                    self._tell(WatchState.WAITING, until=clock.now() + seconds, problem=problem)
                    await self._sleep(seconds)
                if self._retiring and not self._asked:
                    return
        finally:
            for _, answer in self._asked:
                answer.cancel()

    @property
    def _lived(self) -> float:
        """Seconds for which all has been well."""
        return 0.0 if self._well_since is None else self._app.clock.monotonic() - self._well_since

    @abstractmethod
    async def _live(self) -> Problem | None:
        """From connecting to the problem that ended it, returned or raised; None: it has retired.
        Notes in `_well_since` since when all is well."""

    async def _sleep(self, seconds: float | None) -> None:
        """Until then, or until somebody asks: a person who says "now" is not kept waiting."""
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._asked and not self._retiring:
                    await self._wake.wait()
                    self._wake.clear()

    def _tell(self, state: WatchState, *, until: float | None = None, problem: Problem | None = None) -> None:
        now = self._app.clock.now()
        self._told(Watching(self.account.id, self.account.address, state, now, until, problem))

    # --- passes ----------------------------------------------------------------------------------

    async def _pass_by(
        self, does: Callable[[Account, Indexer, Preparer], Awaitable[SyncReport]]
    ) -> SyncReport:
        """One pass, done by `does` for the account as it is now, and search complete after it."""
        app = self._app
        async with self._gate:
            self._tell(WatchState.SYNCING)
            self.is_at_rest = False
            indexer, preparer = Indexer(app.store, app.config, app.clock), Preparer()
            try:
                account = await asyncio.to_thread(app.store.accounts.get, self.account.id)
                report = await does(account, indexer, preparer)
                await preparer.close()
                await indexer.complete(
                    lambda done, total: self._report(Progress("", "index", done=done, total=total))
                )
            finally:
                self.is_at_rest = True
                await preparer.close()
                await indexer.close()
        if report.new:
            await asyncio.to_thread(give_back_memory)
        return report


def failure_of(report: SyncReport) -> Problem | None:
    """What ends a connection. That somebody asked for a mailbox which is not there ends nothing."""
    failed = report.failed
    return failed if failed is not None and failed.code != "mailbox.unknown" else None


def drop(asked: Sequence[Request]) -> None:
    """Those who asked and got no answer get none any more."""
    for _, answer in asked:
        if not answer.done():
            answer.cancel()


def give(answer: asyncio.Future[SyncReport], report: SyncReport) -> None:
    """Answers one who asked, and may be gone."""
    if not answer.done():
        answer.set_result(report)
