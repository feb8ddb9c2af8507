"""`serve` sends what is queued while it runs, and ends without losing what is under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eilbote.delivery.recovery import found_at_restart
from eilbote.delivery.values import SendState
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import Event, Sent
from eilbote.engine.owner import sync_accounts
from eilbote.engine.send import Handling
from eilbote.engine.senders import Senders
from eilbote.engine.serve import serve
from eilbote.store.values import AccountState
from tests.engine.sending import ANNA, Office, office
from tests.engine.world import until


class Serving:
    """`serve` over an office's home, and what it has told."""

    def __init__(self, here: Office) -> None:
        self.events: list[Event] = []
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(serve(here.app, told=self.events.append, stop=self._stop))

    @property
    def sent(self) -> list[Sent]:
        return [event for event in self.events if isinstance(event, Sent)]

    async def stop(self) -> None:
        self._stop.set()
        await self._task


def test_what_is_queued_beside_it_leaves_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            serving = Serving(here)
            for number in range(3):
                mail = here.queue(number)
                await until(lambda mail=mail: here.state(mail) is SendState.DONE)  # type: ignore[misc]
            await serving.stop()
            assert len(here.sink.received) == 3
            assert sum(event.delivered.sent for event in serving.sent) == 3
            assert len(here.sent_copies()) == 3

    asyncio.run(story())


def test_what_a_process_that_died_has_left_goes_on(tmp_path: Path) -> None:
    """All that there was had been claimed: nothing is waiting."""

    async def story() -> None:
        async with office(tmp_path / "home") as here:
            told, doubtful = here.queue(1), here.queue(2)
            outbox, now = here.app.store.outbox, here.app.clock.now()
            assert len(outbox.claim(here.account.id, now, 10)) == 2
            outbox.record(now, ending={doubtful.id: ()})
            serving = Serving(here)
            await until(lambda: here.state(told) is SendState.DONE)
            await until(lambda: here.state(doubtful) is SendState.UNCERTAIN)
            await serving.stop()
            assert len(here.sink.received) == 1

    asyncio.run(story())


def test_sync_takes_up_what_a_process_that_died_has_left(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            assert here.app.store.outbox.claim(here.account.id, here.app.clock.now(), 10)
            await sync_accounts(here.app)
            assert here.state(mail) is SendState.DONE

    asyncio.run(story())


def test_a_mail_taken_back_in_time_never_leaves(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            serving = Serving(here)
            undone = here.queue(1, handling=Handling(delay=600))
            mail = here.queue(2)
            await until(lambda: here.state(mail) is SendState.DONE)
            await serving.stop()
            assert here.state(undone) is SendState.ACCEPTED
            assert len(here.sink.received) == 1

    asyncio.run(story())


def test_a_paused_account_sends_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            here.app.store.accounts.set_state(here.account.id, AccountState.PAUSED)
            other = here.another_account("lena@example.de")
            serving = Serving(here)
            queued = here.queue(2, account=other)
            await until(lambda: here.state(queued) is SendState.DONE)
            assert here.state(mail) is SendState.ACCEPTED, "the other account's mail went, this one waits"
            here.app.store.accounts.set_state(here.account.id, AccountState.READY)
            await until(lambda: here.state(mail) is SendState.DONE)
            await serving.stop()

    asyncio.run(story())


def test_a_refused_login_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            here.sink.accounts = {"somebody": "else"}
            serving = Serving(here)
            mail = here.queue(1)
            await until(lambda: bool(serving.sent))
            await serving.stop()
            (event,) = serving.sent
            assert event.delivered.paused
            assert here.state(mail) is SendState.DEFERRED
            pause = here.app.store.sending_pauses.of(here.account.id)
            assert pause is not None
            assert (pause.tries, pause.problem.code) == (1, "smtp.login_refused")

    asyncio.run(story())


def test_sync_sends_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            (report,) = await sync_accounts(here.app)
            assert report.delivered is not None
            assert report.delivered.sent == 1
            assert here.state(mail) is SendState.DONE
            (report,) = await sync_accounts(here.app)
            assert report.delivered is None

    asyncio.run(story())


def test_who_waits_for_long_is_told_of_once_a_stage(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            here.sink.replies[f"RCPT {ANNA}"] = "450 4.2.0 Greylisted"
            mail = here.queue(1)
            scheduled = here.queue(2, handling=Handling(at=here.app.clock.now() + 3600))
            assert (await here.deliver()).delayed == ()
            stages: list[tuple[int, ...]] = []
            for hours in (0.3, 0.4, 4.5, 25.0):
                _waited(here, hours * 3600)
                stages.append((await here.deliver()).delayed)
            assert stages == [(mail.id,), (), (mail.id,), (mail.id,)]
            assert here.state(scheduled) is SendState.ACCEPTED

    asyncio.run(story())


def test_in_serve_a_person_is_asked_once_about_an_uncertain_mail(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            outbox, now = here.app.store.outbox, here.app.clock.now()
            outbox.claim(here.account.id, now, 1)
            outbox.record(now, ending={mail.id: ()})
            outbox.recover(here.account.id, found_at_restart, now - 7200)
            serving = Serving(here)
            await until(lambda: bool(serving.sent))
            later = here.queue(2)
            await until(lambda: here.state(later) is SendState.DONE)
            await until(lambda: len(serving.sent) > 1)
            await serving.stop()
            assert [event.delivered.asked for event in serving.sent] == [(mail.id,)] * 2
            assert [event.delivered.sent for event in serving.sent] == [0, 1]

    asyncio.run(story())


def _waited(here: Office, seconds: float) -> None:
    with here.app.store.database.write() as session:
        session.run("UPDATE outgoing SET begins = ? WHERE attempts > 0", (here.app.clock.now() - seconds,))


def test_a_run_that_was_asked_for_has_its_answer_whenever_the_store_is_looked_at(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            senders = Senders(here.app, lambda _: here.app, HostBudget(5), lambda event: None)
            here.queue(1)
            flushing = asyncio.create_task(senders.flush(here.account))
            while not flushing.done():
                await asyncio.sleep(0)
                senders.look({here.account.id: here.account}, {}, ())
            delivered = flushing.result()
            assert delivered is not None and delivered.sent == 1
            await senders.close()

    asyncio.run(story())
