"""The story on the embedded server behind the go-between: what it says can be changed answer by answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from eilbote.engine.progress import SyncReport
from eilbote.mail.mailbox import UidSet
from eilbote.testing.imap.behaviour import Behaviour
from tests.faults.embedded import Embedded, LateClock, embedded
from tests.faults.invariants import Evidence, check_at_rest, check_meanwhile, i12_another_pass_changes_nothing
from tests.faults.lying import Lie
from tests.faults.story import (
    BEFORE,
    Stored,
    act_here,
    act_there,
    arrived_at,
    expected_of,
    held_mails,
    lay_out,
    mail_of,
    stored_mails,
)

_CROWD = range(100, 125)
"""More mails than may vanish at a time without a second look."""
_DAY = 90_000.0
_RECOVERIES = 6


@dataclass(slots=True)
class Told:
    """The account, its lying server, and what both must come to."""

    here: Embedded
    clock: LateClock
    told: bool = False
    denies: bool = False
    """The server says that it has no mail."""

    @property
    def side(self) -> Stored:
        return Stored(self.here.server.store)

    def lay_out(self) -> None:
        self.here.server.store.create("Archive")
        lay_out(self.side)
        for number in _CROWD:
            self.side.append("INBOX", number)

    def happen(self) -> None:
        """Changes on both sides."""
        act_there(self.side)
        act_here(self.here.app, self.here.account)
        self.told = True

    def evidence(self) -> Evidence:
        behaviour = self.here.server.behaviour
        crowd = [mail_of(number) for number in _CROWD]
        if self.told:
            expected, arrived = expected_of(behaviour), arrived_at(behaviour)
        else:
            before = [(box, mail_of(number)) for box, numbers in BEFORE.items() for number in numbers]
            expected = Counter((box, frozenset[str](), raw) for box, raw in before)
            arrived = Counter(raw for _, raw in before)
        return Evidence(
            self.here.app,
            self.here.account,
            stored_mails(self.here.server.store),
            expected + Counter(("INBOX", frozenset[str](), raw) for raw in crowd),
            arrived + Counter(crowd),
            [list(session.commands) for session in self.here.server.sessions],
            {name: box.uidvalidity for name, box in self.here.server.store.mailboxes.items()},
        )

    async def disturbed(self) -> SyncReport:
        """A pass that may fail, and what must hold after it."""
        report = await self.here.sync()
        check_meanwhile(self.evidence(), denied=self.denies)
        return report

    async def recover(self) -> None:
        """Passes until nothing is left to do, and what must hold then. Between them a day goes by: what
        was put aside is asked for again."""
        for _ in range(_RECOVERIES):
            self.clock.ahead += _DAY
            report = await self.here.sync()
            assert report.failed is None and not report.problems, report
            if not (report.new or report.changed or report.deleted or report.pushed):
                break
        check_at_rest(self.evidence())
        i12_another_pass_changes_nothing(await self.here.sync())
        assert held_mails(self.here.app, self.here.account) == stored_mails(self.here.server.store)

    def fetched(self) -> int:
        """How many whole mails were asked for so far."""
        assert self.here.between is not None
        return sum(
            len(UidSet.parse(line.split(b" ")[2].decode()))
            for line in self.here.between.commands
            if line.startswith(b"UID FETCH") and b"BODY.PEEK[])" in line
        )

    def header_passes(self) -> int:
        """How often the headers of a whole mailbox of more than 20 mails were asked for."""
        assert self.here.between is not None
        return sum(
            line.startswith(b"UID FETCH") and b"HEADER.FIELDS" in line and _is_many(line.split(b" ")[2])
            for line in self.here.between.commands
        )


def _is_many(uids: bytes) -> bool:
    return b"*" in uids or len(UidSet.parse(uids.decode())) > 20


def once(prefix: bytes, act: Callable[[], None]) -> Lie:
    """Does something when the answer that ends such a command goes out, once; changes no answer."""
    left = [act]

    def lie(answer: bytes, command: bytes) -> bytes:
        if left and command.startswith(prefix) and answer.startswith(b"E"):
            left.pop()()
        return answer

    return lie


@asynccontextmanager
async def told(home: Path, behaviour: Behaviour) -> AsyncIterator[Told]:
    clock = LateClock()
    async with embedded(home, behaviour, lying=True, clock=clock) as here:
        yield Told(here, clock)
