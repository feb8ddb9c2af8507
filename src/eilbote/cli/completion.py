"""`eilbote completion SHELL` prints a script for the shell; the script asks `complete` at each Tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face

VARIABLE = "_EILBOTE_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Command,
    help=mark("Print the script that makes a shell complete commands, options and names at Tab."),
    epilog=mark(
        "To switch it on for good:\n"
        "  bash   eilbote completion bash >> ~/.bash_completion\n"
        "  zsh    eilbote completion zsh > FOLDER/_eilbote   (a folder of $fpath)\n"
        "  fish   eilbote completion fish > ~/.config/fish/completions/eilbote.fish"
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def completion(face: Face, shell: str) -> None:
    script = completion_script(shell)
    if face.json:
        face.record({"shell": shell, "script": script})
    else:
        face.line(script.rstrip("\n"))


def completion_script(shell: str) -> str:
    """The script for `bash`, `zsh` or `fish`. It runs `eilbote` for the candidates."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415  # only a shell asks

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(click.Command("eilbote"), {}, "eilbote", VARIABLE)
    return kind.source_template % script.source_vars()


def complete(instruction: str) -> int:
    """Answers one Tab of a shell: `instruction` is what the script put into the environment."""
    from click.shell_completion import shell_complete  # noqa: PLC0415  # see `completion_script`

    from eilbote.cli.root import root  # noqa: PLC0415  # the root knows this command

    return shell_complete(root, {"obj": Face()}, "eilbote", VARIABLE, instruction)


def account_names(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """Addresses of accounts that begin so; none where the home cannot be read."""
    return _names(context, start, lambda app: [each.address for each in app.store.accounts.all()])


def mailbox_names(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """Names of mailboxes that begin so; none where the home cannot be read."""
    from eilbote.engine.read import list_mailboxes  # noqa: PLC0415  # only at a Tab

    return _names(context, start, lambda app: [each.name for _, each in list_mailboxes(app)])


def people(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """Addresses of people whom this beginning may mean, by name too; none where the home cannot be read."""
    from eilbote.engine.complete import complete_address  # noqa: PLC0415  # only at a Tab

    def ask(app: Any) -> list[str]:
        return [one.address.spec for one in complete_address(app, start)]

    return _names(context, "", ask)


def _names(context: click.Context, start: str, ask: Callable[[Any], list[str]]) -> list[str]:
    from eilbote.cli.home import opened_home  # noqa: PLC0415  # only at a Tab
    from eilbote.errors import EilboteError  # noqa: PLC0415

    face = context.find_root().obj
    if not isinstance(face, Face) or not face.config.home.is_dir():
        return []
    try:
        with opened_home(face) as app:
            names = ask(app)
    except EilboteError:  # a Tab is no place for an error: the command itself will tell
        return []
    return [name for name in dict.fromkeys(names) if name.startswith(start)]
