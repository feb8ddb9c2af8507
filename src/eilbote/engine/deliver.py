"""Delivers what is due in the outbox of an account through its submission server. Only the process that
holds the account does this. What an answer means is decided in `delivery.outcome`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from eilbote.delivery.pace import LONGEST_WINDOW, may_send_at, room
from eilbote.delivery.values import Ended, Outgoing, Phase, SendState
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, open_smtp
from eilbote.engine.ledger import Handing, Ledger
from eilbote.engine.progress import Delivered
from eilbote.engine.send import sending_of
from eilbote.engine.sent import follow_up, note_delays
from eilbote.engine.smtp_words import as_mail
from eilbote.errors import EilboteError
from eilbote.net.smtp import SmtpSession
from eilbote.protocols.smtp import types as smtp
from eilbote.store.values import Account

if TYPE_CHECKING:
    from eilbote.engine.deliver_direct import DirectDelivery

MOST_CONNECTIONS = 4
_WORTH_ANOTHER = 50
"""Waiting mails for each of which one more connection is worth its login."""
_CLAIM = 100


async def send_now(app: App, account: Account, budget: HostBudget) -> Delivered:
    """One run over the account's outbox, and what follows it. Never raises: what ended it early stands
    in the result."""
    result = Delivered(account.address)
    if account.can_send:
        delivery = delivery_of(app, account, budget)
        try:
            result = await delivery.run()
        except EilboteError as error:
            result = replace(delivery.result, problem=error.problem)
    await settle_sent(app, account, result)
    return result


def delivery_of(app: App, account: Account, budget: HostBudget) -> Delivery | DirectDelivery:
    """The way in which the account's mail leaves."""
    if not account.direct:
        return Delivery(app, account, budget)
    from eilbote.engine.deliver_direct import DirectDelivery  # noqa: PLC0415  # few accounts need routes
    from eilbote.engine.route import surroundings_of  # noqa: PLC0415

    return DirectDelivery(app, account, budget, surroundings_of(app))


async def settle_sent(app: App, account: Account, result: Delivered) -> None:
    """What follows a run; notes in its result which mails a person is asked about."""
    try:
        asked = await asyncio.to_thread(follow_up, app, account)
        delayed = await asyncio.to_thread(note_delays, app, account.id)
    except EilboteError as error:
        result.problem = result.problem or error.problem
    else:
        result.asked = tuple(mail.id for mail in asked)
        result.delayed += tuple(mail.id for mail in delayed)


class Delivery:
    """One run over what is due in an account's outbox."""

    def __init__(
        self, app: App, account: Account, budget: HostBudget, *, connections: int = MOST_CONNECTIONS
    ) -> None:
        """`connections`: at most so many at once, and no more than the provider allows."""
        assert account.smtp is not None
        self._app = app
        self._account = account
        self._server = account.smtp
        self._peer = f"{account.smtp.host}:{account.smtp.port}"
        self._budget = budget
        self._limits = sending_of(account)
        known = self._limits.connections if self._limits is not None else None
        self._most = min(connections, known or connections)
        self._ledger = Ledger(app, account)
        self._claiming = asyncio.Lock()
        self._ready: deque[tuple[Outgoing, bytes]] = deque()
        """Claimed and in memory; no server was told of them."""

    @property
    def result(self) -> Delivered:
        return self._ledger.result

    async def run(self) -> Delivered:
        """Delivers until nothing is due, the server cannot be reached, or sending is paused. What was
        claimed and not begun waits again, however this ends."""
        outbox, account = self._app.store.outbox, self._account.id
        if not await self._ledger.open():
            return self.result
        try:
            await self._deliver()
        finally:
            await self._ledger.give_back([mail.id for mail, _ in self._ready])
            await self._ledger.close()
        due = await asyncio.to_thread(outbox.next_due)
        self.result.next_at = max(due[account], self._held_until()) if account in due else None
        return self.result

    def stop(self) -> None:
        """No further mail is begun; those under way get their answers."""
        self._ledger.stopped = True

    async def _deliver(self) -> None:
        counts = await asyncio.to_thread(self._app.store.outbox.counts, self._account.id)
        waiting = counts.get(SendState.ACCEPTED, 0) + counts.get(SendState.DEFERRED, 0)
        lines = max(1, min(self._most, 1 + waiting // _WORTH_ANOTHER))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(lines):
                    group.create_task(self._work())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _work(self) -> None:
        """One connection after the other, until nothing is due."""
        while await self._has_work():
            async with self._budget.of(self._server.host):
                session = await self._open()
                if session is None:
                    return
                handing = _Handing(self, session, self._ledger, self._peer)
                problem = await session.hand_over(handing)
                if problem is None:
                    await session.quit()
                    continue
                session.abort()
                # A server that takes mails and says nothing would leave one after the other in doubt.
                if not handing.progress or handing.is_in_doubt:
                    self._ledger.stopped = True
                    self.result.problem = problem

    async def _open(self) -> SmtpSession | None:
        """A session; without one, what was claimed is settled by why there is none."""
        try:
            session = await open_smtp(self._app, self._account)
        except EilboteError as error:
            if not self._ledger.stopped:
                self._ledger.stopped = True
                self.result.problem = error.problem
                phase = Phase.LOGIN if error.problem.code.startswith("smtp.login") else Phase.CONNECT
                ended = Ended(phase, {}, problem=error.problem)
                mails = [self._ledger.begin(mail) for mail, _ in self._ready]
                self._ready.clear()
                opening = tuple(getattr(error, "__notes__", ()))
                await self._ledger.record(
                    {mail.id: ended for mail in mails}, self._peer, told="\n".join(opening)
                )
            return None
        await self._ledger.let_in()
        return session

    # --- what a session takes ---

    async def _has_work(self) -> bool:
        """Whether there is a mail to begin; claims some where none is left."""
        async with self._claiming:
            if not self._ready and not self._ledger.stopped:
                self._ready.extend(await self._ledger.claim(await self._room()))
            return bool(self._ready) and not self._ledger.stopped

    async def next_mails(self, count: int) -> list[smtp.Mail]:
        """For a session: at most so many mails that it may speak of from now on."""
        mails: list[smtp.Mail] = []
        while len(mails) < count and await self._has_work():
            if self._ready:
                mail, raw = self._ready.popleft()
                mails.append(as_mail(self._ledger.begin(mail), raw))
        return mails

    async def _room(self) -> int:
        """How many mails may be claimed now, by the provider's limits."""
        if self._limits is None:
            return _CLAIM
        sends = await asyncio.to_thread(self._sends)
        return room(self._limits, sends, self._ledger.now, _CLAIM) - self._ledger.begun

    def _held_until(self) -> float:
        """The provider's limits let nothing go before that time."""
        if self._limits is None:
            return 0.0
        return may_send_at(self._limits, self._sends(), self._ledger.now)

    def _sends(self) -> list[tuple[float, int]]:
        return self._app.store.outgoing_attempts.sends(self._account.id, self._ledger.now - LONGEST_WINDOW)


class _Handing(Handing):
    """A session that takes whatever of the account is due."""

    def __init__(self, delivery: Delivery, session: SmtpSession, ledger: Ledger, peer: str) -> None:
        super().__init__(ledger, session, peer)
        self._delivery = delivery

    async def next_mails(self, count: int) -> Sequence[smtp.Mail]:
        return await self._delivery.next_mails(count)
