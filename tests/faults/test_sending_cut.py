"""F5 for sending: the line of a session that logs in and hands over three mails is cut at every byte, in both
directions. Nobody loses a mail, nobody gets one twice, and a mail is in doubt only where its end had left
and its answer had not come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from eilbote.config import Config
from eilbote.delivery.values import SendState
from eilbote.engine import deliver
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.progress import Delivered
from eilbote.engine.send import Envelope, queue_mail, resolve
from eilbote.net.smtp import SmtpSession
from eilbote.store.values import Account
from eilbote.testing.smtp.sink import EXTENSIONS, Sink
from tests.engine.sending import ANNA, BEN, PASSWORD, added, raw_mail
from tests.faults.hand_time import HandClock
from tests.faults.memory_smtp import SERVER, Cut, Lines, MemoryStream
from tests.faults.replay import ALL, replayable, spread, trials
from tests.faults.trial import quick_folder

SAMPLE = 16
THIRDS = 3
CARLA = "carla@example.net"
LETTERS = ((ANNA, BEN), (CARLA, ANNA), (BEN,))
UNKNOWN = CARLA
WAYS = {
    "bdat": (),
    "data": ("CHUNKING",),
    "command by command": ("CHUNKING", "PIPELINING"),
}
_numbers = count(1)


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with quick_folder() as folder:
        config = Config(home=folder / "home", key_file=str(folder / "key"), check_hour=-1)
        with open_app(config, clock=HandClock()) as opened:
            yield opened


class Trial:
    """Three mails of a fresh account, delivered over a line that may be cut."""

    def __init__(self, app: App, patch: pytest.MonkeyPatch, way: str) -> None:
        self.app = app
        # All addresses and numbers are of one length, so that a byte has its place.
        address = f"u{next(_numbers):07}@example.de"
        self.sink = Sink(
            accounts={address: PASSWORD},
            mechanisms=("PLAIN",),
            extensions=tuple(name for name in EXTENSIONS if name not in WAYS[way]),
            replies={f"RCPT {UNKNOWN}": "550 5.1.1 Unknown"},
        )
        self.way = way
        self.lines = Lines(self.sink, app.clock, address, PASSWORD)
        self.account = added(app, address, SERVER)
        self.raws = [raw_mail(number) for number in range(len(LETTERS))]
        self.mails = [
            queue_mail(app, self.account, raw, Envelope(address, to)).id
            for raw, to in zip(self.raws, LETTERS, strict=True)
        ]

        async def opened(app: App, account: Account) -> SmtpSession:
            return await self.lines.open()

        patch.setattr(deliver, "open_smtp", opened)

    def deliver(self, cut: Cut | None = None) -> Delivered:
        self.lines.cut = cut or Cut()
        return asyncio.run(deliver.send_now(self.app, self.account, HostBudget(5)))

    def state(self, mail: int) -> SendState:
        return self.app.store.outbox.get(mail).state

    def had(self) -> Counter[tuple[int, str]]:
        """Who has got which mail how often."""
        return Counter((self.raws.index(one.data), to) for one in self.sink.received for to in one.recipients)

    def check_doubt(self, stream: MemoryStream) -> int:
        """How many mails are in doubt: none of which the end had not left, or an answer had come."""
        doubtful = 0
        for raw, mail in zip(self.raws, self.mails, strict=True):
            if self.state(mail) is SendState.UNCERTAIN:
                doubtful += 1
                end = raw if self.way == "bdat" else raw + b".\r\n"
                assert end in stream.said, "in doubt, and its end was never written"
                taken = [number for number, one in enumerate(self.sink.received, 1) if one.data == raw]
                answered = any(b"kept as %d\r\n" % number in stream.heard for number in taken)
                assert not answered, "in doubt, and its answer had come"
        return doubtful

    def check_nothing_doubled(self) -> None:
        assert max(self.had().values(), default=1) == 1, "somebody got a mail twice"

    def recover(self) -> None:
        """Later runs over a line that lives; then a person says what is true of what is in doubt."""
        assert isinstance(self.app.clock, HandClock)
        self.app.clock.move(5 * 3600.0)
        asked = self.deliver().asked
        self.check_nothing_doubled()
        for raw, mail in zip(self.raws, self.mails, strict=True):
            if self.state(mail) is SendState.UNCERTAIN:
                assert mail in asked, "a person is asked"
                resolve(self.app, mail, sent=any(one.data == raw for one in self.sink.received))
        self.deliver()

    def check_complete(self) -> None:
        wanted = {(at, one) for at, to in enumerate(LETTERS) for one in to if one != UNKNOWN}
        assert self.had() == Counter(wanted), "each has each mail once"
        assert [self.state(mail) for mail in self.mails] == [SendState.DONE] * len(self.mails)
        sent = self.app.store.mailboxes.find(self.account.id, "Sent")
        assert sent is not None
        copies = self.app.store.messages.list_placements(mailbox=sent.id, limit=100)
        assert len(copies) == len(self.mails), "one copy of each in Sent"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("third", range(THIRDS) if ALL else [0])
@pytest.mark.parametrize("direction", ["down", "up", "up, answers lost"])
@pytest.mark.parametrize("way", list(WAYS))
def test_cut_at_every_byte(
    way: str, direction: str, third: int, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Trial(app, monkeypatch, way)
    assert whole.deliver().problem is None
    whole.check_complete()
    (stream,) = whole.lines.streams
    length = len(stream.heard) if direction == "down" else len(stream.said)
    doubted = 0
    for byte in trials(range(third, length, THIRDS), spread(0, length - 1, SAMPLE)):
        with replayable(byte):
            trial = Trial(app, monkeypatch, way)
            cut = Cut(down=byte) if direction == "down" else Cut(up=byte, deaf=direction != "up")
            trial.deliver(cut)
            trial.check_nothing_doubled()
            doubted += trial.check_doubt(trial.lines.streams[0])
            trial.recover()
            trial.check_complete()
    assert doubted or not ALL, "some of the cuts must have left a mail in doubt"
