"""UIDs that come to name other messages under the same UIDVALIDITY (museum M15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act
from tests.engine.world import mail
from tests.faults.embedded import Embedded
from tests.faults.played import played, settled


def shuffle(here: Embedded) -> None:
    """The same numbers under the same UIDVALIDITY name other messages, as after an update."""
    box = here.inbox
    raws = [one.raw for one in box.messages.values()]
    for message, raw in zip(box.messages.values(), [*raws[1:], raws[0]], strict=True):
        message.raw = raw
        message.modseq = box.highestmodseq


@pytest.mark.parametrize("kind", ["proton-bridge", "exchange"])
@pytest.mark.parametrize("deed", ["delete", "move"])
async def test_m15_what_lies_under_a_number_is_looked_at_before_it_is_removed(
    deed: str, kind: str, tmp_path: Path
) -> None:
    async with played(tmp_path / "home", kind) as here:
        for number in range(1, 6):
            here.inbox.append(mail(number))
        await here.sync()
        chosen = here.ids()[2]
        raw = here.app.store.messages.raw(chosen)
        shuffle(here)
        if deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        else:
            act.archive(here.app, [chosen])
        for _ in range(3):
            await here.sync()
        assert raw == mail(2)
        assert sorted(here.there().values()) == sorted(mail(number) for number in (1, 3, 4, 5))
        assert list(here.there("Archive").values()) == ([mail(2)] if deed == "move" else [])
        await settled(here)


async def test_m15_shifted_numbers_are_noticed_without_any_act(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "proton-bridge") as here:
        for number in range(1, 31):
            here.inbox.append(mail(number), ["\\Seen"] if number % 2 else [])
        await here.sync()
        ids = {here.app.store.messages.raw(one): one for one in here.ids().values()}
        shuffle(here)
        report = await here.sync()
        assert (report.new, report.deleted) == (0, 0)
        assert here.held() == here.there()
        assert {here.app.store.messages.raw(one): one for one in here.ids().values()} == ids
        await settled(here)
