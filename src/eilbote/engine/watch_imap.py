"""Keeps one IMAP account current: a pass, then the server's own word (NOTIFY, IDLE) or a poll, and again.

It works over as few connections as possible: the one that waits is also the one that fetches. It must
never hold the last connection that a host grants.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.events import Passed, Told, WatchState
from eilbote.engine.index import Indexer
from eilbote.engine.listing import seems_unchanged
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.round import Round
from eilbote.engine.sync import CONNECTIONS_PER_ACCOUNT, Errand, pass_over
from eilbote.engine.watch import Watch, drop, failure_of, give
from eilbote.errors import EilboteError, Problem, Refused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.net.idle import LONGEST_IDLE
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.notify import Heard
from eilbote.protocols.imap.types import MailboxStatus
from eilbote.store.values import Account, Mailbox

PROOF_SECONDS = 900.0
"""Even where the server tells of everything, all is asked this often (C5: trust but verify)."""

POLL_SECONDS = 60.0
"""The inbox of a server without IDLE is looked at this often."""

THOROUGH_SECONDS = 3600.0
"""How often also that is looked at which a listing does not tell."""

_OF_LATE = 30 * 86_400.0

DEAF = 2
"""After so many polls in a row that found inbox mail of which IDLE had said nothing, it is polled."""


class ImapWatch(Watch):
    """One IMAP account, watched."""

    def __init__(
        self,
        app: App,
        account: Account,
        budget: HostBudget,
        gate: asyncio.Semaphore,
        report: Report,
        told: Told,
    ) -> None:
        super().__init__(app, account, budget, gate, report, told)
        self._connections: ImapConnections
        self._idlers: set[ImapSession] = set()
        self._heard: set[MailboxName] = set()
        self._tried = 0
        self._here_changed = False
        self._full = True
        self._next_poll = 0.0
        self._next_thorough = 0.0
        self._deaf = 0
        self._at_rest: dict[int, tuple[int, int, int]] = {}

    # --- what others may do ----------------------------------------------------------------------

    def changed_here(self, newest: int) -> None:
        """There are local changes, the newest with this number. Each is carried at once and once;
        what could not be carried waits for the next full pass."""
        if newest > self._tried:
            self._tried = newest
            self._here_changed = True
            self._stir()

    def _stir(self) -> None:
        super()._stir()
        for imap in self._idlers:
            imap.news.wake()

    # --- the life of a watch ---------------------------------------------------------------------

    async def _live(self) -> Problem | None:
        self._full = True
        most = CONNECTIONS_PER_ACCOUNT
        try:
            self._connections = ImapConnections(self._app, self.account, self._budget, most=most)
        except EilboteError as error:
            self._refuse(error.problem)
            return error.problem
        try:
            while True:
                failed = await self._work()
                if failed is not None:
                    return failed
                if self._well_since is None:
                    self._well_since = self._app.clock.monotonic()
                if self._retiring:
                    return None
                await self._listen()
        finally:
            await self._connections.close()

    def _refuse(self, problem: Problem) -> None:
        """Nothing can be done for those who asked."""
        asked, self._asked = self._asked, []
        for _, answer in asked:
            give(answer, SyncReport(self.account.address, failed=problem))

    # --- passes ----------------------------------------------------------------------------------

    @property
    def _has_work(self) -> bool:
        return bool(self._asked or self._heard or self._here_changed or self._full)

    @property
    def _is_wanted(self) -> bool:
        """Is there a reason not to listen any longer?"""
        return self._has_work or self._retiring

    async def _work(self) -> Problem | None:
        """Passes until nothing is left to do; the problem that ended one. Who is to retire does what
        was asked for and leaves the rest to the next holder: in a busy account there is always more."""
        while self._has_work and (self._asked or not self._retiring):
            self._wake.clear()
            asked, self._asked = self._asked, []
            full = self._full or any(mailbox is None for mailbox, _ in asked)
            heard, self._heard = frozenset(self._heard), set()
            self._here_changed = False
            report = None
            try:
                if full or heard or not asked:
                    report = await self._pass(self._errand(full, heard))
                for mailbox, answer in asked:
                    if mailbox is not None or report is None:
                        report = await self._pass(Errand(only=mailbox))
                    give(answer, report)
            finally:
                drop(asked)
            if report is not None and (failed := failure_of(report)) is not None:
                return failed
        return None

    def _errand(self, full: bool, heard: frozenset[MailboxName]) -> Errand:
        if not full:
            return Errand(heard=heard)
        self._full = False
        now = self._app.clock.monotonic()
        thorough = now >= self._next_thorough
        if thorough:
            self._next_thorough = now + THOROUGH_SECONDS
        return Errand(thorough=thorough)

    async def _pass(self, errand: Errand) -> SyncReport:
        app = self._app
        before = (self._connections.round_trips, self._connections.bytes)
        looked_at: set[MailboxName] = set()
        unreached = await self._unreached()

        async def sync(account: Account, indexer: Indexer, preparer: Preparer) -> SyncReport:
            round_ = Round(app, account, self._connections, self._report, indexer, preparer)
            done = await pass_over(round_, errand, unreached)
            looked_at.update(round_.looked_at)
            return done

        report = _since(await self._pass_by(sync), *before)
        self._judge_idle(errand, looked_at)
        self._told(Passed(self.account.address, app.clock.now(), report, tuple(sorted(looked_at))))
        return report

    async def _unreached(self) -> Problem | None:
        """Connects before the pass has its turn, so that a server that does not answer keeps nobody
        waiting; why that failed."""
        try:
            async with self._connections.session():
                return None
        except EilboteError as error:
            return error.problem

    def _judge_idle(self, errand: Errand, looked_at: set[MailboxName]) -> None:
        """A poll that finds news in the inbox finds out that IDLE kept silent."""
        if errand.heard is None and errand.only is None and self._well_since is not None:
            self._deaf = self._deaf + 1 if "INBOX" in looked_at else 0
        elif errand.heard:
            self._deaf = 0

    # --- listening -------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Returns when there is something to do."""
        host = self.account.imap.host if self.account.imap is not None else ""
        if self._budget.keep_waiting(host):
            try:
                inbox = await asyncio.to_thread(self._inbox)
                async with self._connections.session(mailbox=inbox.name if inbox else None) as imap:
                    if inbox is None or not imap.news.is_offered or self._deaf >= DEAF:
                        await self._connections.close()  # those that are not needed to wait
                        await self._poll(inbox)
                    else:
                        await self._idle(imap, inbox)
            finally:
                self._budget.stop_waiting(host)
        else:  # others on this host need the connection more
            await self._connections.close()
            await self._poll(await asyncio.to_thread(self._inbox))

    def _inbox(self) -> Mailbox | None:
        mailboxes = self._app.store.mailboxes.all(self.account.id)
        return next((one for one in mailboxes if one.role is SpecialUse.INBOX and one.selectable), None)

    async def _idle(self, imap: ImapSession, inbox: Mailbox) -> None:
        """Waits in IDLE, with NOTIFY where the server has it, else with some more mailboxes beside."""
        if not imap.news.is_of_all:
            # NOTIFY says nothing of the mailbox that is open: let it be the one that is compared below.
            await imap.select(inbox.name)
            await self._compare(await imap.news.notify() or {})
        self._plan_poll(PROOF_SECONDS if imap.news.is_of_all else self._app.config.sync_interval)
        beside = [] if imap.news.is_of_all else await asyncio.to_thread(self._important)
        await self._connections.close(keep=len(beside))
        others = [asyncio.create_task(self._listen_beside(mailbox)) for mailbox in beside]
        try:
            await self._hear(imap, inbox)
            self._stir()  # in order: their connections are needed again
            await asyncio.gather(*others)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _hear(self, imap: ImapSession, mailbox: Mailbox) -> None:
        """Waits for news of the mailbox until there is any, or something else to do."""
        selected = await imap.select(mailbox.name)
        marks = mailbox.watermarks
        at_rest = (selected.uidnext, selected.exists, selected.highestmodseq)
        if at_rest not in ((marks.uidnext, marks.exists, marks.modseq), self._at_rest.get(mailbox.id)):
            # It changed between the pass and now; and once: a server that never rests is not asked for ever.
            self._at_rest[mailbox.id] = at_rest
            self._heard.add(mailbox.name)
            return
        if mailbox.role is SpecialUse.INBOX:
            self._tell(WatchState.NOTIFY if imap.news.is_of_all else WatchState.IDLE)
        while not self._is_wanted:
            left = self._next_poll - self._app.clock.monotonic()
            if left <= 0:
                self._full = True
                return
            self._idlers.add(imap)
            try:
                news = await imap.news.idle(most=min(left, LONGEST_IDLE))
            except Refused:  # offered, and not granted
                self._deaf = DEAF
                return
            finally:
                self._idlers.discard(imap)
            self._note(news, mailbox.name)
            # What is told only when IDLE is ended for the poll was not pushed: the poll counts.
            self._full = self._full or self._next_poll <= self._app.clock.monotonic()

    async def _listen_beside(self, mailbox: Mailbox) -> None:
        """Hears of one more mailbox, over a connection of its own if the host grants one. What goes
        wrong here ends the hearing of this mailbox; it is polled like the others."""
        host = self.account.imap.host if self.account.imap is not None else ""
        if not self._budget.keep_waiting(host):
            return
        try:
            async with self._connections.session(mailbox=mailbox.name) as imap:
                await self._hear(imap, mailbox)
            self._stir()
        except EilboteError:
            return
        finally:
            self._budget.stop_waiting(host)

    def _important(self) -> list[Mailbox]:
        """Mailboxes beside the inbox into which mail is delivered: where most has come of late."""
        store = self._app.store
        count = self._app.config.idle_mailboxes - 1
        if not count:
            return []
        held = {one.id: one for one in store.mailboxes.all(self.account.id)}
        busy = store.messages.busiest(self.account.id, self._app.clock.now() - _OF_LATE)
        return [held[one] for one in busy if held[one].role is None and held[one].selectable][:count]

    async def _compare(self, told: dict[MailboxName, MailboxStatus]) -> None:
        """What changed between the pass and the beginning of NOTIFY."""
        if told:
            held = await asyncio.to_thread(self._app.store.mailboxes.all, self.account.id)
            marks = {one.name: one for one in held}
            self._full = self._full or not told.keys() <= marks.keys()
            self._heard |= {
                name
                for name, status in told.items()
                if name in marks and not seems_unchanged(marks[name], status)
            }

    def _note(self, news: Heard, inbox: MailboxName) -> None:
        if news.selected:
            self._heard.add(inbox)
        self._heard |= news.mailboxes
        self._full = self._full or news.listing or news.overflow

    async def _poll(self, inbox: Mailbox | None) -> None:
        """Waits without the server's word; then the inbox is looked at, and all where it is time."""
        self._tell(WatchState.POLLING)
        if self._next_poll <= self._app.clock.monotonic():
            self._plan_poll(self._app.config.sync_interval)
        left = self._next_poll - self._app.clock.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, POLL_SECONDS)):
                while not self._is_wanted:
                    await self._wake.wait()
                    self._wake.clear()
        if self._next_poll <= self._app.clock.monotonic():
            self._full = True
        elif inbox is not None and not self._has_work:
            self._heard.add(inbox.name)

    def _plan_poll(self, seconds: float) -> None:
        now = self._app.clock.monotonic()
        if self._next_poll <= now or self._next_poll > now + seconds:
            self._next_poll = now + seconds


def _since(report: SyncReport, round_trips: int, bytes_: int) -> SyncReport:
    """The report of one pass over connections that outlive it."""
    return replace(report, round_trips=report.round_trips - round_trips, bytes=report.bytes - bytes_)
