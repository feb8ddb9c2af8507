"""A line to a mail server in plain text, reply by reply, for whoever looks closely at what comes before TLS.

It must never carry anything secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eilbote.diagnosis.evidence import Place, Protocol
from eilbote.net.dial import dial, numeric

ROOM = 64 * 1024
"""Bytes of a line at the most."""

_MOST_LINES = 50


@asynccontextmanager
async def bare_line(
    place: Place, address: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A line to one numeric address, cut off afterwards. OSError, ValueError where there is none."""
    sock = await dial([numeric(address, place.port)])
    reader, writer = await asyncio.open_connection(sock=sock, limit=ROOM)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def greeted(place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Has the server say its greeting, and of SMTP what it can do: STARTTLS may follow."""
    await last_line(place, reader)
    if place.protocol is Protocol.SMTP:
        writer.write(b"EHLO [127.0.0.1]\r\n")
        await last_line(place, reader)


async def last_line(place: Place, reader: asyncio.StreamReader) -> bytes:
    """The last line of a reply; empty where it has no end. ValueError for a line that is too long."""
    for _ in range(_MOST_LINES):
        line = await reader.readline()
        if not line or place.protocol is not Protocol.SMTP or line[3:4] != b"-":
            return line
    return b""
