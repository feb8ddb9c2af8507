"""What a run over an account's outbox has claimed, what servers have been told of it, and what came of it:
the one place through which deliveries write the journal of sending.

Whatever the journal must know is on disk before the act it covers. A mail whose end was about to leave
is never sent again from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from eilbote.delivery.outcome import settle
from eilbote.delivery.recovery import found_at_restart
from eilbote.delivery.turn import with_a_new_turn
from eilbote.delivery.values import Ended, Outgoing, Recipient, RecipientState, SendState, Settled
from eilbote.engine.app import App
from eilbote.engine.backoff import LOGIN_SECONDS, MOST_LOGINS
from eilbote.engine.progress import Delivered
from eilbote.engine.recording import Recorder
from eilbote.engine.round import to_the_end
from eilbote.engine.smtp_words import as_ended, as_transcript, is_untold, learned
from eilbote.errors import Problem
from eilbote.net.smtp import SmtpSession
from eilbote.protocols.smtp import types as smtp
from eilbote.store.outgoing_attempts import Attempt
from eilbote.store.values import Account

_BYTES_AT_ONCE = 32 << 20
"""Bytes of mails that are read into memory ahead of their turn."""


class Ledger:
    """The journal of one run. `stopped`: no further mail is begun."""

    def __init__(self, app: App, account: Account) -> None:
        self.result = Delivered(account.address)
        self.stopped = False
        self._app = app
        self._account = account.id
        self._logs_in = not account.direct
        self._recorder = Recorder(app)
        self._under_way: dict[int, tuple[Outgoing, float]] = {}
        """Of these a server may be told now: since when."""
        self._had_paused = False

    async def open(self) -> bool:
        """Settles what a process that died has left. False where sending of the account waits."""
        outbox, account = self._app.store.outbox, self._account
        await to_the_end(outbox.recover, account, found_at_restart, self.now)
        pause = await asyncio.to_thread(self._app.store.sending_pauses.of, account)
        if pause is not None and (pause.next_try is None or pause.next_try > self.now):
            self.result.paused, self.result.problem = True, pause.problem
            self.result.next_at = pause.next_try
            return False
        self._had_paused = pause is not None
        return True

    async def close(self) -> None:
        """What no server was told of waits again; of the rest the journal says what it is now."""
        await self._recorder.close()
        if self._under_way:
            self._under_way.clear()
            await to_the_end(self._app.store.outbox.recover, self._account, found_at_restart, self.now)

    async def claim(self, count: int) -> list[tuple[Outgoing, bytes]]:
        """Mails whose time has come, with their bytes, as many as memory allows: that a server may be told
        of them is on disk when this returns."""
        return [] if self.stopped or count <= 0 else await to_the_end(self._claimed, count)

    def _claimed(self, count: int) -> list[tuple[Outgoing, bytes]]:
        outbox, now = self._app.store.outbox, self.now
        claimed = outbox.claim(self._account, now, count)
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
        return [(with_a_new_turn(mail), raws[mail.id]) for mail in claimed[:fitting]]

    async def give_back(self, mails: Sequence[int]) -> None:
        """These wait again: no server was told of them."""
        if mails:
            await to_the_end(self._app.store.outbox.give_back, mails, self.now)
            for mail in mails:
                self._under_way.pop(mail, None)

    def begin(self, mail: Outgoing) -> Outgoing:
        """A session is given the mail now."""
        self._under_way[mail.id] = mail, self.now
        return mail

    @property
    def begun(self) -> int:
        """How many mails sessions have at the moment."""
        return len(self._under_way)

    async def keep(
        self, checkpoint: smtp.Checkpoint, session: SmtpSession, peer: str, *, progress: bool
    ) -> None:
        """Writes down what a session with `peer` has told. `progress`: its server has heard of a mail, so
        that those it has not heard of simply wait."""
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
                ended[result.key] = replace(as_ended(result), logs_in=self._logs_in)
                said[result.key] = (*session.opening, *result.transcript)
        await self.record(ended, peer, ending, said)
        await self.give_back(untold)

    async def record(
        self,
        ended: Mapping[int, Ended],
        peer: str,
        ending: Mapping[int, Sequence[Recipient]] | None = None,
        said: Mapping[int, Sequence[smtp.Said]] | None = None,
        *,
        told: str = "",
    ) -> None:
        """Writes down how attempts with `peer` ended, of mails that were begun. `told`: the dialogue where
        it came to no session."""
        ending, said = ending or {}, said or {}
        if not ended and not ending:
            return
        now = self.now
        settled: dict[int, Settled] = {}
        attempts: dict[int, Attempt] = {}
        for key, one in ended.items():
            mail, began = self._under_way[key]
            settled[key] = settle(mail, one, now, self._chance())
            transcript = as_transcript(said.get(key, ()), one, told)
            taken = _newly(mail, settled[key], RecipientState.SENT)
            attempts[key] = Attempt(began, now, peer, one.phase, taken, transcript)
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
            await self._pause_for_login(refused)
            return
        held = max(settled.values(), key=lambda one: one.holds_until, default=None)
        if held is not None and held.holds_until and held.problem is not None:
            await self._pause(held.problem, held.holds_until)

    async def let_in(self) -> None:
        """The server has let the account in: a pause whose time is over has ended."""
        if self._had_paused:
            self._had_paused = False
            await to_the_end(self._app.store.sending_pauses.resume, self._account)

    async def _pause_for_login(self, problem: Problem) -> None:
        """A refused login is tried again seldom, and not for ever (C5)."""
        before = await asyncio.to_thread(self._app.store.sending_pauses.of, self._account)
        tries = before.tries + 1 if before is not None else 1
        await self._pause(problem, self.now + LOGIN_SECONDS if tries < MOST_LOGINS else None)

    async def _pause(self, problem: Problem, until: float | None) -> None:
        self.stopped = True
        self.result.paused, self.result.problem = True, problem
        await to_the_end(self._app.store.sending_pauses.pause, self._account, problem, self.now, until)

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

    def _chance(self) -> float:
        return int.from_bytes(self._app.clock.random_bytes(4), "big") / 2**32

    @property
    def now(self) -> float:
        return self._app.clock.now()


class Handing:
    """One session's way to the mails, as `net.smtp` wants it."""

    def __init__(self, ledger: Ledger, session: SmtpSession, peer: str) -> None:
        self._ledger = ledger
        self._session = session
        self._peer = peer
        self.progress = False
        """The server has heard of at least one mail."""
        self.is_in_doubt = False
        """It has left at least one mail without an answer, which it may have."""

    async def keep(self, checkpoint: smtp.Checkpoint) -> None:
        if any(one.phase is not smtp.Phase.NOT_BEGUN for one in checkpoint.finished):
            self.progress = True
        if any(one.is_uncertain for one in checkpoint.finished):
            self.is_in_doubt = True
        await self._ledger.keep(checkpoint, self._session, self._peer, progress=self.progress)


def _newly(mail: Outgoing, settled: Settled, state: RecipientState) -> int:
    """How many recipients are in this state now, and were not before."""
    before = {one.address for one in mail.recipients if one.state is state}
    return sum(one.state is state and one.address not in before for one in settled.recipients)
