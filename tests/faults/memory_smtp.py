"""A submission server in memory whose line can be cut at any byte, in either direction.

The session is the real one; only the stream below it is not. What the client writes after the cut never
reaches the server, what the server says after it never reaches the client.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.clock import Clock
from eilbote.net.credential import Credential
from eilbote.net.line import Line
from eilbote.net.opening import enter
from eilbote.net.smtp import OUR_NAME, SmtpSession
from eilbote.net.smtp_conversation import Manner, SmtpConversation
from eilbote.net.stream import Receiver
from eilbote.net.terms import Terms
from eilbote.protocols.smtp.connection import Event, SmtpConnection
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.smtp.session import SmtpSession as Served
from eilbote.testing.smtp.sink import Sink

SERVER = Server("127.0.0.1", 587, Security.NONE)


class Cut:
    """Where a line ends: after so many bytes `down` to the client or `up` from it, counted over all that
    it says. `deaf`: what the server answered to the last that came `up` is lost with the line."""

    def __init__(self, *, down: int | None = None, up: int | None = None, deaf: bool = False) -> None:
        self.down, self.up, self.deaf = down, up, deaf


NO_CUT = Cut()


class MemoryStream:
    """What `net.stream.Stream` is to a session. `said`: all that the client handed over, also what never
    came through; `heard`: all that came to it."""

    is_protected = False
    certificate = b""
    certificates = ()

    def __init__(self, receiver: Receiver, served: Served, cut: Cut) -> None:
        self._receiver = receiver
        self._served = served
        self._cut = cut
        self._coming = bytearray(served.greeting())
        self._ended = False
        self.said = bytearray()
        self.heard = bytearray()

    @property
    def can_write(self) -> bool:
        return not self._ended

    @property
    def bytes_sent(self) -> int:
        return len(self.said)

    @property
    def bytes_received(self) -> int:
        return len(self.heard)

    def channel_binding(self) -> None:
        return None

    def check_pin(self, trusted: Sequence[str], reason: str) -> None:
        raise AssertionError("no TLS here")

    def write(self, data: bytes) -> None:
        up = self._cut.up
        through = data if up is None else data[: max(0, up - len(self.said))]
        self.said += data
        if not self._ended:
            answer = self._served.receive(bytes(through))
            if len(through) == len(data) or not self._cut.deaf:
                self._coming += answer
        if len(through) < len(data):
            self._ended = True

    def pump(self) -> int:
        return 0

    async def activity(self, within: float | None = None) -> None:
        room = self._receiver.room()
        count = min(len(room), len(self._coming))
        if self._cut.down is not None:
            count = min(count, self._cut.down - len(self.heard))
        if count <= 0:
            self._ended = True
            raise ConnectionResetError
        room[:count] = self._coming[:count]
        self.heard += self._coming[:count]
        del self._coming[:count]
        self._receiver.filled(count)

    def abort(self) -> None:
        self._ended = True

    async def close(self) -> None:
        self._ended = True


class Lines:
    """The lines to one server in memory: the first is cut, later ones live."""

    def __init__(self, sink: Sink, clock: Clock, user: str, password: str) -> None:
        self._sink = sink
        self._clock = clock
        self._credential = Credential(user, Secret(password))
        self.cut = NO_CUT
        self.streams: list[MemoryStream] = []

    async def open(self) -> SmtpSession:
        """A session that has logged in. Raises what a session raises whose line breaks before."""
        connection = SmtpConnection()
        stream = MemoryStream(connection.framer, Served(self._sink, protected=False), self.cut)
        self.cut = NO_CUT
        self.streams.append(stream)
        terms = Terms(self._clock)
        line: Line[Event] = Line(SERVER, connection, stream)  # type: ignore[arg-type]

        async def connect(verify: bool) -> SmtpConversation:
            return SmtpConversation(line, connection, terms, Manner(OUR_NAME))

        return SmtpSession(
            await enter(SERVER, terms, connect, lambda talk: talk.begin(self._credential, self._clock))
        )
