"""`eilbote complete`: who may be meant, while an address is typed."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, limit_option
from eilbote.cli.shapes import contact_shape
from eilbote.cli.terminal import harmless
from eilbote.engine.complete import complete_address


@click.command(
    "complete",
    cls=Command,
    help=mark(
        "List the people whose name or address begins so, the most likely first: those whom you wrote to, "
        "then those who wrote to you. Without TEXT: whom you wrote to lately."
    ),
)
@click.argument("text", default="")
@account_option
@limit_option
@click.pass_obj
def complete(face: Face, text: str, account: str | None, limit: int) -> None:
    with opened_home(face) as app:
        found = complete_address(app, text, account, limit)
    for one in found:
        if face.json:
            face.record(contact_shape(one))
        else:
            face.line(harmless(str(one.address)))
    if not found:
        face.note(mark("Nobody found."))
