"""What the exit codes of the program mean; `docs/cli.md` promises them to scripts."""

from __future__ import annotations

from eilbote.errors import EilboteError, Misused, Unreachable

DONE, WARNED, FAILED, UNREACHABLE, USAGE = 0, 1, 2, 3, 64
_OWN_FAULTS = ("store.failed", "store.nested_write", "imap.pipelined", "imap.empty_set")
"""What is misused by the program itself: no other arguments would help."""

INTERRUPTED, READER_GONE = 130, 141


def exit_code(error: EilboteError) -> int:
    """The exit code of a command that ended with this error."""
    match error:
        case Unreachable():
            return UNREACHABLE
        case Misused() if error.problem.code not in _OWN_FAULTS:
            return USAGE
        case _:
            return FAILED
