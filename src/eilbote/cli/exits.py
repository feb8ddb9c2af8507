"""What the exit codes of the program mean; `docs/cli.md` promises them to scripts."""

from __future__ import annotations

from eilbote.errors import EilboteError, Misused, Problem, Unreachable

DONE, WARNED, FAILED, UNREACHABLE, USAGE = 0, 1, 2, 3, 64
_OWN_FAULTS = ("store.failed", "store.nested_write", "imap.pipelined", "imap.empty_set")
"""What is misused by the program itself: no other arguments would help."""

_OWN_MACHINE = ("store.full", "store.busy", "store.unreadable")
"""What time or a person cures, but not on a server: failed, not unreachable."""

INTERRUPTED, READER_GONE = 130, 141


def exit_code(error: EilboteError) -> int:
    """The exit code of a command that ended with this error."""
    match error:
        case Unreachable() if error.problem.code not in _OWN_MACHINE:
            return UNREACHABLE
        case Misused() if error.problem.code not in _OWN_FAULTS:
            return USAGE
        case _:
            return FAILED


def is_unreachable(problem: Problem) -> bool:
    """Whether only the network or the server stood in the way."""
    # Problems that time may cure say when to try again; those of the network are named `net.`.
    passing = problem.retry_after is not None or problem.code.startswith("net.")
    return passing and problem.code not in _OWN_MACHINE
