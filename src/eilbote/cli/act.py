"""`eilbote flag`, `move`, `copy`, `archive`, `delete`, `junk` and `undo`: changes of mail.

Each works at once on the local copy and reaches the server with the next sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

import click
from msgspec import Struct

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import mailbox_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option
from eilbote.engine import act as door
from eilbote.engine.app import App
from eilbote.engine.read import chosen_mail
from eilbote.errors import Misused
from eilbote.mail.mailbox import ANSWERED, FLAGGED, SEEN

_target_option = click.option(
    "--to",
    "target",
    cls=Option,
    required=True,
    metavar="MAILBOX",
    help=mark("Where to."),
    shell_complete=mailbox_names,
)


class _Choice(Struct, frozen=True):
    """Mail that a command was given, by ids or by a search."""

    face: Face
    ids: Sequence[str]
    query: str | None
    account: str | None

    def change(
        self,
        operation: str,
        change: Callable[[App, Sequence[int]], Sequence[int]],
        one: str,
        several: str,
        *,
        removed: bool = False,
        **parameters: object,
    ) -> None:
        """Changes it and tells so, in the words for `one` mail or for `several`."""
        face = self.face
        with opened_home(face) as app:
            chosen = chosen_mail(app, self.ids, self.query, self.account, removed=removed)
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
            face.line(face.plural(one, several, len(chosen), **parameters))


def _of_mail(command: Callable[..., None]) -> Callable[..., None]:
    """Lets a command that works on a choice be given ids, or a search."""

    @click.argument("ids", nargs=-1, metavar="[ID]...")
    @click.option("--search", "query", cls=Option, metavar="QUERY", help=mark("All mail that this finds."))
    @account_option
    @click.pass_obj
    @wraps(command)
    def chosen(
        face: Face, /, *, ids: Sequence[str], query: str | None, account: str | None, **options: object
    ) -> None:
        command(_Choice(face, ids, query, account), **options)

    return chosen


@click.command(
    "flag",
    cls=Command,
    help=mark("Mark mail as read, flagged or answered, or add and remove flags and keywords of your own."),
)
@_of_mail
@click.option("--read/--unread", cls=Option, default=None, help=mark("Read, or not."))
@click.option("--flagged/--unflagged", cls=Option, default=None, help=mark("With a star, or without."))
@click.option("--answered/--unanswered", cls=Option, default=None, help=mark("Answered, or not."))
@click.option("--add", cls=Option, multiple=True, metavar="FLAG", help=mark("Add this flag or keyword."))
@click.option(
    "--remove", cls=Option, multiple=True, metavar="FLAG", help=mark("Remove this flag or keyword.")
)
def flag(
    choice: _Choice,
    *,
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
        raise Misused("cli.no_flag_named")
    choice.change(
        "flag",
        lambda app, chosen: door.change_flags(app, chosen, added, removed),
        mark("{count} mail marked."),
        mark("{count} mails marked."),
    )


@click.command("move", cls=Command, help=mark("Move mail to another mailbox of its account."))
@_of_mail
@_target_option
@click.option(
    "--from", "source", cls=Option, metavar="MAILBOX", help=mark("Where from, if the mail lies in several.")
)
def move(choice: _Choice, *, target: str, source: str | None) -> None:
    choice.change(
        "move",
        lambda app, chosen: door.move(app, chosen, target, source=source),
        mark("{count} mail moved to {mailbox}."),
        mark("{count} mails moved to {mailbox}."),
        mailbox=target,
    )


@click.command("copy", cls=Command, help=mark("Copy mail to another mailbox of its account."))
@_of_mail
@_target_option
def copy(choice: _Choice, *, target: str) -> None:
    choice.change(
        "copy",
        lambda app, chosen: door.copy(app, chosen, target),
        mark("{count} mail copied to {mailbox}."),
        mark("{count} mails copied to {mailbox}."),
        mailbox=target,
    )


@click.command("archive", cls=Command, help=mark("Move mail to the archive of its account."))
@_of_mail
def archive(choice: _Choice) -> None:
    choice.change(
        "archive",
        door.archive,
        mark("{count} mail archived."),
        mark("{count} mails archived."),
    )


@click.command("junk", cls=Command, help=mark("Move mail to the junk mailbox of its account."))
@_of_mail
def junk(choice: _Choice) -> None:
    choice.change(
        "junk",
        door.junk,
        mark("{count} mail moved to the junk mailbox."),
        mark("{count} mails moved to the junk mailbox."),
    )


@click.command(
    "delete",
    cls=Command,
    help=mark(
        "Move mail to the trash; what lies there already is deleted on the server. "
        "“eilbote undo ID” brings it back."
    ),
)
@_of_mail
@click.option("--for-good", cls=Option, is_flag=True, help=mark("On the server at once, past the trash."))
def delete(choice: _Choice, *, for_good: bool) -> None:
    choice.change(
        "delete",
        lambda app, chosen: door.delete(app, chosen, for_good=for_good),
        mark("{count} mail deleted."),
        mark("{count} mails deleted."),
    )


@click.command("undo", cls=Command, help=mark("Take back the latest change of each mail, a deletion too."))
@_of_mail
def undo(choice: _Choice) -> None:
    choice.change(
        "undo",
        door.undo,
        mark("The latest change of {count} mail is taken back."),
        mark("The latest changes of {count} mails are taken back."),
        removed=True,
    )
