"""`eilbote quarantine`: mails that a server lists and that could not be taken in, and why."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option
from eilbote.cli.shapes import quarantine_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.read import list_quarantine
from eilbote.figures import long_date


@click.command(
    "quarantine",
    cls=Command,
    help=mark(
        "Show mails that a server lists and that could not be taken in, and why. A sync tries them "
        "again after a day, “eilbote verify --repair” at once."
    ),
)
@account_option
@click.pass_obj
def quarantine(face: Face, account: str | None) -> None:
    with opened_home(face) as app:
        found = list_quarantine(app, account)
    if face.json:
        for each in found:
            face.record(quarantine_shape(each))
        return
    if not found:
        face.say(mark("Nothing is in quarantine."))
        return
    several = len({each.account for each in found}) > 1
    columns = [
        *([Column(face.text(mark("Account")), share=1)] if several else []),
        Column(face.text(mark("Mailbox")), share=1),
        Column("UID", right=True),
        Column(face.text(mark("Tried last"))),
        Column(face.text(mark("Reason")), share=3),
    ]
    rows = [
        Row(
            (
                *([each.account] if several else []),
                each.mailbox,
                str(each.uid),
                # Told to be tried at once: it has no time of its last try any more.
                long_date(each.since or None, face.catalogue.language) or "–",
                face.catalogue.problem(each.problem).what,
            )
        )
        for each in found
    ]
    face.table(columns, rows)
