"""One POP3 connection without a socket: bytes in, events out; commands in, bytes out.

Give it bytes with `receive_data` (or receive straight into `framer.room()`), take `next_event` until
None, `send` commands and write what `data_to_send` gives. It must never do I/O, know the time, or
decide what to say.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from eilbote.errors import Garbled, Misused, Unreachable
from eilbote.protocols.pop3.encode import Answer, Command
from eilbote.protocols.pop3.framing import Framer
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.responses import Status, read_status


class Greeting(Struct, frozen=True):
    """The server's first words (RFC 1939 section 4)."""

    status: Status


class Reply(Struct, frozen=True):
    """A command is answered: its status, and what followed a positive one."""

    command: Command
    status: Status
    lines: tuple[bytes, ...] = ()
    mail: bytes | None = None


Event: TypeAlias = Greeting | Reply


class Pop3Connection:
    """The state of one connection. Once it raised an error, it must not be used again."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.framer = Framer(self.limits)
        self.observer: Callable[[bytes], None] | None = None
        """Sees every line that is no part of a listing or a mail, for a trace."""
        self._greeted = False
        self._waiting: deque[Command] = deque()
        self._status: Status | None = None  # of the oldest command, while its listing or mail comes
        self._challenges = 0
        self._out: deque[bytes] = deque()

    # --- sending -----------------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Queues a command. Misused where it may not be pipelined."""
        if self._waiting and (command.alone or self._waiting[-1].alone):
            raise Misused("pop3.pipelined", command=command.name)
        self._waiting.append(command)
        self._out.append(command.line + b"\r\n")

    def data_to_send(self) -> bytes:
        """The next bytes to write; empty when there are none."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    @property
    def has_data_to_send(self) -> bool:
        """`data_to_send` would give something now."""
        return bool(self._out)

    @property
    def waiting(self) -> int:
        """Commands without a reply yet."""
        return len(self._waiting)

    # --- receiving ---------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Takes bytes from the server, at most what fits `framer.room()`."""
        room = self.framer.room()
        if len(data) > len(room):
            raise Misused("pop3.buffer_too_small")
        room[: len(data)] = data
        self.framer.filled(len(data))

    def lost(self) -> Unreachable:
        """The server closed the line: the error to raise."""
        return Unreachable("net.closed", retry_after=10)

    def assert_nothing_received(self) -> None:
        """Before TLS starts, nothing may lie in the buffer: it could have been put there by somebody
        in between (RFC 2595 section 4). Raises Garbled."""
        if not self.framer.is_empty:
            raise Garbled("net.injected")

    def next_event(self) -> Event | None:
        """The next event, None when more bytes are needed. Raises Garbled where the server breaks the
        protocol or a limit."""
        while True:
            if self._status is not None:
                return self._content(self._status)
            line = self.framer.take_line()
            if line is None:
                return None
            if self.observer is not None:
                self.observer(line)
            if not self._greeted:
                return self._greet(line)
            if not self._waiting:
                raise Garbled("pop3.unasked")
            current = self._waiting[0]
            if line[:1] == b"+" and line[:3].upper() != b"+OK" and current.respond is not None:
                self._answer(current, line)
                continue
            status = read_status(line)
            if status is None:
                raise Garbled("pop3.no_status", command=current.name)
            if not status.ok or current.answer is Answer.STATUS:
                return self._complete(Reply(current, status))
            self._status = status

    def _greet(self, line: bytes) -> Greeting:
        status = read_status(line)
        if status is None:
            raise Garbled("pop3.no_greeting")
        self._greeted = True
        return Greeting(status)

    def _content(self, status: Status) -> Reply | None:
        current = self._waiting[0]
        if current.answer is Answer.LINES:
            lines = self.framer.take_listing()
            return None if lines is None else self._complete(Reply(current, status, lines))
        mail = self.framer.take_mail()
        return None if mail is None else self._complete(Reply(current, status, (), mail))

    def _complete(self, reply: Reply) -> Reply:
        self._waiting.popleft()
        self._status = None
        self._challenges = 0
        return reply

    def _answer(self, current: Command, line: bytes) -> None:
        assert current.respond is not None
        self._challenges += 1
        if self._challenges > self.limits.challenges:
            raise Garbled("pop3.challenges", limit=self.limits.challenges)
        try:
            challenge = b64decode(line[1:].strip(), validate=True)
        except ValueError:
            challenge = b""  # RFC 5034 section 4 wants base64; a few servers prompt in plain text
        self._out.append(b64encode(current.respond(challenge)) + b"\r\n")
