"""Keeps search complete while mail arrives: small changes here, many mails in a child process.

The child reads only what the store has committed, so that fetching never waits for it. It is started
when so many mails wait that its start is worth it; on a machine with two cores, which receiving and
storing fill, not in the first seconds: mail on disk and in lists comes first, search follows.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence

from eilbote.clock import Clock
from eilbote.config import Config
from eilbote.engine.child import end_child, kill_child, start_child
from eilbote.engine.pace import usable_cores
from eilbote.store import Store

WORTH_A_CHILD = 500
"""Mails waiting from which a process of its own pays: it needs 0.2 s to start."""

CORES = 2
"""With more than this many, the child has one of its own."""

ALONE = 10.0
"""Seconds that a pass stores without the child where it has none."""

STALLED = 60.0
"""Seconds without progress after which the child is ended and its work done here."""

# -P: nothing of the folder that we were started in is ever imported.
_PROGRAM = ("-P", "-m", "eilbote.engine.indexing")

Progressed = Callable[[int, int], None]


class Indexer:
    """Makes what a pass stores searchable. Call `committed` after every stored batch, `complete`
    at the end, `close` always."""

    def __init__(self, store: Store, config: Config, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._since = clock.monotonic()
        self._url = config.store
        self._child: _Child | None = None
        self._starting = asyncio.Lock()
        self._count = 0

    async def committed(self, ids: Sequence[int]) -> None:
        """These messages are stored. Starts the child when enough of them wait for it."""
        if not ids:
            return
        self._count += len(ids)
        if self._has_room():
            await self._start_for(self._count)
        if self._child is not None:
            self._child.tell(max(ids))

    async def complete(self, progress: Progressed = lambda done, total: None) -> None:
        """Returns when everything stored is searchable. Raises the store's Problems. `progress` is
        told how many of how many mails are."""
        covered, behind = await asyncio.to_thread(self._waiting)
        if not behind:
            return
        await self._start_for(behind)
        if self._child is not None:
            await self._child.finish(covered, covered + behind, progress)
        from eilbote.engine.indexing import index_all  # noqa: PLC0415  # nothing new needs no parser

        # Few mails, contents that were replaced, and what a child that died or never was has left.
        await asyncio.to_thread(index_all, self._store)

    async def close(self) -> None:
        """Ends the child. What is not searchable yet will be at the next pass."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    def _has_room(self) -> bool:
        return usable_cores() > CORES or self._clock.monotonic() - self._since > ALONE

    async def _start_for(self, mails: int) -> None:
        """Starts the child if there is none and it pays for so many mails."""
        async with self._starting:
            if self._child is None and mails >= WORTH_A_CHILD:
                self._child = await _Child.start(self._store, self._url)

    def _waiting(self) -> tuple[int, int]:
        search = self._store.search
        covered = search.covered()
        return covered.message, search.behind(covered)


class _Child:
    """The program `indexing.py` at work: told what is committed, it tells what is searchable."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._told = 0

    @classmethod
    async def start(cls, store: Store, url: str) -> _Child | None:
        """None where the system allows no further process."""
        process = await start_child(*_PROGRAM)
        if process is None:
            return None
        child = cls(process)
        child._write(json.dumps({"home": str(store.home), "url": url}))
        return child

    def tell(self, committed: int) -> None:
        """All up to this message is committed. Never blocks: a pipe holds thousands of numbers."""
        self._told = max(self._told, committed)
        self._write(str(self._told))

    async def finish(self, start: int, newest: int, progress: Progressed) -> None:
        """Waits until all up to `newest` is searchable, or the child has ended; ends it if it gets
        no further for `STALLED` seconds."""
        self._told = max(self._told, newest)
        self._write(f"{self._told}!")
        assert self._process.stdout is not None
        reached = -1
        try:
            while reached < newest:
                async with asyncio.timeout(STALLED):
                    done = await _further(self._process.stdout, reached)
                if done is None:
                    return
                reached = done
                progress(min(done, newest) - start, newest - start)
        except TimeoutError:
            kill_child(self._process)

    async def end(self) -> None:
        await end_child(self._process, self._process.communicate())

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(line.encode("ascii") + b"\n")


async def _further(lines: asyncio.StreamReader, reached: int) -> int | None:
    """The next number above `reached` that the child says; None when it has ended."""
    async for line in lines:
        if (done := int(line)) > reached:
            return done
    return None
