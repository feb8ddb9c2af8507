"""`eilbote account dkim`: the signature of an account that delivers its mail itself."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.engine.accounts import find_account
from eilbote.engine.dkim import make_key, published
from eilbote.errors import Gone, Misused

_WIDEST = 70
"""Signs of one string of the record, of which a TXT record has several: they are read as one."""


@click.command(
    "dkim",
    cls=Command,
    help=mark(
        "Show the DNS record for the signature (DKIM) of an account that sends directly, or make a new key "
        "with --new. Publish the record before mail is signed with it."
    ),
    short_help=mark("Sign mail that is sent directly"),
)
@click.argument("address", shell_complete=account_names)
@click.option("--new", cls=Option, is_flag=True, help=mark("Make a key, in place of one that is there."))
@click.option(
    "--selector",
    cls=Option,
    metavar="NAME",
    default="eilbote",
    help=mark("Name of the key in DNS; a new one for each key. Without it: eilbote."),
)
@click.pass_obj
def dkim(face: Face, address: str, new: bool, selector: str) -> None:
    with opened_home(face) as app:
        account = find_account(app, address)
        if not account.direct:
            raise Misused("dkim.not_direct", address=account.address)
        record = make_key(app, account, selector) if new else published(app, account)
    if record is None:
        raise Gone("dkim.no_key", address=account.address)
    if face.json:
        face.record({"address": account.address, "name": record.name, "type": "TXT", "text": record.text})
        return
    face.say(mark("Publish this TXT record:"))
    face.line()
    face.line(f"{record.name}. IN TXT")
    for start in range(0, len(record.text), _WIDEST):
        face.line(f'    "{record.text[start : start + _WIDEST]}"')
