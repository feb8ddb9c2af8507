"""Delivers what is due in the outbox of an account: claims it, hands it to the submission server, writes
down what came of it. Only the process that holds the account does this.

Whatever the journal must know is on disk before the act it covers; what an answer means is decided in
`delivery.outcome`. A mail whose end was about to leave is never sent again from here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from eilbote.delivery.outcome import settle
from eilbote.delivery.pace import LONGEST_WINDOW, may_send_at, room
from eilbote.delivery.recovery import found_at_restart
from eilbote.delivery.values import Ended, Outgoing, Phase, Recipient, RecipientState, SendState, Settled
from eilbote.engine.app import App
from eilbote.engine.backoff import LOGIN_SECONDS, MOST_LOGINS
from eilbote.engine.connect import HostBudget, open_smtp
from eilbote.engine.progress import Delivered
from eilbote.engine.recording import Recorder
from eilbote.engine.round import to_the_end
from eilbote.engine.send import sending_of
from eilbote.engine.sent import follow_up
from eilbote.engine.smtp_words import as_ended, as_mail, as_transcript, is_untold, learned
from eilbote.errors import EilboteError, Problem
from eilbote.net.smtp import SmtpSession
from eilbote.protocols.smtp import types as smtp
from eilbote.store.outbox import Attempt
from eilbote.store.values import Account

MOST_CONNECTIONS = 4
_WORTH_ANOTHER = 50
"""Waiting mails for each of which one more connection is worth its login."""
_CLAIM = 100
_BYTES_AT_ONCE = 32 << 20
"""Mails, and their bytes, that are read into memory ahead of their turn."""


async def send_now(app: App, account: Account, budget: HostBudget) -> Delivered:
    """One run over the account's outbox, and what follows it. Never raises: what ended it early stands
    in the result."""
    result = Delivered(account.address)
    if account.smtp is not None:
        delivery = Delivery(app, account, budget)
        try:
            result = await delivery.run()
        except EilboteError as error:
            result = replace(delivery.result, problem=error.problem)
    await settle_sent(app, account, result)
    return result


async def settle_sent(app: App, account: Account, result: Delivered) -> None:
    """What follows a run; notes in its result which mails a person is asked about."""
    try:
        asked = await asyncio.to_thread(follow_up, app, account)
    except EilboteError as error:
        result.problem = result.problem or error.problem
    else:
        result.asked = tuple(mail.id for mail in asked)


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
        self._budget = budget
        self._limits = sending_of(account)
        known = self._limits.connections if self._limits is not None else None
        self._most = min(connections, known or connections)
        self.result = Delivered(account.address)
        self._recorder = Recorder(app)
        self._claiming = asyncio.Lock()
        self._ready: deque[tuple[Outgoing, bytes]] = deque()
        """Claimed and in memory; no server was told of them."""
        self._under_way: dict[int, tuple[Outgoing, float]] = {}
        """Given to a session, and when."""
        self._stopped = False

    async def run(self) -> Delivered:
        """Delivers until nothing is due, the server cannot be reached, or sending is paused. What was
        claimed and not begun waits again, however this ends."""
        outbox, account = self._app.store.outbox, self._account.id
        await to_the_end(outbox.recover, account, found_at_restart, self._now)
        pause = await asyncio.to_thread(outbox.paused, account)
        if pause is not None and (pause.next_try is None or pause.next_try > self._now):
            self.result.paused, self.result.problem = True, pause.problem
            self.result.next_at = pause.next_try
            return self.result
        try:
            await self._deliver()
        finally:
            await self._recorder.close()
            await self._give_back()
        due = await asyncio.to_thread(outbox.next_due)
        self.result.next_at = max(due[account], self._held_until()) if account in due else None
        return self.result

    def stop(self) -> None:
        """No further mail is begun; those under way get their answers."""
        self._stopped = True

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
                handing = _Handing(self, session)
                problem = await session.hand_over(handing)
                if problem is None:
                    await session.quit()
                    continue
                session.abort()
                if not handing.progress:
                    self._stopped = True
                    self.result.problem = problem

    async def _open(self) -> SmtpSession | None:
        """A session; without one, a mail is settled by why there is none, and the others wait."""
        try:
            return await open_smtp(self._app, self._account)
        except EilboteError as error:
            if not self._stopped:
                self._stopped = True
                self.result.problem = error.problem
                phase = Phase.LOGIN if error.problem.code.startswith("smtp.login") else Phase.CONNECT
                ended = Ended(phase, {}, problem=error.problem)
                mails = [self._take(mail) for mail, _ in self._ready]
                self._ready.clear()
                await self._record({mail.id: ended for mail in mails}, {}, {})
            return None

    # --- what a session takes ---

    async def _has_work(self) -> bool:
        """Whether there is a mail to begin; claims some where none is left."""
        async with self._claiming:
            if self._ready or self._stopped:
                return bool(self._ready) and not self._stopped
            await self._claim()
            return bool(self._ready)

    async def next_mails(self, count: int) -> list[smtp.Mail]:
        """For a session: at most so many mails that it may speak of from now on."""
        mails: list[smtp.Mail] = []
        while len(mails) < count and await self._has_work():
            if self._ready:
                mail, raw = self._ready.popleft()
                mails.append(as_mail(self._take(mail), raw))
        return mails

    def _take(self, mail: Outgoing) -> Outgoing:
        self._under_way[mail.id] = mail, self._now
        return mail

    async def _claim(self) -> None:
        """Takes what is due, as much as the provider's limits and memory allow now."""
        count = _CLAIM
        if self._limits is not None:
            sends = await asyncio.to_thread(self._sends)
            count = room(self._limits, sends, self._now, count - len(self._under_way))
        if count > 0:
            self._ready.extend(await to_the_end(self._claimed, count))

    def _claimed(self, count: int) -> list[tuple[Outgoing, bytes]]:
        """Mails with their bytes; that a server may be told of them is on disk when this returns."""
        outbox, now = self._app.store.outbox, self._now
        claimed = outbox.claim(self._account.id, now, count)
        size, fitting = 0, len(claimed)
        for at, mail in enumerate(claimed):
            size += mail.size
            if at and size > _BYTES_AT_ONCE:
                fitting = at
                break
        if fitting < len(claimed):
            outbox.give_back([mail.id for mail in claimed[fitting:]], now)
        ids = [mail.id for mail in claimed[:fitting]]
        raws = outbox.raws(ids)
        outbox.advance(ids, SendState.DATA_OPEN, now)
        return [(mail, raws[mail.id]) for mail in claimed[:fitting]]

    async def _give_back(self) -> None:
        """What no server was told of waits again; of the rest the journal says what it is now."""
        outbox = self._app.store.outbox
        if self._ready:
            ids = [mail.id for mail, _ in self._ready]
            self._ready.clear()
            await to_the_end(outbox.give_back, ids, self._now)
        if self._under_way:
            self._under_way.clear()
            await to_the_end(outbox.recover, self._account.id, found_at_restart, self._now)

    # --- what a session tells ---

    async def keep(self, checkpoint: smtp.Checkpoint, opening: Sequence[smtp.Said], progress: bool) -> None:
        """Writes down what a session has told. `progress`: its server has heard of a mail."""
        ending: dict[int, Sequence[Recipient]] = dict.fromkeys(checkpoint.ending, ())
        for key, results in checkpoint.recipients:
            if key in ending:
                ending[key] = learned(self._under_way[key][0], results)
        ended: dict[int, Ended] = {}
        said: dict[int, Sequence[smtp.Said]] = {}
        untold: list[int] = []
        for result in checkpoint.finished:
            full = result.problem is not None and result.problem.code == "smtp.session_full"
            if is_untold(result) and (progress or full):
                untold.append(result.key)
            else:
                ended[result.key] = as_ended(result)
                said[result.key] = (*opening, *result.transcript)
        await self._record(ended, ending, said)
        if untold:
            await to_the_end(self._app.store.outbox.give_back, untold, self._now)
            for key in untold:
                del self._under_way[key]

    async def _record(
        self,
        ended: Mapping[int, Ended],
        ending: Mapping[int, Sequence[Recipient]],
        said: Mapping[int, Sequence[smtp.Said]],
    ) -> None:
        if not ended and not ending:
            return
        now = self._now
        settled: dict[int, Settled] = {}
        attempts: dict[int, Attempt] = {}
        for key, one in ended.items():
            mail, began = self._under_way[key]
            settled[key] = settle(mail, one, now, self._chance())
            transcript = as_transcript(said.get(key, ()), one)
            taken = _newly(mail, settled[key], RecipientState.SENT)
            attempts[key] = Attempt(began, now, self._peer, one.phase, taken, transcript)
        await self._recorder.record(ending, settled, attempts)
        for key, recipients in ending.items():
            if recipients:
                mail, began = self._under_way[key]
                self._under_way[key] = replace(mail, recipients=tuple(recipients)), began
        for key, settling in settled.items():
            mail, _ = self._under_way.pop(key)
            self._count(settling)
            self.result.refused += _newly(mail, settling, RecipientState.FAILED)
        refused = next((one.problem for one in settled.values() if one.pauses_queue), None)
        if refused is not None:
            await self._pause(refused)

    async def _pause(self, problem: Problem) -> None:
        """A refused login is tried again seldom, and not for ever (C5)."""
        self._stopped = True
        self.result.paused, self.result.problem = True, problem
        outbox, account = self._app.store.outbox, self._account.id
        before = await asyncio.to_thread(outbox.paused, account)
        tries = before.tries + 1 if before is not None else 1
        next_try = self._now + LOGIN_SECONDS if tries < MOST_LOGINS else None
        await to_the_end(outbox.pause, account, problem, self._now, next_try)

    def _count(self, settled: Settled) -> None:
        match settled.state:
            case SendState.SENT:
                self.result.sent += 1
            case SendState.FAILED:
                self.result.failed += 1
            case SendState.UNCERTAIN:
                self.result.uncertain += 1
            case _:
                self.result.deferred += 1

    def _held_until(self) -> float:
        """The provider's limits let nothing go before that time."""
        if self._limits is None:
            return 0.0
        return may_send_at(self._limits, self._sends(), self._now)

    def _sends(self) -> list[tuple[float, int]]:
        return self._app.store.outbox.sends(self._account.id, self._now - LONGEST_WINDOW)

    def _chance(self) -> float:
        return int.from_bytes(self._app.clock.random_bytes(4), "big") / 2**32

    @property
    def _now(self) -> float:
        return self._app.clock.now()

    @property
    def _peer(self) -> str:
        return f"{self._server.host}:{self._server.port}"


class _Handing:
    """One session's way to the mails, as `net.smtp` wants it."""

    def __init__(self, delivery: Delivery, session: SmtpSession) -> None:
        self._delivery = delivery
        self._session = session
        self.progress = False
        """The server has heard of at least one mail."""

    async def next_mails(self, count: int) -> Sequence[smtp.Mail]:
        return await self._delivery.next_mails(count)

    async def keep(self, checkpoint: smtp.Checkpoint) -> None:
        if any(one.phase is not smtp.Phase.NOT_BEGUN for one in checkpoint.finished):
            self.progress = True
        await self._delivery.keep(checkpoint, self._session.opening, self.progress)


def _newly(mail: Outgoing, settled: Settled, state: RecipientState) -> int:
    """How many recipients are in this state now, and were not before."""
    before = {one.address for one in mail.recipients if one.state is state}
    return sum(one.state is state and one.address not in before for one in settled.recipients)
