"""What a server that takes mail says to a stranger who wants it to send elsewhere.

It must never send a mail: the envelope is taken back before there is one.
"""

from __future__ import annotations

import asyncio

from eilbote.diagnosis.evidence import Outcome, Place, RelayTried
from eilbote.net.dial import dial, numeric
from eilbote.net.failures import outcome_of

_ROOM = 64 * 1024
_MOST_LINES = 100
_LONGEST = 300
_SECONDS = 20.0
"""For all of it: some servers let a stranger wait for their greeting."""


async def ask_to_relay(place: Place, address: str, recipient: str) -> RelayTried:
    """Asks at the numeric address; what was said until it failed counts. `recipient` as it goes on the wire:
    ASCII, without line breaks or brackets."""
    if not recipient.isascii() or any(one in recipient for one in "<>\r\n \0"):
        return RelayTried(place.host, Outcome.ERROR, address, reason="recipient")
    told = ["", "", ""]
    outcome, reason = Outcome.OK, ""
    try:
        async with asyncio.timeout(_SECONDS):
            sock = await dial([numeric(address, place.port)])
            reader, writer = await asyncio.open_connection(sock=sock, limit=_ROOM)
            try:
                reason = await _reply(reader)
                writer.write(b"EHLO [127.0.0.1]\r\n")
                await _reply(reader)
                for at, line in enumerate(("MAIL FROM:<>", f"RCPT TO:<{recipient}>", "VRFY postmaster")):
                    if at == 1 and not told[0].startswith("2"):
                        continue
                    writer.write(line.encode("ascii") + b"\r\n")
                    told[at] = await _reply(reader)
                writer.write(b"RSET\r\nQUIT\r\n")
                await _reply(reader)
            finally:
                writer.transport.abort()
    except (OSError, ValueError, TimeoutError) as failure:
        # With all answers there, how the line ended says nothing.
        outcome = Outcome.OK if told[1] else outcome_of(failure)
    sender, to, verify = told
    return RelayTried(place.host, outcome, address, sender, to, verify, "" if sender else reason)


async def _reply(reader: asyncio.StreamReader) -> str:
    """The last line of a reply. ConnectionResetError where the server ended."""
    for _ in range(_MOST_LINES):
        line = await reader.readline()
        if not line:
            raise ConnectionResetError
        if line[3:4] != b"-":
            return line.decode("utf-8", "replace").strip()[:_LONGEST]
    raise ValueError("endless reply")
