"""Moves a whole account's mail to another account: folders by their role and name, flags, keywords and
dates kept, each mail once, checked at the end. Nothing is ever deleted at the source.

Both accounts are synced first; what the target lacks is stored there and owed to its server like any
local change, so that a kill at any point repeats nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.demand import fetch_all_whole
from eilbote.engine.intake import Coming, Intake, Tell, failure
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import Report
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.errors import Gone, Misused, Problem, Refused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.mail.uploading import ready_to_upload
from eilbote.store.values import Account, Lying, Mailbox
from eilbote.sync.migration import Copies, Held, lacking
from eilbote.sync.naming import Named, pair_mailboxes


class MigrateReport(Struct, frozen=True):
    """One mailbox of the source. `source`: its mails; `target`: how many of them the target has at the
    end (with `--dry-run`: has now); `copied` now (or to be copied); `present` before; `failed`: told
    one by one; `missing`: not in the target, for whatever reason. `verified`: the target's mailbox is
    the same on its server as here; None where that was not asked."""

    source_account: str
    target_account: str
    mailbox: str
    target_mailbox: str
    source: int
    target: int
    copied: int
    present: int
    failed: int
    missing: int
    verified: bool | None = None

    @property
    def ok(self) -> bool:
        return not self.missing and self.verified is not False


class _Copied(Struct):
    """One source mailbox that was worked on: where its mail went, and what became of it."""

    mailbox: Mailbox
    target: MailboxName
    copied: int
    present: int
    failed: int


async def migrate(
    app: App,
    source: Account,
    target: Account,
    *,
    dry_run: bool = False,
    content: bool = False,
    tell: Tell,
    report: Report = lambda progress: None,
) -> list[MigrateReport]:
    """Copies what the target lacks, and compares. With `dry_run` nothing is changed anywhere, and what
    both accounts hold here decides. `content` reads all mail of the target's mailboxes again to
    compare it. Raises Misused `migrate.same_account`, and what ended a pass."""
    if source.id == target.id:
        raise Misused("migrate.same_account", address=source.address)
    work = _Work(app, source, target, tell, report)
    if dry_run:
        return await asyncio.to_thread(lambda: [work.compared(one) for one in work.planned()])
    await _sync(app, source, tell, report)
    intake = Intake(app, target, tell, report)
    await intake.begin()
    copied = [await work.copy(mailbox, name, intake) for mailbox, name in work.pairs()]
    await intake.finish()
    checked = await _checked(app, target, content=content, report=report)
    return [await asyncio.to_thread(work.compared, one, checked) for one in copied]


async def _sync(app: App, account: Account, tell: Tell, report: Report) -> None:
    if account.imap is None and account.pop3 is None:
        return
    (done,) = await sync_accounts(app, [account.address], report=report)
    for mailbox, problem in done.problems:
        tell(f"{account.address}, {mailbox}", problem)
    if done.failed is not None:
        raise failure(done.failed)


async def _checked(
    app: App, account: Account, *, content: bool, report: Report
) -> dict[str, VerifyReport] | None:
    """What the account's server says to each mailbox; None where it has no server."""
    if account.imap is None:
        return None
    found = verify_accounts(app, [account], content=content, report=report)
    return {one.mailbox: one async for one in found}


class _Work:
    """What is to be copied between two accounts."""

    def __init__(self, app: App, source: Account, target: Account, tell: Tell, report: Report) -> None:
        self._app = app
        self._source = source
        self._target = target
        self._tell = tell
        self._report = report
        self._elsewhere: set[bytes] | None = None

    def pairs(self) -> list[tuple[Mailbox, MailboxName]]:
        """Every source mailbox and what it is called in the target, the one with all mail last; views
        of other mailboxes are left out."""
        mailboxes = {one.name: one for one in self._all(self._source) if one.selectable}
        found = pair_mailboxes(_named(mailboxes.values()), _named(self._all(self._target)))
        pairs = [(mailboxes[pair.source], pair.target) for pair in found if pair.target is not None]
        return sorted(pairs, key=lambda pair: pair[0].role is SpecialUse.ALL)

    def planned(self) -> list[_Copied]:
        """What would be copied now, by what both accounts hold here."""
        planned = []
        for mailbox, name in self.pairs():
            copies = self._lacking(mailbox, name)
            planned.append(_Copied(mailbox, name, len(copies.copy), copies.present, 0))
        return planned

    async def copy(self, mailbox: Mailbox, name: MailboxName, intake: Intake) -> _Copied:
        """Copies what the target lacks of one mailbox."""
        try:
            opened = await intake.open(name)
        except (Misused, Refused) as error:
            if not error.problem.code.startswith("mailbox."):
                raise
            self._tell(mailbox.name, error.problem)
            copies = await asyncio.to_thread(self._lacking, mailbox, name)
            return _Copied(mailbox, name, 0, 0, len(copies.copy))
        if opened.name != name:
            self._tell(mailbox.name, Problem("import.renamed", {"name": name, "mailbox": opened.name}))
            name = opened.name
        await self._complete_nameless(name)
        copies = await asyncio.to_thread(self._lacking, mailbox, name)
        parts = [one for one in (self._lying[each.message] for each in copies.copy) if not one.whole]
        if parts:
            await self._complete(self._source, mailbox, parts)
            copies = await asyncio.to_thread(self._lacking, mailbox, name)
        intake.expect(len(copies.copy))
        counts = intake.taken[opened.name]
        taken, failed, again = counts.taken, counts.failed, counts.again
        for one in copies.copy:
            lying = self._lying[one.message]
            where = f"{mailbox.name}, {one.message}"
            try:
                raw = await asyncio.to_thread(self._app.store.messages.whole, one.message)
            except Gone as gone:
                intake.unreadable(where, gone.problem)
                continue
            await intake.take(Coming(where, raw, lying.flags, lying.internal_date), known_absent=True)
        await intake.flush()
        present = max(0, copies.present - (counts.again - again))
        return _Copied(mailbox, name, counts.taken - taken, present, counts.failed - failed)

    async def _complete_nameless(self, name: MailboxName) -> None:
        """Mails of the target that its mode keeps only in part are known by Message-ID and size; those
        without a Message-ID only by their content."""
        mailbox = self._app.store.mailboxes.find(self._target.id, name)
        if mailbox is not None:
            lying = self._app.store.messages.lying(mailbox.id)
            parts = [one for one in lying if not one.whole and not one.message_id]
            if parts:
                await self._complete(self._target, mailbox, parts)

    async def _complete(self, account: Account, mailbox: Mailbox, parts: Iterable[Lying]) -> None:
        """Fetches what a mode left out."""
        wanted = [(mailbox, [one.uid for one in parts if one.uid > 0])]
        for where, problem in await fetch_all_whole(self._app, account, wanted, self._report):
            self._tell(f"{account.address}, {where}" if where == mailbox.name else where, problem)

    def compared(self, one: _Copied, checked: dict[str, VerifyReport] | None = None) -> MigrateReport:
        """Whether the target has all mails of a mailbox, on its server if it has one."""
        copies = self._lacking(one.mailbox, one.target, numbered=True)
        seen = checked.get(one.target) if checked is not None else None
        return MigrateReport(
            source_account=self._source.address,
            target_account=self._target.address,
            mailbox=one.mailbox.name,
            target_mailbox=one.target,
            source=copies.present + len(copies.copy),
            target=copies.present,
            copied=one.copied,
            present=one.present,
            failed=one.failed,
            missing=len(copies.copy),
            verified=None if checked is None else seen is not None and _agrees(seen),
        )

    def _all(self, account: Account) -> list[Mailbox]:
        return self._app.store.mailboxes.all(account.id)

    def _lacking(self, mailbox: Mailbox, name: MailboxName, *, numbered: bool = False) -> Copies:
        """What the target's mailbox lacks; with `numbered` only what its server has counts as there."""
        held, there = self._held(mailbox), self._there(name, numbered=numbered)
        copies = lacking(held, there)
        if self._target.imap is None or not copies.copy:
            return copies
        # A mail with bare line feeds goes up with others (`ready_to_upload`), and is then not the same.
        ids = {one.message_id for one in there}
        seen = {one.message for one in copies.copy if one.message_id in ids}
        if not seen:
            return copies
        return lacking([self._as_uploaded(one) if one.message in seen else one for one in held], there)

    def _held(self, mailbox: Mailbox) -> list[Held]:
        """The mails of a source mailbox. Of the one with all mail only those that lie nowhere else."""
        mails = list(self._app.store.messages.lying(mailbox.id))
        if mailbox.role is SpecialUse.ALL:
            elsewhere = self._contents_elsewhere()
            mails = [one for one in mails if one.sha256 not in elsewhere]
        self._lying = {one.message: one for one in mails}
        return [_as_held(one) for one in mails]

    _lying: dict[int, Lying]

    def _there(self, name: MailboxName, *, numbered: bool) -> list[Held]:
        mailbox = self._app.store.mailboxes.find(self._target.id, name)
        if mailbox is None:
            return []
        found = self._app.store.messages.lying(mailbox.id)
        return [_as_held(one) for one in found if one.uid > 0 or not numbered]

    def _as_uploaded(self, one: Held) -> Held:
        try:
            raw = ready_to_upload(self._app.store.messages.raw(one.message))
        except Gone:  # told when it is to be copied
            return one
        return Held(one.message, sha256(raw).digest(), one.message_id, len(raw))

    def _contents_elsewhere(self) -> set[bytes]:
        """The contents of all mail outside views and the mailbox with all mail."""
        if self._elsewhere is None:
            others = [mailbox for mailbox, _ in self.pairs() if mailbox.role is not SpecialUse.ALL]
            self._elsewhere = {
                one.sha256 for other in others for one in self._app.store.messages.lying(other.id)
            }
        return self._elsewhere


def _as_held(one: Lying) -> Held:
    return Held(one.message, one.sha256, one.message_id, one.size)


def _named(mailboxes: Iterable[Mailbox]) -> list[Named]:
    return [Named(one.name, one.delimiter, one.role) for one in mailboxes]


def _agrees(seen: VerifyReport) -> bool:
    """Whether nothing is missing or different there; mails that wait here for being uploaded were
    told one by one."""
    return not (seen.missing or seen.flags_differ or seen.content_differ or seen.problem)
