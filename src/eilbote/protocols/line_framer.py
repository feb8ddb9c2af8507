"""The receive buffer of a protocol of lines, which POP3 and SMTP share.

The network receives straight into what `room` gives. Each byte is looked at once for a line's end, however
the stream is sliced. It must never hold more than it was made for, or know what a line says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from eilbote.errors import Garbled


class LineFramer(ABC):
    """Receive into `room()`, tell `filled(count)`, then take lines. `size` of the buffer and `longest` line
    are bytes."""

    def __init__(self, size: int, longest: int) -> None:
        self._longest = longest
        self._buffer = bytearray(size)
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
        """The next line without its end, None until all of it has come. Garbled where it is too long.

        A bare LF ends a line too: that is how some servers greet and refuse.
        """
        at = self._buffer.find(b"\n", max(self._scanned, self._start), self._end)
        if at < 0:
            self._scanned = self._end
            if self._end - self._start > self._longest:
                raise self._too_long()
            return None
        line = bytes(self._view[self._start : at])
        self._start = self._scanned = at + 1
        if len(line) > self._longest:
            raise self._too_long()
        return line.removesuffix(b"\r")

    @abstractmethod
    def _too_long(self) -> Garbled:
        """What is said of a line that is too long."""
