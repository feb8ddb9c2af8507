"""A home that is served while a test looks on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eilbote.engine.app import App
from eilbote.engine.events import Event, Passed, Watching, WatchState
from eilbote.engine.serve import serve
from tests.engine.world import until


class Log:
    """What a service has told so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def states(self) -> list[WatchState]:
        return [event.state for event in self.events if isinstance(event, Watching)]

    @property
    def passes(self) -> list[Passed]:
        return [event for event in self.events if isinstance(event, Passed)]


@asynccontextmanager
async def served(app: App) -> AsyncIterator[Log]:
    """Serves until the end of the block, from the first rest on."""
    log = Log()
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, told=log.events.append, stop=stop))
    try:
        await until(lambda: at_rest(log) or task.done())
        yield log
    finally:
        stop.set()
        await task


def at_rest(log: Log) -> bool:
    return bool(log.states) and log.states[-1] in (WatchState.IDLE, WatchState.NOTIFY, WatchState.POLLING)
