"""`eilbote flag`, `move`, `copy`, `archive`, `delete`, `junk` and `undo`: changes of mail.

Each works at once on the local copy and reaches the server with the next sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import mailbox_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option
from eilbote.engine import act as door
from eilbote.engine.app import App
from eilbote.engine.read import chosen_mail
from eilbote.mail.mailbox import ANSWERED, FLAGGED, SEEN

F = TypeVar("F", bound=Callable[..., Any])


def _chosen(command: F) -> F:
    """The arguments by which mail is chosen: ids, or a search."""
    for decorate in (
        account_option,
        click.option(
            "--search", "query", cls=Option, metavar="QUERY", help=mark("All mail that this finds.")
        ),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        command = decorate(command)
    return command


def _change(
    face: Face,
    ids: Sequence[str],
    query: str | None,
    account: str | None,
    *,
    change: Callable[[App, Sequence[int]], Sequence[int]],
    operation: str,
    done: tuple[str, str],
    removed: bool = False,
    **parameters: object,
) -> None:
    with opened_home(face) as app:
        chosen = chosen_mail(app, ids, query, account, removed=removed)
        debts = change(app, chosen) if chosen else []
    if face.json:
        face.record(
            {
                "operation": operation,
                "items": len(chosen),
                "changes": len(debts),
                "ids": [str(each) for each in chosen],
            }
        )
    elif not chosen:
        face.say(mark("No mail found."))
    elif not debts:
        face.say(mark("Nothing to change."))
    else:
        face.line(face.plural(*done, len(chosen), **parameters))


@click.command(
    "flag",
    cls=Command,
    help=mark("Mark mail as read, flagged or answered, or add and remove flags and keywords of your own."),
)
@_chosen
@click.option("--read/--unread", cls=Option, default=None, help=mark("Read, or not."))
@click.option("--flagged/--unflagged", cls=Option, default=None, help=mark("With a star, or without."))
@click.option("--answered/--unanswered", cls=Option, default=None, help=mark("Answered, or not."))
@click.option("--add", cls=Option, multiple=True, metavar="FLAG", help=mark("Add this flag or keyword."))
@click.option(
    "--remove", cls=Option, multiple=True, metavar="FLAG", help=mark("Remove this flag or keyword.")
)
@click.pass_obj
def flag(
    face: Face,
    *,
    ids: Sequence[str],
    query: str | None,
    account: str | None,
    read: bool | None,
    flagged: bool | None,
    answered: bool | None,
    add: Sequence[str],
    remove: Sequence[str],
) -> None:
    added, removed = list(add), list(remove)
    for wanted, name in ((read, SEEN), (flagged, FLAGGED), (answered, ANSWERED)):
        if wanted is not None:
            (added if wanted else removed).append(name)
    if not added and not removed:
        raise click.UsageError("--read --unread --flagged --unflagged --answered --add --remove")
    _change(
        face,
        ids,
        query,
        account,
        change=lambda app, chosen: door.change_flags(app, chosen, added, removed),
        operation="flag",
        done=(mark("{count} mail marked."), mark("{count} mails marked.")),
    )


@click.command("move", cls=Command, help=mark("Move mail to another mailbox of its account."))
@_chosen
@click.option(
    "--to",
    "target",
    cls=Option,
    required=True,
    metavar="MAILBOX",
    help=mark("Where to."),
    shell_complete=mailbox_names,
)
@click.option(
    "--from", "source", cls=Option, metavar="MAILBOX", help=mark("Where from, if the mail lies in several.")
)
@click.pass_obj
def move(
    face: Face, *, ids: Sequence[str], query: str | None, account: str | None, target: str, source: str | None
) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=lambda app, chosen: door.move(app, chosen, target, source=source),
        operation="move",
        done=(mark("{count} mail moved to {mailbox}."), mark("{count} mails moved to {mailbox}.")),
        mailbox=target,
    )


@click.command("copy", cls=Command, help=mark("Copy mail to another mailbox of its account."))
@_chosen
@click.option(
    "--to",
    "target",
    cls=Option,
    required=True,
    metavar="MAILBOX",
    help=mark("Where to."),
    shell_complete=mailbox_names,
)
@click.pass_obj
def copy(face: Face, *, ids: Sequence[str], query: str | None, account: str | None, target: str) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=lambda app, chosen: door.copy(app, chosen, target),
        operation="copy",
        done=(mark("{count} mail copied to {mailbox}."), mark("{count} mails copied to {mailbox}.")),
        mailbox=target,
    )


@click.command("archive", cls=Command, help=mark("Move mail to the archive of its account."))
@_chosen
@click.pass_obj
def archive(face: Face, *, ids: Sequence[str], query: str | None, account: str | None) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=door.archive,
        operation="archive",
        done=(mark("{count} mail archived."), mark("{count} mails archived.")),
    )


@click.command("junk", cls=Command, help=mark("Move mail to the junk mailbox of its account."))
@_chosen
@click.pass_obj
def junk(face: Face, *, ids: Sequence[str], query: str | None, account: str | None) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=door.junk,
        operation="junk",
        done=(
            mark("{count} mail moved to the junk mailbox."),
            mark("{count} mails moved to the junk mailbox."),
        ),
    )


@click.command(
    "delete",
    cls=Command,
    help=mark(
        "Move mail to the trash; what lies there already is deleted on the server. "
        "“eilbote undo ID” brings it back."
    ),
)
@_chosen
@click.option("--for-good", cls=Option, is_flag=True, help=mark("On the server at once, past the trash."))
@click.pass_obj
def delete(face: Face, *, ids: Sequence[str], query: str | None, account: str | None, for_good: bool) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=lambda app, chosen: door.delete(app, chosen, for_good=for_good),
        operation="delete",
        done=(mark("{count} mail deleted."), mark("{count} mails deleted.")),
    )


@click.command("undo", cls=Command, help=mark("Take back the latest change of each mail, a deletion too."))
@_chosen
@click.pass_obj
def undo(face: Face, *, ids: Sequence[str], query: str | None, account: str | None) -> None:
    _change(
        face,
        ids,
        query,
        account,
        change=door.undo,
        operation="undo",
        removed=True,
        done=(
            mark("The latest change of {count} mail is taken back."),
            mark("The latest changes of {count} mails are taken back."),
        ),
    )
