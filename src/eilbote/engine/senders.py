"""Sending while a home is served: whenever a mail of an account is due, its outbox is delivered, and what
follows a delivery is done. One run an account at a time; a server that failed is left alone for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct, field

from eilbote.engine.app import App
from eilbote.engine.backoff import Backoff
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import Delivery, delivery_of, settle_sent
from eilbote.engine.events import Sent, Told
from eilbote.engine.progress import Delivered
from eilbote.engine.tenure import FENCED
from eilbote.errors import EilboteError
from eilbote.store.values import Account

if TYPE_CHECKING:
    from eilbote.engine.deliver_direct import DirectDelivery

_FOLLOW_SECONDS = 1.0
"""How often it is looked for what follows a delivery, such as evidence of an uncertain mail."""


_GOODBYE_SECONDS = 3.0
"""How long the answers to mails whose end has left are waited for when serving ends."""


class _Sender(Struct):
    """What is remembered of an account between two runs."""

    task: asyncio.Task[Delivered | None] | None = None
    delivery: Delivery | DirectDelivery | None = None
    backoff: Backoff = Backoff()
    not_before: float = 0.0
    """By the monotonic clock: its server is left alone until then."""
    followed: float = float("-inf")
    asked: set[int] = field(default_factory=set)
    """Mails about which a person was asked already."""


class Senders:
    """The deliveries of the accounts that this process holds. `app_of` gives what to work for an
    account with, None where it is another's."""

    def __init__(self, app: App, app_of: Callable[[int], App | None], budget: HostBudget, told: Told) -> None:
        self._app = app
        self._app_of = app_of
        self._budget = budget
        self._told = told
        self._senders: dict[int, _Sender] = {}

    def look(
        self, accounts: Mapping[int, Account], due: Mapping[int, float], unsettled: Collection[int]
    ) -> None:
        """Begins what is to be done now. `due`: as `Outbox.next_due` gives it; `unsettled`:
        accounts with mails of which something is left to do."""
        now, monotonic = self._app.clock.now(), self._app.clock.monotonic()
        for key, account in accounts.items():
            one = self._senders.setdefault(key, _Sender())
            if one.task is not None:
                if not one.task.done():
                    continue
                if not one.task.cancelled():
                    one.task.result()  # what ended it is our own fault, and is shown
                one.task = None
            wants = account.can_send and due.get(key, inf) <= now and one.not_before <= monotonic
            follows = key in unsettled and one.followed + _FOLLOW_SECONDS <= monotonic
            if wants or follows:
                one.task = asyncio.create_task(self._run(account, one, delivers=wants))
        for key in [key for key in self._senders if key not in accounts]:
            gone = self._senders.pop(key).task
            if gone is not None:
                gone.cancel()

    async def flush(self, account: Account) -> Delivered | None:
        """One run now, whatever was due later because of a failure; None where the account is
        another's."""
        one = self._senders.setdefault(account.id, _Sender())
        while one.task is not None and not one.task.done():
            await asyncio.wait({one.task})
        task = one.task = asyncio.create_task(self._run(account, one, delivers=True))
        await asyncio.wait({task})  # a look may have let go of it meanwhile
        return None if task.cancelled() else task.result()

    async def close(self) -> None:
        """Begins nothing more, waits a moment for answers that are due, and breaks off the rest; the
        journal knows how far it came."""
        tasks = [one.task for one in self._senders.values() if one.task is not None]
        for one in self._senders.values():
            if one.delivery is not None:
                one.delivery.stop()
        if any(not task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=_GOODBYE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, account: Account, one: _Sender, *, delivers: bool) -> Delivered | None:
        app = self._app_of(account.id)
        if app is None:
            return None
        result = Delivered(account.address)
        try:
            if delivers and account.can_send:
                one.delivery = delivery_of(app, account, self._budget)
                result = await one.delivery.run()
                self._note(one, result)
        except EilboteError as error:
            result.problem = error.problem
        else:
            await settle_sent(app, account, result)
            one.followed = self._app.clock.monotonic()
        if result.problem is not None and result.problem.code == FENCED:
            return None
        if result.has_news or set(result.asked) - one.asked:
            self._told(Sent(account.address, self._app.clock.now(), result))
        one.asked = set(result.asked)
        return result if delivers else None

    def _note(self, one: _Sender, result: Delivered) -> None:
        """Leaves a server alone that cannot be reached, longer each time."""
        if result.problem is None or result.paused:
            one.backoff, one.not_before = Backoff(), 0.0
            return
        one.backoff = one.backoff.failed(result.problem, 0.0)
        chance = int.from_bytes(self._app.clock.random_bytes(4), "big") / 2**32
        one.not_before = self._app.clock.monotonic() + one.backoff.seconds(result.problem, chance)
