"""One IMAP connection without any I/O: bytes in, responses out; commands in, bytes out.

It keeps tags and literals in order and enforces the limits. It does not know what a mailbox is.
Callers may have several commands under way where RFC 9051 section 5.5 allows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from eilbote.errors import Garbled
from eilbote.protocols.imap.encode import Argument, Literals, on_the_wire
from eilbote.protocols.imap.responses import (
    Capability,
    Continuation,
    Enabled,
    FastFetch,
    Response,
    Status,
    response_of,
)
from eilbote.protocols.imap.wire import Framer, WireLimits

_MOST_AT_ONCE = 1000
_UTF8_NAMES = frozenset({"UTF8=ACCEPT", "UTF8=ONLY", "IMAP4REV2"})


class ImapConnection:
    """The protocol state of one connection.

    `send` queues a command; `data_to_send` gives the bytes that may go out now; `receive_data`
    takes what came; `responses` yields what that means; `observer` sees the pieces of every
    response (a trace). `capabilities` are those last announced, `enabled` those switched on
    (RFC 5161), which also decides how mailbox names are spelled.
    """

    def __init__(
        self,
        limits: WireLimits | None = None,
        *,
        prefix: str = "A",
        observer: Callable[[Sequence[bytes]], None] | None = None,
    ) -> None:
        self._limits = limits or WireLimits()
        self._framer = Framer(self._limits)
        self._fast = FastFetch()
        self._prefix = prefix
        self._observer = observer
        self._count = 0
        self._out: deque[bytes] = deque()
        # Portions of commands that must wait for a `+`, and commands queued behind them.
        self._held: deque[tuple[str, list[list[bytes]]]] = deque()
        self._interactive = False
        self.capabilities: frozenset[str] = frozenset()
        self.enabled: frozenset[str] = frozenset()
        self.under_way: set[str] = set()

    @property
    def utf8(self) -> bool:
        """True once mailbox names go as UTF-8 (RFC 9755, RFC 9051 section 5.1)."""
        return bool(self.enabled & _UTF8_NAMES)

    @property
    def literals(self) -> Literals:
        if "LITERAL+" in self.capabilities:
            return Literals.PLUS
        if self.capabilities & {"LITERAL-", "IMAP4REV2"}:
            return Literals.MINUS
        return Literals.SYNCHRONIZING

    def send(self, arguments: Sequence[Argument], *, interactive: bool = False) -> str:
        """Queues a command and returns its tag. `interactive`: the caller answers every `+` of this
        command itself (AUTHENTICATE, IDLE). Raises Misused for an argument that must not go out."""
        self._count += 1
        tag = f"{self._prefix}{self._count}"
        portions = on_the_wire(tag.encode(), arguments, self.literals)
        self._interactive = interactive
        self.under_way.add(tag)
        self._held.append((tag, portions))
        self._release()
        return tag

    def send_line(self, line: bytes) -> None:
        """Answers a `+` of an interactive command: a base64 text, `*`, or `DONE`."""
        self._out.append(line + b"\r\n")

    def data_to_send(self) -> list[bytes]:
        """The bytes that may go out now, in order; taken only once."""
        out = list(self._out)
        self._out.clear()
        return out

    def _release(self) -> None:
        """Lets out the first portion of each queued command, up to one that waits for the server."""
        while self._held:
            _, portions = self._held[0]
            if portions[0]:
                self._out.extend(portions[0])
                portions[0] = []
            if len(portions) > 1:
                return
            self._held.popleft()

    def _on_continuation(self) -> bool:
        """A `+` that a literal waited for; False where none did."""
        if not self._held:
            return False
        _, portions = self._held[0]
        portions.pop(0)
        self._out.extend(portions[0])
        portions[0] = []
        if len(portions) == 1:
            self._held.popleft()
            self._release()
        return True

    def receive_data(self, data: bytes) -> None:
        """Takes bytes from the server."""
        self._framer.feed(data)

    @property
    def has_leftover(self) -> bool:
        """True where bytes are buffered that are no whole response: at the moment of STARTTLS that
        is an attack (the injection of plain text into the protected dialogue)."""
        return self._framer.pending

    def responses(self) -> Iterator[Response]:
        """Every response that has wholly arrived, in order. Raises Garbled."""
        framer = self._framer
        while True:
            window = framer.window()
            if window is not None and self._observer is None:
                data, position = window
                if data[position : position + 2] == b"* ":
                    yield from self._take_fast(data, position)
            pieces = framer.next()
            if pieces is None:
                return
            if self._observer is not None:
                self._observer(pieces)
            response = response_of(pieces, self._limits, utf8=self.utf8)
            if not self._absorb(response):
                yield response

    def _take_fast(self, data: bytes, position: int) -> Iterator[Response]:
        while True:
            messages, after = self._fast.messages(data, position, _MOST_AT_ONCE)
            if after != position:
                self._framer.skip_to(after)
                yield from messages
                position = after
                continue
            flags, after = self._fast.flags(data, position)
            if after == position:
                return
            self._framer.skip_to(after)
            yield from flags
            position = after

    def _absorb(self, response: Response) -> bool:
        """Keeps the connection's own state; True where the response is nobody else's business."""
        match response:
            case Continuation():
                return not self._interactive and self._on_continuation()
            case Capability(names=names):
                self.capabilities = names
            case Enabled(names=names):
                self.enabled |= names
            case Status(tag=tag, code=code):
                if code.name == "CAPABILITY":
                    words = (word for word in code.arguments if isinstance(word, str))
                    self.capabilities = frozenset(word.upper() for word in words)
                if tag:
                    if tag not in self.under_way:
                        raise Garbled("imap.unknown_tag", tag=tag[:20])
                    self.under_way.discard(tag)
                    self._drop_refused(tag)
        return False

    def _drop_refused(self, tag: str) -> None:
        """A command refused at its literal is not sent any further."""
        if self._held and self._held[0][0] == tag:
            self._held.popleft()
            self._release()

    def protect(self) -> None:
        """TLS is on now: what was announced before proves nothing (RFC 9051 section 11.1)."""
        self.capabilities = frozenset()
