"""Cuts the byte stream of an SMTP server into lines.

The network receives straight into the buffer that `room` gives. Each byte is looked at once for a
line's end, however the stream is sliced. It must never hold more than `Limits` allows.
"""

from __future__ import annotations

from eilbote.errors import Garbled, Misused
from eilbote.protocols.smtp.limits import Limits


class Framer:
    """The receive buffer. Receive into `room()`, tell `filled(count)`, then take lines."""

    def __init__(self, limits: Limits) -> None:
        if limits.buffer < 4 * limits.line:
            raise Misused("smtp.buffer_too_small")
        self.limits = limits
        self._buffer = bytearray(limits.buffer)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._scanned = 0  # no line's end lies before this

    def room(self) -> memoryview:
        """Where to receive next; empty only when `is_full`."""
        if self._start == self._end:
            self._start = self._end = self._scanned = 0
        elif len(self._buffer) - self._end < len(self._buffer) // 4:
            held = self._end - self._start
            self._view[:held] = self._view[self._start : self._end]
            self._scanned = max(0, self._scanned - self._start)
            self._start, self._end = 0, held
        return self._view[self._end :]

    def filled(self, count: int) -> None:
        """`count` bytes were received into `room()`."""
        self._end += count

    @property
    def is_full(self) -> bool:
        """Too little room to receive: read first."""
        return len(self._buffer) - (self._end - self._start) < len(self._buffer) // 4

    @property
    def is_empty(self) -> bool:
        """Nothing received is left unread."""
        return self._start == self._end

    def take_line(self) -> bytes | None:
        """The next line without its end, None until all of it has come. Garbled `smtp.line_too_long`.

        A bare LF ends a line too: some servers refuse with one. What they say is never a mail.
        """
        at = self._buffer.find(b"\n", max(self._scanned, self._start), self._end)
        if at < 0:
            self._scanned = self._end
            if self._end - self._start > self.limits.line:
                raise Garbled("smtp.line_too_long", limit=self.limits.line)
            return None
        line = bytes(self._view[self._start : at])
        self._start = self._scanned = at + 1
        if len(line) > self.limits.line:
            raise Garbled("smtp.line_too_long", limit=self.limits.line)
        return line.removesuffix(b"\r")
