"""One account's pass, as the modules of a sync share it: who, over what, and the counts so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from msgspec import Struct, field

from eilbote.engine.app import App
from eilbote.engine.connect import ImapConnections
from eilbote.engine.index import Indexer
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Progress, Report, Tally
from eilbote.errors import Problem
from eilbote.mail.mailbox import MailboxName
from eilbote.store.values import Account

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a blocking call beside the event loop. Cancelled, it still waits for the call's end."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise


class Round(Struct):
    """What the pass works with, and what it has done so far."""

    app: App
    account: Account
    connections: ImapConnections
    report: Report
    indexer: Indexer | None = None
    preparer: Preparer = field(default_factory=Preparer)
    tally: Tally = field(default_factory=Tally)
    problems: list[tuple[str, Problem]] = field(default_factory=list)
    removed: bool = False
    looked_at: frozenset[MailboxName] = frozenset()
    """Mailboxes that needed more than a look at the listing."""
    bytes_fetched: int = 0
    left_out: int = 0
    """Bytes that a mode left out of mails that were here."""

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking store call beside the event loop. Cancelled, it still waits for the call's
        end: nothing may be written after the home was given free."""
        return await to_the_end(function, *args, **kwargs)

    def tell(self, phase: str, mailbox: str = "", done: int = 0, total: int = 0) -> None:
        self.report(Progress(self.account.address, phase, mailbox, done, total, self.bytes_fetched))

    @property
    def now(self) -> float:
        return self.app.clock.now()
