"""Writes an account's mail into files: Maildir, mbox or single messages, with flags, dates and folders.

A second run, also after a kill, writes only what is not there yet. Writes what the local copy holds;
what a mode left out of it is fetched first, or the mail is named. What is in the files already is never
changed but for flags in the names of a Maildir.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
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
        try:
            writer = _writer(wanted, root, _levels(mailbox), observer)
        except EilboteError as error:
            if error.problem.code == "files.full":
                raise
            tell(mailbox.name, error.problem)
            mails = mailbox.messages
            reports.append(ExportReport(account.address, mailbox.name, "", mails, failed=mails))
            continue
        try:
            reports.append(await _export_mailbox(app, account, mailbox, writer, tell, report))
        finally:
            writer.close()
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


async def _export_mailbox(
    app: App, account: Account, mailbox: Mailbox, writer: FolderWriter, tell: Tell, report: Report
) -> ExportReport:
    mails = exported = present = failed = 0
    unflushed = volume = 0
    for one in app.store.messages.lying(mailbox.id):
        mails += 1
        leaving = Leaving(one.sha256, one.internal_date, one.flags - {RECENT})
        if not one.whole:
            tell(_where(mailbox, one), Problem("store.headers_only", {"id": str(one.message)}))
            failed += 1
        elif writer.holds(leaving):
            present += 1
        else:
            size = _write(app, mailbox, one, leaving, writer, tell)
            exported, failed = (exported + 1, failed) if size is not None else (exported, failed + 1)
            unflushed, volume = unflushed + 1, volume + (size or 0)
        if unflushed >= _FLUSH_MAILS or volume >= _FLUSH_BYTES:
            writer.flush()
            unflushed = volume = 0
        if mails % 50 == 0:
            report(Progress(account.address, "export", mailbox.name, mails, mailbox.messages))
            await app.clock.sleep(0)  # where a person's Ctrl-C ends it
    report(Progress(account.address, "export", mailbox.name, mails, mails))
    return ExportReport(
        account.address, mailbox.name, check_text(writer.path), mails, exported, present, failed
    )


def _write(
    app: App, mailbox: Mailbox, one: Lying, leaving: Leaving, writer: FolderWriter, tell: Tell
) -> int | None:
    """Writes one mail; its size, or None where its bytes cannot be had."""
    try:
        raw = app.store.messages.raw(one.message)
    except Gone as gone:
        tell(_where(mailbox, one), gone.problem)
        return None
    lost = writer.write(leaving, raw)
    if lost is not None:
        tell(_where(mailbox, one), lost)
    return len(raw)


def _where(mailbox: Mailbox, one: Lying) -> str:
    return f"{mailbox.name}, {one.message}"
