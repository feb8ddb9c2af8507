"""The home that a command works in, opened with the settings and the trace of this run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eilbote.cli.face import Face
from eilbote.clock import SystemClock
from eilbote.engine.app import App, open_app
from eilbote.engine.tracing import opened_trace


@contextmanager
def opened_home(face: Face) -> Iterator[App]:
    """Opens the home for one command and closes it again, whatever happens in between."""
    clock = SystemClock()
    config = face.config
    with opened_trace(face.trace, clock) as trace, open_app(config, clock=clock, trace=trace) as app:
        yield app
