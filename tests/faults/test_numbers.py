"""F12: UIDVALIDITY in all the ways it goes wrong, at five points of the story. Nothing is lost,
nothing is told as new a second time, no mail is downloaded again. A seed is kind, point and server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from eilbote.testing.imap.mailstore import Mailbox
from tests.faults.lying import Lie, truth
from tests.faults.outcome import KINDS
from tests.faults.replay import replayable, trials
from tests.faults.told import Told, once, told

_UIDVALIDITY = re.compile(rb"UIDVALIDITY \d+")
_LARGE = (1 << 31) + 5


def _boxes(here: Told) -> list[Mailbox]:
    return list(here.here.server.store.mailboxes.values())


def bump_one(here: Told) -> None:
    here.here.inbox.renumber(first_uid=500)


def bump_all(here: Told) -> None:
    for box in _boxes(here):
        box.renumber(first_uid=700)


def bump_in_place(here: Told) -> None:
    """The same UIDs under another UIDVALIDITY."""
    here.here.inbox.uidvalidity += 1000


def large(here: Told) -> None:
    here.here.inbox.renumber(uidvalidity=_LARGE, first_uid=40)


def largest(here: Told) -> None:
    here.here.inbox.renumber(uidvalidity=(1 << 32) - 1, first_uid=3)


def smaller(here: Told) -> None:
    here.here.inbox.renumber(uidvalidity=7, first_uid=600)


CHANGES: dict[str, Callable[[Told], None]] = {
    "one": bump_one,
    "all": bump_all,
    "in place": bump_in_place,
    "above 2^31": large,
    "2^32-1": largest,
    "smaller": smaller,
}
POINTS = {
    "between passes": b"",
    "after LIST": b"LIST",
    "after SELECT": b"SELECT",
    "while fetching": b"UID FETCH",
    "while pushing": b"UID STORE",
}
CASES = list(product(CHANGES, POINTS, KINDS))


@pytest.mark.timeout(900)
async def test_a_new_uidvalidity_at_any_point(tmp_path: Path) -> None:
    for seed in trials(range(len(CASES)), range(0, len(CASES), 13)):
        change, point, server = CASES[seed]
        with replayable(seed):
            async with told(tmp_path / str(seed), KINDS[server]) as here:
                await _begin(here)
                before = here.fetched()

                def happen(here: Told = here, change: str = change) -> None:
                    CHANGES[change](here)
                    here.here.server.drop_connections()  # as a server does whose mailbox was rebuilt

                if POINTS[point]:
                    here.here.lie(once(POINTS[point], happen))
                else:
                    happen()
                await here.disturbed()
                here.here.lie()
                await here.recover()
                # Three mails came; what was under way when the line broke is asked for once more.
                assert here.fetched() - before <= (3 if point != "while fetching" else 6)
                if point == "between passes":
                    assert here.header_passes() <= 1


@pytest.mark.parametrize("server", list(KINDS))
async def test_twice_and_back_to_the_old_value(server: str, tmp_path: Path) -> None:
    """Twice between two passes; then back to the value that we knew, with other numbers under it."""
    async with told(tmp_path / "home", KINDS[server]) as here:
        await _begin(here)
        known, before = here.here.inbox.uidvalidity, here.fetched()
        bump_one(here)
        bump_all(here)
        await here.disturbed()
        here.here.inbox.renumber(uidvalidity=known, first_uid=900)
        await here.disturbed()
        await here.recover()
        assert here.fetched() - before <= 3


def _without(answer: bytes, command: bytes) -> bytes:
    """No UIDVALIDITY, neither in SELECT nor in STATUS."""
    if b"[UIDVALIDITY" in answer:
        return b""
    return re.sub(rb" ?UIDVALIDITY \d+", b"", answer)


def _zero(answer: bytes, command: bytes) -> bytes:
    return _UIDVALIDITY.sub(b"UIDVALIDITY 0", answer)


def _not_sticky(answer: bytes, command: bytes) -> bytes:
    if b"[UIDVALIDITY" in answer:
        return answer + b"* NO [UIDNOTSTICKY] Numbers do not last\r\n"
    return answer


LASTING: dict[str, Lie] = {"missing": _without, "zero": _zero, "not sticky": _not_sticky}
LASTING_CASES = list(product(LASTING, ("always", "from the second pass", "for one pass", "with news"), KINDS))


@pytest.mark.timeout(900)
async def test_numbers_that_do_not_last(tmp_path: Path) -> None:
    """UIDVALIDITY missing, 0, or UIDNOTSTICKY with new numbers at each pass: everything is matched by
    content each time."""
    for seed in trials(range(len(LASTING_CASES)), range(0, len(LASTING_CASES), 8)):
        kind, when, server = LASTING_CASES[seed]
        with replayable(seed):
            async with told(tmp_path / str(seed), KINDS[server]) as here:
                here.lay_out()
                if when == "always":
                    here.here.lie(LASTING[kind])
                await here.disturbed()
                here.here.lie(LASTING[kind])
                if when != "for one pass":
                    for first in (100, 300):
                        here.here.inbox.renumber(uidvalidity=here.here.inbox.uidvalidity, first_uid=first)
                        report = await here.disturbed()
                        assert report.failed is None, report
                        assert (report.new, report.deleted) == (0, 0), report
                if when == "with news":
                    here.happen()
                    await here.disturbed()
                else:
                    await here.disturbed()
                    here.here.lie(truth)
                    here.happen()
                await here.recover()
                assert here.fetched() <= 36 + 3, "a mail was downloaded again"


async def _begin(here: Told) -> None:
    here.lay_out()
    await here.disturbed()
    here.happen()
