"""The line to a real Dovecot breaks, falls silent, crumbles or clots (F5, F7, F8, F11): the story
told through the fault proxy comes out the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.catalogue import Catalogue
from eilbote.engine import sync
from tests.engine.world import CONDSTORE, NEITHER
from tests.faults.behind import behind
from tests.faults.outcome import codes
from tests.faults.proxy import WELL, End, Trouble
from tests.faults.replay import ALL, replayable, spread, trials
from tests.faults.story import EXPECTED
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

KINDS = {
    "qresync": DovecotOptions(),
    "condstore": DovecotOptions(hidden=CONDSTORE),
    "neither": DovecotOptions(hidden=NEITHER | {"MOVE", "ESEARCH", "LIST-STATUS"}),
}
COMMANDS = 34
"""A pass of the story says about so many; a trial beyond the last finds nothing to disturb."""
kinds = pytest.mark.parametrize("kind", list(KINDS) if ALL else ["qresync"])

Like = Callable[[DovecotOptions], Dovecot]


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection: every byte and every command has its place, and a seed means the same again."""
    monkeypatch.setattr(sync, "CONNECTIONS_PER_ACCOUNT", 1)


async def trial(server: Dovecot, home: Path, trouble: Trouble) -> bool:
    """The story with that trouble in its second pass; whether it broke that pass."""
    async with behind(server, home) as here:
        await here.begin()
        report = await here.disturbed(trouble)
        await here.recover()
        return report.failed is not None


@pytest.mark.timeout(1800)
async def test_200_seeded_cuts(dovecot_like: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5 on a real server: anywhere, in both directions, in every way a line can end."""
    seeds = trials(range(200), range(0, 200, 40))
    broken = 0
    for seed in seeds:
        with replayable(seed):
            chance = random.Random(seed)
            server = dovecot_like(KINDS[chance.choice(list(KINDS))])
            monkeypatch.setattr(sync, "CONNECTIONS_PER_ACCOUNT", chance.choice([1, 1, 3]))
            end = chance.choice([End.FIN, End.RST, End.SILENCE])
            if chance.random() < 0.5:
                trouble = Trouble(cut_up=chance.randrange(1, 2_500), end=end)
            else:
                trouble = Trouble(cut_down=chance.randrange(1, 11_000), end=end)
            broken += await trial(server, tmp_path / str(seed), trouble)
    assert broken > len(seeds) // 2 or len(seeds) == 1, "most cuts must have met the pass"


@kinds
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_at_a_time")
async def test_a_black_hole_after_every_command(kind: str, dovecot_like: Like, tmp_path: Path) -> None:
    """F7: from that command on the line stays open and carries nothing. The seed is the command."""
    server = dovecot_like(KINDS[kind])
    for command in trials(range(1, COMMANDS), spread(2, COMMANDS - 12, 3)):
        with replayable(command):
            async with behind(server, tmp_path / str(command)) as here:
                await here.begin()
                report = await here.disturbed(Trouble(end_at=command, end=End.SILENCE))
                silent = any(one.silent for one in here.proxy.connections)
                unfinished = silent and here.proxy.said[0][-1] != "LOGOUT"
                assert (report.failed is not None) == unfinished, report
                assert report.failed is None or report.failed.code == "net.timeout"
                await here.recover()


@kinds
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_at_a_time")
async def test_a_server_that_goes_at_every_command(kind: str, dovecot_like: Like, tmp_path: Path) -> None:
    """F11: BYE, and every connection ends, as when a server restarts. The seed is the command."""
    server = dovecot_like(KINDS[kind])
    bye = b"* BYE Server shutting down.\r\n"
    for command in trials(range(1, COMMANDS), spread(3, COMMANDS - 10, 3)):
        with replayable(command):
            trouble = Trouble(end_at=command, farewell=bye, all_end=True, end=End.FIN)
            await trial(server, tmp_path / str(command), trouble)


@kinds
@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(slices=1),
        Trouble(slices=7),
        Trouble(gather=0.005),
        Trouble(delay=0.003),
        Trouble(rate=400_000),
    ],
    ids=["one byte at a time", "seven", "all together", "late", "slow"],
)
async def test_a_line_that_crumbles_or_clots(
    kind: str, trouble: Trouble, dovecot_like: Like, tmp_path: Path
) -> None:
    """F8: whatever comes together or apart, the pass has the same result."""
    server = dovecot_like(KINDS[kind])
    reports = []
    for number, one in enumerate((WELL, trouble)):
        async with behind(server, tmp_path / str(number)) as here:
            await here.begin()
            report = await here.disturbed(one)
            assert report.failed is None and not report.problems
            reports.append((report.new, report.changed, report.deleted, report.pushed, report.conflicts))
            await here.check()
    assert reports[0] == reports[1]


@pytest.mark.timeout(1800)
async def test_garbled_answers(dovecot_like: Like, tmp_path: Path) -> None:
    """A byte in some hundreds is another, as no line with TLS can have it: the pass ends in a named
    problem or well, and no mail is lost on the server. What was stored garbled `verify` finds."""
    sentences = Catalogue("en")
    for seed in trials(range(100), range(0, 100, 25)):
        with replayable(seed):
            chance = random.Random(seed)
            server = dovecot_like(KINDS[chance.choice(list(KINDS))])
            async with behind(server, tmp_path / str(seed)) as here:
                await here.begin()
                here.proxy.trouble = Trouble(garble=chance.choice([200, 1000, 4000]), seed=seed)
                report = await here.sync(here.impatient)
                for code in codes(report):
                    assert sentences.knows(code), code
                here.proxy.trouble = WELL
                for _ in range(3):
                    report = await here.sync()
                    assert report.failed is None, report
                there = {raw for mails in (await here.truth()).values() for _, raw in mails.values()}
                assert {raw for _, _, raw in EXPECTED} <= there, "a mail is gone from the server"
