"""`eilbote conflicts`: what two sides changed at once, and by which rule it was decided."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.figures import long_date
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, limit_option
from eilbote.cli.shapes import conflict_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.read import list_conflicts
from eilbote.errors import Problem
from eilbote.store.values import Conflict


@click.command(
    "conflicts",
    cls=Command,
    help=mark(
        "Show what was changed here and on the server at once, newest first, and the rule that decided."
    ),
)
@account_option
@limit_option
@click.pass_obj
def conflicts(face: Face, account: str | None, limit: int) -> None:
    with opened_home(face) as app:
        found = list_conflicts(app, account, limit)
    if face.json:
        for each in found:
            face.record(conflict_shape(each))
        return
    if not found:
        face.say(mark("There was no conflict."))
        return
    columns = [
        Column(face.text(mark("Date"))),
        Column(face.text(mark("Mailbox")), share=1),
        Column(face.text(mark("Mail")), right=True),
        Column(face.text(mark("Decision")), share=3),
    ]
    face.table(
        columns,
        [
            Row(
                (
                    long_date(each.conflict.created, face.catalogue.language),
                    each.mailbox,
                    str(each.conflict.message or ""),
                    _sentence(face, each.conflict),
                )
            )
            for each in found
        ],
    )


def _sentence(face: Face, conflict: Conflict) -> str:
    """How it was decided, in words; a rule without a sentence shows its code."""
    rule = Problem(f"conflict.{conflict.rule}", conflict.detail)
    return face.catalogue.problem(rule).what if face.catalogue.knows(rule.code) else conflict.rule
