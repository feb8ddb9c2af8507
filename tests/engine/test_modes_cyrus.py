"""Modes on Cyrus, which describes parts and gives them in its own way, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from eilbote.engine import read
from eilbote.errors import Gone
from tests.engine.test_modes import (
    DAY,
    EXPECTED,
    MODES,
    assert_compares,
    deliver,
    keep,
    nested,
    whole,
    with_attachment,
)
from tests.engine.world import World, mail, world
from tests.servers.cyrus import Cyrus, CyrusOptions

WALK = ("headers", "size:20000", "days:30", "headers", "days:30", "size:20000", "headers", "everything")
"""Every switch between two modes at least once, with those from and to everything below."""


@pytest.fixture(params=["sqlite", "postgres"])
def here(
    request: pytest.FixtureRequest, cyrus_like: Callable[[CyrusOptions], Cyrus], tmp_path: Path
) -> Iterator[World]:
    store_url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with world(cyrus_like(CyrusOptions()), tmp_path / "home", store_url) as made:
        now = made.app.clock.now()
        for age, first in ((0, 0), (365 * DAY, 10)):
            raws = [mail(first), mail(first + 1), with_attachment(first + 2), nested(first + 3)]
            deliver(made, raws, now - age)
        yield made


def test_every_switch_loses_nothing(here: World) -> None:
    assert set(pairwise(WALK)) >= {(a, b) for a in MODES[1:] for b in MODES[1:] if a != b}
    assert here.sync().new == 8
    ids = here.ids()
    for mode in (*WALK, "days:30", "everything", "size:20000", "everything"):
        keep(here, mode)
        assert here.sync().new == 0
        assert whole(here) == EXPECTED[mode], mode
        assert_compares(here)
    here.assert_same()
    assert here.ids() == ids
    assert not here.app.store.journal.conflicts()


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_first_sync_keeps_what_the_mode_says(here: World, mode: str) -> None:
    keep(here, mode)
    assert here.sync().new == 8
    assert whole(here) == EXPECTED[mode]
    assert_compares(here)
    keep(here, "everything")
    here.sync()
    here.assert_same()


def test_a_mail_without_its_large_parts_still_says_all_but_them(here: World) -> None:
    keep(here, "size:20000")
    here.sync()
    for uid, message in here.ids().items():
        shown = read.show_mail(here.app, str(message))
        if uid % 4 in (1, 2):
            assert not shown.in_part
            continue
        assert "Zebrastreifen" in shown.text
        told = [(one.name, one.here) for one in shown.attachments if one.name]
        assert ("Plan.pdf", False) in told, told
        assert ("klein.bin", True) in told, told
        with pytest.raises(Gone, match="headers_only"):
            read.raw_mail(here.app, str(message))
