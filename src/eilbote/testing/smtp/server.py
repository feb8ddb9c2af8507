"""The SMTP server of the tests on a real socket.

It must never pass a mail to anybody but its caller.
"""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self

from msgspec import Struct, field

from eilbote.testing.listening import CHUNK, LOOPBACK, Listening
from eilbote.testing.smtp.session import SmtpSession
from eilbote.testing.smtp.sink import Sink, Then

_ENDLESS = b"250-and so on\r\n" * 2000


class SmtpServer(Struct):
    """The sink on a real socket. An async context manager; `port` is known inside.

    `garbage`: what is said instead of TLS after a yes to STARTTLS. `release` lets held replies go.
    """

    sink: Sink = field(default_factory=Sink)
    tls: ssl.SSLContext | None = None
    port: int = 0
    garbage: bytes = b""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    _listening: Listening | None = None

    @property
    def host(self) -> str:
        return LOOPBACK

    async def __aenter__(self) -> Self:
        context = None if self.sink.starttls else self.tls
        self._listening = await Listening.start(self._serve, self.port, context)
        self.port = self._listening.port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        await self._listening.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        session = SmtpSession(self.sink, protected=self.tls is not None and not self.sink.starttls)
        writer.write(session.greeting())
        while not session.closing and (data := await reader.read(CHUNK)):
            await self._answer(session, session.receive(data), writer)
        await self._end(session, reader, writer)

    async def _answer(self, session: SmtpSession, answer: bytes, writer: asyncio.StreamWriter) -> None:
        while session.then is Then.HOLD:
            writer.write(answer)
            await self.release.wait()
            answer = session.released()
        writer.write(answer)
        await writer.drain()
        if session.wants_tls and self.garbage:
            writer.write(self.garbage)
            session.then = Then.SILENCE
        elif session.wants_tls and self.tls is not None:
            await writer.start_tls(self.tls)
            session.secured()

    async def _end(
        self, session: SmtpSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match session.then:
            case Then.RESET:
                writer.transport.abort()
            case Then.ENDLESS:
                while True:
                    writer.write(_ENDLESS)
                    await writer.drain()
            case Then.SILENCE:
                while await reader.read(CHUNK):
                    pass
            case _:
                pass
