"""Runs of the doctor behind the page: one for each account or address at a time, with how far it is, and what
the latest came to. Remembered here until the process ends; no secret ever comes here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.diagnosis.cause import cause_in
from eilbote.diagnosis.checks.auth import judge_remembered
from eilbote.diagnosis.trips import Trip
from eilbote.diagnosis.values import Cause, DnsRecord
from eilbote.engine.address import checked_address
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of
from eilbote.engine.diagnose import (
    Diagnosed,
    Looking,
    answer_of,
    checked_domain,
    diagnose_account,
    diagnose_address,
    diagnose_domain,
    target_of,
)
from eilbote.engine.published import Published, look_for
from eilbote.engine.this_machine import shape_of
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.store.values import Account, AuthKind

Tell = Callable[[Looking], None]
Make = Callable[[Tell], Awaitable[Diagnosed]]

OF_ACCOUNT = ("machine", "names", "ports", "talk", "login")
OF_ADDRESS = ("machine", "search", "names", "ports", "talk")
OF_DOMAIN = ("machine", "records")
"""What a run looks at, from the ground up. `trip`, a mail to oneself, and the `records` of an own domain come
last where they come at all."""

_LATER = ("trip", "records")
_MOST_REMEMBERED = 20
_MOST_PLACES = 4


class Checkup(Struct, frozen=True):
    """One run. `began` and `ended` (None: under way) are seconds since 1970. `rung` of `rungs` is the one
    that is being looked at, `places` the latest of it. `problem`: why the run itself could not be made."""

    target: str
    began: float
    rungs: tuple[str, ...] = OF_ACCOUNT
    rung: str = OF_ACCOUNT[0]
    places: tuple[str, ...] = ()
    ended: float | None = None
    diagnosed: Diagnosed | None = None
    problem: Problem | None = None

    def reached(self, looking: Looking) -> Checkup:
        """A rung is never left downwards: what is asked again later belongs to where the run is."""
        rung = "records" if looking.what == "policy" else looking.what
        rungs = (*self.rungs, rung) if rung in _LATER and rung not in self.rungs else self.rungs
        if rung not in rungs or rungs.index(rung) < rungs.index(self.rung):
            return self
        before = self.places if rung == self.rung else ()
        places = (*before, looking.where)[-_MOST_PLACES:] if looking.where else before
        return replace(self, rungs=rungs, rung=rung, places=places)


class Checkups:
    """The runs of one running page. To be called inside of its loop. `changed` is told of every step."""

    def __init__(self, app: App, changed: Callable[[], None]) -> None:
        self._app = app
        self._changed = changed
        self._runs: dict[int | str, Checkup] = {}
        self._tasks: dict[int | str, asyncio.Task[None]] = {}
        self._again: set[int | str] = set()
        self._published: dict[str, dict[DnsRecord, Published]] = {}

    def begin(
        self,
        account: Account,
        *,
        trip: bool = False,
        changed: bool = False,
        after: asyncio.Task[None] | None = None,
    ) -> None:
        """Once `after` is over. Nothing where a run of the account is under way; where the account was
        `changed` since, another follows."""
        if account.id in self._tasks:
            if changed:
                self._again.add(account.id)
            return

        async def make(tell: Tell) -> Diagnosed:
            if after is not None:
                await asyncio.wait({after})
            return await diagnose_account(self._app, account.address, tell, round_trip=trip)

        rungs = (*OF_ACCOUNT, "trip") if trip else OF_ACCOUNT
        self._start(Checkup(account.address, self._app.clock.now(), rungs), account.id, make)

    def begin_address(self, text: str) -> str:
        """Of an address that is no account; gives it as it is written. Misused `account.bad_address`."""
        address = checked_address(text)
        begun = Checkup(address, self._app.clock.now(), OF_ADDRESS)
        self._start_other(begun, lambda tell: diagnose_address(self._app, address, tell))
        return address

    def begin_domain(self, text: str, *, fetch: bool = False, blocklists: Sequence[str] = ()) -> str:
        """Of a domain; gives it as it is written on the wire. Misused `doctor.no_target`."""
        domain = checked_domain(text)
        begun = Checkup(domain, self._app.clock.now(), OF_DOMAIN)

        async def make(tell: Tell) -> Diagnosed:
            return await diagnose_domain(self._app, domain, tell, fetch=fetch, blocklists=blocklists)

        self._start_other(begun, make)
        return domain

    def of(self, target: int | str) -> Checkup | None:
        """The latest of an account (its id) or an address; None where there was none since the process
        began."""
        return self._runs.get(target)

    async def look_for(self, target: str, record: DnsRecord) -> None:
        """Whether a record that a run of `target` has proposed is there by now."""
        found = await look_for(self._app, record)
        self._published.setdefault(target, {})[record] = found
        self._changed()

    def published(self, target: str) -> Mapping[DnsRecord, Published]:
        """The records that were asked for since the latest run."""
        return self._published.get(target, {})

    def is_running(self, target: int | str) -> bool:
        return target in self._tasks

    async def close(self) -> None:
        """Nothing of it goes on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ended(self, target: int | str) -> None:
        """Waits for the run that is under way, if any is."""
        if task := self._tasks.get(target):
            await asyncio.wait({task})

    def _start(self, begun: Checkup, key: int | str, make: Make) -> None:
        self._runs[key] = begun
        self._tasks[key] = asyncio.create_task(self._run(key, make))
        self._changed()

    async def _run(self, key: int | str, make: Make) -> None:
        def tell(looking: Looking) -> None:
            self._runs[key] = self._runs[key].reached(looking)
            self._changed()

        diagnosed, problem = None, Problem("page.broken")
        try:
            while True:
                try:
                    diagnosed = await make(tell)
                except EilboteError as error:
                    problem = error.problem
                if key not in self._again:
                    break
                self._again.discard(key)
                begun = self._runs[key]
                self._runs[key] = Checkup(begun.target, self._app.clock.now(), begun.rungs)
        finally:
            del self._tasks[key]
            self._runs[key] = replace(
                self._runs[key],
                ended=self._app.clock.now(),
                diagnosed=diagnosed,
                problem=None if diagnosed else problem,
            )
            self._changed()

    def _start_other(self, begun: Checkup, make: Make) -> None:
        """Of what is no account: so many are remembered, the oldest is forgotten."""
        if begun.target in self._tasks:
            return
        others = [key for key in self._runs if isinstance(key, str) and key not in self._tasks]
        for key in others[: max(0, len(others) - _MOST_REMEMBERED + 1)]:
            del self._runs[key]
            self._published.pop(str(key), None)
        self._runs.pop(begun.target, None)  # the latest stands last
        self._published.pop(begun.target, None)
        self._start(begun, begun.target, make)


def finished(checkup: Checkup | None) -> Diagnosed:
    """What a run came to. Gone `checkup.none`."""
    if checkup is None or checkup.diagnosed is None:
        raise Gone("checkup.none")
    return checkup.diagnosed


def trip_of(diagnosed: Diagnosed) -> Trip | None:
    """The mail to oneself of a run, if one was sent."""
    return next((one.evidence for one in diagnosed.transcript.steps if isinstance(one.evidence, Trip)), None)


def cause_heard(app: App, account: Account, problem: Problem) -> Cause | None:
    """What an answer means that a server gave already: nobody is asked again. None where the problem is no
    answer to a login; its own sentences say what it is."""
    shape = None
    if account.auth is AuthKind.PASSWORD:
        try:
            shape = shape_of(credential_of(app, account).secret.reveal())
        except EilboteError:
            return None  # the secret itself is what is wrong, and the problem says so
    found = judge_remembered(answer_of(problem, fresh=True), target_of(app, account), shape, app.clock.now())
    if found is None or not found.cause:
        return None
    return cause_in(found)
