"""Kinds of servers, and what passes with them must have come to."""

from __future__ import annotations

import pytest

from eilbote.engine.progress import SyncReport
from eilbote.testing.imap.behaviour import Behaviour
from tests.faults.embedded import Embedded

KINDS = {
    "qresync": Behaviour(),
    "condstore": Behaviour().without("QRESYNC"),
    "neither": Behaviour().without("CONDSTORE", "OBJECTID"),
}
BARE = Behaviour().without("CONDSTORE", "OBJECTID", "UIDPLUS", "IMAP4rev2")
kinds = pytest.mark.parametrize("behaviour", KINDS.values(), ids=list(KINDS))


def codes(report: SyncReport) -> list[str]:
    failed = [report.failed] if report.failed else []
    return [problem.code for problem in (*(problem for _, problem in report.problems), *failed)]


def rules(here: Embedded) -> list[str]:
    return [one.rule for one in here.app.store.journal.conflicts(here.account.id)]


async def assert_settled(here: Embedded, *boxes: str) -> None:
    """Both sides the same, nothing owed, nothing waiting, and nothing left to do."""
    for box in ("INBOX", *boxes):
        assert here.held(box) == here.there(box)
    again = await here.sync()
    assert codes(again) == []
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    assert all(one.ok for one in await here.verify())
    assert not here.app.store.journal.open_debts(here.account.id)
