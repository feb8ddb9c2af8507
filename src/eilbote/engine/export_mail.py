"""Writes an account's mail into files: Maildir, mbox or single messages, with flags, dates and folders.

A second run, also after a kill, writes only what is not there yet. Writes what the local copy holds;
what a mode left out of it is fetched first, or the mail is named. What is in the files already is never
changed but for flags in the names of a Maildir.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import assert_never

from msgspec import Struct

from eilbote.engine.act import mailbox_named
from eilbote.engine.app import App
from eilbote.engine.demand import fetch_all_whole
from eilbote.engine.intake import Tell
from eilbote.engine.progress import Progress, Report
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.files.disk import check_text, make_folder
from eilbote.files.eml import EmlWriter
from eilbote.files.maildir import Layout, MaildirWriter
from eilbote.files.mbox import MboxWriter
from eilbote.files.values import FolderWriter, Leaving, Levels, Observer, unobserved
from eilbote.mail.mailbox import RECENT
from eilbote.mail.mbox import Dialect
from eilbote.store.values import Account, Lying, Mailbox

_FLUSH_MAILS = 200
_FLUSH_BYTES = 32 << 20


class Format(StrEnum):
    """How mail lies in files. `mbox` is read in the dialect that is recognised, and written as
    mboxrd, the one that loses nothing."""

    MAILDIR = "maildir"
    MAILDIR_NESTED = "maildir-nested"
    MBOX = "mbox"
    MBOXO = "mboxo"
    MBOXRD = "mboxrd"
    MBOXCL = "mboxcl"
    MBOXCL2 = "mboxcl2"
    EML = "eml"


class ExportReport(Struct, frozen=True):
    """One mailbox: `mails` here, of them `exported` now, `present` in the files before, `failed`."""

    account: str
    mailbox: str
    path: str
    mails: int = 0
    exported: int = 0
    present: int = 0
    failed: int = 0


async def export_mail(
    app: App,
    account: Account,
    wanted: Format,
    root: Path,
    *,
    mailboxes: Sequence[str] = (),
    offline: bool = False,
    tell: Tell,
    report: Report = lambda progress: None,
    observer: Observer = unobserved,
) -> list[ExportReport]:
    """Exports the named mailboxes, or all, into the folder `root`, which is made if need be. What
    cannot be written of one mail or mailbox is told, and the rest goes on; a full disk ends it
    (Unreachable `files.full`). Mail that is here only in part is fetched, unless `offline`. Raises
    Gone `mailbox.unknown`."""
    chosen = (
        [mailbox_named(app, account.id, name) for name in mailboxes]
        if mailboxes
        else [one for one in app.store.mailboxes.all(account.id) if one.selectable]
    )
    make_folder(root)
    if not offline and account.imap is not None:
        await _complete(app, account, chosen, tell, report)
    reports = []
    for mailbox in chosen:
        opening = partial(_writer, wanted, root, _levels(mailbox), observer)
        reports.append(await _Leave(app, account, mailbox, tell, report).write(opening))
    return reports


def _writer(wanted: Format, root: Path, levels: Levels, observer: Observer) -> FolderWriter:
    match wanted:
        case Format.MAILDIR:
            return MaildirWriter(root, levels, Layout.PLUS, observer)
        case Format.MAILDIR_NESTED:
            return MaildirWriter(root, levels, Layout.NESTED, observer)
        case Format.MBOX:
            return MboxWriter(root, levels, Dialect.MBOXRD, observer)
        case Format.MBOXO | Format.MBOXRD | Format.MBOXCL | Format.MBOXCL2:
            return MboxWriter(root, levels, Dialect(wanted.value), observer)
        case Format.EML:
            return EmlWriter(root, levels, observer)
        case _:
            assert_never(wanted)


def _levels(mailbox: Mailbox) -> Levels:
    return tuple(mailbox.name.split(mailbox.delimiter)) if mailbox.delimiter else (mailbox.name,)


async def _complete(
    app: App, account: Account, mailboxes: Sequence[Mailbox], tell: Tell, report: Report
) -> None:
    """Fetches what is here only in part. A second time for mail that came meanwhile."""
    for _ in range(2):
        parts = ((one, [mail.uid for mail in app.store.keeping.in_part(one.id)]) for one in mailboxes)
        wanted = [(mailbox, uids) for mailbox, uids in parts if uids]
        met = await fetch_all_whole(app, account, wanted, report) if wanted else []
        for where, problem in met:
            tell(where, problem)
        if met or not wanted:
            return


class _Leave:
    """One mailbox on its way into files, and the counts of it so far."""

    def __init__(self, app: App, account: Account, mailbox: Mailbox, tell: Tell, report: Report) -> None:
        self._app = app
        self._account = account
        self._mailbox = mailbox
        self._tell = tell
        self._report = report
        self._mails = self._exported = self._present = self._failed = 0
        self._written = self._volume = 0
        """Mails, and their bytes, that do not last yet."""

    async def write(self, open_writer: Callable[[], FolderWriter]) -> ExportReport:
        """Writes all mails. Where that cannot go on, that is told and what does not last has failed;
        only a full disk raises."""
        path = ""
        try:
            writer = open_writer()
            path = check_text(writer.path)
            try:
                await self._write_all(writer)
            finally:
                writer.close()
            self._exported += self._written
        except EilboteError as error:
            if error.problem.code == "files.full":
                raise
            self._tell(self._mailbox.name, error.problem)
            self._mails = max(self._mails, self._mailbox.messages)
            self._failed = self._mails - self._exported - self._present
        counts = (self._mails, self._exported, self._present, self._failed)
        return ExportReport(self._account.address, self._mailbox.name, path, *counts)

    async def _write_all(self, writer: FolderWriter) -> None:
        for one in self._app.store.messages.lying(self._mailbox.id):
            self._mails += 1
            if not self._leave(one, writer):
                self._failed += 1
            if self._written >= _FLUSH_MAILS or self._volume >= _FLUSH_BYTES:
                writer.flush()
                self._exported += self._written
                self._written = self._volume = 0
            if self._mails % 50 == 0:
                self._say(self._mailbox.messages)
                await self._app.clock.sleep(0)  # where a person's Ctrl-C ends it
        self._say(self._mails)

    def _leave(self, one: Lying, writer: FolderWriter) -> bool:
        """Writes one mail if it is not there yet; False, and told why, where its bytes cannot be had."""
        where = f"{self._mailbox.name}, {one.message}"
        if not one.whole:
            self._tell(where, Problem("store.headers_only", {"id": str(one.message)}))
            return False
        leaving = Leaving(one.sha256, one.internal_date, one.flags - {RECENT})
        if writer.holds(leaving):
            self._present += 1
            return True
        try:
            raw = self._app.store.messages.raw(one.message)
        except Gone as gone:
            self._tell(where, gone.problem)
            return False
        lost = writer.write(leaving, raw)
        if lost is not None:
            self._tell(where, lost)
        self._written += 1
        self._volume += len(raw)
        return True

    def _say(self, total: int) -> None:
        self._report(Progress(self._account.address, "export", self._mailbox.name, self._mails, total))
