"""`eilbote list`, `search` and `thread`: lines of mail."""

from __future__ import annotations

from collections.abc import Sequence

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.completion import mailbox_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, limit_option
from eilbote.cli.shapes import mail_shape
from eilbote.cli.table import Column, Row
from eilbote.engine import read
from eilbote.errors import Problem
from eilbote.figures import number, short_date, size
from eilbote.mail.mailbox import ANSWERED, DRAFT, FLAGGED, SEEN
from eilbote.store.values import Placement


@click.command("list", cls=Command, help=mark("List the mail of a mailbox, or of all, newest first."))
@click.argument("mailbox", required=False, shell_complete=mailbox_names)
@account_option
@limit_option
@click.pass_obj
def list_(face: Face, mailbox: str | None, account: str | None, limit: int) -> None:
    with opened_home(face) as app:
        found = read.list_mail(app, mailbox, account, limit)
        show_mail(face, found, app.clock.now())
    if len(found) == limit:
        _more(face, limit)


@click.command(
    "search",
    cls=Command,
    help=mark("Find mail by words, people, dates and more, newest first."),
    epilog=mark(
        "What can be asked:\n"
        "  invoice  invoice*         the word; words that begin so\n"
        '  "quarterly report"        words in this order\n'
        "  from:anna to:bob cc:me    people, by name or address\n"
        "  subject:offer file:pdf    in the subject, in names of attachments\n"
        "  has:attachment            with attachments\n"
        "  after:2026-01-31 before:yesterday after:2w\n"
        "  larger:5M smaller:10k     in size\n"
        "  in:Archive is:unread is:flagged\n"
        "  -newsletter               not this\n"
        "  a OR (b c)                one of these"
    ),
)
@click.argument("query", nargs=-1, required=True)
@account_option
@limit_option
@click.pass_obj
def search(face: Face, query: Sequence[str], account: str | None, limit: int) -> None:
    with opened_home(face) as app:
        found = read.search_mail(app, " ".join(query), account, limit)
        show_mail(face, found, app.clock.now())
        behind = read.search_is_behind(app)
    if behind:
        face.problem(Problem("search.behind", {"mails": str(behind)}), warning=True)
    if len(found) == limit:
        _more(face, limit)


@click.command(
    "thread", cls=Command, help=mark("List the conversation that a mail belongs to, oldest first.")
)
@click.argument("mail_id", metavar="ID")
@click.pass_obj
def thread(face: Face, mail_id: str) -> None:
    with opened_home(face) as app:
        show_mail(face, read.thread_of(app, mail_id), app.clock.now())


def show_mail(face: Face, found: Sequence[Placement], now: float) -> None:
    """The lines, in JSON or as a table in which unread mail is bold."""
    if face.json:
        for placement in found:
            face.record(mail_shape(placement))
        return
    if not found:
        face.say(mark("No mail found."))
        return
    language = face.catalogue.language
    columns = [
        Column(face.text(mark("ID")), right=True, style="cyan"),
        Column("  "),
        Column(face.text(mark("Date")), right=True),
        Column(face.text(mark("From")), share=3),
        Column(face.text(mark("Subject")), share=6),
        Column(face.text(mark("Mailbox")), share=2, style="dim"),
        Column(face.text(mark("Size")), right=True),
    ]
    rows = [
        Row(
            (
                str(each.id),
                _signs(each),
                short_date(date_of(each), now, language),
                people_of(each) or "–",
                each.envelope.subject or face.text(mark("(no subject)")),
                each.mailbox,
                size(each.size, language),
            ),
            "" if SEEN in each.flags else "bold",
        )
        for each in found
    ]
    face.table(columns, rows)


def date_of(placement: Placement) -> float:
    """The date a person would expect: the writer's, else the day the server received it."""
    date = placement.envelope.date
    return placement.internal_date if date is None else date


def people_of(placement: Placement) -> str:
    """Who wrote it, by name where there is one."""
    return ", ".join(each.name or each.spec for each in placement.envelope.sender)


def _signs(placement: Placement) -> str:
    """Two signs: what kind of mail it is, and whether something hangs on it."""
    flags = placement.flags
    if FLAGGED in flags:
        first = "★"
    elif DRAFT in flags:
        first = "✎"
    elif ANSWERED in flags:
        first = "↩"
    else:
        first = " " if SEEN in flags else "●"
    return first + ("+" if placement.envelope.attachments else " ")


def _more(face: Face, limit: int) -> None:
    if face.is_terminal():
        face.note(
            mark("Only {limit} are shown; more with --limit."), limit=number(limit, face.catalogue.language)
        )
