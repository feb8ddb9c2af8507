"""The command `eilbote`: streams, language, and the help of the program, which must come at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from eilbote.catalogue import LANGUAGES
from eilbote.cli.exits import DONE, FAILED, INTERRUPTED, READER_GONE
from eilbote.cli.face import Face


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 1 done with warnings, 2 failed, 3 not
    reached, 64 wrong usage, 130 interrupted, 141 the reader of our output went away."""
    try:
        return _main(_called_with() if arguments is None else list(arguments))
    except KeyboardInterrupt:  # before a command has begun, which would say more
        return INTERRUPTED


def _main(given: Sequence[str]) -> int:
    _prepare_streams()
    if "_EILBOTE_COMPLETE" in os.environ:
        from eilbote.cli.completion import complete  # noqa: PLC0415  # only a shell's Tab asks

        return complete(os.environ["_EILBOTE_COMPLETE"])
    language, rest = _given_language(given)
    face = Face(language, json="--json" in given)
    code = _help(face) if rest in ([], ["--help"], ["-h"]) else _run(face, given)
    try:
        sys.stdout.flush()
    except OSError:  # told already; Python must not complain about it once more at its end
        _let_go_of_output()
    return code


def _called_with() -> list[str]:
    """The arguments of this process; called by the name `sendmail` they are those of sendmail."""
    given = sys.argv[1:]
    return ["send", "--as-sendmail", *given] if Path(sys.argv[0]).name == "sendmail" else given


def program() -> NoReturn:
    """The command as it is installed: `main`, then an end at once. Python would take every module
    apart first, which is a fifth of a short command's time and helps nobody."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # told already, or closed
            stream.flush()
    os._exit(code)


def _help(face: Face) -> int:
    from eilbote.cli.overview import overview  # noqa: PLC0415  # only the help shows it

    try:
        sys.stdout.write(overview(face.catalogue.text, face.cells()))
        sys.stdout.flush()
    except BrokenPipeError:
        return READER_GONE
    except OSError as error:
        from eilbote.errors import Problem  # noqa: PLC0415  # seldom; the help must come at once

        face.problem(Problem("program.system", {"reason": error.strerror or type(error).__name__}))
        return FAILED
    return DONE


def _run(face: Face, arguments: Sequence[str]) -> int:
    from eilbote.cli.root import run  # noqa: PLC0415  # loads the parser of the command line

    return run(face, arguments)


def _given_language(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """`--lang` wherever it stands, because errors of the command line itself need it already; and
    the arguments without it. A language that is none of ours stays among them, to be named."""
    language: str | None = None
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        wanted = value if equals else next(waiting, "") if name == "--lang" else ""
        if name == "--lang" and wanted in LANGUAGES:
            language = wanted
        else:
            rest.append(argument)
    return language, rest


def _prepare_streams() -> None:
    _fill_closed_streams()
    # A terminal in another encoding shows a question mark where it has no sign; it never fails.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _fill_closed_streams() -> None:
    """Puts nothing where the caller has closed a standard stream (`>&-`): otherwise the next file that
    is opened would take its number, and be written to."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # it stays


def _let_go_of_output() -> None:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except OSError:
        return


if __name__ == "__main__":
    program()
