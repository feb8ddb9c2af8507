"""`eilbote migrate FROM TO`: a whole account's mail, copied into another account and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.exchange import Warned
from eilbote.cli.exits import FAILED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.progress import shown_progress
from eilbote.cli.shapes import migrate_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.accounts import find_account
from eilbote.engine.migrate import MigrateReport
from eilbote.engine.migrate import migrate as carry_over
from eilbote.figures import number


@click.command(
    "migrate",
    cls=Command,
    help=mark(
        "Copy all mail of one account into another: folders by what they are for and by name, with flags, "
        "keywords and dates, and compare at the end. Nothing is deleted anywhere. A second run, also after "
        "an interruption, copies only what is missing."
    ),
)
@click.argument("source", metavar="FROM", shell_complete=account_names)
@click.argument("target", metavar="TO", shell_complete=account_names)
@click.option(
    "--dry-run",
    cls=Option,
    is_flag=True,
    help=mark("Only show what would be copied, by what both accounts hold here since their last sync."),
)
@click.option(
    "--content",
    cls=Option,
    is_flag=True,
    help=mark("At the end read every mail of the target again and compare it byte by byte."),
)
@click.pass_obj
def migrate(face: Face, *, source: str, target: str, dry_run: bool, content: bool) -> None:
    warned = Warned(face)
    with opened_home(face) as app, shown_progress(face) as report:
        reports = asyncio.run(
            carry_over(
                app,
                find_account(app, source),
                find_account(app, target),
                dry_run=dry_run,
                content=content,
                tell=warned,
                report=report,
            )
        )
    if face.json:
        for each in reports:
            face.record(migrate_shape(each))
    else:
        _show(face, reports, dry_run=dry_run)
    raise click.exceptions.Exit(warned.code if dry_run else _code(reports, warned.code))


def _code(reports: Sequence[MigrateReport], warned: int) -> int:
    """2 where something is missing or different that was not told of mail by mail."""
    unexplained = any(each.missing > each.failed or each.verified is False for each in reports)
    return FAILED if unexplained else warned


def _show(face: Face, reports: Sequence[MigrateReport], *, dry_run: bool) -> None:
    language = face.catalogue.language
    columns = [
        Column("" if dry_run else " "),
        Column(face.text(mark("Mailbox")), share=2),
        Column(face.text(mark("Becomes")), share=2),
        Column(face.text(mark("Mails")), right=True),
        Column(face.text(mark("To copy") if dry_run else mark("Copied")), right=True),
        Column(face.text(mark("There before")), right=True),
        Column(face.text(mark("Missing")), right=True),
    ]
    rows = []
    for each in reports:
        counts = (each.source, each.copied, each.present, 0 if dry_run else each.missing)
        bad = not dry_run and not each.ok
        sign = "" if dry_run else "✗" if bad else "✓"
        names = (sign, each.mailbox, each.target_mailbox)
        rows.append(Row((*names, *(number(count, language) for count in counts)), "bold red" if bad else ""))
    face.table(columns, rows)
    if dry_run:
        return
    if all(each.ok for each in reports):
        face.line(face.text(mark("All mail is there.")), "green")
    else:
        face.line(
            face.text(mark("Not all mail is there. Mend what was named above and run this command again.")),
            "bold red",
        )
