"""A server on loopback that says what a test tells it to, and remembers what it was told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from eilbote.clock import SystemClock
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.protocols.imap.limits import Limits
from eilbote.secret import Secret
from eilbote.store.values import Security, Server

CAPABILITIES = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ UIDPLUS MOVE ESEARCH UNSELECT IDLE"


@dataclass
class Line:
    """One client's connection as the script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[bytes] = field(default_factory=list)

    async def say(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\r\n" for line in lines))
        await self.writer.drain()

    async def hear(self) -> tuple[bytes, bytes]:
        """The next command: its tag and the rest of its line."""
        line = await self.reader.readline()
        self.received.append(line)
        tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
        return tag, rest

    async def obey(self, *told: bytes) -> bytes:
        """Hears a command, says `told`, then OK; the command without its tag."""
        tag, rest = await self.hear()
        await self.say(*told, tag + b" OK done")
        return rest

    async def let_in(self) -> None:
        """Greeting and login as an ordinary server does it."""
        await self.say(b"* OK [CAPABILITY " + CAPABILITIES.encode() + b"] ready")
        tag, rest = await self.hear()
        assert rest.startswith(b"AUTHENTICATE PLAIN ")
        await self.say(tag + b" OK [CAPABILITY " + CAPABILITIES.encode() + b"] welcome")


Script = Callable[[Line], Awaitable[None]]


@dataclass
class Scripted:
    """Runs the script for each client; `lines` are the connections so far."""

    script: Script
    context: ssl.SSLContext | None = None
    port: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def server(self) -> Server:
        security = Security.NONE if self.context is None else Security.TLS
        return Server("127.0.0.1", self.port, security)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Scripted]:
        tasks = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            line = Line(reader, writer)
            self.lines.append(line)
            try:
                await self.script(line)
                await reader.read()
            except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self.context, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()


async def open_session(
    server: Server,
    *,
    limits: Limits | None = None,
    trusted: tuple[str, ...] = (),
    connect_timeout: float = 20.0,
    read_timeout: float = 20.0,
) -> ImapSession:
    """A session as anna, with the password `geheim`."""
    return await ImapSession.open(
        server,
        Credential("anna", Secret("geheim")),
        Terms(SystemClock(), trusted, connect_timeout=connect_timeout, read_timeout=read_timeout),
        limits=limits,
    )


@asynccontextmanager
async def session_with(
    script: Script, *, limits: Limits | None = None, read_timeout: float = 20.0
) -> AsyncIterator[ImapSession]:
    """A logged-in session with a server that goes on with `script` after the login."""

    async def whole(line: Line) -> None:
        await line.let_in()
        await script(line)

    async with Scripted(whole).listening() as scripted:
        session = await open_session(scripted.server, limits=limits, read_timeout=read_timeout)
        try:
            yield session
        finally:
            session.abort()
