"""Cases in which other programs sent mail twice, or to people who never asked for any, each a test that fails
where they failed (M9 to M12 of the museum)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.delivery.retry import LIFETIME
from eilbote.delivery.values import Foreseen, Policy, SendState
from eilbote.engine import setup
from eilbote.engine.app import open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import send_now
from eilbote.engine.foresee import foresee
from eilbote.engine.send import Handling
from eilbote.secret import Secret
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Play, Sink, Then
from tests.engine.sending import ADDRESS, PASSWORD, Office, opened_office, raw_mail
from tests.engine.test_foresee import Internet, server_context
from tests.faults.hand_time import HandClock, run_by_hand
from tests.faults.test_pop3_kill import forked
from tests.faults.test_sending_kill import running_sink
from tests.faults.trial import quick_folder

DAY = 86_400.0


def later(here: Office, seconds: float) -> None:
    assert isinstance(here.app.clock, HandClock)
    here.app.clock.move(seconds)


@pytest.mark.parametrize("policy", list(Policy))
def test_m9_a_timeout_after_the_end_is_no_reason_to_send_again(tmp_path: Path, policy: Policy) -> None:
    """The server needs eleven minutes, and takes the mail. Tried for a day, it has it once, or twice where
    that is wanted: never again and again."""

    async def story() -> None:
        sink = Sink(accounts={ADDRESS: PASSWORD})
        silent = asyncio.Event()
        sink.deliver = lambda _: silent.set()
        sink.replies["."] = Play("250 2.0.0 Ok", Then.HOLD, takes=True)
        async with SmtpServer(sink) as server:
            with opened_office(tmp_path / "home", server.port, sink, clock=HandClock()) as here:
                mail = here.queue(1, handling=Handling(policy=policy))
                asked: tuple[int, ...] = ()
                for _ in range(12):
                    silent.clear()
                    running = asyncio.create_task(here.deliver())
                    while not (await asyncio.wait({running}, timeout=0.02))[0]:
                        if silent.is_set():
                            later(here, 660)
                    asked = running.result().asked
                    later(here, 2 * 3600)
                assert here.state(mail) is SendState.UNCERTAIN
                assert asked == (mail.id,), "a person is asked"
                copies = 2 if policy is Policy.RESEND else 1
                assert [one.data for one in sink.received] == [raw_mail(1)] * copies
                server.release.set()

    run_by_hand(story())


def test_m10_no_loop_around_the_whole_and_no_counter_that_begins_anew() -> None:
    """A server that never takes it is asked by the schedule, less and less often, and the mail fails after
    five days: also where the process starts anew each time."""
    clock = HandClock()
    tries: list[float] = []

    async def once(home: Path) -> SendState:
        sink = Sink(accounts={ADDRESS: PASSWORD}, replies={".": "451 4.3.0 Later"})
        async with SmtpServer(sink) as server:
            with opened_office(home, server.port, sink, clock=clock) as here:
                mail = here.app.store.outbox.all()[0] if tries else here.queue(1)
                before = mail.attempts
                await here.deliver()
                found = here.app.store.outbox.get(mail.id)
                assert found.attempts == before + 1 == found.recipients[0].attempts
                assert sum(line.startswith(b"MAIL") for line in sink.heard) == 1
                tries.append(clock.now())
                later(here, max(0.0, found.not_before - clock.now()))
                return found.state

    with quick_folder() as folder:
        while (state := asyncio.run(once(folder / "home"))) is SendState.DEFERRED:
            assert len(tries) < 100, "it never ends"
    assert state is SendState.FAILED
    assert 40 < len(tries) < 75
    assert LIFETIME * 0.95 < tries[-1] - tries[0] < LIFETIME * 1.05
    gaps = [after - before for before, after in pairwise(tries)]
    assert min(gaps[5:-1]) > 0.75 * 3600.0


def test_m11_a_job_that_is_run_again_after_a_kill_sends_nothing_again(tmp_path: Path) -> None:
    """Killed in the very moment in which the server has taken the mail; run again and again."""
    log, pid, home = tmp_path / "failure.txt", tmp_path / "pid", tmp_path / "home"

    def send(port: int) -> None:
        pid.write_text(str(os.getpid()))
        with opened_office(home, port, Sink()) as here:
            here.queue(1, handling=Handling(key="one"))
            asyncio.run(here.deliver())

    with running_sink() as (sink, port):
        sink.deliver = lambda _: os.kill(int(pid.read_text()), signal.SIGKILL)
        assert forked(partial(send, port), log) == -signal.SIGKILL, log.read_text()
        sink.deliver = None
        for _ in range(3):
            assert forked(partial(send, port), log) == 0, log.read_text()
        clock = HandClock()
        clock.move(2 * DAY)
        with opened_office(home, port, sink, clock=clock) as here:
            result = asyncio.run(send_now(here.app, here.account, HostBudget(5)))
            (mail,) = here.app.store.outbox.all()
            assert mail.state is SendState.UNCERTAIN
            assert result.asked == (mail.id,)
        assert [one.data for one in sink.received] == [raw_mail(1)]


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    made = Internet()
    yield made
    made.names.remove()


async def test_m12_nobody_gets_a_mail_so_that_something_is_tested(tmp_path: Path, internet: Internet) -> None:
    """Neither setting an account up nor asking what will become of a mail names a sender or a recipient to
    any server."""
    submission = Sink(accounts={ADDRESS: PASSWORD})
    mx = Sink(login_needed=False, starttls=True)
    mails = Mailstore(lambda: 1_795_463_580.0)
    config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))
    async with (
        SmtpServer(submission) as smtp,
        SmtpServer(mx, server_context(), port=internet.smtp_port),
        ImapServer(mails, {ADDRESS: PASSWORD}) as imap,
    ):
        with open_app(config) as app:
            wanted = setup.Wanted(
                ADDRESS, imap=f"127.0.0.1:{imap.port}", smtp=f"127.0.0.1:{smtp.port}", security="none"
            )
            tested = await setup.add_account(app, setup.planned_account(app, wanted), Secret(PASSWORD))
            assert tested.error is None
            assert (await setup.test_account(app, ADDRESS)).error is None
            (forecast,) = await foresee(app, internet.around(), ["stranger@dane.test"])
            assert forecast.foreseen is Foreseen.ENCRYPTED, "the server was asked"
    heard = [line.split(b" ")[0].upper() for line in [*submission.heard, *mx.heard]]
    assert b"EHLO" in heard
    assert not {b"MAIL", b"RCPT", b"VRFY", b"EXPN", b"DATA", b"BDAT"} & set(heard)
    assert not submission.received and not mx.received
