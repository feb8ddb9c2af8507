"""`eilbote sync`: one complete pass, or with `--dry-run` what it would do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.exits import DONE, FAILED, UNREACHABLE, WARNED, is_unreachable
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import accounts_argument
from eilbote.cli.progress import shown_progress
from eilbote.cli.shapes import report_shape
from eilbote.engine.accounts import find_account
from eilbote.engine.owner import chosen_accounts, sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.errors import Problem
from eilbote.figures import duration, number, size

_MOST_SHOWN = 20
"""Problems of single mails and mailboxes that are shown of one pass."""


@click.command(
    "sync",
    cls=Command,
    help=mark(
        "Make server and local copy the same, in both directions, for all accounts or the named ones: "
        "local changes out, the server's changes in, all mail stored and searchable."
    ),
)
@accounts_argument
@click.option("--dry-run", cls=Option, is_flag=True, help=mark("Only show what would be done."))
@click.option("--mailbox", cls=Option, metavar="NAME", help=mark("Only this mailbox."))
@click.pass_obj
def sync(face: Face, accounts: Sequence[str], dry_run: bool, mailbox: str | None) -> None:
    with opened_home(face) as app:
        names = [find_account(app, name).address for name in accounts]
        if dry_run:
            # Only a dry run has words for its steps; every start of `sync` would load them.
            from eilbote.cli.steps import show_previews  # noqa: PLC0415
            from eilbote.engine.preview import preview_accounts  # noqa: PLC0415

            previews = asyncio.run(preview_accounts(app, chosen_accounts(app, names), mailbox=mailbox))
            show_previews(face, previews)
            code = outcome_code([each.failed for each in previews])
        else:
            with shown_progress(face) as report:
                reports = asyncio.run(sync_accounts(app, names, mailbox=mailbox, report=report))
            for each in reports:
                show_report(face, each)
            if not reports:
                face.note(mark("All accounts are paused. Go on with: eilbote account resume ADDRESS"))
            code = outcome_code([each.failed for each in reports], any(map(_is_warned, reports)))
    raise click.exceptions.Exit(code)


def _is_warned(report: SyncReport) -> bool:
    """The pass went through, and not all went well."""
    sent = report.delivered
    return bool(report.problems or (sent and (sent.failed or sent.refused or sent.asked or sent.problem)))


def outcome_code(failures: Sequence[Problem | None], warned: bool = False) -> int:
    """0 if all went well, 1 if some did, 2 if none did, 3 if none could be reached."""
    failed = [each for each in failures if each is not None]
    if not failed:
        return WARNED if warned else DONE
    if len(failed) < len(failures):
        return WARNED
    return UNREACHABLE if all(is_unreachable(each) for each in failed) else FAILED


def show_report(face: Face, report: SyncReport) -> None:
    """What a pass did, in one line, and what went wrong in it."""
    if face.json:
        face.record(report_shape(report))
    else:
        face.say(
            mark("{account}: {changes}. {time}, {traffic}."),
            account=report.account,
            changes=_changes(face, report),
            time=duration(report.seconds, face.catalogue.language),
            traffic=size(report.bytes, face.catalogue.language),
        )
    if report.delivered is not None:
        from eilbote.cli.delivered import show_delivered  # noqa: PLC0415  # most passes send nothing

        show_delivered(face, report.delivered)
    for text in report.alerts:
        face.note(mark("{account}: the server says: {text}"), account=report.account, text=text)
    for mailbox, problem in report.problems[:_MOST_SHOWN]:
        face.problem(problem, about=f"{report.account}, {mailbox}", warning=True)
    if len(report.problems) > _MOST_SHOWN:
        rest = number(len(report.problems) - _MOST_SHOWN, face.catalogue.language)
        face.note(
            mark("{account}: {number} more of this kind; --json names all."),
            account=report.account,
            number=rest,
        )
    if report.failed is not None:
        face.problem(report.failed, about=report.account)


def _changes(face: Face, report: SyncReport) -> str:
    language = face.catalogue.language
    counts = [
        (report.new, mark("{number} new")),
        (report.changed, mark("{number} changed")),
        (report.deleted, mark("{number} deleted")),
        (report.pushed, mark("{number} carried to the server")),
        (report.conflicts, mark("conflicts decided: {number}")),
    ]
    said = [face.text(text, number=number(count, language)) for count, text in counts if count]
    if said:
        return ", ".join(said)
    return face.text(mark("not finished") if report.failed else mark("nothing has changed"))
