"""Keeps a POP3 account current: a pass at an interval, or when somebody asks. POP3 has no word for news.

It must never knock more often than the back-off allows.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from eilbote.engine.app import App
from eilbote.engine.backoff import Backoff
from eilbote.engine.collect import collect_account
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import Passed, Told, Watching, WatchState
from eilbote.engine.index import Indexer
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Progress, Report, SyncReport
from eilbote.engine.tenure import FENCED
from eilbote.errors import EilboteError, Problem
from eilbote.store.values import Account


class MaildropWatch:
    """One account that collects, watched. `run` ends as that of `Watch` does."""

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
        self._app = app
        self._budget = budget
        self._gate = gate
        self._report = report
        self._told = told
        self._retiring = False
        self.is_at_rest = True
        """No pass is under way."""
        self._wake = asyncio.Event()
        self._asked: list[tuple[str | None, asyncio.Future[SyncReport]]] = []

    def changed_here(self, newest: int) -> None:
        """What changes here is complete at once; deletions reach the server with the next pass."""

    def ask(self, mailbox: str | None) -> asyncio.Future[SyncReport]:
        """Asks for a pass now; the future gives its report."""
        answer: asyncio.Future[SyncReport] = asyncio.get_running_loop().create_future()
        self._asked.append((mailbox, answer))
        self._wake.set()
        return answer

    def retire(self) -> None:
        """Asks it to end when it is at rest: not before a pass that is under way or asked for."""
        self._retiring = True
        self._wake.set()

    async def run(self) -> None:
        """Keeps the account current. Whatever goes wrong with its server is waited out."""
        app, backoff = self._app, Backoff()
        try:
            while self._asked or not self._retiring:
                try:
                    problem = await self._work()
                except EilboteError as error:  # of our own store: the account was removed, the disk is full
                    problem = error.problem
                if problem is not None and problem.code == FENCED:
                    return
                if problem is None:
                    backoff = Backoff()
                    self._tell(WatchState.POLLING)
                    await self._sleep(app.config.sync_interval)
                    continue
                backoff = backoff.failed(problem, 0.0)
                if backoff.has_given_up:
                    self._tell(WatchState.STOPPED, problem=problem)
                    await self._sleep(None)
                    continue
                chance = int.from_bytes(app.clock.random_bytes(4), "big") / 2**32
                seconds = backoff.seconds(problem, chance)
                self._tell(WatchState.WAITING, until=app.clock.now() + seconds, problem=problem)
                await self._sleep(seconds)
        finally:
            for _, answer in self._asked:
                answer.cancel()

    async def _work(self) -> Problem | None:
        """One pass, which answers all who asked; the problem that ended it."""
        self._wake.clear()
        asked, self._asked = self._asked, []
        mailboxes = {mailbox for mailbox, _ in asked}
        try:
            report = await self._pass(mailboxes.pop() if len(mailboxes) == 1 else None)
            for _, answer in asked:
                if not answer.done():
                    answer.set_result(report)
        finally:
            for _, answer in asked:
                if not answer.done():
                    answer.cancel()
        failed = report.failed
        return failed if failed is not None and failed.code != "mailbox.unknown" else None

    async def _pass(self, mailbox: str | None) -> SyncReport:
        app = self._app
        async with self._gate:
            self._tell(WatchState.SYNCING)
            self.is_at_rest = False
            indexer, preparer = Indexer(app.store, app.config, app.clock), Preparer()
            try:
                account = await asyncio.to_thread(app.store.accounts.get, self.account.id)
                report = await collect_account(
                    app,
                    account,
                    budget=self._budget,
                    indexer=indexer,
                    preparer=preparer,
                    report=self._report,
                    mailbox=mailbox,
                )
                await preparer.close()
                await indexer.complete(
                    lambda done, total: self._report(Progress("", "index", done=done, total=total))
                )
            finally:
                self.is_at_rest = True
                await preparer.close()
                await indexer.close()
        self._told(Passed(self.account.address, app.clock.now(), report))
        return report

    async def _sleep(self, seconds: float | None) -> None:
        """Until then, or until somebody asks."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._asked and not self._retiring:
                    await self._wake.wait()
                    self._wake.clear()

    def _tell(self, state: WatchState, *, until: float | None = None, problem: Problem | None = None) -> None:
        now = self._app.clock.now()
        self._told(Watching(self.account.id, self.account.address, state, now, until, problem))
