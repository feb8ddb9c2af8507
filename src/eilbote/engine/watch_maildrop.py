"""Keeps a POP3 account current: a pass at an interval, or when somebody asks. POP3 has no word for news.

It must never knock more often than the back-off allows.
"""

from __future__ import annotations

from eilbote.engine.collect import collect_account
from eilbote.engine.events import Passed, WatchState
from eilbote.engine.index import Indexer
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import SyncReport
from eilbote.engine.watch import Watch, drop, failure_of, give
from eilbote.errors import Problem
from eilbote.store.values import Account


class MaildropWatch(Watch):
    """One account that collects, watched."""

    def changed_here(self, newest: int) -> None:
        """What changes here is complete at once; deletions reach the server with the next pass."""

    async def _live(self) -> Problem | None:
        while True:
            problem = await self._work()
            if problem is not None:
                return problem
            if self._well_since is None:
                self._well_since = self._app.clock.monotonic()
            if self._retiring and not self._asked:
                return None
            self._tell(WatchState.POLLING)
            await self._sleep(self._app.config.sync_interval)
            if self._retiring and not self._asked:
                return None

    async def _work(self) -> Problem | None:
        """One pass, which answers all who asked; the problem that ended it."""
        self._wake.clear()
        asked, self._asked = self._asked, []
        mailboxes = {mailbox for mailbox, _ in asked}
        try:
            report = await self._pass(mailboxes.pop() if len(mailboxes) == 1 else None)
            for _, answer in asked:
                give(answer, report)
        finally:
            drop(asked)
        return failure_of(report)

    async def _pass(self, mailbox: str | None) -> SyncReport:
        app = self._app

        async def collect(account: Account, indexer: Indexer, preparer: Preparer) -> SyncReport:
            return await collect_account(
                app,
                account,
                budget=self._budget,
                indexer=indexer,
                preparer=preparer,
                report=self._report,
                mailbox=mailbox,
            )

        report = await self._pass_by(collect)
        self._told(Passed(self.account.address, app.clock.now(), report))
        return report
