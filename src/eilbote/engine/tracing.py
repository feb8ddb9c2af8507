"""The file that `--trace` names: opened for one command, closed at its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eilbote.clock import Clock
from eilbote.errors import Misused
from eilbote.net.trace import Trace


@contextmanager
def opened_trace(file: Path | None, clock: Clock) -> Iterator[Trace | None]:
    """A trace into `file`, readable by its owner alone; None where no trace is wanted.

    Raises Misused `trace.unwritable`.
    """
    if file is None:
        yield None
        return
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as problem:
        raise Misused("trace.unwritable", file=file, reason=problem.strerror) from None
    with os.fdopen(number, "w", encoding="utf-8", errors="replace") as stream:
        yield Trace(stream, clock)
