"""`eilbote mailboxes`: list, create, rename, delete, subscribe, unsubscribe."""

from __future__ import annotations

from typing import Any

import click

from eilbote.cli.command import Group, Option, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.keep import kept_words
from eilbote.cli.options import account_option
from eilbote.cli.shapes import mailbox_shape
from eilbote.cli.table import Column, Row
from eilbote.engine import mailboxes as door
from eilbote.engine.accounts import is_local, only_account
from eilbote.engine.read import list_mailboxes
from eilbote.errors import NotAllowed
from eilbote.figures import number
from eilbote.mail.mailbox import SpecialUse
from eilbote.store.values import Mailbox

ROLES = {
    SpecialUse.INBOX: mark("inbox"),
    SpecialUse.ALL: mark("all mail"),
    SpecialUse.ARCHIVE: mark("archive"),
    SpecialUse.DRAFTS: mark("drafts"),
    SpecialUse.FLAGGED: mark("flagged"),
    SpecialUse.IMPORTANT: mark("important"),
    SpecialUse.JUNK: mark("junk"),
    SpecialUse.SENT: mark("sent mail"),
    SpecialUse.TRASH: mark("trash"),
}


mailboxes = Group(
    name="mailboxes",
    help=mark("List and change mailboxes. Changes reach the server with the next sync."),
    invoke_without_command=True,
    params=[Option(["--account"], metavar="ADDRESS", help=mark("Only this account."))],
)


@mailboxes.result_callback()
@click.pass_context
def _default(context: click.Context, *_results: Any, account: str | None) -> None:
    if context.invoked_subcommand is None:
        context.invoke(list_, account=account)


@mailboxes.command("list", help=mark("List mailboxes with their counts."), short_help=mark("List mailboxes"))
@account_option
@click.pass_obj
def list_(face: Face, account: str | None) -> None:
    with opened_home(face) as app:
        found = list_mailboxes(app, account)
    if face.json:
        for address, mailbox in found:
            face.record(mailbox_shape(address, mailbox))
        return
    show_mailboxes(face, found)


def show_mailboxes(face: Face, found: list[tuple[str, Mailbox]]) -> None:
    """The table of mailboxes, for this command and the demo; unread ones stand out."""
    if not found:
        face.say(mark("There is no mailbox yet. Fetch them with: eilbote sync"))
        return
    language = face.catalogue.language
    several = len({address for address, _ in found}) > 1
    own = any(mailbox.keep is not None for _, mailbox in found)
    columns = [
        *([Column(face.text(mark("Account")), share=1)] if several else []),
        Column(face.text(mark("Mailbox")), share=3),
        Column(face.text(mark("For")), style="cyan"),
        Column(face.text(mark("Mails")), right=True),
        Column(face.text(mark("Unread")), right=True),
        *([Column(face.text(mark("Kept of each mail")), style="dim")] if own else []),
    ]
    rows = [
        Row(
            (
                *([address] if several else []),
                mailbox.name,
                face.text(ROLES[mailbox.role]) if mailbox.role else "",
                number(mailbox.messages, language) if mailbox.selectable else "",
                number(mailbox.unread, language) if mailbox.unread else "",
                *([kept_words(face, mailbox.keep) if mailbox.keep else ""] if own else []),
            ),
            "bold" if mailbox.unread else "",
        )
        for address, mailbox in found
    ]
    face.table(columns, rows)


@mailboxes.command("create", help=mark("Create a mailbox."), short_help=mark("Create a mailbox"))
@click.argument("name")
@account_option
@click.pass_obj
def create(face: Face, name: str, account: str | None) -> None:
    with opened_home(face) as app:
        owner = only_account(app, account)
        door.create_mailbox(app, owner, name)
    done = (
        mark("{name} is created.") if is_local(owner) else mark("{name} will be created with the next sync.")
    )
    _tell(face, done, name)


@mailboxes.command("rename", help=mark("Rename a mailbox."), short_help=mark("Rename a mailbox"))
@click.argument("name")
@click.argument("new_name")
@account_option
@click.pass_obj
def rename(face: Face, name: str, new_name: str, account: str | None) -> None:
    with opened_home(face) as app:
        owner = only_account(app, account)
        door.rename_mailbox(app, owner, name, new_name)
    done = (
        mark("{name} is now called {new_name}.")
        if is_local(owner)
        else mark("{name} is now called {new_name}; the server learns it with the next sync.")
    )
    _tell(face, done, name, new_name)


@mailboxes.command(
    "delete",
    help=mark("Delete a mailbox and the mail in it, on the server too."),
    short_help=mark("Delete a mailbox"),
)
@click.argument("name")
@account_option
@click.option("--yes", cls=Option, is_flag=True, help=mark("Also when there is mail in it."))
@click.pass_obj
def delete(face: Face, name: str, account: str | None, yes: bool) -> None:
    with opened_home(face) as app:
        owner = only_account(app, account)
        held = next((each for _, each in list_mailboxes(app, owner.address) if each.name == name), None)
        # The inbox stays with --yes too: nobody is told to try it.
        if held is not None and held.messages and held.role is not SpecialUse.INBOX and not yes:
            raise NotAllowed("mailbox.not_empty", mailbox=name, mails=held.messages)
        door.remove_mailbox(app, owner, name)
    done = (
        mark("{name} is deleted.")
        if is_local(owner)
        else mark("{name} is deleted; the server learns it with the next sync.")
    )
    _tell(face, done, name)


@mailboxes.command(
    "subscribe", help=mark("Subscribe to a mailbox."), short_help=mark("Subscribe to a mailbox")
)
@click.argument("name")
@account_option
@click.pass_obj
def subscribe(face: Face, name: str, account: str | None) -> None:
    with opened_home(face) as app:
        door.subscribe(app, only_account(app, account), name, True)
    _tell(face, mark("{name} is subscribed."), name)


@mailboxes.command(
    "unsubscribe", help=mark("End the subscription of a mailbox."), short_help=mark("End a subscription")
)
@click.argument("name")
@account_option
@click.pass_obj
def unsubscribe(face: Face, name: str, account: str | None) -> None:
    with opened_home(face) as app:
        door.subscribe(app, only_account(app, account), name, False)
    _tell(face, mark("{name} is no longer subscribed."), name)


def _tell(face: Face, sentence: str, name: str, new_name: str = "") -> None:
    if face.json:
        face.record({"mailbox": name, **({"new_name": new_name} if new_name else {})})
    else:
        face.say(sentence, name=name, new_name=new_name)
