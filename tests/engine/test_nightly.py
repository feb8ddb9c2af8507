"""The nightly check comes once a night, in its hour, and tries no password that was refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace as replace_config
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from eilbote.clock import local_day_and_hour
from eilbote.engine.events import Checked, Event, Watching
from eilbote.engine.nightly import Nights
from eilbote.engine.serve import serve
from eilbote.errors import Problem
from eilbote.secret import Secret
from eilbote.store.values import AccountState
from tests.engine.world import until
from tests.faults.embedded import add_account, embedded


def at(day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, day, hour, minute).timestamp()  # the machine's own time


def test_it_is_due_once_in_its_hour() -> None:
    nights = Nights(3)
    seen = [(day, hour) for day in (1, 2, 3) for hour in range(24) if nights.is_due(at(day, hour))]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert not nights.is_due(at(3, 3, 59))


def test_it_can_be_switched_off() -> None:
    nights = Nights(-1)
    assert not any(nights.is_due(at(1, hour)) for hour in range(24))


async def test_a_password_that_was_refused_is_not_tried_by_it(tmp_path: Path) -> None:
    """Once an hour at most, and three times in all: that is the watch's."""
    async with embedded(tmp_path / "home") as here:
        app = here.app
        wrong = add_account(app, here.server.port, "aaa@example.de", user="nobody")
        sealed = app.vault.seal(Secret("falsch"), f"account:{wrong.address}")
        app.store.accounts.update(wrong.id, sealed=sealed)
        refusal = Problem("imap.login_refused", {"host": "127.0.0.1", "user": "nobody", "text": ""})
        app.store.accounts.update(wrong.id, state=AccountState.FAILING, problem=refusal)
        hour = local_day_and_hour(app.clock.now())[1]
        app = replace(app, config=replace_config(app.config, check_hour=hour))
        events: list[Event] = []
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, told=events.append, stop=stop))
        try:
            await until(lambda: [one.account for one in events if isinstance(one, Checked)] != [])
            await until(lambda: any(isinstance(one, Watching) and one.id == wrong.id for one in events))
        finally:
            stop.set()
            await serving
        assert [one.account for one in events if isinstance(one, Checked)] == [here.account.address]
