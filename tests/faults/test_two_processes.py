"""F15 with two `serve` processes on one PostgreSQL: two accounts, on a Dovecot and on a Cyrus, in each of
which another client and somebody here act at random, 2,000 operations in all. Whoever holds an account
is killed in between, and started anew.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eilbote.engine.owner import sync_accounts
from tests.engine.both_sides import Oracle, guarded, other_client, somebody_here
from tests.engine.processes import serve, within
from tests.engine.world import World, mail
from tests.faults.embedded import add_account, open_home
from tests.faults.invariants import Evidence, check_at_rest, i12_another_pass_changes_nothing
from tests.faults.replay import ALL, replayable, trials
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres

OPERATIONS = 500 if ALL else 30
"""On each side of each account."""
KILLS = 4 if ALL else 1
LONGEST = 0.04
LEASE_SECONDS = 24.0
"""As it is by default: nothing here waits for a lease to run out, that of one killed ends at once."""


@dataclass(slots=True)
class Processes:
    """Those that serve now."""

    home: Path
    url: str
    ending: ExitStack
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pids(self) -> set[int]:
        return {one.pid for one in self.running}

    def start(self) -> None:
        served = serve(self.home, self.url, LEASE_SECONDS, sync_interval="1", check_hour="-1")
        self.running.append(self.ending.enter_context(served))

    def kill(self, pid: int) -> None:
        (one,) = (one for one in self.running if one.pid == pid)
        one.kill()
        one.wait()
        self.running.remove(one)

    def stop(self) -> None:
        for one in self.running:
            one.terminate()
        log = self.home.parent / "serve.log"
        assert [one.wait(20) for one in self.running] == [0] * len(self.running), log.read_text()


@pytest.mark.timeout(1800)
async def test_one_of_two_is_killed_and_started_anew(
    dovecot: Dovecot, cyrus: Cyrus, postgres: Postgres, tmp_path: Path
) -> None:
    for seed in trials([20261127]):
        url = postgres.new_database()
        with replayable(seed), ExitStack() as ending:
            folder = tmp_path / str(seed)
            folder.mkdir()
            app = ending.enter_context(open_home(folder / "home", store_url=url))
            worlds = []
            for place, server in (("dovecot", dovecot), ("cyrus", cyrus)):
                user, _ = server.new_user()
                account = add_account(app, server.port, f"{user}@{place}.example", user=user)
                worlds.append(World(app, account, server, user))
            await _trial(worlds, Processes(folder / "home", url, ending), seed)
        postgres.drop(url)


async def _trial(worlds: list[World], processes: Processes, seed: int) -> None:
    oracles = [Oracle(made=set(range(1, 21))) for _ in worlds]
    for here in worlds:
        await asyncio.to_thread(here.server.append, here.user, [mail(number) for number in range(1, 21)])
    for _ in range(2):
        processes.start()
    ownership = worlds[0].app.store.ownership

    def shared() -> bool:
        """Each process that lives holds one of the two accounts."""
        holders = ownership.holders()
        return len(holders) == 2 and {one.pid for one in holders.values()} == processes.pids

    await within(120, shared)
    for here in worlds:
        await _come_to_rest(here)
    failures: list[BaseException] = []
    done = itertools.count(1)
    reached = 0

    def counted() -> None:
        nonlocal reached
        reached = next(done)

    sides = [
        threading.Thread(
            target=guarded, args=(side, here, oracle, seed + at, OPERATIONS, LONGEST, failures, counted)
        )
        for at, (here, oracle, side) in enumerate(
            (here, oracle, side)
            for here, oracle in zip(worlds, oracles, strict=True)
            for side in (other_client, somebody_here)
        )
    ]
    for one in sides:
        one.start()
    for kill in range(KILLS):
        after = len(sides) * OPERATIONS * (kill + 1) // (KILLS + 2)
        await within(600, lambda at=after: reached >= at or bool(failures))  # type: ignore[misc]
        processes.kill(ownership.holders()[worlds[kill % len(worlds)].account.id].pid)
        processes.start()
        await within(120, shared)
    for one in sides:
        await asyncio.to_thread(one.join)
    assert not failures, failures
    for here in worlds:
        await _come_to_rest(here)
    processes.stop()
    for here, oracle in zip(worlds, oracles, strict=True):
        await _check(here, oracle)
    for report in await sync_accounts(worlds[0].app):
        i12_another_pass_changes_nothing(report)


async def _come_to_rest(here: World) -> None:
    """Served, both sides become the same by themselves."""

    def same() -> bool:
        return not here.app.store.journal.open_debts(here.account.id) and here.held() == here.truth()

    async with asyncio.timeout(300):
        while not await asyncio.to_thread(same):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def _check(here: World, oracle: Oracle) -> None:
    # A copy made here whose source went meanwhile is uploaded: as a second new message of our own.
    arrived = Counter(
        {mail(number): 1 + 2 * oracle.copied[number] + oracle.moved[number] for number in oracle.made}
    )
    truth = await asyncio.to_thread(here.truth)
    check_at_rest(Evidence(here.app, here.account, truth, arrived=arrived))
    there = Counter(raw for mails in truth.values() for _, raw in mails.values())
    for number in oracle.made:
        lies = there[mail(number)]
        assert lies or number in oracle.deleted, f"I6: nobody deleted mail {number}, and it is gone"
        assert lies <= 1 + oracle.copied[number], f"I6: mail {number} was doubled"
