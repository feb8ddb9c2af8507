"""The life of a server on a real socket: it listens, serves each client, and ends with all of them.

The same for every protocol. It must never listen anywhere but on loopback, and never know what the
bytes mean.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

LOOPBACK = "127.0.0.1"

CHUNK = 256 * 1024
"""So many bytes are read from a client at once."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one client until it returns. That the client is gone may be raised."""


class Listening:
    """Clients and their tasks. Make one with `start`, end it with `stop`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    @classmethod
    async def start(cls, talk: Talk, port: int, tls: ssl.SSLContext | None) -> Listening:
        """Listens on this port, 0 for any that is free. `tls`: from the first byte."""
        listening = cls(talk)
        listening._server = await asyncio.start_server(listening._serve, LOOPBACK, port, ssl=tls)
        return listening

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Ends every connection without a farewell and stops listening."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, ssl.SSLError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # the client is gone, or `stop` ends us and awaits this task
        finally:
            self._tasks.discard(task)
            writer.close()
