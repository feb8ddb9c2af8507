"""`eilbote conflicts`: what two sides changed at once, and by which rule it was decided."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, limit_option
from eilbote.cli.shapes import conflict_shape
from eilbote.engine.read import list_conflicts
from eilbote.errors import Problem
from eilbote.figures import long_date
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
    for each in found:
        # No table: the sentence is what matters, and no column would hold it.
        where = mark("{date}, mail {mail} in {mailbox}:") if each.mailbox else mark("{date}, mail {mail}:")
        date = long_date(each.conflict.created, face.catalogue.language)
        face.say(where, date=date, mail=each.conflict.message or "–", mailbox=each.mailbox)
        face.line("  " + _sentence(face, each.conflict))


def _sentence(face: Face, conflict: Conflict) -> str:
    """How it was decided, in words; a rule without a sentence shows its code."""
    rule = Problem(f"conflict.{conflict.rule}", conflict.detail)
    return face.catalogue.problem(rule).what if face.catalogue.knows(rule.code) else conflict.rule
