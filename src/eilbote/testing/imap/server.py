"""The test server on a real socket: carries bytes between clients and their sessions.

It must never know what the bytes mean.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import count
from types import TracebackType
from typing import Self

from msgspec import Struct, field

from eilbote.testing.imap.behaviour import Behaviour, Faults
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.session import Session
from eilbote.testing.listening import CHUNK, LOOPBACK, Listening

_REMEMBERED = 100


class ImapServer(Struct):
    """Serves one user's Mailstore. An async context manager; `port` is known inside.

    `tls` alone: TLS from the first byte; with `behaviour.starttls`, only after STARTTLS. Change
    `faults` and the store at any time, from the server's own event loop.
    """

    store: Mailstore
    accounts: Mapping[str, str]
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: Faults = field(default_factory=Faults)
    tls: ssl.SSLContext | None = None
    port: int = 0
    sessions: deque[Session] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest sessions, ended ones too, oldest first."""
    _connections: set[_Connection] = field(default_factory=set)
    _listening: Listening | None = None
    _nonces: Iterator[int] = field(default_factory=count)

    @property
    def host(self) -> str:
        return LOOPBACK

    @property
    def connected(self) -> int:
        """How many clients are connected now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        context = None if self.behaviour.starttls else self.tls
        self._listening = await Listening.start(self._serve, self.port, context)
        self.port = self._listening.port
        self.store.listeners.append(self._tell_all)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Ends every connection without a farewell and stops listening; the store stays."""
        assert self._listening is not None
        self.store.listeners.remove(self._tell_all)
        await self._listening.stop()

    def drop_connections(self) -> None:
        """Cuts every connection at once, as a network fault does."""
        for connection in tuple(self._connections):
            connection.writer.transport.abort()

    def _tell_all(self) -> None:
        for connection in tuple(self._connections):
            connection.write(connection.session.notify())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protected = self.tls is not None and not self.behaviour.starttls
        session = Session(
            self.store,
            self.accounts,
            self.behaviour,
            self.faults,
            protected=protected,
            nonce=lambda: f"server-{next(self._nonces)}",
        )
        connection = _Connection(session, writer, self.faults)
        self.sessions.append(session)
        self._connections.add(connection)
        try:
            await self._talk(connection, reader)
        finally:
            self._connections.discard(connection)

    async def _talk(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        session, writer = connection.session, connection.writer
        connection.write(session.greeting())
        while not connection.ended:
            data = await reader.read(CHUNK)
            if not data:
                return
            connection.write(session.receive(data))
            await writer.drain()
            if session.wants_tls and self.tls is not None:
                await writer.start_tls(self.tls)
                session.secured()


class _Connection(Struct, eq=False):
    session: Session
    writer: asyncio.StreamWriter
    faults: Faults
    sent: int = 0
    ended: bool = False

    def write(self, data: bytes) -> None:
        limit = self.faults.drop_after_bytes
        if limit is not None and self.sent + len(data) > limit:
            data = data[: max(0, limit - self.sent)]
            self.ended = True
        self.sent += len(data)
        self.ended = self.ended or self.session.closing
        if self.writer.is_closing():
            return
        if data:
            self.writer.write(data)
        if self.ended:
            self.writer.close()
