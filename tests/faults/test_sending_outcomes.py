"""F16: whatever a server or the line to it does to a mail, the mail fares as the table says; and after all
of it nobody has lost it, nobody has it twice unasked, and Sent has one copy of what is sent (I7 to I9).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import trustme

from eilbote.config import Config
from eilbote.delivery.outcome import DAILY_PAUSE, RATE_PAUSE
from eilbote.delivery.values import Outgoing, Policy, RecipientState, SendState
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import send_now
from eilbote.engine.progress import Delivered
from eilbote.engine.send import Envelope, Handling, queue_mail, resolve
from eilbote.store.values import Security, Server
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import EXTENSIONS, Play, Sink, Then
from tests.engine.sending import ANNA, PASSWORD, added, raw_mail
from tests.faults.hand_time import HandClock, run_by_hand
from tests.faults.sending_table import OUTCOMES, Outcome, Way, as_table
from tests.faults.trial import quick_folder

_FIVE_HOURS = 5 * 3600.0
_ROUNDS = 6
_LETTERS = {state: state.value[0].upper() for state in RecipientState}
_numbers = count(1)

CASES = [
    pytest.param(outcome, way, id=f"{outcome.name}-{way.value}")
    for outcome in OUTCOMES
    for way in outcome.ways
]


class _Silent(Sink):
    """Tells when it begins to say nothing."""

    fell_silent: asyncio.Event | None = None

    def play(self, key: str) -> Play | None:
        played = super().play(key)
        if played is not None and played.then in (Then.SILENCE, Then.HOLD) and self.fell_silent is not None:
            self.fell_silent.set()
        return played


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """A home for all of them, with an account for each."""
    with quick_folder() as folder:
        config = Config(home=folder / "home", key_file=str(folder / "key"), check_hour=-1)
        with open_app(config, clock=HandClock()) as opened:
            yield opened


class Trial:
    """One row played to one mail."""

    def __init__(self, app: App, outcome: Outcome, way: Way, policy: Policy) -> None:
        assert isinstance(app.clock, HandClock)
        self.app, self.clock, self.outcome = app, app.clock, outcome
        self.number = next(_numbers)
        self.address = f"u{self.number}@example.de"
        missing = {*outcome.lacks, *(("CHUNKING",) if way is Way.DATA else ())}
        self.sink = _Silent(
            accounts={self.address: PASSWORD},
            starttls=outcome.security is Security.STARTTLS,
            extensions=tuple(name for name in EXTENSIONS if name not in missing),
            hidden=frozenset(outcome.lacks),
            limits=outcome.limits,
            mechanisms=outcome.mechanisms,
            size_limit=outcome.size_limit,
            replies=dict(outcome.plays),
        )
        self.server = SmtpServer(self.sink, _context(), garbage=outcome.garbage)
        if outcome.security is Security.NONE:
            self.server.tls = None
        filling = "Zeile.\r\n" * (outcome.size // 8)
        self.raw = raw_mail(self.number, outcome.words + "\r\n" + filling)
        if outcome.subject:
            self.raw = self.raw.replace(b"Subject: ", f"Subject: {outcome.subject} ".encode())
        self.policy = policy

    async def play(self) -> None:
        self.sink.fell_silent = asyncio.Event()
        async with self.server:
            self.account = added(self.app, self.address, _place(self.server, self.outcome.security))
            envelope = Envelope(self.address, (ANNA, self.outcome.other))
            self.mail = queue_mail(
                self.app, self.account, self.raw, envelope, Handling(policy=self.policy)
            ).id
            if self.outcome.nowhere:
                self.app.store.accounts.update(self.account.id, smtp=Server("127.0.0.1", 1, Security.NONE))
            await self._deliver_late()
            self.check_row()
        self.make_well()
        async with SmtpServer(self.sink) as server:
            self.app.store.accounts.update(self.account.id, smtp=_place(server, Security.NONE))
            await self.recover()
            self.check_at_last()

    @property
    def found(self) -> Outgoing:
        return self.app.store.outbox.get(self.mail)

    def letters(self) -> str:
        return "".join(_LETTERS[one.state] for one in self.found.recipients)

    def copies(self) -> Counter[str]:
        """Who has got the mail how often; whatever came has its bytes."""
        assert {one.data for one in self.sink.received} <= {self.raw}
        return Counter(to for one in self.sink.received for to in one.recipients)

    async def deliver(self) -> Delivered:
        return await send_now(self.app, self.app.store.accounts.get(self.account.id), HostBudget(5))

    async def _deliver_late(self) -> None:
        """One run; where the server falls silent, the time passes that the row says."""
        running = asyncio.create_task(self.deliver())
        if self.outcome.late:
            assert self.sink.fell_silent is not None
            await self.sink.fell_silent.wait()
            self.clock.move(self.outcome.late)
            if self.outcome.state is SendState.DONE:
                self.server.release.set()
            # It may have begun to wait after the time was moved. Where the wait is over, no more time
            # passes: the same run would take up what it has left in doubt.
            while not (await asyncio.wait({running}, timeout=0.25))[0]:
                if self.found.state is not SendState.UNCERTAIN:
                    self.clock.move(self.outcome.late)
            self.server.release.set()
        await running

    def check_row(self) -> None:
        row, mail = self.outcome, self.found
        assert (mail.state, self.letters(), mail.attempts) == (row.state, row.recipients, row.burnt)
        assert self.copies().total() == row.copies
        pause = self.app.store.sending_pauses.of(self.account.id)
        # A limit that is used up holds the other mail of the account, too.
        assert (pause is not None) == (row.pauses or row.pause in (RATE_PAUSE, DAILY_PAUSE))
        if mail.state is SendState.DEFERRED and not row.pauses:
            ended = self.app.store.outgoing_attempts.of(mail.id)[-1].ended
            assert row.pause * 0.8 <= mail.not_before - ended <= row.pause * 1.2
        if mail.state is SendState.FAILED:
            assert all(one.problem is not None for one in mail.recipients), "it is said why"
        if row.security is not Security.NONE:
            words = b" ".join(self.sink.heard)
            assert b"AUTH" not in words and b"MAIL" not in words, "told before the line was proven"
        if row.pauses:
            assert mail.not_before <= self.clock.now()

    def make_well(self) -> None:
        self.sink.replies.clear()
        self.sink.mechanisms = ("PLAIN",)
        self.sink.starttls = False

    async def recover(self) -> None:
        """The login is mended, time passes; a person who is asked says what is true."""
        for _ in range(_ROUNDS):
            if self.found.state in (SendState.DONE, SendState.FAILED):
                return
            self.clock.move(_FIVE_HOURS)
            self.app.store.sending_pauses.resume(self.account.id)
            result = await self.deliver()
            if self.found.state is SendState.UNCERTAIN:
                assert self.policy is Policy.ASK
                assert result.asked == (self.mail,), "a person is asked"
                resolve(self.app, self.mail, sent=bool(self.sink.received))
                await self.deliver()
        assert self.found.state in (SendState.DONE, SendState.FAILED), self.found

    def check_at_last(self) -> None:
        assert self.letters() == self.outcome.at_last
        copies = self.copies()
        for one in self.found.recipients:
            has = copies[one.address]
            if one.state is RecipientState.SENT:
                assert has >= 1, "lost"
            most = 2 if self.policy is Policy.RESEND and self.outcome.state is SendState.UNCERTAIN else 1
            assert has <= most, "doubled"
        sent = self.app.store.mailboxes.find(self.account.id, "Sent")
        filed = self.app.store.messages.list_placements(mailbox=sent.id, limit=9) if sent is not None else []
        assert len(filed) == (self.found.state is SendState.DONE), "one copy of what is sent"


def _place(server: SmtpServer, security: Security) -> Server:
    return Server(server.host, server.port, security)


@cache
def _context() -> ssl.SSLContext:
    """A certificate that nobody here knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize(("outcome", "way"), CASES)
def test_each_outcome(app: App, outcome: Outcome, way: Way, policy: Policy) -> None:
    run_by_hand(Trial(app, outcome, way, policy).play())


def test_the_table_stands_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "sending.md"
    assert page.read_text(encoding="utf-8").endswith(as_table())
