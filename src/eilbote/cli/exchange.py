"""`eilbote export` and `eilbote import`: mail as files, out and in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from msgspec import Struct

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names, mailbox_names
from eilbote.cli.exits import DONE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, offline_option
from eilbote.cli.progress import shown_progress
from eilbote.cli.shapes import JSON, export_shape, import_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.accounts import find_account, only_account
from eilbote.engine.export_mail import Format, export_mail
from eilbote.engine.import_mail import import_mail
from eilbote.errors import Problem
from eilbote.figures import number

FORMATS = mark(
    "FORMAT is one of:\n"
    "  maildir          folders as in Maildir++ (.Archive.2025)\n"
    "  maildir-nested   folders inside each other (Archive/2025)\n"
    "  mbox             one file a mailbox (mboxrd); import knows the dialect\n"
    "  mboxo, mboxrd, mboxcl, mboxcl2: just this dialect\n"
    "  eml              one file a mail"
)


class Warned(Struct):
    """Tells what went wrong with single mails, and remembers that something did."""

    face: Face
    count: int = 0

    def __call__(self, where: str, problem: Problem) -> None:
        self.count += 1
        self.face.problem(problem, about=where, warning=True)

    @property
    def code(self) -> int:
        return WARNED if self.count else DONE


class _Path(click.Path):
    """A file or folder that must be named: the empty word, as of an unset variable, is none."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if value == "":
            raise click.MissingParameter(ctx=ctx, param=param)
        return Path(str(value))


_format = click.argument("format_", metavar="FORMAT", type=click.Choice([each.value for each in Format]))
_path = click.argument("path", type=_Path())


@click.command(
    "export",
    cls=Command,
    help=mark(
        "Write the mail of an account into files below PATH, with flags, dates and folders. A second run, "
        "also after an interruption, writes only what is missing. What is here only in part is fetched "
        "first."
    ),
    epilog=FORMATS,
)
@_format
@_path
@account_option
@click.option(
    "--mailbox",
    "mailboxes",
    cls=Option,
    multiple=True,
    metavar="NAME",
    help=mark("Only this mailbox; may be given several times."),
    shell_complete=mailbox_names,
)
@offline_option
@click.pass_obj
def export(
    face: Face, *, format_: str, path: Path, account: str | None, mailboxes: Sequence[str], offline: bool
) -> None:
    warned = Warned(face)
    with opened_home(face) as app, shown_progress(face) as report:
        reports = asyncio.run(
            export_mail(
                app,
                only_account(app, account),
                Format(format_),
                path,
                mailboxes=mailboxes,
                offline=offline,
                tell=warned,
                report=report,
            )
        )
    _show(
        face,
        map(export_shape, reports),
        (mark("Mails"), mark("Written"), mark("There before"), mark("Failed")),
        [(one.mailbox, one.mails, one.exported, one.present, one.failed) for one in reports],
        (mark("{count} mail written."), mark("{count} mails written.")),
    )
    raise click.exceptions.Exit(warned.code)


@click.command(
    "import",
    cls=Command,
    help=mark(
        "Take the mail in files at PATH into an account, with flags, dates and folders. An account without "
        "servers keeps it here; with --to-server it is stored here and uploaded, each mail once, whatever "
        "happens in between. What is there already is left alone."
    ),
    epilog=FORMATS,
)
@_format
@_path
@click.option(
    "--account",
    cls=Option,
    required=True,
    metavar="ADDRESS",
    help=mark("Into this account."),
    shell_complete=account_names,
)
@click.option(
    "--mailbox",
    cls=Option,
    metavar="NAME",
    help=mark("All mail into this mailbox, whatever its folder is called."),
    shell_complete=mailbox_names,
)
@click.option("--to-server", cls=Option, is_flag=True, help=mark("Upload it to the account's server."))
@click.pass_obj
def import_(
    face: Face, *, format_: str, path: Path, account: str, mailbox: str | None, to_server: bool
) -> None:
    warned = Warned(face)
    with opened_home(face) as app, shown_progress(face) as report:
        reports = asyncio.run(
            import_mail(
                app,
                find_account(app, account),
                Format(format_),
                path,
                mailbox=mailbox,
                to_server=to_server,
                tell=warned,
                report=report,
            )
        )
    _show(
        face,
        map(import_shape, reports),
        (mark("Found"), mark("Taken in"), mark("There before"), mark("Failed")),
        [(one.mailbox, one.found, one.imported, one.present, one.failed) for one in reports],
        (mark("{count} mail taken in."), mark("{count} mails taken in.")),
    )
    raise click.exceptions.Exit(warned.code)


def _show(
    face: Face,
    records: Iterable[JSON],
    titles: Sequence[str],
    rows: Sequence[tuple[str, int, int, int, int]],
    sentence: tuple[str, str],
) -> None:
    """One line a mailbox, and how many mails were moved: the second of its counts; the last are those
    that could not be."""
    if face.json:
        for record in records:
            face.record(record)
        return
    language = face.catalogue.language
    face.table(
        [
            Column(face.text(mark("Mailbox")), share=2),
            *(Column(face.text(title), right=True) for title in titles),
        ],
        [
            Row((name, *(number(count, language) for count in counts)), "bold red" if counts[-1] else "")
            for name, *counts in rows
        ],
    )
    face.line(face.plural(*sentence, sum(moved for _, _, moved, _, _ in rows)))
