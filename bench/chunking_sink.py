"""A sink that knows CHUNKING (RFC 3030), which smtp-sink does not: our own test server, which throws away
what it takes.

Run as a process of its own: `python -m bench.chunking_sink`; it prints its port.
"""

from __future__ import annotations

import asyncio

from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Received, Sink


async def serve() -> None:
    sink = Sink(login_needed=False)

    def thrown_away(_mail: Received) -> None:
        sink.received.clear()
        sink.heard.clear()

    sink.deliver = thrown_away
    async with SmtpServer(sink) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
