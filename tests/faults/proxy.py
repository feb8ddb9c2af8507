"""A line with faults: between our client and a real server, on loopback.

It cuts, delays, slices, gathers, slows, falls silent and garbles, by numbers alone: the same
`Trouble` on the same dialogue does the same. It knows bytes, and of commands only where their lines
end; what answers mean it never knows (`lying.py` does).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from msgspec import Struct, field

_CHUNK = 64 * 1024
_LITERAL = re.compile(rb"\{(\d+)\+?\}\Z")
_LINGER_ZERO = struct.pack("ii", 1, 0)


class End(StrEnum):
    """How a line ends: in order (FIN), at once (RST), or with silence, while it stays open."""

    FIN = "fin"
    RST = "rst"
    SILENCE = "silence"


class Trouble(Struct, frozen=True):
    """What goes wrong, counted over all connections since it was set.

    `cut_up`, `cut_down`: before that byte (the first is 1) from or to the client its connection ends as
    `end` says. `end_at`: so does the connection that says that command (the first is 1), before the
    server hears of it; with `farewell` first said to the client, and with `all_end` all connections
    end. `slices`: so many bytes go to the client at a time. `gather`: seconds for which answers are
    held, to go out together. `delay`: seconds that everything to the client is late. `rate`: bytes a
    second to the client. `garble`: of so many bytes to the client one, on average, is another, by
    `seed`.
    """

    cut_up: int | None = None
    cut_down: int | None = None
    end: End = End.FIN
    end_at: int | None = None
    farewell: bytes = b""
    all_end: bool = False
    slices: int = 0
    gather: float = 0.0
    delay: float = 0.0
    rate: int = 0
    garble: int = 0
    seed: int = 0


WELL = Trouble()


class _Ended(Exception):
    """This connection is over, as its trouble says."""


class Connection(Struct, eq=False):
    """One client's connection: when it came (monotonic seconds), and what it said."""

    at: float
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    lines: list[bytes] = field(default_factory=list)
    """Commands without their tags, whole lines only; literals are left out."""
    silent: bool = False
    task: asyncio.Task[None] | None = None
    _said: bytearray = field(default_factory=bytearray)
    _literal: int = 0

    @property
    def names(self) -> list[str]:
        """The names of its commands (`UID FETCH`)."""
        named = []
        for line in self.lines:
            words = line.decode("latin-1").upper().split(" ", 2)
            named.append(" ".join(words[:2]) if words[0] == "UID" else words[0])
        return named

    def hear(self, data: bytes) -> int:
        """Takes in what the client said; how many commands began and ended in it."""
        self._said += data
        commands = 0
        while True:
            skipped = min(self._literal, len(self._said))
            del self._said[:skipped]
            self._literal -= skipped
            end = self._said.find(b"\r\n")
            if self._literal or end < 0:
                return commands
            line = bytes(self._said[:end])
            del self._said[: end + 2]
            if literal := _LITERAL.search(line):
                self._literal = int(literal[1])
            tag, _, rest = line.partition(b" ")
            if rest and re.fullmatch(rb"E\d+", tag):
                self.lines.append(rest)
                commands += 1


class Proxy(Struct):
    """Listens on loopback for clients of the server at `host`, `target`. Set `trouble` at any time:
    its counts begin anew."""

    host: str
    target: int
    port: int = 0
    connections: list[Connection] = field(default_factory=list)
    """Every connection so far, oldest first."""
    up: int = 0
    down: int = 0
    commands: int = 0
    _trouble: Trouble = WELL
    _chance: random.Random = field(default_factory=random.Random)

    @property
    def trouble(self) -> Trouble:
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._chance = random.Random(trouble.seed)
        self.up = self.down = self.commands = 0

    @property
    def said(self) -> list[list[str]]:
        """The names of the commands, one list for each connection."""
        return [one.names for one in self.connections]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = Connection(time.monotonic(), writer, task=asyncio.current_task())
        self.connections.append(one)
        try:
            there, one.server = await asyncio.open_connection(self.host, self.target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upwards(one, reader, one.server))
                group.create_task(self._downwards(one, there, writer))
        except* (ConnectionError, _Ended):
            pass  # the other side hears of it below
        except* asyncio.CancelledError:
            pass  # `stop` ends us; it awaits this task
        finally:
            self._part(one)
            if one.server is not None:
                one.server.close()
            writer.close()

    def _part(self, one: Connection) -> None:
        """A RST leaves no time for what is under way, in either direction."""
        if self._trouble.end is End.RST:
            for writer in (one.client, one.server):
                sock = writer.get_extra_info("socket") if writer is not None else None
                if sock is not None:
                    with contextlib.suppress(OSError):
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                    assert writer is not None
                    writer.transport.abort()

    async def _upwards(
        self, one: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            trouble = self._trouble
            before, self.up = self.up, self.up + len(data)
            began = self.commands
            self.commands += one.hear(data)
            if one.silent:
                continue
            if trouble.end_at is not None and began < trouble.end_at <= self.commands:
                await self._end(one, trouble)
                continue
            passing = _passing(before, len(data), trouble.cut_up)
            writer.write(data[:passing])
            await writer.drain()
            if passing < len(data):
                await self._end(one, trouble)
        raise _Ended

    async def _downwards(
        self, one: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            trouble = self._trouble
            if trouble.gather:
                data += await _more(reader, trouble.gather)
            if trouble.delay:
                await asyncio.sleep(trouble.delay)
            if one.silent:
                continue
            before, self.down = self.down, self.down + len(data)
            passing = _passing(before, len(data), trouble.cut_down)
            await self._say(writer, self._garbled(data[:passing], trouble), trouble)
            if passing < len(data):
                await self._end(one, trouble)
        raise _Ended

    async def _say(self, writer: asyncio.StreamWriter, data: bytes, trouble: Trouble) -> None:
        step = trouble.slices or (max(1, trouble.rate // 20) if trouble.rate else _CHUNK)
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            if trouble.slices or trouble.rate:
                await asyncio.sleep(step / trouble.rate if trouble.rate else 0)

    def _garbled(self, data: bytes, trouble: Trouble) -> bytes:
        if not trouble.garble:
            return data
        changed = bytearray(data)
        for at in range(len(changed)):
            if self._chance.randrange(trouble.garble) == 0:
                changed[at] = self._chance.randrange(256)
        return bytes(changed)

    async def _end(self, one: Connection, trouble: Trouble) -> None:
        chosen = [each for each in self.connections if _is_open(each)] if trouble.all_end else [one]
        if trouble.farewell:
            for each in chosen:
                each.client.write(trouble.farewell)
        if trouble.end is End.SILENCE:
            for each in chosen:
                each.silent = True
            return
        for each in chosen:
            if each is not one and each.task is not None:
                self._part(each)
                each.client.close()
                if each.server is not None:
                    each.server.close()
        raise _Ended

    def forget(self) -> None:
        """Forgets connections that have ended."""
        self.connections = [one for one in self.connections if _is_open(one)]

    def cut_all(self) -> None:
        """Ends every connection at once."""
        for one in self.connections:
            if _is_open(one):
                one.client.transport.abort()

    def silence_all(self) -> None:
        """From now on every open connection stays open and carries nothing."""
        for one in self.connections:
            one.silent = one.silent or _is_open(one)

    async def stop(self) -> None:
        tasks = [one.task for one in self.connections if one.task is not None and not one.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_open(one: Connection) -> bool:
    return one.task is not None and not one.task.done() and not one.client.is_closing()


def _passing(before: int, size: int, cut: int | None) -> int:
    """How many of the next `size` bytes still pass."""
    return size if cut is None or not before < cut <= before + size else cut - before - 1


async def _more(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """What else comes within so many seconds of silence."""
    more = b""
    with contextlib.suppress(TimeoutError):
        while data := await asyncio.wait_for(reader.read(_CHUNK), seconds):
            more += data
    return more


@asynccontextmanager
async def proxied(host: str, target: int) -> AsyncIterator[Proxy]:
    """A proxy before the server at that place."""
    made = Proxy(host, target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await server.wait_closed()
