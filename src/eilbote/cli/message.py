"""`eilbote show`, `raw` and `attachments`: one mail, for people, for programs, for the disk."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.exits import DONE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.listing import date_of
from eilbote.cli.options import offline_option
from eilbote.cli.shapes import part_shape, shown_shape
from eilbote.cli.table import Column, Row
from eilbote.cli.terminal import harmless_lines
from eilbote.engine import read
from eilbote.engine.app import App
from eilbote.errors import Gone
from eilbote.figures import long_date, number, size
from eilbote.mail.envelope import Address
from eilbote.mail.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from eilbote.store.rule_values import Run

_MOST_PEOPLE = 50
_LONGEST_LINE = 5_000
"""Characters of a header that are shown; `raw` and `--json` have it whole."""

_FLAGS = {
    FLAGGED: mark("flagged"),
    ANSWERED: mark("answered"),
    DRAFT: mark("draft"),
    DELETED: mark("to be deleted"),
}


@click.command("show", cls=Command, help=mark("Show a mail: who, when, what it says, what hangs on it."))
@click.argument("mail_id", metavar="ID")
@offline_option
@click.pass_obj
def show(face: Face, mail_id: str, offline: bool) -> None:
    with opened_home(face) as app:
        shown = read.show_mail(app, mail_id)
        if shown.headers_only and _fetched(face, app, mail_id, offline=offline):
            shown = read.show_mail(app, mail_id)
    if face.json:
        face.record(shown_shape(shown))
    else:
        show_mail(face, shown)
    raise click.exceptions.Exit(WARNED if shown.headers_only and not offline else DONE)


def _fetched(face: Face, app: App, mail_id: str, *, offline: bool) -> bool:
    """Fetches what the mode of its mailbox leaves out of a mail; False, and said why, if it cannot."""
    if offline:
        return False
    # Only mails that are not whole need what connects to servers.
    from eilbote.engine.demand import fetch_whole  # noqa: PLC0415

    problem = asyncio.run(fetch_whole(app, mail_id))
    if problem is not None:
        face.problem(problem, about=face.text(mark("mail {id}"), id=mail_id), warning=True)
    return problem is None


def show_mail(face: Face, shown: read.Shown) -> None:
    """The mail for people: its head, its text, its attachments."""
    first = shown.placements[0]
    envelope, language = first.envelope, face.catalogue.language
    facts = [
        (mark("From"), _people(face, envelope.sender), "bold"),
        (mark("To"), _people(face, envelope.to), ""),
        (mark("Copy to"), _people(face, envelope.cc), ""),
        (mark("Date"), long_date(date_of(first), language), ""),
        (mark("Subject"), _cut(envelope.subject) or face.text(mark("(no subject)")), "bold"),
        (mark("Mailbox"), ", ".join(each.mailbox for each in shown.placements), ""),
        (mark("Labels"), ", ".join(label.removeprefix("\\") for label in shown.labels), ""),
        (mark("Marks"), ", ".join(_flag_words(face, first.flags)), "yellow"),
        (mark("Size"), size(first.size, language), ""),
    ]
    face.facts([(face.text(title), value, style) for title, value, style in facts if value])
    face.line()
    if shown.headers_only:
        face.line(face.text(mark("(only the headers of this mail are here)")))
    else:
        face.body(shown.text.strip() or face.text(mark("(no text)")))
    if shown.attachments:
        face.line()
        _list_attachments(face, shown.attachments)
    if shown.ruled:
        _tell_of_rules(face, shown.ruled)
    if shown.defects:
        face.note(
            mark("This mail breaks the rules of e-mail in places: {defects}"),
            defects=", ".join(shown.defects[:5]),
        )


def _tell_of_rules(face: Face, runs: Sequence[Run]) -> None:
    """What rules did with it; why, their history says."""
    from eilbote.cli.rule_words import deed_words  # noqa: PLC0415  # few mails have met a rule

    face.line()
    for run in runs:
        done = "; ".join(deed_words(face, deed) for deed in run.deeds)
        undone = f" ({face.text(mark('taken back'))})" if run.undone is not None else ""
        face.line(face.text(mark("Rules, {date}:"), date=long_date(run.ran, face.catalogue.language)))
        face.line(f"  {done}{undone}")
    face.note(mark("Why: eilbote rules history {entry}"), entry=runs[0].id)


def _people(face: Face, people: Sequence[Address]) -> str:
    """The people of one header; of very many only the first, and how many more there are."""
    shown = _cut(", ".join(map(str, people[:_MOST_PEOPLE])))
    left = len(people) - _MOST_PEOPLE
    if left <= 0:
        return shown
    return shown + face.text(mark(" and {count} more"), count=number(left, face.catalogue.language))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


def _flag_words(face: Face, flags: Flags) -> list[str]:
    """Flags as a person calls them; unread, which most mail is not, stands among them."""
    known = [face.text(word) for flag, word in _FLAGS.items() if flag in flags]
    unread = [] if SEEN in flags else [face.text(mark("unread"))]
    return [*unread, *known, *sorted(flag for flag in flags if not flag.startswith("\\"))]


@click.command(
    "raw",
    cls=Command,
    help=mark(
        "Write a mail exactly as it was received; on a terminal its control characters are shown as signs."
    ),
)
@click.argument("mail_id", metavar="ID")
@offline_option
@click.pass_obj
def raw(face: Face, mail_id: str, offline: bool) -> None:
    with opened_home(face) as app:
        if not read.is_whole(app, mail_id):
            _fetched(face, app, mail_id, offline=offline)
        data = read.raw_mail(app, mail_id)
    if face.json:
        face.record({"id": mail_id, "size": len(data), "raw": data.decode("utf-8", "backslashreplace")})
    elif face.is_terminal():
        for line in harmless_lines(data.decode("utf-8", "replace")).split("\n"):
            face.line(line)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@click.command(
    "attachments", cls=Command, help=mark("List the attachments of a mail, or save them into a folder.")
)
@click.argument("mail_id", metavar="ID")
@click.option("--save", "folder", cls=Option, metavar="DIR", help=mark("Save them into this folder."))
@offline_option
@click.pass_obj
def attachments(face: Face, mail_id: str, folder: str | None, offline: bool) -> None:
    saved: list[tuple[read.Attachment, Path | None]]
    with opened_home(face) as app:
        if folder is None:
            shown = read.show_mail(app, mail_id)
            if shown.headers_only:
                if not _fetched(face, app, mail_id, offline=offline):
                    raise Gone("store.headers_only", id=mail_id)
                shown = read.show_mail(app, mail_id)
            saved = [(each, None) for each in shown.attachments]
        else:
            if not read.is_whole(app, mail_id):
                _fetched(face, app, mail_id, offline=offline)
            saved = list(read.save_attachments(app, mail_id, Path(folder)))
    if face.json:
        for each, file in saved:
            face.record({**part_shape(each), **({"file": str(file)} if file else {})})
    elif not saved:
        face.say(mark("This mail has no attachments."))
    elif folder is None:
        _list_attachments(face, [each for each, _ in saved])
    else:
        for _, file in saved:
            face.say(mark("Saved: {file}"), file=str(file))


def _list_attachments(face: Face, found: Sequence[read.Attachment]) -> None:
    columns = [
        Column(face.text(mark("Part")), right=True, style="cyan"),
        Column(face.text(mark("Attachment")), share=3),
        Column(face.text(mark("Type")), share=1, style="dim"),
        Column(face.text(mark("Size")), right=True),
    ]
    rows = [
        Row(
            (
                each.number,
                each.name or face.text(mark("(no name)")),
                each.type,
                size(each.size, face.catalogue.language)
                + ("" if each.here else face.text(mark(", not here yet"))),
            )
        )
        for each in found
    ]
    face.table(columns, rows)
