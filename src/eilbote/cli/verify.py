"""`eilbote verify`: are server and local copy the same?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.exits import FAILED, UNREACHABLE, is_unreachable
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import accounts_argument
from eilbote.cli.progress import shown_progress
from eilbote.cli.shapes import verify_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.owner import chosen_accounts
from eilbote.engine.progress import Report
from eilbote.engine.verify import Healed, VerifyReport, verify_accounts
from eilbote.figures import number


@click.command(
    "verify",
    cls=Command,
    help=mark(
        "Compare counts, UIDs, flags and sizes of every mailbox with the server; with --content read "
        "every mail again and compare it byte by byte. Changes nothing, unless --repair is given."
    ),
)
@accounts_argument
@click.option("--content", cls=Option, is_flag=True, help=mark("Compare the content of every mail too."))
@click.option(
    "--repair",
    cls=Option,
    is_flag=True,
    help=mark("Put right what differs, then compare again; local bodies are checked too."),
)
@click.pass_obj
def verify(face: Face, accounts: Sequence[str], content: bool, repair: bool) -> None:
    with opened_home(face) as app:
        names = [find_account(app, name).address for name in accounts]
        with shown_progress(face) as report:
            reports = asyncio.run(_collect(face, app, names, report, content=content, repair=repair))
    if not face.json:
        _show(face, reports, content)
    for each in reports:
        if each.problem is not None:
            face.problem(each.problem, about=", ".join(filter(None, (each.account, each.mailbox))))
    raise click.exceptions.Exit(_code(reports))


async def _collect(
    face: Face, app: App, names: Sequence[str], report: Report, *, content: bool, repair: bool
) -> list[VerifyReport]:
    work = verify_accounts
    if repair:
        from eilbote.engine.repair import repair_accounts  # noqa: PLC0415  # seldom

        work = repair_accounts
    reports = []
    async for each in work(app, chosen_accounts(app, names), content=content, report=report):
        reports.append(each)
        if face.json:
            face.record(verify_shape(each))
    return reports


def _code(reports: Sequence[VerifyReport]) -> int:
    """A difference outweighs a mailbox that could not be reached."""
    if any(not each.ok and each.problem is None for each in reports):
        return FAILED
    problems = [each.problem for each in reports if each.problem is not None]
    if not problems:
        return 0
    return UNREACHABLE if all(is_unreachable(each) for each in problems) else FAILED


def _show(face: Face, reports: Sequence[VerifyReport], content: bool) -> None:
    language = face.catalogue.language
    compared = [each for each in reports if each.mailbox]  # an account without a connection has none
    if not compared:
        return
    several = len({each.account for each in reports}) > 1
    columns = [
        Column(""),
        *([Column(face.text(mark("Account")), share=1)] if several else []),
        Column(face.text(mark("Mailbox")), share=2),
        Column(face.text(mark("Server")), right=True),
        Column(face.text(mark("Here")), right=True),
        Column(face.text(mark("Missing")), right=True),
        Column(face.text(mark("Too many")), right=True),
        Column(face.text(mark("Other flags")), right=True),
        *([Column(face.text(mark("Other content")), right=True)] if content else []),
    ]
    rows = []
    for each in compared:
        counts = [each.server, each.store, each.missing, each.extra, each.flags_differ]
        if content:
            counts.append(each.content_differ)
        rows.append(
            Row(
                (
                    "✓" if each.ok else "✗",
                    *([each.account] if several else []),
                    each.mailbox,
                    *(number(count, language) for count in counts),
                ),
                "" if each.ok else "bold red",
            )
        )
    face.table(columns, rows)
    conclude(face, compared)


def conclude(face: Face, reports: Sequence[VerifyReport]) -> None:
    """What the table means, in one line, and what can be done."""
    language = face.catalogue.language
    pending = sum(each.pending for each in reports)
    if pending:
        face.say(
            mark("{number} changes made here wait for the next sync; they are no difference."),
            number=number(pending, language),
        )
    aside = sum(each.quarantined for each in reports)
    if aside:
        face.line(
            face.plural(
                mark("{count} mail is put aside: the server does not give it; tried again every day."),
                mark("{count} mails are put aside: the server does not give them; tried again every day."),
                aside,
            )
        )
    left_out = sum(each.left_out for each in reports)
    if left_out:
        face.say(
            mark("{number} mails are here in part, as the settings of their mailboxes say."),
            number=number(left_out, language),
        )
    hidden = sum(each.out_of_sight for each in reports)
    if hidden:
        face.say(
            mark("{number} older mails are here that the server shows no more: it shows its newest only."),
            number=number(hidden, language),
        )
    _tell_healed(face, [each.healed for each in reports if each.healed is not None])
    different = [each for each in reports if not each.ok and each.problem is None]
    if all(each.ok for each in reports):
        whole = (
            mark("The mailboxes that live only here are whole.")
            if all(each.local for each in reports)
            else mark("Server and local copy are the same.")
        )
        face.line(face.text(whole), "green")
    elif any(each.local for each in different):
        face.line(
            face.text(mark("Mail that lives only here is damaged. Bring the home back from your backup.")),
            "bold red",
        )
    elif any(each.content_differ for each in different):
        face.line(
            face.text(
                mark(
                    "Mail here is damaged; the mail on the server is untouched. “eilbote verify --repair” "
                    "fetches it anew."
                )
            ),
            "bold red",
        )
    elif any(each.missing + each.extra + each.flags_differ + each.counts_differ for each in different):
        face.line(
            face.text(mark("There are differences. “eilbote verify --repair” puts them right.")), "bold red"
        )


def _tell_healed(face: Face, healed: Sequence[Healed]) -> None:
    """What a repair has put right, in one line; nothing where none was asked for."""
    language = face.catalogue.language
    counts = [
        (sum(each.missing for each in healed), mark("fetched: {number}")),
        (sum(each.extra for each in healed), mark("gone from the server: {number}")),
        (sum(each.flags for each in healed), mark("flags: {number}")),
        (sum(each.content for each in healed), mark("content: {number}")),
        (sum(each.counts for each in healed), mark("counts of mailboxes: {number}")),
        (sum(each.quarantined for each in healed), mark("out of quarantine: {number}")),
    ]
    said = [face.text(words, number=number(count, language)) for count, words in counts if count]
    if said:
        face.say(mark("Put right: {what}."), what=", ".join(said))
