"""The line to a real server breaks, falls silent, crumbles or clots (F5, F7, F8, F11): the story told
through the fault proxy comes out the same. On Dovecot and on Cyrus, with both stores.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from eilbote.catalogue import Catalogue
from eilbote.engine import sync
from tests.engine.world import CONDSTORE, NEITHER, Options, RealServer
from tests.faults.behind import behind
from tests.faults.outcome import codes
from tests.faults.proxy import WELL, End, Trouble
from tests.faults.replay import ALL, replayable, spread, trials
from tests.faults.story import EXPECTED
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

DOVECOT: dict[str, Options] = {
    "qresync": DovecotOptions(),
    "condstore": DovecotOptions(hidden=CONDSTORE),
    "neither": DovecotOptions(hidden=NEITHER | {"MOVE", "ESEARCH", "LIST-STATUS"}),
}
CYRUS: dict[str, Options] = {
    "qresync": CyrusOptions(),
    "neither": CyrusOptions(hidden=NEITHER | {"MOVE", "OBJECTID"}),
}
KINDS: dict[str, tuple[Options, str]] = {
    **{f"dovecot-{kind}": (options, "sqlite") for kind, options in DOVECOT.items()},
    "dovecot-postgres": (DovecotOptions(), "postgres"),
    **{f"cyrus-{kind}": (options, "sqlite") for kind, options in CYRUS.items()},
    "cyrus-postgres": (CyrusOptions(), "postgres"),
}
PLACES: dict[str, tuple[dict[str, Options], str]] = {
    "dovecot-on-sqlite": (DOVECOT, "sqlite"),
    "dovecot-on-postgres": (DOVECOT, "postgres"),
    "cyrus-on-sqlite": (CYRUS, "sqlite"),
    "cyrus-on-postgres": (CYRUS, "postgres"),
}
"""Where a seed also chooses the kind of server."""
MOST = "dovecot-qresync"
"""`make test` tries most here, and one of each fault in the other places."""
SAMPLED = (MOST, "cyrus-qresync", "cyrus-postgres")
COMMANDS = 34
"""A pass of the story says about so many; a trial beyond the last finds nothing to disturb."""
kinds = pytest.mark.parametrize("kind", list(KINDS) if ALL else SAMPLED)
places = pytest.mark.parametrize("place", list(PLACES))

Like = Callable[[Options], RealServer]
Store = Callable[[str], AbstractContextManager[str]]


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection: every byte and every command has its place, and a seed means the same again."""
    monkeypatch.setattr(sync, "CONNECTIONS_PER_ACCOUNT", 1)


async def trial(server: RealServer, home: Path, store_url: str, trouble: Trouble) -> bool:
    """The story with that trouble in its second pass; whether it broke that pass."""
    async with behind(server, home, store_url) as here:
        await here.begin()
        report = await here.disturbed(trouble)
        await here.recover()
        return report.failed is not None


@places
@pytest.mark.timeout(1800)
async def test_200_seeded_cuts(
    place: str, server_like: Like, fresh_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5 on a real server: anywhere, in both directions, in every way a line can end."""
    servers, store = PLACES[place]
    seeds = trials(range(200), range(0, 200, 40 if place == "dovecot-on-sqlite" else 200))
    broken = 0
    for seed in seeds:
        with replayable(seed):
            chance = random.Random(seed)
            server = server_like(servers[chance.choice(list(servers))])
            monkeypatch.setattr(sync, "CONNECTIONS_PER_ACCOUNT", chance.choice([1, 1, 3]))
            end = chance.choice([End.FIN, End.RST, End.SILENCE])
            if chance.random() < 0.5:
                trouble = Trouble(cut_up=chance.randrange(1, 2_500), end=end)
            else:
                trouble = Trouble(cut_down=chance.randrange(1, 11_000), end=end)
            with fresh_store(store) as url:
                broken += await trial(server, tmp_path / str(seed), url, trouble)
    assert broken > len(seeds) // 2 or len(seeds) <= 2, "most cuts must have met the pass"


@kinds
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_at_a_time")
async def test_a_black_hole_after_every_command(
    kind: str, server_like: Like, fresh_store: Store, tmp_path: Path
) -> None:
    """F7: from that command on the line stays open and carries nothing. The seed is the command."""
    options, store = KINDS[kind]
    server = server_like(options)
    for command in trials(range(1, COMMANDS), spread(2, COMMANDS - 12, 3) if kind == MOST else [12]):
        with replayable(command), fresh_store(store) as url:
            async with behind(server, tmp_path / str(command), url) as here:
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
async def test_a_server_that_goes_at_every_command(
    kind: str, server_like: Like, fresh_store: Store, tmp_path: Path
) -> None:
    """F11: BYE, and every connection ends, as when a server restarts. The seed is the command."""
    options, store = KINDS[kind]
    server = server_like(options)
    bye = b"* BYE Server shutting down.\r\n"
    for command in trials(range(1, COMMANDS), spread(3, COMMANDS - 10, 3) if kind == MOST else [14]):
        with replayable(command), fresh_store(store) as url:
            trouble = Trouble(end_at=command, farewell=bye, all_end=True, end=End.FIN)
            await trial(server, tmp_path / str(command), url, trouble)


CLOTTED = {
    "one byte at a time": Trouble(slices=1),
    "seven": Trouble(slices=7),
    "all together": Trouble(gather=0.005),
    "late": Trouble(delay=0.003),
    "slow": Trouble(rate=400_000),
}


@pytest.mark.parametrize(
    ("clotted", "kind"),
    [(one, kind) for one in CLOTTED for kind in KINDS]
    if ALL
    else [*((one, MOST) for one in CLOTTED), *(("seven", kind) for kind in SAMPLED if kind != MOST)],
)
async def test_a_line_that_crumbles_or_clots(
    kind: str, clotted: str, server_like: Like, fresh_store: Store, tmp_path: Path
) -> None:
    """F8: whatever comes together or apart, the pass has the same result."""
    options, store = KINDS[kind]
    server = server_like(options)
    reports = []
    for number, one in enumerate((WELL, CLOTTED[clotted])):
        with fresh_store(store) as url:
            async with behind(server, tmp_path / str(number), url) as here:
                await here.begin()
                report = await here.disturbed(one)
                assert report.failed is None and not report.problems
                reports.append((report.new, report.changed, report.deleted, report.pushed, report.conflicts))
                await here.check()
    assert reports[0] == reports[1]


@places
@pytest.mark.timeout(1800)
async def test_garbled_answers(place: str, server_like: Like, fresh_store: Store, tmp_path: Path) -> None:
    """A byte in some hundreds is another, as no line with TLS can have it: the pass ends in a named
    problem or well, and no mail is lost on the server. What was stored garbled `verify` finds."""
    sentences = Catalogue("en")
    servers, store = PLACES[place]
    for seed in trials(range(100), range(0, 100, 25 if place == "dovecot-on-sqlite" else 100)):
        with replayable(seed), fresh_store(store) as url:
            chance = random.Random(seed)
            server = server_like(servers[chance.choice(list(servers))])
            async with behind(server, tmp_path / str(seed), url) as here:
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
