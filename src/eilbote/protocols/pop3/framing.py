"""Cuts the byte stream of a POP3 server: status lines, listings, and mails with their dots taken out.

The network receives straight into the buffer that `room` gives. Each byte is looked at once for a
line's end and copied once, however the stream is sliced. It must never hold more than `Limits`
allows, and never take anything but CRLF "." CRLF for the end of a mail (RFC 1939 section 3).
"""

from __future__ import annotations

from io import BytesIO

from eilbote.errors import Garbled, Misused
from eilbote.protocols.line_framer import LineFramer
from eilbote.protocols.pop3.limits import Limits

_DOT = ord(".")


class Framer(LineFramer):
    """The receive buffer and what of the current answer has been seen.

    Receive into `room()`, tell `filled(count)`, then ask for what the dialogue expects next:
    `take_line`, `take_listing` or `take_mail`, each None until all of it has come. Garbled
    `pop3.line_too_long`. Inside mails a bare LF ends no line.
    """

    def __init__(self, limits: Limits) -> None:
        if limits.buffer < 4 * limits.line:
            raise Misused("pop3.buffer_too_small")
        super().__init__(limits.buffer, limits.line)
        self.limits = limits
        self._lines: list[bytes] = []
        self._bytes = 0
        self._mail: BytesIO | None = None
        self._at_line_start = True

    @property
    def is_empty(self) -> bool:
        """Nothing received is left unread."""
        return super().is_empty and not self._lines and self._mail is None

    def _too_long(self) -> Garbled:
        return Garbled("pop3.line_too_long", limit=self.limits.line)

    def take_listing(self) -> tuple[bytes, ...] | None:
        """The lines of a listing up to its dot, unstuffed. Garbled `pop3.listing_too_long`."""
        while (line := self.take_line()) is not None:
            if line == b".":
                lines, self._lines, self._bytes = tuple(self._lines), [], 0
                return lines
            self._lines.append(line.removeprefix(b"."))
            self._bytes += len(line)
            if len(self._lines) > self.limits.lines or self._bytes > self.limits.listing:
                raise Garbled("pop3.listing_too_long", limit=self.limits.lines)
        return None

    def take_mail(self) -> bytes | None:
        """The mail up to its final dot: with the CRLF of its last line, the stuffed dots taken out.
        Garbled `pop3.mail_too_long`."""
        if self._mail is None:
            self._mail = BytesIO()
            self._at_line_start = True
        while True:
            if self._at_line_start and self._start < self._end and self._buffer[self._start] == _DOT:
                opening = bytes(self._view[self._start : min(self._start + 3, self._end)])
                if opening == b".\r\n":
                    self._start = self._scanned = self._start + 3
                    mail, self._mail = self._mail.getvalue(), None
                    return mail
                if b".\r\n".startswith(opening):
                    return None
                self._start += 1
                self._at_line_start = False
            # `\r\n.` and no other dot is of interest: the one place where a line needs a look.
            at = self._buffer.find(b"\r\n.", self._start, self._end)
            if at >= 0:
                self._gather(at + 2)
                self._at_line_start = True
                continue
            self._gather(self._end - self._unsure())
            return None

    def _unsure(self) -> int:
        """How many bytes at the end may begin `\\r\\n.`; they wait for the next ones."""
        for count in (2, 1):
            if self._end - self._start >= count:
                tail = self._view[self._end - count : self._end]
                if tail == b"\r\n"[:count]:
                    return count
        return 0

    def _gather(self, until: int) -> None:
        assert self._mail is not None
        if until > self._start:
            self._mail.write(self._view[self._start : until])
            self._start = self._scanned = until
            self._at_line_start = False
        if self._mail.tell() > self.limits.mail:
            raise Garbled("pop3.mail_too_long", limit=self.limits.mail)
