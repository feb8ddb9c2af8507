"""Mail that comes from elsewhere, taken into an account: what is there already is recognised, the rest
stored, and where the account has a server its upload owed and carried, batch by batch.

A kill at any point repeats nothing: what is stored is found again by its content, and what is owed
stands in the journal. Memory grows with the number of mails in a mailbox, never with their size.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

from msgspec import Struct

from eilbote.clock import rfc3339
from eilbote.engine.act import Act, Origin, check_allowed, check_flag
from eilbote.engine.app import App
from eilbote.engine.mailboxes import create_mailbox
from eilbote.engine.naming import style_in
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import Progress, Report
from eilbote.errors import EilboteError, Misused, Problem, Refused, Unreachable
from eilbote.mail.mailbox import RECENT, Flags, MailboxName
from eilbote.mail.message import read_source
from eilbote.mail.skeleton import header_of
from eilbote.mail.uploading import ready_to_upload
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, DebtState, Mailbox
from eilbote.sync.naming import careful_name

Tell = Callable[[str, Problem], None]
"""Is told what went wrong with which mail, at once."""

_BATCH_MAILS = 500
_BATCH_BYTES = 16 << 20
_EARLIEST = 1.0
_DAY = 86_400.0
_KEY_BYTES = 16  # of a hash: enough to tell a mailbox's mails apart, and half the memory


class Coming(Struct, frozen=True):
    """A mail to be taken in; `where` names it to a person."""

    where: str
    raw: bytes
    flags: Flags
    date: float


class Taken(Struct):
    """The counts of one mailbox: mails that came, that are stored now, that were there, that could
    not be taken (or not be uploaded); `again` of these were stored by an earlier run."""

    found: int = 0
    taken: int = 0
    present: int = 0
    failed: int = 0
    again: int = 0


class Intake:
    """One account's taking in. Ask `begin` first and `finish` last; in between, one mailbox after the
    other."""

    def __init__(self, app: App, account: Account, tell: Tell, report: Report) -> None:
        check_allowed(Origin.USER, Act.APPEND)
        self.taken: dict[str, Taken] = {}
        self._app = app
        self._account = account
        self._tell = tell
        self._report = report
        self._batch: list[Coming] = []
        self._bytes = 0
        self._volume = 0
        self._total = 0
        self._owed: list[tuple[str, str, int]] = []
        """What was owed since the last carrying: mailbox, where the mail comes from (nothing: from an
        earlier run), debt."""
        self._mailbox: Mailbox | None = None
        self._passed_over = Taken()
        """The counts of what comes while no mailbox is open."""
        self._there: Counter[bytes] = Counter()
        self._in_part = False
        """Whether a mode keeps some of the open mailbox's mails only in part."""
        self._problems: set[tuple[str, str]] = set()

    @property
    def to_server(self) -> bool:
        return self._account.imap is not None

    async def begin(self) -> None:
        """Brings the account up to date, so that what its server has is known. Raises what ended the
        pass."""
        if self.to_server:
            await self._sync()

    async def open(self, name: MailboxName, mails: int = 0, *, exactly: bool = False) -> Mailbox:
        """From now on mails go into this mailbox, which is made if need be. `mails` are to come. Where
        the server refuses the name, the mailbox gets one that no server refuses, unless it is to be
        called `exactly` so. Misused `mailbox.*`
        for a name that cannot be, Refused `mailbox.not_made` where the server will not have any."""
        await self.flush()
        self._mailbox = await self._mailbox_of(name, exactly=exactly)
        self.taken.setdefault(self._mailbox.name, Taken())
        self._there = await asyncio.to_thread(self._contents, self._mailbox)
        self._total = mails
        if self.to_server:
            again = await asyncio.to_thread(
                self._app.store.journal.owe_again, self._mailbox.id, self._app.clock.now()
            )
            self._owed += [(self._mailbox.name, "", debt) for debt in again]
        return self._mailbox

    def expect(self, mails: int) -> None:
        """So many mails are to come into the open mailbox."""
        self._total = mails

    async def pass_over(self, name: str) -> None:
        """What comes from now on cannot be taken, because its mailbox, `name`, cannot be. Whoever asks
        has told so."""
        await self.flush()
        self._mailbox = None
        self._passed_over = self.taken.setdefault(name, Taken())

    async def take(self, coming: Coming, *, known_absent: bool = False) -> None:
        """Takes a mail into the open mailbox. With `known_absent` somebody else has looked whether it
        is there."""
        counts = self._counts()
        counts.found += 1
        if self._mailbox is None:
            counts.failed += 1
            return
        self._volume += len(coming.raw)
        raw = ready_to_upload(coming.raw) if self.to_server else coming.raw
        if not known_absent and self._is_there(raw):
            counts.present += 1
            self._say()
            return
        flags = self._flags(coming)
        self._batch.append(Coming(coming.where, raw, flags, self._date(coming)))
        self._bytes += len(raw)
        if len(self._batch) >= _BATCH_MAILS or self._bytes >= _BATCH_BYTES:
            await self.flush()

    def unreadable(self, where: str, problem: Problem) -> None:
        """Counts a mail that cannot be taken, and tells why."""
        self._tell(where, problem)
        counts = self._counts()
        counts.found += 1
        counts.failed += 1

    async def flush(self) -> None:
        """Stores what waits, and carries it to the server."""
        if self._batch and self._mailbox is not None:
            await asyncio.to_thread(self._store, self._mailbox)
        self._batch, self._bytes = [], 0
        self._say()
        if self._owed:
            await self._carry()

    async def finish(self) -> None:
        """Ends the work: everything is stored, carried as far as it can be, and searchable."""
        await self.flush()
        await self._sync()  # mailboxes without mail, and the index

    # --- storing ---

    async def _mailbox_of(self, name: MailboxName, *, exactly: bool) -> Mailbox:
        """The mailbox; on a server it is made there before any mail is owed to it, else its mail would
        go into the inbox."""
        style = await asyncio.to_thread(style_in, self._app, self._account.id)
        names = (name,) if exactly else dict.fromkeys((name, careful_name(name, style)))
        for tried in names:
            found = await asyncio.to_thread(self._app.store.mailboxes.find, self._account.id, tried)
            if found is None:
                found = await asyncio.to_thread(create_mailbox, self._app, self._account, tried)
                if self.to_server:
                    await self._sync()
                    mailboxes = await asyncio.to_thread(self._app.store.mailboxes.all, self._account.id)
                    found = next((one for one in mailboxes if one.id == found.id), None)
            if found is not None and not found.selectable:
                raise Misused("mailbox.not_selectable", mailbox=name)
            if found is not None:
                return found
        raise Refused("mailbox.not_made", mailbox=name)

    def _contents(self, mailbox: Mailbox) -> Counter[bytes]:
        """The keys of the mails that lie there. Of a mail that a mode keeps only in part, its header
        and its size are the key."""
        messages = self._app.store.messages
        found: Counter[bytes] = Counter()
        sizes: dict[int, list[int]] = {}
        for one in messages.lying(mailbox.id):
            if one.whole:
                found[one.sha256[:_KEY_BYTES]] += 1
            else:
                sizes.setdefault(one.message, []).append(one.size)
        for message, raw in messages.stream_raw(sizes):
            found.update(_key_of_part(raw, size) for size in sizes[message])
        self._in_part = bool(sizes)
        return found

    def _is_there(self, raw: bytes) -> bool:
        """Whether the mail lies in the open mailbox already; each that does answers once."""
        keys = [sha256(raw).digest()[:_KEY_BYTES]]
        if self._in_part:
            keys.append(_key_of_part(raw, len(raw)))
        for key in keys:
            if self._there[key] > 0:
                self._there[key] -= 1
                return True
        return False

    def _store(self, mailbox: Mailbox) -> None:
        arrivals = [
            Arrival(0, one.flags, one.date, 0, one.raw, prepared_mail(one.raw, read_source(one.raw)))
            for one in self._batch
        ]
        store, now = self._app.store, self._app.clock.now()
        if self.to_server:
            made = store.journal.append_all(mailbox.id, arrivals, Origin.USER.value, now)
            self._owed += [
                (mailbox.name, one.where, debt) for one, (_, debt) in zip(self._batch, made, strict=True)
            ]
        else:
            store.messages.take_in(mailbox.id, arrivals, now)
        self._counts().taken += len(arrivals)

    def _flags(self, coming: Coming) -> Flags:
        """Those of its flags that IMAP can have."""
        kept, dropped = set(), []
        for flag in coming.flags - {RECENT}:
            try:
                kept.add(check_flag(flag))
            except Misused:
                dropped.append(flag)
        if dropped:
            self._tell(coming.where, Problem("import.flags_dropped", {"flags": " ".join(sorted(dropped))}))
        return frozenset(kept)

    def _date(self, coming: Coming) -> float:
        """When the mail arrived, as a server can keep it. Dovecot makes dates in the future today's, and
        Cyrus refuses those before 1970, for which others take something else."""
        now = self._app.clock.now()
        if not self.to_server or _EARLIEST <= coming.date <= now + _DAY:
            return coming.date
        date = _EARLIEST if coming.date < _EARLIEST else now
        self._tell(coming.where, Problem("import.date_changed", {"date": rfc3339(date)}))
        return date

    # --- carrying ---

    async def _carry(self) -> None:
        """One pass over the account; then every debt is asked how it ended."""
        try:
            await self._sync()
        finally:
            await asyncio.to_thread(self._ask_debts)

    def _ask_debts(self) -> None:
        owed, self._owed = self._owed, []
        for mailbox, where, number in owed:
            debt = self._app.store.journal.get(number)
            if debt.state is DebtState.DONE:
                continue
            waits = debt.state in (DebtState.OPEN, DebtState.SENT)
            refused = debt.problem or Problem("import.not_taken", {"mailbox": mailbox})
            told = where or f"{mailbox}, {debt.message}"
            self._tell(told, Problem("import.waits", {"mailbox": mailbox}) if waits else refused)
            counts = self.taken[mailbox]
            counts.failed += 1
            if where:
                counts.taken -= counts.taken > 0
            else:
                counts.again += 1

    async def _sync(self) -> None:
        (report,) = await sync_accounts(self._app, [self._account.address], report=self._report)
        refused_mails = {"imap.too_large", "imap.refused"}
        for mailbox, problem in report.problems:
            known = (mailbox, str(problem))
            if problem.code in refused_mails and self._owed:
                continue  # told for each mail
            if known not in self._problems:
                self._problems.add(known)
                self._tell(mailbox, problem)
        if report.failed is None:
            return
        if self.to_server:
            raise failure(report.failed)
        self._tell(self._account.address, report.failed)  # a maildrop; what was to come in is here

    # --- telling ---

    def _counts(self) -> Taken:
        return self._passed_over if self._mailbox is None else self.taken[self._mailbox.name]

    def _say(self) -> None:
        if self._mailbox is not None:
            done, where = self._counts().found, self._mailbox.name
            self._report(Progress(self._account.address, "import", where, done, self._total, self._volume))


def _key_of_part(raw: bytes, size: int) -> bytes:
    """The key of a mail of `size` bytes, of which at least the header is in `raw`."""
    return sha256(b"%d %b" % (size, header_of(raw))).digest()[:_KEY_BYTES]


def failure(problem: Problem) -> EilboteError:
    """What ended a pass, as the error that it was."""
    unreachable = problem.retry_after is not None or problem.code.startswith("net.")
    return Unreachable(problem) if unreachable else Refused(problem)
