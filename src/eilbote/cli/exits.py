"""What the exit codes of the program mean; `docs/cli.md` promises them to scripts."""

from __future__ import annotations

from eilbote.errors import EilboteError, Misused, Unreachable

DONE, WARNED, FAILED, UNREACHABLE, USAGE = 0, 1, 2, 3, 64
INTERRUPTED, READER_GONE = 130, 141


def exit_code(error: EilboteError) -> int:
    """The exit code of a command that ended with this error."""
    match error:
        case Unreachable():
            return UNREACHABLE
        case Misused():
            return USAGE
        case _:
            return FAILED
