"""One SMTP connection without a socket: bytes in, events out; commands and contents in, bytes out.

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

from eilbote.errors import EilboteError, Garbled, Misused, Unreachable
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.framing import Framer
from eilbote.protocols.smtp.limits import Limits
from eilbote.protocols.smtp.responses import read_line, read_reply
from eilbote.protocols.smtp.types import Reply, Said


class Greeting(Struct, frozen=True):
    """The server's first words (RFC 5321 section 4.2)."""

    reply: Reply


class Answered(Struct, frozen=True):
    """A command has its reply."""

    command: Command
    reply: Reply


Event: TypeAlias = Greeting | Answered


class SmtpConnection:
    """The state of one connection. Once it raised an error, it must not be used again."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.framer = Framer(self.limits)
        self.observer: Callable[[Said], None] | None = None
        """Sees every command and reply, for a trace: nothing secret, and no content."""
        self.closing: Reply | None = None
        """The 421 by which the server ended the session, where it did."""
        self.unasked: Reply | None = None
        """A reply to no command: a server that does not want to hear the rest of a content."""
        self._broken: EilboteError | None = None
        self._greeted = False
        self._waiting: deque[Command] = deque()
        self._code = 0  # of a reply of which not all lines have come
        self._texts: list[bytes] = []
        self._bytes = 0
        self._challenges = 0
        self._out: list[bytes] = []
        self.queued = 0
        """Bytes that were ever queued, and of those handed out to be written."""
        self.handed = 0

    # --- sending -----------------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Queues a command. Misused behind one that must be the last of its group."""
        if self._waiting and self._waiting[-1].last:
            raise Misused("smtp.pipelined", command=command.name)
        self._waiting.append(command)
        if self.observer is not None:
            shown = f"{command.name} (secret)" if command.secret else command.line.decode("utf-8", "replace")
            self.observer(Said(True, shown))
        self._queue(command.line)
        self._queue(b"\r\n")

    def send_content(self, block: bytes) -> None:
        """Queues a part of a mail, as `content.normalised` made it."""
        self._queue(block)

    def _queue(self, data: bytes) -> None:
        self._out.append(data)
        self.queued += len(data)

    def data_to_send(self) -> bytes:
        """The next bytes to write; empty when there are none."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        self.handed += len(data)
        return data

    @property
    def has_data_to_send(self) -> bool:
        """`data_to_send` would give something now."""
        return bool(self._out)

    @property
    def waiting(self) -> int:
        """Commands without a reply yet."""
        return len(self._waiting)

    @property
    def oldest(self) -> Command | None:
        """The command whose reply comes next."""
        return self._waiting[0] if self._waiting else None

    # --- receiving ---------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Takes bytes from the server, at most what fits `framer.room()`."""
        room = self.framer.room()
        if len(data) > len(room):
            raise Misused("smtp.buffer_too_small")
        room[: len(data)] = data
        self.framer.filled(len(data))

    def lost(self) -> Unreachable:
        """The server closed the line: the error to raise."""
        if self.closing is not None:
            return Unreachable("smtp.unavailable", 60.0, text=str(self.closing)[:1000])
        return Unreachable("net.closed", retry_after=10)

    def assert_nothing_received(self) -> None:
        """Before TLS starts, nothing may lie in the buffer: it could have been put there by somebody
        in between (RFC 3207 section 4.2). Raises Garbled."""
        if not self.framer.is_empty or self._texts:
            raise Garbled("net.injected")

    def next_event(self) -> Event | None:
        """The next event, None when more bytes are needed. Raises Garbled where the server breaks the
        protocol or a limit, and Unreachable behind its 421; from then on it raises the same again."""
        if self._broken is not None:
            raise self._broken
        try:
            return self._next_event()
        except EilboteError as broken:
            self._broken = broken
            raise

    def next_events(self) -> list[Event]:
        """All events that are there. What is wrong behind them is raised with the next call: they
        happened all the same."""
        events: list[Event] = []
        try:
            while (event := self.next_event()) is not None:
                events.append(event)
        except EilboteError:
            if not events:
                raise
        return events

    def _next_event(self) -> Event | None:
        while True:
            reply = self._take_reply()
            if reply is None:
                return None
            if self.observer is not None:
                self.observer(Said(False, "334 (challenge)" if reply.code == 334 else str(reply)))
            if reply.code == 421:  # RFC 5321 section 3.8: to any command, and unasked
                self.closing = reply
            if not self._greeted:
                self._greeted = True
                return Greeting(reply)
            if not self._waiting:
                if self.closing is not None:
                    raise self.lost()
                self.unasked = reply
                raise Garbled("smtp.unasked", text=str(reply)[:500])
            command = self._waiting[0]
            if reply.code == 334 and command.respond is not None:
                self._answer(command.respond, reply)
                continue
            self._waiting.popleft()
            self._challenges = 0
            return Answered(command, reply)

    def _take_reply(self) -> Reply | None:
        while (line := self.framer.take_line()) is not None:
            read = read_line(line)
            if read is None:
                raise Garbled("smtp.no_reply", text=line[:200].decode("ascii", "backslashreplace"))
            code, more, text = read
            if self._texts and code != self._code:
                raise Garbled("smtp.no_reply", text=line[:200].decode("ascii", "backslashreplace"))
            if not more and not self._texts:
                return read_reply(code, (text,))
            self._code = code
            self._texts.append(text)
            self._bytes += len(text)
            if len(self._texts) > self.limits.lines or self._bytes > self.limits.reply:
                raise Garbled("smtp.reply_too_long", limit=self.limits.lines)
            if not more:
                texts, self._texts, self._bytes = self._texts, [], 0
                return read_reply(code, texts)
        return None

    def _answer(self, respond: Callable[[bytes], bytes], reply: Reply) -> None:
        self._challenges += 1
        if self._challenges > self.limits.challenges:
            raise Garbled("smtp.challenges", limit=self.limits.challenges)
        try:
            challenge = b64decode(reply.text, validate=True)
        except ValueError:
            challenge = b""  # RFC 4954 section 4 wants base64; a few servers prompt in plain text
        self._queue(b64encode(respond(challenge)) + b"\r\n")
