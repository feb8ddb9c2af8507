"""Cuts the byte stream of an IMAP server into responses: lines and the literals between them.

The network receives straight into the buffer that `room` gives; each byte is looked at once for a
line's end and copied once. It must never look into a response beyond its literals, never hold more
than `Limits` allows, and never hold a literal twice.
"""

from __future__ import annotations

import re
from io import BytesIO

from eilbote.errors import Garbled, Misused
from eilbote.protocols.imap.limits import Limits

Frame = list[bytes]
"""One response: line, literal, line, literal, ..., line. Lines come without CRLF."""

_LITERAL_AT_END = re.compile(rb"~?\{(\d{1,20})\+?\}\Z")  # RFC 9051 section 4.3, RFC 3516 literal8
_HOLDS_LITERALS = re.compile(rb"\* (?!(?:OK|NO|BAD|BYE|PREAUTH)\b)", re.IGNORECASE)
_HOLDS_NUMBERS = re.compile(
    rb"\* (?:SEARCH|SORT|ESEARCH|VANISHED)\b|\S+ (?:OK|NO) \[(?:COPYUID|MODIFIED)\b", re.IGNORECASE
)
_NO_LITERAL = -1
_WAITING_BUFFER = 1024


class Framer:
    """The receive buffer and what of the current response has been seen.

    Receive into `room()`, tell `filled(count)`, then call `next_frame()` until it gives None.
    """

    def __init__(self, limits: Limits) -> None:
        if limits.buffer < 4 * max(limits.line, limits.inline):
            raise Misused("imap.buffer_too_small")
        self.limits = limits
        self.buffer = bytearray(min(_WAITING_BUFFER, limits.buffer))
        self.view = memoryview(self.buffer)
        self._brimful = False  # so much comes that a larger buffer is worth it
        self.start = 0
        """Where the unread bytes begin."""
        self.end = 0
        """Where the received bytes end."""
        self._scanned = 0  # no CRLF begins before this
        self._awaited = 0  # nothing can be read before this many bytes are held
        self._frame: Frame = []
        self._text = 0  # bytes of text in the current response
        self._literals = 0  # bytes of literals in the current response
        self._literal = _NO_LITERAL  # bytes still missing of the current literal
        self._gathered: BytesIO | None = None  # the part of a literal that left the buffer
        self._long: BytesIO | None = None  # the part of a long line that left the buffer

    # --- receiving ---------------------------------------------------------------------------

    def room(self, least: int = 0) -> memoryview:
        """Where to receive next, `least` bytes if that fits the limits; empty only when `is_full`."""
        if self.start == self.end:
            self.start = self.end = self._scanned = 0
        held = self.end - self.start
        if len(self.buffer) < self.limits.buffer and (self._brimful or len(self.buffer) - held < least):
            self._move_to(bytearray(self.limits.buffer))
        elif len(self.buffer) - self.end < len(self.buffer) // 4:
            self._move_to(self.buffer)
        return self.view[self.end :]

    def _move_to(self, buffer: bytearray) -> None:
        """Lays what is unread at the beginning of a buffer, this one or another."""
        held = self.end - self.start
        view = memoryview(buffer)
        view[:held] = self.view[self.start : self.end]
        self.buffer, self.view = buffer, view
        self._scanned -= self.start
        self.start, self.end = 0, held

    def filled(self, count: int) -> None:
        """`count` bytes were received into `room()`."""
        self.end += count
        self._brimful = self.end == len(self.buffer)

    def let_go(self) -> None:
        """Takes a small buffer again, if nothing lies in the large one: a connection that only waits
        needs no more."""
        if self.start == self.end and len(self.buffer) > _WAITING_BUFFER:
            self.start = self.end = self._scanned = 0
            self._move_to(bytearray(_WAITING_BUFFER))

    @property
    def is_full(self) -> bool:
        """Too little room to receive: read frames first."""
        whole = self.limits.buffer
        return whole - (self.end - self.start) < whole // 4

    @property
    def is_waiting(self) -> bool:
        """Too little has come to try again (`await_position`)."""
        return self.end - self.start < self._awaited

    def await_position(self, position: int) -> None:
        """Nothing can be read from `start` on before the buffer is filled up to `position`."""
        self._awaited = position - self.start

    @property
    def is_empty(self) -> bool:
        """Nothing received is left unread."""
        return self.start == self.end and self.at_boundary

    def take_rest(self) -> bytes:
        """What was received and not read, which somebody else reads from here on."""
        rest = bytes(self.view[self.start : self.end])
        self.start = self.end = self._scanned = self._awaited = 0
        return rest

    @property
    def at_boundary(self) -> bool:
        """The next unread byte, if any, begins a response."""
        return not self._frame and self._literal == _NO_LITERAL and self._long is None

    # --- reading -----------------------------------------------------------------------------

    def line_end(self) -> int:
        """Where the first unread line's CRLF begins, -1 if it has not come yet. Garbled if it is
        too long already."""
        at = self.buffer.find(b"\r\n", self._scanned, self.end)
        if at >= 0:
            self._scanned = at
            return at
        self._scanned = max(self.start, self.end - 1)
        if self.end - self.start > self.limits.line:
            self._set_aside()
        return -1

    def skip_to(self, position: int) -> None:
        """Everything before `position` was read by somebody else; a response begins there."""
        self._awaited = max(0, self._awaited - (position - self.start))
        self.start = self._scanned = position

    def next_frame(self) -> Frame | None:
        """The next whole response, None if it has not come yet. Garbled where a limit is broken."""
        while True:
            if self._literal != _NO_LITERAL and not self._take_literal():
                return None
            at = self.line_end()
            if at < 0:
                return None
            line = self._take_line(at)
            self._frame.append(line)
            self._text += len(line)
            if self._text > self.limits.response and not _HOLDS_NUMBERS.match(self._frame[0]):
                raise Garbled("imap.response_too_long", limit=self.limits.response)
            if line.endswith(b"}") and self._announce_literal(line):
                continue
            frame, self._frame = self._frame, []
            self._text = self._literals = 0
            return frame

    def _take_line(self, at: int) -> bytes:
        line = bytes(self.view[self.start : at])
        self.start = self._scanned = at + 2
        self._awaited = 0
        if self._long is not None:
            self._long.write(line)
            line, self._long = self._long.getvalue(), None
        if len(line) > self.limits.line and not self._may_be_long(line):
            raise Garbled("imap.line_too_long", limit=self.limits.line)
        return line

    def _set_aside(self) -> None:
        """Makes room in the buffer while a long line of numbers is still coming."""
        if self._long is None:
            self._long = BytesIO()
        self._long.write(self.view[self.start : self._scanned])
        self.start = self._scanned
        if not self._may_be_long(self._long.getbuffer()[:200]):
            raise Garbled("imap.line_too_long", limit=self.limits.line)
        if self._long.tell() > self.limits.numbers:
            raise Garbled("imap.line_too_long", limit=self.limits.numbers)

    def _may_be_long(self, line: bytes | memoryview) -> bool:
        return not self._frame and _HOLDS_NUMBERS.match(line) is not None

    def _announce_literal(self, line: bytes) -> bool:
        found = _LITERAL_AT_END.search(line)
        if found is None or not _HOLDS_LITERALS.match(self._frame[0]):
            return False
        size = int(found[1])
        self._literals += size
        if self._literals > self.limits.literal:
            raise Garbled("imap.literal_too_long", size=self._literals, limit=self.limits.literal)
        self._literal = size
        self._gathered = BytesIO() if size > self.limits.inline else None
        return True

    def _take_literal(self) -> bool:
        """Moves what is there of the current literal into the frame; True when it is whole."""
        held = self.end - self.start
        if self._gathered is None:
            if held < self._literal:
                return False
            self._frame.append(bytes(self.view[self.start : self.start + self._literal]))
            self.start += self._literal
        else:
            taken = min(held, self._literal)
            self._gathered.write(self.view[self.start : self.start + taken])
            self.start += taken
            self._literal -= taken
            if self._literal:
                self._scanned = self.start
                return False
            # BytesIO hands out the bytes that it grew: the literal is in memory once.
            self._frame.append(self._gathered.getvalue())
            self._gathered = None
        self._scanned = self.start
        self._literal = _NO_LITERAL
        return True
