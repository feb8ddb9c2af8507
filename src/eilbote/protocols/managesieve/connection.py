"""One ManageSieve connection without a socket: bytes in, events out; commands in, bytes out.

Give it bytes with `receive_data` (or receive straight into `framer.room()`), take `next_event` until
None, `send` commands and write what `data_to_send` gives. It must never do I/O, know the time, or
decide what to say.
"""

from __future__ import annotations

from base64 import b64decode
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from eilbote.errors import EilboteError, Garbled, Misused, Refused, Unreachable
from eilbote.protocols.managesieve import encode
from eilbote.protocols.managesieve.encode import Command
from eilbote.protocols.managesieve.framing import Framer, Words
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.responses import read_status, referred_to
from eilbote.protocols.managesieve.values import Status

_RETRY_SECONDS = 60.0


class Greeting(Struct, frozen=True):
    """The server's first words: what it can do (RFC 5804 section 1.7)."""

    status: Status
    lines: tuple[Words, ...] = ()


class Reply(Struct, frozen=True):
    """A command is answered: how that ends, and the lines before."""

    command: Command
    status: Status
    lines: tuple[Words, ...] = ()


Event: TypeAlias = Greeting | Reply


class ManageSieveConnection:
    """The state of one connection to `host`. Once it raised an error, it must not be used again."""

    def __init__(self, limits: Limits | None = None, host: str = "") -> None:
        self.limits = limits or Limits()
        self.framer = Framer(self.limits)
        self.observer: Callable[[Command | None, Words], None] | None = None
        """Sees every line with the command that it answers, for a trace."""
        self._host = host
        self._greeted = False
        self._waiting: deque[Command] = deque()
        self._lines: list[Words] = []
        self._bytes = 0
        self._challenges = 0
        self._broken: EilboteError | None = None
        self._out: deque[bytes] = deque()

    # --- sending -----------------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Queues a command. Misused behind a login or STARTTLS: nothing may follow those."""
        if any(one.respond is not None or one is encode.STARTTLS for one in self._waiting):
            raise Misused("managesieve.pipelined", command=command.name)
        self._waiting.append(command)
        if command.line:
            self._out.append(command.line)

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
            raise Misused("managesieve.buffer_too_small")
        room[: len(data)] = data
        self.framer.filled(len(data))

    def lost(self) -> Unreachable:
        """The server closed the line: the error to raise."""
        return Unreachable("net.closed", retry_after=10)

    def assert_nothing_received(self) -> None:
        """Before TLS starts, nothing may lie in the buffer: it could have been put there by somebody
        in between (RFC 5804 section 2.2). Raises Garbled."""
        if not self.framer.is_empty or self._lines:
            raise Garbled("net.injected")

    def next_event(self) -> Event | None:
        """The next event, None when more bytes are needed. Raises Garbled where the server breaks the
        protocol or a limit, Unreachable where it says good-bye, and then the same again."""
        if self._broken is not None:
            raise self._broken
        try:
            return self._next_event()
        except EilboteError as broken:
            self._broken = broken
            raise

    def _next_event(self) -> Event | None:
        while True:
            words = self._take_words()
            if words is None:
                return None
            current = self._waiting[0] if self._waiting else None
            if self.observer is not None:
                self.observer(current, words)
            status = read_status(words)
            if status is None:
                self._take_line(current, words)
                continue
            if status.kind == "BYE":  # RFC 5804 section 1.2: at any time
                raise self._farewell(status)
            lines, self._lines, self._bytes = tuple(self._lines), [], 0
            if not self._greeted:
                self._greeted = True
                return Greeting(status, lines)
            if current is None:
                raise Garbled("managesieve.unasked")
            self._waiting.popleft()
            self._challenges = 0
            return Reply(current, status, lines)

    def _take_words(self) -> Words | None:
        try:
            lists = bool(self._waiting) and self._waiting[0] is encode.LISTSCRIPTS
            words = self.framer.take_words(names=lists)
            if words == ():  # an empty line is no answer, and has no first word
                raise Garbled("managesieve.no_answer")
            return words
        except Garbled as error:
            if self._greeted or error.problem.code != "managesieve.no_answer":
                raise
            raise Garbled("managesieve.no_greeting") from None

    def _take_line(self, current: Command | None, words: Words) -> None:
        """A line that ends no answer: a challenge, or content, of which the first word is a string."""
        if not isinstance(words[0], bytes):
            raise Garbled("managesieve.no_answer" if self._greeted else "managesieve.no_greeting")
        if self._greeted and current is None:
            raise Garbled("managesieve.unasked")
        if current is not None and current.respond is not None:
            self._answer(current.respond, words)
            return
        self._lines.append(words)
        self._bytes += sum(map(len, words))
        if len(self._lines) > self.limits.lines or self._bytes > self.limits.answer:
            raise Garbled("managesieve.answer_too_long", limit=self.limits.lines)

    def _answer(self, respond: Callable[[bytes], bytes], words: Words) -> None:
        self._challenges += 1
        if self._challenges > self.limits.challenges:
            raise Garbled("managesieve.challenges", limit=self.limits.challenges)
        assert isinstance(words[0], bytes)
        try:
            challenge = b64decode(words[0].strip(), validate=True)
        except ValueError:
            challenge = b""  # RFC 5804 section 2.1 wants base64; a few servers prompt in plain text
        self._out.append(encode.answer(respond(challenge)) + b"\r\n")

    def _farewell(self, status: Status) -> EilboteError:
        to = referred_to(status)
        if to:
            return Refused("managesieve.referral", host=self._host, to=to)
        return Unreachable("managesieve.bye", _RETRY_SECONDS, host=self._host, text=status.line)
