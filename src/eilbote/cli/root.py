"""All commands under one root, and the border where errors become sentences.

Nothing below this border prints a traceback. Modules of commands are loaded when they are called.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from eilbote.cli.command import Group, mark
from eilbote.cli.exits import DONE, FAILED, INTERRUPTED, READER_GONE, USAGE, WARNED, exit_code
from eilbote.cli.face import Face
from eilbote.cli.overview import COMMANDS, PURPOSE, overview
from eilbote.errors import EilboteError, Misused, Problem


class _Root(Group):
    """The program itself: its help is the overview."""

    def get_help(self, ctx: click.Context) -> str:
        face = ctx.obj if isinstance(ctx.obj, Face) else Face()
        return overview(face.catalogue.text, face.cells()).rstrip("\n")


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415  # only this option asks

        click.echo(f"eilbote {version('eilbote')}")
        context.exit()


root = _Root(
    name="eilbote",
    help=PURPOSE,
    lazy={
        name: (f"eilbote.cli.{module}", attribute, short)
        for name, (module, attribute, short) in COMMANDS.items()
    },
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


def run(face: Face, arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit code."""
    try:
        _check_signs(arguments)
        with root.make_context("eilbote", list(arguments), obj=face) as context:
            root.invoke(context)
        sys.stdout.flush()  # a full disk or a reader that went away shows here
        return WARNED if face.warnings else DONE
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\n")
        face.note(mark("Interrupted. Nothing is lost; the next run goes on from here."))
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return _wrong_usage(face, error)
    except EilboteError as error:
        face.problem(error.problem)
        return exit_code(error)
    except OSError as error:
        if os.environ.get("EILBOTE_DEBUG"):
            traceback.print_exception(error, file=sys.stderr)
        face.problem(Problem("program.system", {"reason": error.strerror or type(error).__name__}))
        return FAILED
    except Exception as error:  # noqa: BLE001  # the last border: never a traceback
        from eilbote.cli.crash import report  # noqa: PLC0415  # only a crash pays for it

        report(face, error)
        return FAILED


def _check_signs(arguments: Sequence[str]) -> None:
    """Raises Misused `cli.not_utf8` for an argument whose bytes are no text in the system's encoding."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise Misused("cli.not_utf8", argument=argument) from None


def _wrong_usage(face: Face, error: click.UsageError) -> int:
    from eilbote.cli.usage import usage_problem  # noqa: PLC0415  # only wrong usage pays for it

    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not face.json:
        sys.stderr.write(error.format_message() + "\n")
        return USAGE
    face.problem(usage_problem(error))
    if error.ctx is not None and not face.json:
        face.note(mark("Help: {command} --help"), command=error.ctx.command_path)
    return USAGE
