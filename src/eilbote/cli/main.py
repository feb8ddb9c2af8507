"""The command `eilbote`: which commands there are, and the border where errors become sentences.

Nothing below this border prints a traceback. Modules of commands are loaded when they are called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from eilbote.catalogue import LANGUAGES
from eilbote.cli.command import Group, mark
from eilbote.cli.face import Face
from eilbote.errors import EilboteError, Misused, Problem, Unreachable

DONE, WARNED, FAILED, UNREACHABLE, USAGE = 0, 1, 2, 3, 64
INTERRUPTED, READER_GONE = 130, 141

_COMMANDS = {
    "demo": ("demo", "demo", mark("Try everything with sample mail, without an account")),
    "account": ("account", "account", mark("Add, show, test and remove mail accounts")),
    "sync": ("sync", "sync", mark("Make server and local copy the same, in both directions")),
    "verify": ("verify", "verify", mark("Check that server and local copy are the same")),
    "serve": ("serve", "serve", mark("Keep all accounts in sync until stopped")),
    "mailboxes": ("mailboxes", "mailboxes", mark("List and change mailboxes")),
    "list": ("listing", "list_", mark("List mail, newest first")),
    "search": ("listing", "search", mark("Find mail by words, people, dates and more")),
    "thread": ("listing", "thread", mark("List a whole conversation")),
    "show": ("message", "show", mark("Show a mail")),
    "raw": ("message", "raw", mark("Write a mail exactly as it was received")),
    "attachments": ("message", "attachments", mark("List or save the attachments of a mail")),
    "flag": ("act", "flag", mark("Mark mail as read, flagged, or with keywords of your own")),
    "move": ("act", "move", mark("Move mail to another mailbox")),
    "copy": ("act", "copy", mark("Copy mail to another mailbox")),
    "archive": ("act", "archive", mark("Move mail to the archive")),
    "delete": ("act", "delete", mark("Delete mail: into the trash, out of the trash for good")),
    "junk": ("act", "junk", mark("Move mail to the junk mailbox")),
    "undo": ("act", "undo", mark("Take back what was done last")),
    "conflicts": (
        "conflicts",
        "conflicts",
        mark("Show what two sides changed at once, and how it was decided"),
    ),
    "completion": ("completion", "completion", mark("Print the completion script for a shell")),
    "man": ("man", "man", mark("Print the manual page")),
}

_SECTIONS = {
    mark("Start"): ("demo", "account", "sync", "verify", "serve"),
    mark("Read"): ("mailboxes", "list", "search", "thread", "show", "raw", "attachments"),
    mark("Act"): ("flag", "move", "copy", "archive", "delete", "junk", "undo", "conflicts"),
    mark("More"): ("completion", "man"),
}


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415  # only this option asks

        click.echo(f"eilbote {version('eilbote')}")
        context.exit()


root = Group(
    name="eilbote",
    help=mark("Eilbote keeps all your mail in one place of your own, in order and provably complete."),
    epilog=mark("First steps:\n  eilbote demo\n  eilbote account add you@example.org\n  eilbote sync"),
    lazy={
        name: (f"eilbote.cli.{module}", attribute, short)
        for name, (module, attribute, short) in _COMMANDS.items()
    },
    sections=_SECTIONS,
    no_args_is_help=False,
    invoke_without_command=True,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            hidden=True,
        )
    ],
)


@root.result_callback()
@click.pass_context
def _finish(context: click.Context, *_results: Any, **_parameters: Any) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 1 done with warnings, 2 failed, 3 not
    reached, 64 wrong usage, 130 interrupted, 141 the reader of our output went away."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    if "_EILBOTE_COMPLETE" in os.environ:
        from eilbote.cli.completion import complete  # noqa: PLC0415  # only a shell's Tab asks

        return complete(root, os.environ["_EILBOTE_COMPLETE"])
    face = Face(_given_language(given), json="--json" in given)
    try:
        return _run(face, given)
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\n")
        face.note(mark("Interrupted. Nothing is lost; the next run goes on from here."))
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_output()
        return READER_GONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return _wrong_usage(face, error)
    except EilboteError as error:
        face.problem(error.problem)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001  # the last border: never a traceback
        from eilbote.cli.crash import report  # noqa: PLC0415  # only a crash pays for it

        report(face, error)
        return FAILED


def exit_code(error: EilboteError) -> int:
    """The exit code of a command that ended with this error."""
    match error:
        case Unreachable():
            return UNREACHABLE
        case Misused():
            return USAGE
        case _:
            return FAILED


def _run(face: Face, arguments: list[str]) -> int:
    with root.make_context("eilbote", arguments, obj=face) as context:
        root.invoke(context)
    sys.stdout.flush()
    return WARNED if face.warnings else DONE


def _given_language(arguments: Sequence[str]) -> str | None:
    """`--lang` wherever it stands: errors of the command line itself need it already."""
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--lang":
            wanted = value if equals else next(iter(arguments[at + 1 : at + 2]), "")
            return wanted if wanted in LANGUAGES else None
    return None


def _wrong_usage(face: Face, error: click.UsageError) -> int:
    from eilbote.cli.usage import usage_problem  # noqa: PLC0415  # only wrong usage pays for it

    face.problem(usage_problem(error))
    if error.ctx is not None and not face.json:
        command = error.ctx.command_path
        face.note(mark("Help: {command} --help"), command=command)
    return USAGE


def _prepare_streams() -> None:
    # A terminal in another encoding shows a question mark where it has no sign; it never fails.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _let_go_of_output() -> None:
    # Python flushes standard output at its end and would complain about the broken pipe again.
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except OSError:
        return


__all__ = ["Problem", "exit_code", "main", "root"]


if __name__ == "__main__":
    sys.exit(main())
