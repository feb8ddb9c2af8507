"""Serving a POP3 account: it collects at once and when asked, waits out trouble, and a local account
beside it needs nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from eilbote.engine import setup
from eilbote.engine.app import App
from eilbote.engine.events import Event, Passed, Watching, WatchState
from eilbote.engine.owner import sync_accounts
from eilbote.engine.serve import serve
from eilbote.secret import Secret
from tests.contract.pop3_place import fake_place
from tests.engine.pop3_world import add_pop3_account, letters, pop3_world


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[list[Event]]:
    events: list[Event] = []
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, told=events.append, stop=stop))
    try:
        yield events
    finally:
        stop.set()
        await task


async def seen(events: list[Event], wanted: Callable[[Event], bool]) -> None:
    async with asyncio.timeout(30):
        while not any(map(wanted, events)):  # noqa: ASYNC110  # what happens is told by no future of ours
            await asyncio.sleep(0.01)


def state(wanted: WatchState) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Watching) and event.state is wanted


async def test_it_collects_at_once_at_an_interval_and_when_asked(tmp_path: Path) -> None:
    with (
        fake_place() as place,
        pop3_world(place.server, place.user, place.password, tmp_path / "home") as here,
    ):
        place.deliver(letters([1]))
        local = setup.planned_account(here.app, setup.Wanted("hier@example.de", local=True))
        await setup.add_account(here.app, local, Secret(""))
        often = replace(here.app, config=dataclasses.replace(here.app.config, sync_interval=5.0))
        async with serving(often) as events:
            await seen(events, lambda event: isinstance(event, Passed) and event.report.new == 1)
            await seen(events, state(WatchState.POLLING))
            place.deliver(letters([2]))
            reports = await sync_accounts(here.app)
            assert {one.account: one.new for one in reports} == {"anna@example.de": 1, "hier@example.de": 0}
            events.clear()
            place.deliver(letters([3]))
            await seen(events, lambda event: isinstance(event, Passed) and event.report.new == 1)
        assert here.held() == letters([1, 2, 3])


async def test_trouble_is_waited_out(tmp_path: Path) -> None:
    with (
        fake_place() as place,
        pop3_world(place.server, place.user, place.password, tmp_path / "home") as here,
    ):
        assert place.fake is not None
        place.deliver(letters([1]))
        place.fake.behaviour.cut_at = "STAT"
        async with serving(here.app) as events:
            await seen(events, state(WatchState.WAITING))
            place.fake.behaviour.cut_at = ""
            await seen(events, lambda event: isinstance(event, Passed) and event.report.new == 1)


async def test_a_removed_account_ends_its_watch_alone(tmp_path: Path) -> None:
    with (
        fake_place() as place,
        pop3_world(place.server, place.user, place.password, tmp_path / "home") as here,
    ):
        async with serving(here.app) as events:
            await seen(events, state(WatchState.POLLING))
            setup.remove_account(here.app, here.account.address)
            other = add_pop3_account(
                here.app, place.server, place.user, place.password, address="b@example.de"
            )
            await seen(events, lambda event: isinstance(event, Watching) and event.id == other.id)
