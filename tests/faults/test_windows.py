"""Servers that show only the newest mails of a mailbox: what slides out of sight stays here."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine import act
from eilbote.mail.mailbox import FLAGGED, SpecialUse
from eilbote.protocols.imap import dialogue
from eilbote.protocols.imap.quirks import QUIRKS, quirks_of
from eilbote.protocols.imap.traits import Quirk
from eilbote.testing.imap.personalities import BY_NAME
from tests.engine.world import mail
from tests.faults.embedded import Embedded
from tests.faults.outcome import codes, rules
from tests.faults.played import played, role

MOST = 50


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of fifty mails instead of thousands."""

    def smaller(host: str, server: str, capabilities: frozenset[str]) -> tuple[Quirk, ...]:
        found = quirks_of(host, server, capabilities)
        few = frozenset({MOST})
        return tuple(replace(one, shows_at_most=few) if one.shows_at_most else one for one in found)

    monkeypatch.setattr(dialogue, "quirks_of", smaller)


def test_the_numbers_at_which_they_stop() -> None:
    assert {one.name: set(one.shows_at_most) for one in QUIRKS if one.shows_at_most} == {
        "gmail-window": {1_000, 2_000, 5_000, 10_000},
        "yahoo-window": {10_000},
    }
    assert BY_NAME["yahoo"].shows_at_most == 10_000


async def filled(here: Embedded) -> dict[int, int]:
    """As many mails as are shown, and everything in step."""
    for number in range(1, MOST + 1):
        here.inbox.append(mail(number))
    await here.sync()
    ids = here.all_ids()
    assert len(ids) == MOST
    return ids


async def in_step(here: Embedded, hidden: int) -> None:
    again = await here.sync()
    assert (codes(again), again.new, again.changed, again.deleted, again.pushed) == ([], 0, 0, 0, 0)
    inbox = next(one for one in [one async for one in here.quick_verify()] if one.mailbox == "INBOX")
    assert inbox.ok
    assert (inbox.out_of_sight, inbox.extra) == (hidden, 0)


@pytest.mark.parametrize("kind", ["gmail", "yahoo"])
async def test_a_new_mail_pushes_an_old_one_out_of_sight(kind: str, tmp_path: Path) -> None:
    """Yahoo shows 10,000; Gmail as many as its user has chosen."""
    personality = replace(BY_NAME[kind], shows_at_most=MOST)
    async with played(tmp_path / "home", personality) as here:
        before = await filled(here)
        for number in range(MOST + 1, MOST + 4):
            here.inbox.append(mail(number))
        assert len(here.inbox.messages) == MOST
        report = await here.sync()
        assert (codes(report), report.new, report.deleted) == ([], 3, 0)
        assert before.items() <= here.all_ids().items()
        assert here.app.store.messages.raw(before[1]) == mail(1)
        await in_step(here, 3)
        # Others delete two new ones: two old ones come into sight again, as the mails that they are.
        here.inbox.expunge([MOST, MOST + 1])
        report = await here.sync()
        assert (codes(report), report.new, report.deleted) == ([], 0, 2)
        assert here.all_ids().keys() == set(range(1, MOST + 4)) - {MOST, MOST + 1}
        await in_step(here, 1)


async def test_what_is_done_here_to_a_mail_out_of_sight_is_taken_back_and_named(tmp_path: Path) -> None:
    async with played(tmp_path / "home", replace(BY_NAME["gmail"], shows_at_most=MOST)) as here:
        before = await filled(here)
        for number in range(MOST + 1, MOST + 6):
            here.inbox.append(mail(number))
        await here.sync()
        act.change_flags(here.app, [before[1]], add=[FLAGGED])
        act.move(here.app, [before[2]], role(here, SpecialUse.TRASH), source="INBOX")
        report = await here.sync()
        assert set(codes(report)) == {"sync.out_of_sight"}
        await here.sync()
        assert not here.app.store.journal.open_debts(here.account.id)
        places = {place.mailbox for place in here.app.store.messages.get(before[2])}
        assert places == {"INBOX", role(here, SpecialUse.ALL)}
        assert rules(here) == []
        await in_step(here, 5)
