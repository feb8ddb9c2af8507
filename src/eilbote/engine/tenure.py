"""Working under what this process holds of a home: made to last while it works, and given up at once
when it may be another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeAlias
from weakref import WeakSet

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.leash import Leash
from eilbote.errors import Unreachable
from eilbote.store.ownership import Tenure

FENCED = "store.fenced"
"""The code of the problem that ends the work of an account which is another's now."""

Under: TypeAlias = Callable[[int], App]
"""The app for the work of one account that is held: it writes nothing, and says nothing to a server,
once the account is another's. NotAllowed `store.fenced` where it is so already."""

_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 0.1


@asynccontextmanager
async def lasting(app: App, tenure: Tenure) -> AsyncIterator[Under]:
    """Renews what is held while the block runs. The loop itself sees to it, so that a process whose
    loop does nothing any more loses what it holds. The lines of an account that is lost are cut, even
    while its work waits for a database that is silent."""
    beat = tenure.beat
    if beat is None:
        yield lambda account: app
        return
    leashes: WeakSet[Leash] = WeakSet()

    def under(account: int) -> App:
        lease = tenure.lease(account)
        assert lease is not None
        leash = Leash(lease)
        leashes.add(leash)
        return replace(app, store=app.store.fenced(lease), leash=leash)

    # A thread of its own: the others may all be waiting for the database.
    renewals = ThreadPoolExecutor(1, "renew")
    beating = asyncio.create_task(_renew(app, tenure, beat, renewals))
    cutting = asyncio.create_task(_cut_what_is_lost(app, leashes))
    try:
        yield under
    finally:
        beating.cancel()
        cutting.cancel()
        ended, _ = await asyncio.gather(beating, cutting, return_exceptions=True)
        renewals.shutdown()
    if isinstance(ended, Exception):
        raise ended


async def _cut_what_is_lost(app: App, leashes: WeakSet[Leash]) -> None:
    """By our own clock: it asks nobody."""
    while True:
        for leash in list(leashes):
            leash.cut_if_lost()
        await app.clock.sleep(_LOOK_SECONDS)


async def _renew(app: App, tenure: Tenure, beat: float, renewals: ThreadPoolExecutor) -> None:
    loop, pause = asyncio.get_running_loop(), beat
    while True:
        await app.clock.sleep(pause)
        try:
            await loop.run_in_executor(renewals, tenure.renew)
        except Unreachable:  # what is held runs out by itself, unless the database is back in time
            pause = min(beat, _AGAIN_SECONDS)
        else:
            pause = beat
