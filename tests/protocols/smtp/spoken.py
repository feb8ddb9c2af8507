"""A whole SMTP dialogue without a socket: a flow on one side, a server's state machine on the other, the
bytes between them cut as a test wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from eilbote.errors import EilboteError, Garbled, Problem, Unreachable
from eilbote.protocols.smtp.connection import Answered, Event, Greeting, SmtpConnection
from eilbote.protocols.smtp.handover import Act, Given, Handover, Supply, hand_over
from eilbote.protocols.smtp.limits import Limits, Window
from eilbote.protocols.smtp.session import Dialogue, check_greeting, hello
from eilbote.protocols.smtp.types import Checkpoint, Mail, MailResult, Recipient
from eilbote.testing.smtp.session import SmtpSession
from eilbote.testing.smtp.sink import Play, Sink

BODY = b"Subject: a\r\n\r\n.dot\r\nend\r\n"


def feed(connection: SmtpConnection, wire: bytes, size: int) -> list[Event]:
    """Gives `wire` in pieces of at most `size` bytes; every event that comes of it."""
    events: list[Event] = []
    while wire:
        room = min(size, len(connection.framer.room()))
        connection.receive_data(wire[:room])
        wire = wire[room:]
        while (event := connection.next_event()) is not None:
            events.append(event)
    return events


def mail(key: int, *recipients: str, content: bytes = BODY, sender: str = "a@example.net") -> Mail:
    """A mail that can be told from others by its content."""
    told = tuple(map(Recipient, recipients or (f"u{key}@example.org",)))
    return Mail(key, sender, told, b"X-Key: %d\r\n" % key + content)


@dataclass
class Spoken:
    """Runs flows against a sink. `cut_up` and `cut_down`: the line dies after so many bytes from the
    client and from the server; `size`: bytes the client receives at once."""

    sink: Sink = field(default_factory=lambda: Sink(login_needed=False))
    size: int = 1 << 16
    cut_up: int | None = None
    cut_down: int | None = None
    limits: Limits | None = None
    round_trips: int = 0
    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    checkpoints: list[Checkpoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = SmtpConnection(self.limits)
        self.dialogue = Dialogue(self.connection, "mx.example.org")
        self.server = SmtpSession(self.sink, protected=False)
        self._coming = self.server.greeting()
        self._ended = self.server.closing
        self._sent = 0
        self._received = 0
        self._named: set[int] = set()

    def begin(self) -> Spoken:
        """Greeting and EHLO."""
        (first,) = self._exchange(Act.RECEIVE).events
        assert isinstance(first, Greeting)
        check_greeting(self.dialogue, first.reply)
        flow = hello(self.dialogue, "client.example.net", may_fall_back=True)
        wanted = next(flow)
        with suppress(StopIteration):
            while True:
                assert isinstance(wanted, tuple)
                self.connection.send(*wanted)
                events = self._exchange(Act.RECEIVE).events
                wanted = flow.send([one for one in events if isinstance(one, Answered)])
        self.round_trips = 0
        return self

    def send(self, mails: Iterable[Mail], window: Window | None = None) -> dict[int, MailResult]:
        """Hands mails over; the results by key. Every mail has exactly one."""
        given = list(mails)
        before = len(self.checkpoints)
        self.ended = self.run(hand_over(self.dialogue, window or Window()), given)
        results = [one for each in self.checkpoints[before:] for one in each.finished]
        keys = [one.key for one in results]
        assert len(keys) == len(set(keys)), "one result for each mail"
        supplied = {one.key for one in given[: self._supplied]}
        assert set(keys) == supplied
        return {one.key: one for one in results}

    ended: Problem | None = None
    _supplied: int = 0

    def run(self, flow: Handover, mails: Sequence[Mail]) -> Problem | None:
        source = iter(mails)
        self._supplied = 0
        given: Given | EilboteError | None = None
        while True:
            try:
                if isinstance(given, EilboteError):
                    wanted = flow.throw(given)
                else:
                    wanted = next(flow) if given is None else flow.send(given)
            except StopIteration as stop:
                problem: Problem | None = stop.value
                return problem
            match wanted:
                case Supply():
                    got = tuple(islice(source, wanted.count))
                    self._supplied += len(got)
                    given = Given(mails=got)
                case Checkpoint():
                    self._check(wanted)
                    given = Given()
                case _:
                    try:
                        given = self._exchange(wanted)
                    except (Unreachable, Garbled) as error:
                        given = error

    def _check(self, checkpoint: Checkpoint) -> None:
        """The end of no mail has left before the checkpoint that names it."""
        self.checkpoints.append(checkpoint)
        self._named |= set(checkpoint.ending)
        assert {key_of(one.data) for one in self.sink.received} <= self._named

    def _exchange(self, act: Act) -> Given:
        self._write()
        if act is Act.DRAIN:
            if self._ended:
                raise self.connection.lost()
            return Given()
        self.round_trips += 1
        events: list[Event] = []
        while not events:
            if not self._coming:
                if not self._ended:
                    raise AssertionError("both sides wait for each other")
                raise self.connection.lost()
            room = min(self.size, len(self.connection.framer.room()), len(self._coming))
            piece, self._coming = self._coming[:room], self._coming[room:]
            if self.cut_down is not None and self._received + len(piece) >= self.cut_down:
                piece = piece[: self.cut_down - self._received]
                self._coming, self._ended = b"", True
            self._received += len(piece)
            self.heard += piece
            self.connection.receive_data(piece)
            events += self.connection.next_events()
        return Given(events=events)

    def _write(self) -> None:
        if self._ended:
            return  # it stays queued, as on a line whose end was seen
        data = self.connection.data_to_send()
        if self.cut_up is not None and self._sent + len(data) >= self.cut_up:
            data = data[: self.cut_up - self._sent]
            self._ended = True
        self._sent += len(data)
        self.said += data
        if not self.server.closing:
            self._coming += self.server.receive(data)
        self._ended = self._ended or self.server.closing


def key_of(data: bytes) -> int:
    return int(data.split(b"\r\n", 1)[0].removeprefix(b"X-Key: "))


def without(*names: str, **replies: str | Play) -> Sink:
    """A sink that lacks these extensions."""
    sink = Sink(login_needed=False, replies=dict(replies))
    sink.extensions = tuple(name for name in sink.extensions if name not in names)
    return sink
