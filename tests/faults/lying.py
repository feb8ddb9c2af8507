"""A server that lies: the embedded server behind a go-between that may change every answer.

The go-between knows where an answer ends (literals included) and which command was sent last; what
becomes of the answer a test decides. It must never change what the client says.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_CHUNK = 64 * 1024

Lie = Callable[[bytes, bytes], bytes]
"""(answer with its CRLF, the latest command's line) -> what the client gets instead."""


def truth(answer: bytes, command: bytes) -> bytes:
    """No lie at all."""
    return answer


def instead(pattern: bytes, replacement: bytes) -> Lie:
    """In every answer, this in place of that."""
    compiled = re.compile(pattern, re.DOTALL)
    return lambda answer, command: compiled.sub(replacement, answer)


def before(prefix: bytes, insertion: bytes, *, command: bytes = b"") -> Lie:
    """Puts `insertion` before each answer that begins with `prefix`, while such a command runs."""

    def lie(answer: bytes, said: bytes) -> bytes:
        return insertion + answer if answer.startswith(prefix) and command in said else answer

    return lie


@dataclass(slots=True)
class GoBetween:
    """Listens on loopback for clients of the server at `port`. Change `lie` at any time."""

    target: int
    lie: Lie = truth
    port: int = 0
    commands: list[bytes] = field(default_factory=list)
    """Every line that clients sent, without its tag."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        latest = [b""]
        try:
            there_reader, there_writer = await asyncio.open_connection(
                "127.0.0.1", self.target, limit=1 << 24
            )
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._upwards(reader, there_writer, latest))
                    group.create_task(self._downwards(there_reader, writer, latest))
            finally:
                there_writer.close()
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # one side has gone; the other hears of it below
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _upwards(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latest: list[bytes]
    ) -> None:
        while data := await reader.read(_CHUNK):
            for line in data.split(b"\r\n"):
                tag, _, rest = line.partition(b" ")
                if rest and tag.startswith(b"E"):
                    latest[0] = rest
                    self.commands.append(rest)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _downwards(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latest: list[bytes]
    ) -> None:
        while True:
            answer = await reader.readuntil(b"\r\n")
            while literal := _LITERAL.search(answer):
                answer += await reader.readexactly(int(literal[1]))
                answer += await reader.readuntil(b"\r\n")
            writer.write(self.lie(answer, latest[0]))
            await writer.drain()

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def go_between(target: int) -> AsyncIterator[GoBetween]:
    """A go-between for the server on that port of loopback."""
    made = GoBetween(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await server.wait_closed()
