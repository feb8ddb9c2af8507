"""One pass over a maildrop (POP3): what is new comes into the account's local inbox; what its user wants
gone from the server is deleted there.

A mail and the row that says it was collected are one transaction. Only a mail with such a row is ever
marked for deletion, and only QUIT carries deletions out: whoever loses the line, or fails to store, has
deleted nothing. A kill at any point repeats at most the downloads of one batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from hashlib import sha256

from msgspec import Struct, field
from msgspec.structs import replace

from eilbote.clock import process_seconds
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, open_pop3
from eilbote.engine.index import Indexer
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Progress, Report, SyncReport, Tally
from eilbote.engine.round import to_the_end
from eilbote.engine.tenure import FENCED
from eilbote.errors import EilboteError, Garbled, Gone, NotAllowed, Problem
from eilbote.mail.received import received_at
from eilbote.net.pop3 import Pop3Session
from eilbote.protocols.pop3.connection import Reply
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.types import Maildrop
from eilbote.store.collected import Taken
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, AccountState
from eilbote.sync.collecting import (
    Matched,
    head_of,
    is_due,
    match,
    recognise,
    trusted_ids,
    worth_a_look,
)
from eilbote.sync.values import Listed, Seen

INBOX = "INBOX"
_BATCH_BYTES = 4 << 20
_BATCH_COUNT = 500
_SHORT_WAIT = 10.0
_GOODBYE_SECONDS = 10.0
_MOST_TRIES = 5
_DAY = 24 * 3600.0


async def collect_account(
    app: App,
    account: Account,
    *,
    budget: HostBudget,
    indexer: Indexer | None = None,
    preparer: Preparer | None = None,
    report: Report = lambda progress: None,
    mailbox: str | None = None,
) -> SyncReport:
    """Collects what is new, deletes what is due, and notes the outcome in the account's state. Its
    trouble stands in the report."""
    work = _Collecting(app, account, indexer, preparer or Preparer(), report)
    failed: Problem | None = None
    try:
        if mailbox is not None and mailbox.upper() != INBOX:
            await asyncio.to_thread(_check_mailbox, app, account, mailbox)
        else:
            assert account.pop3 is not None
            async with budget.of(account.pop3.host):
                await work.run()
            await _judge_new(app, account, work)
    except EilboteError as error:
        failed = error.problem
    if failed is not None or not work.waits:
        try:
            await to_the_end(_remember_end, app, account, failed)
        except NotAllowed as error:
            if error.problem.code != FENCED:
                raise
            failed = error.problem  # the account is another's, and so is what is to be remembered
    return SyncReport(
        account.address,
        new=work.tally.new,
        pushed=work.tally.pushed,
        stored_seconds=process_seconds(),
        round_trips=work.round_trips,
        bytes=work.traffic,
        problems=tuple((INBOX, problem) for problem in work.problems),
        failed=failed,
    )


async def _judge_new(app: App, account: Account, work: _Collecting) -> None:
    """Rules act on what was collected."""
    from eilbote.engine.arrive import arrived, noted  # noqa: PLC0415  # most homes have no rules

    work.problems += [problem for _, problem in noted(await arrived(app, account))]


def listed_mails(maildrop: Maildrop) -> list[Listed]:
    """The maildrop in the words of `sync`."""
    return [Listed(mail.number, mail.size, mail.uidl) for mail in maildrop.mails]


async def recognised_by_header(session: Pop3Session, matched: Matched) -> dict[Listed, Seen]:
    """Unknown mails that look like absent ones: their rows, `compared` only where the id is the same
    too. Asks for the headers of mails that have the size of an absent one, where the server has TOP."""
    if "TOP" not in session.capabilities.names and session.capabilities.known:
        return {}
    by_number = {mail.number: mail for mail in worth_a_look(matched.unknown, matched.absent)}
    heads: dict[Listed, bytes] = {}
    async with aclosing(session.headers(list(by_number))) as answers:
        async for number, reply in answers:
            if reply.mail is not None:
                heads[by_number[number]] = head_of(reply.mail)
    return {
        mail: row if row.uidl == mail.uidl != "" else replace(row, compared=False)
        for mail, row in recognise(heads, matched.absent).items()
    }


class _Collecting(Struct):
    """One account's pass. `waits`: the server wants no login yet."""

    app: App
    account: Account
    indexer: Indexer | None
    preparer: Preparer
    report: Report
    tally: Tally = field(default_factory=Tally)
    problems: list[Problem] = field(default_factory=list)
    round_trips: int = 0
    traffic: int = 0
    too_large: set[tuple[str, int | None]] = field(default_factory=set)
    under_way: Listed | None = None
    waits: bool = False

    async def run(self) -> None:
        """The pass; over again, with a new connection, for each mail that turns out to be too large."""
        for _ in range(_MOST_TRIES):
            if not await self._may_log_in():
                return
            try:
                await self._once()
            except Garbled as error:
                if error.problem.code != "pop3.mail_too_long" or self.under_way is None:
                    raise
                self.too_large.add((self.under_way.uidl, self.under_way.size))
            else:
                return

    async def _may_log_in(self) -> bool:
        """Waits a moment where the server wants a pause between logins (RFC 2449 section 6.5); a longer
        one is left to the next pass."""
        app = self.app
        left = await asyncio.to_thread(app.store.collected.next_login, self.account.id) - app.clock.now()
        if left <= 0 or left > _DAY:  # the clock was set back
            return True
        if left <= _SHORT_WAIT:
            await app.clock.sleep(left)
            return True
        self.waits = True
        self.problems.append(
            Problem("pop3.login_delay", {"address": self.account.address, "seconds": f"{left:.0f}"}, left)
        )
        return False

    async def _once(self) -> None:
        self.tell("connect")
        self.problems.clear()  # of a try before this one
        session = await open_pop3(self.app, self.account)
        try:
            await to_the_end(
                self.app.store.collected.note_login,
                self.account.id,
                self.app.clock.now(),
                session.capabilities.login_delay,
            )
            marked = await self._work(session)
            await self._leave(session, marked)
        except BaseException:
            session.abort()
            raise
        finally:
            self.round_trips += session.round_trips
            self.traffic += session.bytes_received + session.bytes_sent

    async def _work(self, session: Pop3Session) -> list[Seen]:
        """Everything but the farewell; returns the mails that were marked for deletion."""
        self.tell("look")
        store = self.app.store
        maildrop = await session.maildrop()
        self._doubt(maildrop)
        listed = listed_mails(maildrop)
        matched = match(listed, await asyncio.to_thread(store.collected.seen, self.account.id))
        trusted = trusted_ids(listed)
        found = await self._recognise(session, matched, trusted)
        absent = {row.id for row in matched.absent} - {row.id for row in found.values()}
        wanted = [mail for mail in matched.unknown if mail not in found and self._fits(mail)]
        fetched = await self._fetch(session, wanted, trusted, absent)
        here = {**matched.known, **fetched, **{mail.number: row for mail, row in found.items()}}
        return await self._delete(session, here)

    def _doubt(self, maildrop: Maildrop) -> None:
        """Says so where the server's numbers do not add up. Nothing hangs on them."""
        count = len(maildrop.mails)
        if maildrop.unreadable or maildrop.told not in (None, count):
            told = "?" if maildrop.told is None else str(maildrop.told)
            self.problems.append(
                Problem(
                    "pop3.listing_differs",
                    {"told": told, "listed": str(count), "unreadable": str(maildrop.unreadable)},
                )
            )

    def _fits(self, mail: Listed) -> bool:
        if (mail.uidl, mail.size) not in self.too_large and (mail.size or 0) <= Limits().mail:
            return True
        name = mail.uidl or str(mail.number)
        self.problems.append(
            Problem("sync.too_large", {"mailbox": INBOX, "uid": name, "size": str(mail.size or "?")})
        )
        return False

    async def _recognise(
        self, session: Pop3Session, matched: Matched, trusted: frozenset[str]
    ) -> dict[Listed, Seen]:
        """Unknown mails that are absent ones under another id, by their headers; remembers the new id."""
        found = await recognised_by_header(session, matched)
        pairs = [
            (row.id, mail.uidl if mail.uidl in trusted else "", mail.size)
            for mail, row in found.items()
            if not row.compared
        ]
        if pairs:
            await to_the_end(self.app.store.collected.rename, pairs)
        return found

    async def _fetch(
        self, session: Pop3Session, wanted: Sequence[Listed], trusted: frozenset[str], absent: set[int]
    ) -> dict[int, Seen]:
        """Downloads and stores, oldest first, batch by batch."""
        rows: dict[int, Seen] = {}
        batch: list[tuple[Listed, bytes]] = []
        size = 0
        await self.preparer.expect(len(wanted))

        async def store() -> None:
            nonlocal batch, size
            taken, batch, size = batch, [], 0
            if taken:
                for (mail, _), row in zip(taken, await self._store(taken, trusted, absent), strict=True):
                    rows[mail.number] = row
                    absent.discard(row.id)
                self.tell("fetch", len(rows), len(wanted))

        remaining = deque(wanted)
        try:
            async with aclosing(session.mails([mail.number for mail in wanted])) as answers:
                self.under_way = remaining[0] if remaining else None
                async for _, reply in answers:
                    mail = remaining.popleft()
                    self.under_way = remaining[0] if remaining else None
                    if reply.mail is None:
                        self._note_refusal(mail, reply)
                        continue
                    batch.append((mail, reply.mail))
                    size += len(reply.mail)
                    if size >= _BATCH_BYTES or len(batch) >= _BATCH_COUNT:
                        await store()
        except EilboteError:
            await store()  # what came before the line broke
            raise
        await store()
        return rows

    def _note_refusal(self, mail: Listed, reply: Reply) -> None:
        name = mail.uidl or str(mail.number)
        self.problems.append(Problem("pop3.no_mail", {"mail": name, "text": reply.status.text[:500]}))

    async def _store(
        self, taken: Sequence[tuple[Listed, bytes]], trusted: frozenset[str], absent: set[int]
    ) -> list[Seen]:
        """Prepares and stores mails; their rows, in the same order."""
        store = self.app.store
        prepared = await self.preparer.prepare([raw for _, raw in taken])
        now = self.app.clock.now()
        mails = []
        for (mail, raw), known in zip(taken, prepared.mails, strict=True):
            arrived = received_at(raw)
            date = known.columns[0] if arrived is None else arrived
            when = now if date is None else min(float(date), now + _DAY)
            arrival = Arrival(0, frozenset(), when, 0, raw, known)
            mails.append(Taken(arrival, mail.uidl if mail.uidl in trusted else "", mail.size, head_of(raw)))
        inbox = await asyncio.to_thread(store.mailboxes.find, self.account.id, INBOX)
        if inbox is None:
            raise Gone("mailbox.unknown", mailbox=INBOX)
        applied, rows = await to_the_end(
            store.collected.take_in, self.account.id, inbox.id, mails, absent, prepared.blocks, now
        )
        self.tally.new += applied.new
        if self.indexer is not None:
            await self.indexer.committed(applied.ids)
        return rows

    async def _delete(self, session: Pop3Session, here: dict[int, Seen]) -> list[Seen]:
        """Marks what is due of the mails that are kept here; returns them. What was recognised by its
        header alone is compared first, byte by byte."""
        policy, now = self.account.on_server, self.app.clock.now()
        if policy.days is None and not policy.when_deleted:
            return []
        removed = await asyncio.to_thread(self.app.store.collected.removed, self.account.id)
        due = {number: row for number, row in here.items() if is_due(row, policy, removed, now)}
        doubtful = {number: due.pop(number) for number in list(due) if not due[number].compared}
        if doubtful:
            async with aclosing(session.mails(list(doubtful))) as answers:
                async for number, reply in answers:
                    if reply.mail is not None and sha256(reply.mail).digest() == doubtful[number].sha256:
                        due[number] = doubtful[number]
        if not due:
            return []
        self.tell("push")
        marked = []
        for number, status in (await session.delete(sorted(due))).items():
            if status.ok:
                marked.append(due[number])
            else:
                name = due[number].uidl or str(number)
                self.problems.append(Problem("pop3.not_deleted", {"mail": name, "text": status.text[:500]}))
        return marked

    async def _leave(self, session: Pop3Session, marked: Sequence[Seen]) -> None:
        """QUIT. Its answer is what makes deletions count; without one, the next pass looks again."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS if not marked else None):
                confirmed = await session.quit()
        except TimeoutError:
            session.abort()
            return
        except EilboteError:
            if marked:
                raise
            session.abort()  # nothing hung on this farewell
            return
        if marked and confirmed:
            await to_the_end(self.app.store.collected.deleted, [row.id for row in marked])
            self.tally.pushed += len(marked)
        elif marked:
            self.problems.append(Problem("pop3.quit_refused", {"count": str(len(marked))}))

    def tell(self, phase: str, done: int = 0, total: int = 0) -> None:
        self.report(Progress(self.account.address, phase, INBOX, done, total, self.traffic))


def _check_mailbox(app: App, account: Account, name: str) -> None:
    """Raises Gone `mailbox.unknown`. The other mailboxes of the account have nothing to collect."""
    if app.store.mailboxes.find(account.id, name) is None:
        raise Gone("mailbox.unknown", mailbox=name)


def _remember_end(app: App, account: Account, failed: Problem | None) -> None:
    """Notes the outcome in the account's state; one that is paused meanwhile stays so, and one that
    was removed meanwhile is forgotten."""
    found = next((one for one in app.store.accounts.all() if one.id == account.id), None)
    if found is None:
        return
    state = AccountState.READY if failed is None else AccountState.FAILING
    app.store.accounts.update(
        found.id,
        state=found.state if found.state is AccountState.PAUSED else state,
        problem=failed,
        synced=app.clock.now() if failed is None else found.synced,
    )
