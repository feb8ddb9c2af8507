"""Runs over the outbox as people ask for them: once, until nothing waits, and beside a serving process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.delivery.values import Policy, SendState
from eilbote.engine.outbox import next_moment, run_outbox
from eilbote.engine.progress import Delivered
from eilbote.engine.send import Handling
from eilbote.engine.serve import serve
from eilbote.testing.smtp.sink import Play, Then
from tests.engine.sending import Office, office
from tests.engine.world import until


class SkippingClock(SystemClock):
    """Sleeping costs no time: the clock is simply later. Leases would run out at once."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.naps: list[float] = []

    def now(self) -> float:
        return super().now() + self.skipped

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.skipped += seconds
        await asyncio.sleep(0)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@contextlib.asynccontextmanager
async def skipping(home: Path) -> AsyncIterator[tuple[Office, SkippingClock]]:
    clock = SkippingClock()
    async with office(home) as here:
        yield Office(replace(here.app, clock=clock), here.account, here.sink), clock


async def test_once_is_what_is_due_now(tmp_path: Path, store_url: str) -> None:
    async with office(tmp_path / "home", store_url) as here:
        due = here.queue(1)
        later = here.queue(2, handling=Handling(delay=3600))
        (done,) = await run_outbox(here.app)
        assert (done.sent, here.state(later)) == (1, SendState.ACCEPTED), done
        assert here.state(due) in (SendState.SENT, SendState.DONE)
        assert done.next_at == here.app.store.outbox.get(later.id).not_before


async def test_waiting_goes_on_until_nothing_waits(tmp_path: Path) -> None:
    async with skipping(tmp_path / "home") as (here, clock):
        here.sink.replies["."] = Play("451 4.3.0 Later", times=2)
        mails = [here.queue(1), here.queue(2, handling=Handling(delay=600))]
        told: list[Delivered] = []
        (done,) = await run_outbox(here.app, wait=True, told=told.append)
        assert [here.state(mail) for mail in mails] == [SendState.DONE] * 2
        assert (done.sent, done.failed, done.deferred, done.problem) == (2, 0, 0, None)
        assert sum(one.sent for one in told) == 2
        assert len(here.sink.received) == 2
        assert clock.skipped > 590
        assert next_moment(here.app) is None


async def test_a_server_that_is_away_is_not_asked_for_each_mail_at_once(tmp_path: Path) -> None:
    async with skipping(tmp_path / "home") as (here, clock):
        mails = [here.queue(number) for number in range(20)]
        here.sink.replies["GREETING"] = Play("421 4.3.2 Closed", Then.CLOSE, times=3)
        (done,) = await run_outbox(here.app, wait=True)
        assert done.sent == 20
        assert {here.state(mail) for mail in mails} == {SendState.DONE}
        assert min(clock.naps[:3]) >= 1.0


async def test_what_waits_for_a_person_ends_the_waiting(tmp_path: Path) -> None:
    async with skipping(tmp_path / "home") as (here, _):
        here.sink.replies["."] = Play(None, Then.RESET, takes=False, times=1)
        mail = here.queue(1)
        (done,) = await run_outbox(here.app, wait=True)
        assert (done.uncertain, here.state(mail)) == (1, SendState.UNCERTAIN)
        assert here.sink.received == []


async def test_what_goes_out_once_more_by_itself_is_waited_for(tmp_path: Path) -> None:
    async with skipping(tmp_path / "home") as (here, clock):
        here.sink.replies["."] = Play(None, Then.RESET, takes=False, times=1)
        mail = here.queue(1, handling=Handling(policy=Policy.RESEND))
        (done,) = await run_outbox(here.app, wait=True)
        assert (done.sent, here.state(mail), len(here.sink.received)) == (1, SendState.DONE, 1)
        assert clock.skipped > 590


async def test_a_refused_login_ends_it_when_no_try_is_left(tmp_path: Path) -> None:
    async with skipping(tmp_path / "home") as (here, clock):
        here.sink.replies["AUTH"] = "535 5.7.8 Wrong"
        mail = here.queue(1)
        (done,) = await run_outbox(here.app, wait=True)
        assert (done.paused, done.next_at, here.state(mail)) == (True, None, SendState.DEFERRED)
        assert here.app.store.outbox.get(mail.id).attempts == 0
        assert clock.skipped >= 3600


async def test_a_serving_process_is_asked(tmp_path: Path, store_url: str) -> None:
    async with office(tmp_path / "home", store_url) as here:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(here.app, stop=stop))
        await until(lambda: here.app.store.ownership.holder(here.account.id) is not None)
        try:
            mail = here.queue(1)
            try:
                async with asyncio.timeout(60):
                    (done,) = await run_outbox(here.app, wait=True)
            except TimeoutError:
                pytest.fail(f"{here.app.store.outbox.all()}, {serving}")
            assert (done.account, done.problem) == (here.account.address, None)
            assert here.state(mail) in (SendState.SENT, SendState.DONE)
            assert len(here.sink.received) == 1
        finally:
            stop.set()
            await serving
