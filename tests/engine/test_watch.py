"""A served account is current: by IDLE, by NOTIFY, by polls, on Dovecot and with other clients about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from eilbote.engine.app import App
from eilbote.engine.events import Event, Passed, Watching, WatchState
from eilbote.engine.serve import serve
from eilbote.mail.mailbox import SEEN
from tests.engine.world import mail, until
from tests.faults.embedded import Embedded, embedded


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


async def settled(here: Embedded, log: Log, done: Callable[[], bool] | None = None) -> None:
    await until(lambda: (done or (lambda: here.held() == here.there()))() and at_rest(log))


async def test_new_mail_and_flags_of_others_come_by_idle(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        async with served(here.app) as log:
            assert log.states[-1] is WatchState.IDLE
            for number in range(2, 6):
                here.inbox.append(mail(number))
                await settled(here, log)
            here.inbox.set_flags(1, {SEEN})
            await settled(here, log)
