"""`eilbote account identity`: as whom mail of an account is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path

import click

from eilbote.cli.command import Group, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.shapes import identity_shape
from eilbote.cli.table import Column, Row
from eilbote.engine import identities
from eilbote.engine.accounts import find_account
from eilbote.mail.identity import Identity
from eilbote.store.values import Account

identity = Group(
    name="identity",
    help=mark(
        "As whom mail is written: addresses, names, signatures. Every account has an identity of its own "
        "address; an answer is written as whom the mail was written to."
    ),
)


def _sayings(command: Callable[..., None]) -> Callable[..., None]:
    """What can be said about an identity."""

    @click.option("--name", cls=Option, metavar="NAME", help=mark("Name that stands before the address."))
    @click.option("--reply-to", cls=Option, metavar="ADDRESS", help=mark("Where answers shall go."))
    @click.option("--signature", cls=Option, metavar="TEXT", help=mark("Text below every mail."))
    @click.option(
        "--signature-file",
        cls=Option,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help=mark("The same from a file."),
    )
    @click.option("--organization", cls=Option, metavar="NAME", help=mark("Company or club."))
    @click.option(
        "--alias",
        "aliases",
        cls=Option,
        multiple=True,
        metavar="ADDRESS",
        help=mark("Another address of the same person, or @DOMAIN for all of a domain; “-” for none."),
    )
    @click.option("--usual", cls=Option, is_flag=True, help=mark("Taken where nothing says which."))
    @click.pass_obj
    @wraps(command)
    def saying(
        face: Face,
        /,
        account: str,
        address: str,
        *,
        name: str | None,
        reply_to: str | None,
        signature: str | None,
        signature_file: Path | None,
        organization: str | None,
        aliases: Sequence[str],
        usual: bool,
    ) -> None:
        if signature_file is not None:
            from eilbote.engine.write import read_text  # noqa: PLC0415  # seldom

            if signature is not None:
                raise click.UsageError("--signature, --signature-file")
            signature = read_text(signature_file)
        others = [each for each in aliases if each != "-"] if aliases else None
        said = identities.Saying(name, reply_to, signature, organization, others, usual or None)
        command(face, account, address, said)

    return saying


_account = click.argument("account", shell_complete=account_names)
_address = click.argument("address")


@identity.command(
    "list", help=mark("List identities, the usual one first."), short_help=mark("List identities")
)
@click.argument("account", required=False, shell_complete=account_names)
@click.pass_obj
def list_(face: Face, account: str | None) -> None:
    with opened_home(face) as app:
        chosen = [find_account(app, account)] if account is not None else app.store.accounts.all()
        found = [
            (one, each, number == 0)
            for one in chosen
            for number, each in enumerate(identities.identities_of(app, one))
        ]
    if face.json:
        for one, each, usual in found:
            face.record(identity_shape(one.address, each, usual=usual))
        return
    columns = [
        Column(face.text(mark("Account")), share=1),
        Column(face.text(mark("Address")), share=2, style="bold"),
        Column(face.text(mark("Name")), share=2),
        Column(face.text(mark("Aliases")), share=2),
        Column(face.text(mark("Signature")), share=2),
    ]
    rows = [
        Row((one.address, each.address, each.name, ", ".join(each.aliases), each.signature), "")
        for one, each, _ in found
    ]
    face.table(columns, rows)


@identity.command("add", help=mark("Add an identity to an account."), short_help=mark("Add an identity"))
@_account
@_address
@_sayings
def add(face: Face, account: str, address: str, saying: identities.Saying) -> None:
    with opened_home(face) as app:
        owner = find_account(app, account)
        made = identities.add_identity(app, owner, address, saying)
        usual = identities.identities_of(app, owner)[0] == made
    _tell(face, owner, made, mark("{address} can write now."), usual=usual)


@identity.command(
    "edit",
    help=mark("Change what is given of an identity; the rest stays."),
    short_help=mark("Change an identity"),
)
@_account
@_address
@_sayings
def edit(face: Face, account: str, address: str, saying: identities.Saying) -> None:
    with opened_home(face) as app:
        owner = find_account(app, account)
        made = identities.change_identity(app, owner, address, saying)
        usual = identities.identities_of(app, owner)[0] == made
    _tell(face, owner, made, mark("{address} is changed."), usual=usual)


@identity.command(
    "remove",
    help=mark("Remove an identity; that of the account's own address becomes what it was at first."),
    short_help=mark("Remove an identity"),
)
@_account
@_address
@click.pass_obj
def remove(face: Face, account: str, address: str) -> None:
    with opened_home(face) as app:
        owner = find_account(app, account)
        identities.remove_identity(app, owner, address)
    if face.json:
        face.record({"account": owner.address, "address": address, "removed": True})
    else:
        face.say(mark("{address} is removed."), address=address)


def _tell(face: Face, owner: Account, made: Identity, sentence: str, *, usual: bool) -> None:
    if face.json:
        face.record(identity_shape(owner.address, made, usual=usual))
    else:
        face.say(sentence, address=made.address)
