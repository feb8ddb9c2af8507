"""Reads mail from files into an account: Maildir, mbox of any dialect, single messages.

Into an account without a server the mail is only stored; with `to_server` it is stored and its upload
owed, and each mail arrives there once, whatever is killed when. Broken mails are taken as they are and
named; what cannot be read is named, and the rest goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.export_mail import Format
from eilbote.engine.intake import Coming, Intake, Tell
from eilbote.engine.naming import style_in
from eilbote.engine.progress import Report
from eilbote.errors import Misused, Problem, Refused
from eilbote.files.disk import named_by_user
from eilbote.files.eml import read_emls
from eilbote.files.maildir import read_maildir
from eilbote.files.mbox import read_mboxes
from eilbote.files.values import FoundFolder, FoundMail, Reading, Unread
from eilbote.mail.arrival import arrival_date, headers_of
from eilbote.mail.mailbox import MailboxName
from eilbote.mail.mbox import Dialect
from eilbote.store.values import Account
from eilbote.sync.naming import Style, name_for

_LATEST = 253_402_300_799.0  # the last second of the year 9999: what IMAP can write


class ImportReport(Struct, frozen=True):
    """One mailbox: mails `found` in the files, of them `imported` now, `present` before, `failed`."""

    account: str
    mailbox: str
    found: int
    imported: int
    present: int
    failed: int


async def import_mail(
    app: App,
    account: Account,
    wanted: Format,
    source: Path,
    *,
    mailbox: str | None = None,
    to_server: bool = False,
    tell: Tell,
    report: Report = lambda progress: None,
) -> list[ImportReport]:
    """Imports all that lies at `source`, into the mailboxes that the folders there are named after, or
    into `mailbox`. Raises Misused (`import.to_server`, `import.no_server`, `files.no_*`), and what
    ended the work where the server cannot be reached or the disk is full."""
    if to_server and account.imap is None:
        raise Misused("import.no_server", address=account.address)
    if not to_server and account.imap is not None:
        raise Misused("import.to_server", address=account.address)
    reading = _reading(wanted, named_by_user(source))
    first = next(reading, None)  # names what is no source before anything is changed
    intake = Intake(app, account, tell, report)
    await intake.begin()
    if mailbox is not None:
        await intake.open(MailboxName(mailbox), exactly=True)
    style = style_in(app, account.id)
    found = first
    while found is not None:
        match found:
            case FoundFolder() if mailbox is None:
                await _open(intake, found, style, tell)
            case FoundFolder():
                pass
            case FoundMail():
                await _take(app, intake, found, tell)
            case Unread(where=where, problem=problem, is_mail=True):
                intake.unreadable(where, problem)
            case Unread(where=where, problem=problem):
                tell(where, problem)
            case _:
                assert_never(found)
        found = next(reading, None)
    await intake.finish()
    return [
        ImportReport(account.address, name, one.found, one.taken, max(0, one.present - one.again), one.failed)
        for name, one in intake.taken.items()
    ]


def _reading(wanted: Format, source: Path) -> Reading:
    match wanted:
        case Format.MAILDIR | Format.MAILDIR_NESTED:
            return read_maildir(source)
        case Format.MBOX:
            return read_mboxes(source, None)
        case Format.MBOXO | Format.MBOXRD | Format.MBOXCL | Format.MBOXCL2:
            return read_mboxes(source, Dialect(wanted.value))
        case Format.EML:
            return read_emls(source)
        case _:
            assert_never(wanted)


async def _open(intake: Intake, folder: FoundFolder, style: Style, tell: Tell) -> None:
    """Opens the folder's mailbox. Where there can be none, that is told, and its mails fail."""
    plain = style.delimiter.join(folder.levels)
    try:
        opened = await intake.open(_name(folder, style), folder.mails)
    except (Misused, Refused) as error:
        if not error.problem.code.startswith("mailbox."):
            raise
        tell(plain, error.problem)
        await intake.pass_over(plain)
        return
    as_called = (plain, style.prefix + plain, "INBOX")
    if opened.name not in as_called:
        tell(plain, Problem("import.renamed", {"name": plain, "mailbox": opened.name}))


def _name(folder: FoundFolder, style: Style) -> MailboxName:
    levels = folder.levels
    if style.prefix and len(levels) > 1 and levels[0] == "INBOX":
        levels = levels[1:]  # an export of such an account has the prefix in its names
    return name_for(levels, style)


async def _take(app: App, intake: Intake, found: FoundMail, tell: Tell) -> None:
    problem = found.problem
    if problem is None and not len(headers_of(found.raw)):
        problem = Problem("import.no_header")
    if problem is not None:
        tell(found.where, problem)
    date = found.date if found.date is not None else arrival_date(found.raw)
    if date is None or not -_LATEST < date <= _LATEST:
        date = app.clock.now()
    await intake.take(Coming(found.where, found.raw, found.flags, date))
