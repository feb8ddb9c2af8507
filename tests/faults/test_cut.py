"""F5: the line is cut at every byte of a pass that logs in, lists, opens, fetches and pushes flags,
moves, copies, deletions, an upload and a new mailbox; in both directions. A seed is the byte.

F8: the same pass over a line that hands out single bytes, or answers only when it has heard all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eilbote.engine import sync
from eilbote.testing.imap.behaviour import Behaviour
from tests.faults.memory import Memory
from tests.faults.outcome import BARE, KINDS
from tests.faults.replay import ALL, replayable, spread, trials
from tests.faults.trial import Prepared, quick_folder

SAMPLE = 12
QUARTERS = 4
FAREWELL = 60
"""Bytes of the good-bye: what is cut there changes nothing for the pass."""
SERVERS = {**KINDS, "bare": BARE, "moveless": BARE.without("MOVE")}


@pytest.fixture(scope="module", params=list(SERVERS))
def prepared(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    """The story on each kind of server, one connection at a time: so that a byte has its place."""
    behaviour: Behaviour = SERVERS[request.param]
    with pytest.MonkeyPatch.context() as patch, quick_folder() as folder:
        patch.setattr(sync, "CONNECTIONS_PER_ACCOUNT", 1)
        made = Prepared(folder, behaviour)
        made.begin()
        yield made


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("quarter", range(QUARTERS) if ALL else [0])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_at_every_byte(prepared: Prepared, direction: str, quarter: int) -> None:
    """Nothing is lost, nothing is doubled, and the next passes finish the work. Every fourth byte, so that
    no part takes long on a busy machine either."""
    whole, report = prepared.trial()
    assert report.failed is None
    length = whole.up if direction == "up" else whole.down
    assert length > 1_000
    cut_at = trials(range(1 + quarter, length + 1, QUARTERS), spread(1, length, SAMPLE))
    for byte in cut_at:
        with replayable(byte):
            _, disturbed = prepared.trial(lambda memory, at=byte: setattr(memory, f"cut_{direction}", at))  # type: ignore[misc]
            assert disturbed.failed is not None or byte > length - FAREWELL, "the cut was not noticed"


@pytest.mark.parametrize("slices, gathered", [(1, False), (2, True), (0, True)])
def test_single_bytes_and_all_at_once(prepared: Prepared, slices: int, gathered: bool) -> None:
    """F8 without sockets, where nothing puts the bytes together again on the way."""
    _, usual = prepared.trial()

    def disturb(memory: Memory) -> None:
        memory.slices, memory.gathered = slices, gathered

    _, report = prepared.trial(disturb)
    assert report.failed is None and not report.problems
    assert (
        report.new,
        report.changed,
        report.deleted,
        report.pushed,
        report.conflicts,
        report.round_trips,
    ) == (
        usual.new,
        usual.changed,
        usual.deleted,
        usual.pushed,
        usual.conflicts,
        usual.round_trips,
    )
