"""Mails made ready to be stored, by a second process where many are to come.

Reading, hashing and compressing costs as much time as receiving and storing together; a process of
its own does it on another core. It gets mails and gives values. What it does not do, because it has
died or hangs, is done here: no mail ever depends on it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import Process
from typing import IO, TYPE_CHECKING

from eilbote.engine.child import end_child, kill_child, start_child

if TYPE_CHECKING:  # most passes bring no mail: they must not pay for loading what reads it
    from eilbote.engine.preparing import Arena
    from eilbote.store.prepare import Batch

WORTH_A_CHILD = 1_000
"""Mails to come from which a process of its own pays: it needs a tenth of a second to start."""

STALLED = 60.0
"""Seconds without an answer after which the child is ended and its work done here."""

# -P: nothing of the folder that we were started in is ever imported.
_PROGRAM = ("-P", "-m", "eilbote.engine.preparing")


class Preparer:
    """Prepares batches of mails, several at once. Call `expect` before many mails, `close` always."""

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._starting = asyncio.Lock()

    async def expect(self, mails: int) -> None:
        """So many mails are going to come. Starts the child if that pays."""
        async with self._starting:
            if self._child is None and mails >= WORTH_A_CHILD:
                self._child = await _Child.start()

    async def prepare(self, raws: list[bytes]) -> Batch:
        """See `store.prepare.prepare`."""
        batch = await self._child.prepare(raws) if self._child is not None else None
        if batch is None:
            from eilbote.store.prepare import prepare  # noqa: PLC0415  # the child has loaded its own

            batch = await asyncio.to_thread(prepare, raws)
        return batch

    async def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()


class _Child:
    """The program `preparing.py` at work, and the memory shared with it."""

    def __init__(self, process: Process, arena: Arena, slots: int, room: int) -> None:
        self._process = process
        self._arena = arena
        self._room = room
        self._serial = 0
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(slots):
            self._free.put_nowait(slot)
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls) -> _Child | None:
        from eilbote.engine.preparing import INPUT_BYTES, SLOTS, Arena  # noqa: PLC0415  # see above

        with _memory() as file:
            arena = Arena(file.fileno())
            process = await start_child(*_PROGRAM, str(file.fileno()), pass_fds=(file.fileno(),))
        if process is None:
            arena.close()
            return None
        return cls(process, arena, SLOTS, INPUT_BYTES)

    async def prepare(self, raws: list[bytes]) -> Batch | None:
        """None where the child could not: they are too large, or it has ended."""
        if sum(map(len, raws)) > self._room:
            return None
        slot = await self._free.get()
        try:
            length = await self._ask(slot, raws)
            return self._arena.take(slot, length) if length else None
        finally:
            self._free.put_nowait(slot)

    async def _ask(self, slot: int, raws: list[bytes]) -> int:
        stdin = self._process.stdin
        assert stdin is not None
        if self._listening.done() or stdin.is_closing():
            return 0
        self._serial += 1
        serial = self._serial
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[serial] = answer
        self._arena.put(slot, raws)
        stdin.write(b" ".join(b"%d" % number for number in (serial, slot, *map(len, raws))) + b"\n")
        try:
            async with asyncio.timeout(STALLED):
                return await answer
        except TimeoutError:
            kill_child(self._process)
            return 0
        finally:
            del self._asked[serial]

    async def _listen(self) -> None:
        """Hands out the answers; when the child has ended, everybody waiting hears of it."""
        stdout = self._process.stdout
        assert stdout is not None
        try:
            async for line in stdout:
                serial, length = map(int, line.split())
                answer = self._asked.get(serial)
                if answer is not None and not answer.done():
                    answer.set_result(length)
        finally:
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_result(0)

    async def end(self) -> None:
        ending = asyncio.gather(self._listening, self._process.wait(), return_exceptions=True)
        try:
            await end_child(self._process, ending)
        finally:
            self._arena.close()


def _memory() -> IO[bytes]:
    """A file that lies in memory where the system has such, else one without a name."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("eilbote"), "r+b")
    return tempfile.TemporaryFile()
