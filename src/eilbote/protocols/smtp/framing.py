"""Cuts the byte stream of an SMTP server into lines. What it says is never a mail."""

from __future__ import annotations

from eilbote.errors import Garbled, Misused
from eilbote.protocols.line_framer import LineFramer
from eilbote.protocols.smtp.limits import Limits


class Framer(LineFramer):
    """The receive buffer. It must never hold more than `Limits` allows: Garbled `smtp.line_too_long`."""

    def __init__(self, limits: Limits) -> None:
        if limits.buffer < 4 * limits.line:
            raise Misused("smtp.buffer_too_small")
        super().__init__(limits.buffer, limits.line)
        self.limits = limits

    def _too_long(self) -> Garbled:
        return Garbled("smtp.line_too_long", limit=self.limits.line)
