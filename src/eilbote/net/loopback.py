"""A port of this machine to which the browser comes back after a sign-in (RFC 8252 section 7.3).

It listens on loopback alone, takes the one answer that is ours, and closes. Whatever else knocks is sent
away, and nothing that comes in is written anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from msgspec import Struct

from eilbote.errors import Unreachable

_LARGEST_HEAD = 32 * 1024
_SECONDS = 10.0
_MOST_AT_ONCE = 20
_HEADERS = (
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Connection: close\r\n"
)


class Verdict(Struct, frozen=True):
    """What is said to the browser: an HTML page. `ends`: it was the answer that was waited for."""

    page: str
    ends: bool
    status: int = 200


Judge = Callable[[str], Verdict]
"""Is given the query of a request for `/`."""


class Loopback:
    """Open inside of `async with`; `ended` is set after the answer was taken and the browser was told."""

    def __init__(self, judge: Judge, name: str = "127.0.0.1", port: int = 0) -> None:
        """`name`: `127.0.0.1` or `localhost`, as the provider has it registered; `port` 0: any free one."""
        self._judge = judge
        self._name = name
        self._wanted = port
        self._servers: list[asyncio.Server] = []
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self.ended = asyncio.Event()
        self.port = 0

    @property
    def redirect(self) -> str:
        """The address to come back to."""
        return f"http://{self._name}:{self.port}"

    async def __aenter__(self) -> Loopback:
        try:
            first = await asyncio.start_server(self._serve, "127.0.0.1", self._wanted, limit=_LARGEST_HEAD)
        except OSError as error:
            raise Unreachable("oauth.no_port", port=self._wanted, reason=error.strerror or "") from error
        self._servers.append(first)
        self.port = first.sockets[0].getsockname()[1]
        if self._name == "localhost":  # which some browsers take for ::1 first
            with suppress(OSError):  # no IPv6 here; the browser comes to 127.0.0.1 then
                self._servers.append(
                    await asyncio.start_server(self._serve, "::1", self.port, limit=_LARGEST_HEAD)
                )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = False
        try:
            async with self._at_once, asyncio.timeout(_SECONDS):
                asked = await reader.readuntil(b"\r\n\r\n")
                verdict = self._judged(asked.decode("latin-1"))
                ends = verdict.ends
                content = verdict.page.encode()
                head = f"HTTP/1.1 {verdict.status} -\r\n{_HEADERS}Content-Length: {len(content)}\r\n\r\n"
                writer.write(head.encode() + content)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # whoever knocked does not listen
        finally:
            writer.close()
            if ends:
                self.ended.set()

    def _judged(self, head: str) -> Verdict:
        lines = head.split("\r\n")
        method, _, rest = lines[0].partition(" ")
        target = rest.partition(" ")[0]
        path, _, query = target.partition("?")
        hosts = [line[5:].strip().lower() for line in lines[1:] if line.lower().startswith("host:")]
        # Another name that leads here would be another page's doing (DNS rebinding).
        if hosts not in ([f"{name}:{self.port}"] for name in ("127.0.0.1", "localhost", "[::1]")):
            return Verdict("", ends=False, status=421)
        if method != "GET" or path != "/" or not query or self.ended.is_set():
            return Verdict("", ends=False, status=404)
        return self._judge(query)
