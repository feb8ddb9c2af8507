"""A POP3 server in memory whose line can be cut at any byte, in either direction.

The session is the real one; only the stream below it is not. What the client writes after the cut
never reaches the server, what the server says after it never reaches the client.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.clock import SystemClock
from eilbote.net.credential import Credential
from eilbote.net.line import Line
from eilbote.net.opening import enter
from eilbote.net.pop3 import Pop3Session
from eilbote.net.pop3_conversation import Pop3Conversation
from eilbote.net.stream import Receiver
from eilbote.net.terms import Terms
from eilbote.protocols.pop3.connection import Event, Pop3Connection
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.pop3 import Behaviour, Maildrop
from eilbote.testing.pop3 import Pop3Session as Served

USER, PASSWORD = "anna", "geheim-1"
SERVER = Server("127.0.0.1", 110, Security.NONE)


class MemoryStream:
    """What `net.stream.Stream` is to a session. `down` and `up`: bytes that still come through."""

    is_protected = False
    can_write = True
    certificate = b""

    def __init__(self, receiver: Receiver, served: Served, down: int | None, up: int | None) -> None:
        self._receiver = receiver
        self._served = served
        self._down, self._up = down, up
        self._coming = bytearray(served.greeting())
        self._ended = False
        self.bytes_received = 0
        self.bytes_sent = 0

    def channel_binding(self) -> None:
        return None

    def check_pin(self, trusted: Sequence[str], reason: str) -> None:
        raise AssertionError("no TLS here")

    def write(self, data: bytes) -> None:
        through = data if self._up is None else data[: max(0, self._up - self.bytes_sent)]
        self.bytes_sent += len(data)
        if not self._ended:
            self._coming += self._served.receive(bytes(through))
        if len(through) < len(data):
            self._end()

    def pump(self) -> int:
        return 0

    async def activity(self, within: float | None = None) -> None:
        room = self._receiver.room()
        count = min(len(room), len(self._coming))
        if self._down is not None:
            count = min(count, self._down - self.bytes_received)
        if count <= 0:
            self._end()
            raise ConnectionResetError
        room[:count] = self._coming[:count]
        del self._coming[:count]
        self.bytes_received += count
        self._receiver.filled(count)

    def abort(self) -> None:
        self._end()

    async def close(self) -> None:
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._served.ended()


async def memory_session(
    maildrop: Maildrop, behaviour: Behaviour, *, down: int | None = None, up: int | None = None
) -> tuple[Pop3Session, MemoryStream]:
    """A logged-in session. Raises what a session raises whose line breaks while logging in."""
    connection = Pop3Connection()
    served = Served(maildrop, {USER: PASSWORD}, behaviour, set(), protected=False)
    stream = MemoryStream(connection.framer, served, down, up)
    line: Line[Event] = Line(SERVER, connection, stream)  # type: ignore[arg-type]

    async def connect(verify: bool) -> Pop3Conversation:
        return Pop3Conversation(line, connection, None)

    clock = SystemClock()
    credential = Credential(USER, Secret(PASSWORD))
    talk = await enter(SERVER, Terms(clock), connect, lambda talk: talk.log_in(credential, clock))
    return Pop3Session(talk), stream
