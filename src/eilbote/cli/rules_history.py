"""`eilbote rules history` and `undo`: what rules did, why, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, limit_option
from eilbote.cli.rule_shapes import row_shape, undone_shape
from eilbote.cli.rule_words import deed_words, show_step
from eilbote.cli.table import Column, Row
from eilbote.engine import rule_history
from eilbote.engine.rule_history import Chosen, Told
from eilbote.errors import Misused
from eilbote.figures import long_date, number, short_date

_mail_option = click.option(
    "--mail", cls=Option, metavar="ID", help=mark("Only what was done with this mail.")
)
_rule_option = click.option("--rule", cls=Option, metavar="NAME", default="", help=mark("Only this rule."))
_run_option = click.option(
    "--run", "batch", cls=Option, type=click.IntRange(1), metavar="N", help=mark("Only this “rules run”.")
)
_since_option = click.option(
    "--since", cls=Option, metavar="DAY", help=mark("From this day on, such as 2026-11-27.")
)


@click.command(
    "history",
    cls=Command,
    help=mark(
        "Show what rules did with which mail, newest first; with ENTRY one row and every reason. Kept for 30 "
        "days at least."
    ),
)
@click.argument("entry", required=False, type=click.IntRange(1), metavar="[ENTRY]")
@_mail_option
@_rule_option
@_run_option
@_since_option
@account_option
@limit_option
@click.pass_obj
def history(
    face: Face,
    *,
    entry: int | None,
    mail: str | None,
    rule: str,
    batch: int | None,
    since: str | None,
    account: str | None,
    limit: int,
) -> None:
    chosen = Chosen(account, mail, rule, batch, _moment(since))
    with opened_home(face) as app:
        rows = (
            [rule_history.one(app, entry)] if entry is not None else rule_history.history(app, chosen, limit)
        )
        now = app.clock.now()
        looked = rule_history.looked_at(app, mail) if mail is not None and not rows else None
    if face.json:
        for row in rows:
            face.record(row_shape(row))
    elif looked is not None:
        when = long_date(looked, face.catalogue.language)
        face.say(mark("Rules looked at this mail on {date}, and none was for it."), date=when)
    elif not rows:
        face.say(mark("Rules have done nothing yet."))
    elif entry is not None:
        _show(face, rows[0])
    else:
        _list(face, rows, now)


def _list(face: Face, rows: Sequence[Told], now: float) -> None:
    columns = [
        Column(face.text(mark("Entry")), right=True, style="cyan"),
        Column(face.text(mark("Date")), right=True),
        Column(face.text(mark("Mail")), right=True),
        Column(face.text(mark("Subject")), share=4),
        Column(face.text(mark("Rule")), share=2),
        Column(face.text(mark("Action")), share=4),
    ]
    face.table(columns, [_row(face, row, now) for row in rows])
    face.note(mark("Why: eilbote rules history ENTRY. Take it back: eilbote rules undo ENTRY"))


def _row(face: Face, row: Told, now: float) -> Row:
    run = row.run
    deeds = "; ".join(deed_words(face, deed, rule=False) for deed in run.deeds)
    undone = f" ({face.text(mark('taken back'))})" if run.undone is not None else ""
    cells = (
        str(run.id),
        short_date(run.ran, now, face.catalogue.language),
        str(run.message),
        row.mail.envelope.subject if row.mail is not None else "–",
        ", ".join(run.rules) or "–",
        deeds + undone,
    )
    return Row(cells, "dim" if run.undone is not None else "yellow" if run.problem is not None else "")


def _show(face: Face, row: Told) -> None:
    run, language = row.run, face.catalogue.language
    subject = row.mail.envelope.subject if row.mail is not None else ""
    facts = [
        (mark("Entry"), str(run.id), ""),
        (mark("Date"), long_date(run.ran, language), ""),
        (mark("Mail"), str(run.message), ""),
        (mark("Subject"), subject, "bold"),
        (mark("Account"), row.address, ""),
        (mark("It lay in"), run.mailbox, ""),
        (mark("It lies in"), row.mail.mailbox if row.mail is not None else "–", ""),
        (mark("Rules"), ", ".join(run.rules), ""),
        (mark("Taken back"), "" if run.undone is None else long_date(run.undone, language), ""),
    ]
    face.facts([(face.text(title), value, style) for title, value, style in facts if value])
    for deed in run.deeds:
        face.line(f"  → {deed_words(face, deed)}")
    for step in run.steps:
        show_step(face, step)
    if run.problem is not None:
        face.problem(run.problem, warning=True)


@click.command(
    "undo",
    cls=Command,
    help=mark(
        "Take back what rules did: single entries of the history, or all of a mail, a rule, a “rules run”, "
        "since a day. What was changed since by a person stays; what was sent stays sent."
    ),
)
@click.argument("entries", nargs=-1, type=click.IntRange(1), metavar="[ENTRY]...")
@_mail_option
@_rule_option
@_run_option
@_since_option
@account_option
@click.pass_obj
def undo(
    face: Face,
    *,
    entries: Sequence[int],
    mail: str | None,
    rule: str,
    batch: int | None,
    since: str | None,
    account: str | None,
) -> None:
    with opened_home(face) as app:
        if entries:
            undone = rule_history.undo(app, entries)
        else:
            undone = rule_history.undo_all(app, Chosen(account, mail, rule, batch, _moment(since)))
    if face.json:
        face.record(undone_shape(undone))
        return
    if not undone.runs:
        face.say(mark("Nothing to take back."))
        return
    face.line(
        face.plural(mark("{count} mail is as before."), mark("{count} mails are as before."), undone.mails)
    )
    language = face.catalogue.language
    if undone.unsent:
        face.say(mark("Not sent after all: {count}"), count=number(undone.unsent, language))
    if undone.sent:
        face.say(mark("Sent already, and not to be taken back: {count}"), count=number(undone.sent, language))


def _moment(text: str | None) -> float | None:
    """A day, or a moment, in the machine's time zone. Misused `rules.bad_day`."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Misused("rules.bad_day", text=text[:60]) from None
