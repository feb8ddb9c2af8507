"""Working under what this process holds of a home: made to last while it works, and given up at once
when it may be another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.errors import Unreachable
from eilbote.store.ownership import Tenure

FENCED = "store.fenced"
"""The code of the problem that ends the work of an account which is another's now."""

_AGAIN_SECONDS = 1.0


def leased(app: App, tenure: Tenure, account: int) -> App:
    """`app` for the work of one account that is held: it writes nothing, and says nothing to a server,
    once the account is another's. NotAllowed `store.fenced` where it is so already."""
    lease = tenure.lease(account)
    return app if lease is None else replace(app, store=app.store.fenced(lease), guard=lease.check)


@asynccontextmanager
async def lasting(app: App, tenure: Tenure) -> AsyncIterator[None]:
    """Renews what is held while the block runs. The loop itself sees to it, so that a process whose
    loop does nothing any more loses what it holds."""
    beat = tenure.beat
    if beat is None:
        yield
        return
    # A thread of its own: the others may all be waiting for the database.
    renewals = ThreadPoolExecutor(1, "renew")
    beating = asyncio.create_task(_renew(app, tenure, beat, renewals))
    try:
        yield
    finally:
        beating.cancel()
        (ended,) = await asyncio.gather(beating, return_exceptions=True)
        renewals.shutdown()
    if isinstance(ended, Exception):
        raise ended


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
