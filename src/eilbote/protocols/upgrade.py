"""What a flow yields when the line itself must change before it goes on. Whoever runs the flow changes
it, and sends no replies back. A flow must never go on as if a change had been refused: that raises."""

from __future__ import annotations

from msgspec import Struct


class StartTls(Struct, frozen=True):
    """The line is encrypted from here on."""


class StartDeflate(Struct, frozen=True):
    """The line is compressed from here on (RFC 4978). `received`: bytes behind the server's consent,
    which are compressed already."""

    received: bytes
