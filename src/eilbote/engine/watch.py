"""Keeps one account current: a pass, then the server's own word (NOTIFY, IDLE) or a poll, and again.

One task does all of it, over as few connections as possible: the one that waits is also the one
that fetches. Whoever wants something leaves it here and wakes it. It must never give a server more
attempts than the back-off allows, and never hold the last connection that a host grants.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.backoff import Backoff
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.events import Passed, Told, Watching, WatchState
from eilbote.engine.index import Indexer
from eilbote.engine.listing import seems_unchanged
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Progress, Report, SyncReport
from eilbote.engine.round import Round
from eilbote.engine.sync import CONNECTIONS_PER_ACCOUNT, Errand, pass_over
from eilbote.engine.tenure import FENCED
from eilbote.errors import EilboteError, Problem, Refused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.net.imap import LONGEST_IDLE, ImapSession
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


class Watch:
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
        self._app = app
        self._budget = budget
        self._gate = gate
        self._report = report
        self._told = told
        self._connections: ImapConnections
        self._retiring = False
        self.is_at_rest = True
        """No pass is under way."""
        self._wake = asyncio.Event()
        self._idlers: set[ImapSession] = set()
        self._asked: list[tuple[str | None, asyncio.Future[SyncReport]]] = []
        self._heard: set[MailboxName] = set()
        self._tried = 0
        self._here_changed = False
        self._full = True
        self._next_poll = 0.0
        self._next_thorough = 0.0
        self._deaf = 0
        self._at_rest: dict[int, tuple[int, int, int]] = {}
        self._well_since: float | None = None

    # --- what others may do ----------------------------------------------------------------------

    def changed_here(self, newest: int) -> None:
        """There are local changes, the newest with this number. Each is carried at once and once;
        what could not be carried waits for the next full pass."""
        if newest > self._tried:
            self._tried = newest
            self._here_changed = True
            self._stir()

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
        self._wake.set()
        for imap in self._idlers:
            imap.wake()

    # --- the life of a watch ---------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps the account current. Whatever goes wrong with its server is waited out."""
        backoff = Backoff()
        clock = self._app.clock
        try:
            while True:
                problem = await self._live()
                if problem is None or problem.code == FENCED:
                    return
                lived = 0.0 if self._well_since is None else clock.monotonic() - self._well_since
                backoff = backoff.failed(problem, lived)
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

    async def _live(self) -> Problem | None:
        """From connecting to the problem that ended it; None: it has retired."""
        self._well_since = None
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
        except EilboteError as error:
            return error.problem
        finally:
            await self._connections.close()

    def _refuse(self, problem: Problem) -> None:
        """Nothing can be done for those who asked."""
        asked, self._asked = self._asked, []
        for _, answer in asked:
            if not answer.done():
                answer.set_result(SyncReport(self.account.address, failed=problem))

    async def _sleep(self, seconds: float | None) -> None:
        """Until then, or until somebody asks: a person who says "now" is not kept waiting."""
        self._wake.clear()
        if not self._asked and not self._retiring:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not self._asked and not self._retiring:
                        await self._wake.wait()
                        self._wake.clear()

    def _tell(self, state: WatchState, *, until: float | None = None, problem: Problem | None = None) -> None:
        now = self._app.clock.now()
        self._told(Watching(self.account.id, self.account.address, state, now, until, problem))

    # --- passes ----------------------------------------------------------------------------------

    @property
    def _has_work(self) -> bool:
        return bool(self._asked or self._heard or self._here_changed or self._full)

    @property
    def _is_wanted(self) -> bool:
        """Is there a reason not to listen any longer?"""
        return self._has_work or self._retiring

    async def _work(self) -> Problem | None:
        """Passes until nothing is left to do; the problem that ended one."""
        while self._has_work:
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
                    if not answer.done():
                        answer.set_result(report)
            finally:
                for _, answer in asked:
                    if not answer.done():
                        answer.cancel()
            if report is not None and report.failed is not None and report.failed.code != "mailbox.unknown":
                return report.failed
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
        """One pass, and search complete after it."""
        app = self._app
        async with self._gate:
            self._tell(WatchState.SYNCING)
            self.is_at_rest = False
            before = (self._connections.round_trips, self._connections.bytes)
            indexer, preparer = Indexer(app.store, app.config, app.clock), Preparer()
            try:
                account = await asyncio.to_thread(app.store.accounts.get, self.account.id)
                round_ = Round(app, account, self._connections, self._report, indexer, preparer)
                report = await pass_over(round_, errand)
                await preparer.close()
                told = self._report
                await indexer.complete(
                    lambda done, total: told(Progress("", "index", done=done, total=total))
                )
            finally:
                self.is_at_rest = True
                await preparer.close()
                await indexer.close()
        report = _since(report, *before)
        self._judge_idle(errand, round_.looked_at)
        self._told(Passed(self.account.address, app.clock.now(), report, tuple(sorted(round_.looked_at))))
        return report

    def _report_index(self, done: int, total: int) -> None:
        self._report(Progress("", "index", done=done, total=total))

    def _judge_idle(self, errand: Errand, looked_at: frozenset[MailboxName]) -> None:
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
                    if inbox is None or not imap.has_idle or self._deaf >= DEAF:
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
        if not imap.hears_all:
            # NOTIFY says nothing of the mailbox that is open: let it be the one that is compared below.
            await imap.select(inbox.name)
            await self._compare(await imap.notify() or {})
        self._plan_poll(PROOF_SECONDS if imap.hears_all else self._app.config.sync_interval)
        beside = [] if imap.hears_all else await asyncio.to_thread(self._important)
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
            self._tell(WatchState.NOTIFY if imap.hears_all else WatchState.IDLE)
        while not self._is_wanted:
            left = self._next_poll - self._app.clock.monotonic()
            if left <= 0:
                self._full = True
                return
            self._idlers.add(imap)
            try:
                news = await imap.idle(most=min(left, LONGEST_IDLE))
            except Refused:  # offered, and not granted
                self._deaf = DEAF
                return
            finally:
                self._idlers.discard(imap)
            self._note(news, mailbox.name)

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
