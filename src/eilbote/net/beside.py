"""What is asked beside the mail servers of an account: the addresses of a host, and one header of the web
server beside it. Nothing about a person is ever said.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from eilbote.diagnosis.evidence import Outcome
from eilbote.net.failures import outcome_of

_ROOM = 64 * 1024


async def addresses_of(host: str, within: float) -> tuple[Outcome, tuple[str, ...]]:
    """The numeric addresses of a host as the system's resolver tells them, `within` so many seconds. A
    resolver that hangs is left to itself: nobody can call it back."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[tuple[Outcome, tuple[str, ...]]] = loop.create_future()

    def told(result: tuple[Outcome, tuple[str, ...]]) -> None:
        if not waiting.done():
            waiting.set_result(result)

    def ask() -> None:
        result = _looked_up(host)
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(told, result)

    threading.Thread(target=ask, daemon=True).start()
    try:
        async with asyncio.timeout(within):
            return await waiting
    except TimeoutError:
        return Outcome.TIMEOUT, ()


def _looked_up(host: str) -> tuple[Outcome, tuple[str, ...]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as failure:
        if failure.errno == socket.EAI_AGAIN:
            return Outcome.SERVER_FAILURE, ()
        return Outcome.NO_SUCH_NAME, ()
    except (OSError, UnicodeError, ValueError):
        return Outcome.ERROR, ()
    return Outcome.OK, tuple(dict.fromkeys(str(place[0]).partition("%")[0] for *_, place in found))


async def ask_web(host: str, addresses: Sequence[str], within: float) -> tuple[Outcome, int, str, str]:
    """One HEAD over plain HTTP at port 80: outcome, status, where it sends us, and the server's date. Reads
    no more than a header."""
    if not addresses:
        return Outcome.NO_RECORDS, 0, "", ""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(addresses[0], 80, limit=_ROOM)
            try:
                writer.write(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            finally:
                writer.close()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Outcome.ENDED, 0, "", ""
    except (OSError, TimeoutError, UnicodeError) as failure:
        return outcome_of(failure), 0, "", ""
    status = re.match(r"HTTP/1\.[01] (\d{3})", head)
    fields = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in head.split("\r\n")[1:])
        if colon
    }
    return (
        Outcome.OK,
        int(status[1]) if status else 0,
        fields.get("location", "")[:300],
        fields.get("date", "")[:100],
    )
