"""The journal of sending, written by several connections at once: what they have to record at the same
moment goes into one transaction, and each goes on only when its own is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from eilbote.delivery.values import Recipient, Settled
from eilbote.engine.app import App
from eilbote.store.outgoing_attempts import Attempt


class _Batch(Struct):
    """What goes into one transaction, and who waits for it."""

    ending: dict[int, Sequence[Recipient]] = field(default_factory=dict)
    settled: dict[int, Settled] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class Recorder:
    """Group commits for the deliveries of one account."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._next = _Batch()
        self._writing: asyncio.Task[None] | None = None

    async def record(
        self,
        ending: Mapping[int, Sequence[Recipient]],
        settled: Mapping[int, Settled],
        attempts: Mapping[int, Attempt],
    ) -> None:
        """As `Outbox.record`, which may write what others record at the same time with it; returns when
        it is on disk, and raises what that raised."""
        batch = self._next
        batch.ending |= ending
        batch.settled |= settled
        batch.attempts |= attempts
        done = asyncio.get_running_loop().create_future()
        batch.waiting.append(done)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def close(self) -> None:
        """Waits for what is being written: nothing may be written after the home was given free."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    async def _write(self) -> None:
        try:
            while self._next.waiting:
                batch, self._next = self._next, _Batch()
                try:
                    await asyncio.to_thread(
                        self._app.store.outbox.record,
                        self._app.clock.now(),
                        ending=batch.ending,
                        settled=batch.settled,
                        attempts=batch.attempts,
                    )
                except Exception as error:  # noqa: BLE001  # it is theirs who wait
                    for one in batch.waiting:
                        if not one.cancelled():
                            one.set_exception(error)
                else:
                    for one in batch.waiting:
                        if not one.cancelled():
                            one.set_result(None)
        finally:
            self._writing = None
