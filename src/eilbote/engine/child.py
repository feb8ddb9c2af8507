"""Processes of our own that work beside us on another core: how they are started and ended.

A child reads its standard input and ends with it, so that it never outlives its parent. No work may
depend on one: where the system allows no further process, there is none.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Sequence
from contextlib import suppress

_PATIENCE = 5.0


async def start_child(*program: str, pass_fds: Sequence[int] = ()) -> Process | None:
    """Starts this Python with these arguments; None where the system allows no process.

    It is in a session of its own: a Ctrl-C at the terminal is for the parent alone.
    """
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, *program, stdin=PIPE, stdout=PIPE, pass_fds=pass_fds, start_new_session=True
        )
    except OSError:
        return None


async def end_child(process: Process, ending: Awaitable[object]) -> None:
    """Closes a child's input, upon which `ending` must come; a child that takes too long is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(ending, _PATIENCE)
    except TimeoutError:
        kill_child(process)
        await process.wait()


def kill_child(process: Process) -> None:
    """Ends a child at once, if it has not ended already."""
    with suppress(ProcessLookupError):
        process.kill()
