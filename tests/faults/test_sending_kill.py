"""Sending killed with SIGKILL at every persistence step and resumed: nothing is lost, nothing goes out
twice, each mail has one copy in Sent."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from eilbote.delivery.values import SendState
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import send_now
from eilbote.engine.send import Envelope, Handling, queue_mail, resolve
from eilbote.store.database import unobserved
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.engine.sending import ADDRESS, ANNA, BEN, PASSWORD, opened_office, raw_mail
from tests.faults.actor import killed_at
from tests.faults.test_pop3_kill import forked

CARLA = "carla@example.net"
MAILS = {1: (ANNA,), 2: (ANNA, BEN), 3: (CARLA,), 4: (BEN, CARLA)}
REFUSED = CARLA


@contextmanager
def running_sink() -> Iterator[tuple[Sink, int]]:
    """A submission server in a thread of its own, which outlives the killed processes."""
    sink = Sink(accounts={ADDRESS: PASSWORD}, replies={f"RCPT {REFUSED}": "550 5.1.1 Unknown"})
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    port = 0

    async def serve() -> None:
        nonlocal port
        async with SmtpServer(sink) as server:
            port = server.port
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield sink, port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def send_all(home: Path, store_url: str, port: int, observer: Callable[[str], None]) -> None:
    """Queues every mail that is not queued yet, and delivers what is due."""
    with opened_office(home, port, Sink(), store_url, observer=observer) as here:
        for number, recipients in MAILS.items():
            envelope = Envelope(ADDRESS, recipients)
            queue_mail(here.app, here.account, raw_mail(number), envelope, Handling(key=f"mail-{number}"))
        asyncio.run(here.deliver())


def check(home: Path, store_url: str, port: int, received: list[tuple[tuple[str, ...], bytes]]) -> None:
    """What must be true after a kill and a quiet run, whatever the kill interrupted."""
    got = Counter((data, one) for recipients, data in received for one in recipients)
    assert not got or max(got.values()) == 1, "somebody got a mail twice"
    with opened_office(home, port, Sink(), store_url) as here:
        outbox = here.app.store.outbox
        for mail in outbox.all(limit=100):
            number = int(mail.message_id.removeprefix("s").partition("@")[0])
            has_it = [one for one in MAILS[number] if got[raw_mail(number), one]]
            wanted = [one for one in MAILS[number] if one != REFUSED]
            if mail.state is SendState.UNCERTAIN:
                resolve(here.app, mail.id, sent=bool(has_it))
            elif not wanted:
                assert mail.state is SendState.FAILED
            else:
                assert mail.state is SendState.DONE, mail
                assert has_it == wanted, "called sent, and somebody has not got it"
        assert len(outbox.all(limit=100)) == len(MAILS)
        asyncio.run(send_now(here.app, here.account, HostBudget(5)))
        states = {one.message_id: one.state for one in outbox.all(limit=100)}
        assert sorted(states.values()) == [SendState.DONE] * 3 + [SendState.FAILED], states
        assert here.sent_copies() == ["Brief 1", "Brief 2", "Brief 4"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("store", "stride"), [("sqlite", 1), ("postgres", 5)])
def test_killed_at_every_step(
    store: str, stride: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    log = tmp_path / "failure.txt"
    uncertain = killed = step = 0
    while True:
        step += stride
        home = tmp_path / f"home-{step}"
        postgres = request.getfixturevalue("postgres") if store == "postgres" else None
        store_url = postgres.new_database() if postgres is not None else ""
        with running_sink() as (sink, port):
            run = partial(send_all, home, store_url, port)
            ended = forked(partial(run, killed_at(step)), log)
            assert ended in (0, -signal.SIGKILL), f"killed at {step}: {log.read_text()}"
            assert forked(partial(run, unobserved), log) == 0, f"after {step}: {log.read_text()}"
            received = [(one.recipients, one.data) for one in sink.received]
            checked = forked(partial(check, home, store_url, port, received), log)
            assert checked == 0, f"killed at {step}: {log.read_text()}"
            everybody = Counter((one.data, to) for one in sink.received for to in one.recipients)
            assert len(everybody) == 4, f"killed at {step}: somebody has not got a mail"
            assert set(everybody.values()) == {1}, f"killed at {step}: somebody got a mail twice"
            uncertain += len(sink.received) > len(received)
        if postgres is not None:
            postgres.drop(store_url)
        killed += ended != 0
        if ended == 0:
            break
    assert killed * stride > 15, "there were steps to be killed at"
    assert uncertain or stride > 1, "one of the kills left a mail that had not gone"
