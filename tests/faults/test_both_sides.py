"""F15: `serve` at work, another client that adds, flags, moves, copies and deletes at random on the
real server, and somebody here who does the same; 2,000 operations in all. A seed starts both.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace as replace_config
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.owner import sync_accounts
from tests.engine.both_sides import Oracle, guarded, other_client, somebody_here
from tests.engine.watched import Log, at_rest, served
from tests.engine.world import Options, RealServer, World, mail, world
from tests.faults.invariants import Evidence, check_at_rest, i12_another_pass_changes_nothing
from tests.faults.replay import ALL, replayable, trials
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

OPERATIONS = 1_000 if ALL else 60
"""On each side."""
LONGEST = 0.02
CASES: dict[str, tuple[Options, str]] = {
    "notify": (DovecotOptions(), ""),
    "idle": (DovecotOptions(hidden=frozenset({"NOTIFY", "QRESYNC"})), ""),
    "neither": (DovecotOptions(hidden=frozenset({"NOTIFY", "QRESYNC", "CONDSTORE", "MOVE"})), ""),
    "postgres": (DovecotOptions(), "postgres"),
    "cyrus": (CyrusOptions(), ""),
    "cyrus-neither": (CyrusOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "MOVE", "OBJECTID"})), ""),
    "cyrus-postgres": (CyrusOptions(), "postgres"),
}
SAMPLED = ("notify", "cyrus", "cyrus-postgres")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", list(CASES) if ALL else SAMPLED)
async def test_two_clients_at_once(
    case: str, server_like: Callable[[Options], RealServer], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    options, store = CASES[case]
    url = str(request.getfixturevalue("postgres_url")) if store else ""
    for seed in trials([20261127]):
        with replayable(seed), world(server_like(options), tmp_path / str(seed), url) as here:
            await _trial(here, seed, sees_flags="neither" not in case)


async def _trial(here: World, seed: int, *, sees_flags: bool) -> None:
    oracle = Oracle(made=set(range(1, 21)))
    await asyncio.to_thread(here.server.append, here.user, [mail(number) for number in range(1, 21)])
    failures: list[BaseException] = []
    sides = [
        threading.Thread(target=guarded, args=(side, here, oracle, seed + at, OPERATIONS, LONGEST, failures))
        for at, side in enumerate((other_client, somebody_here))
    ]
    app = replace(here.app, config=replace_config(here.app.config, sync_interval=1.0))
    async with served(app) as log:
        for one in sides:
            one.start()
        for one in sides:
            await asyncio.to_thread(one.join)
        assert not failures, failures
        await _come_to_rest(here, log, sees_flags=sees_flags)
    if not sees_flags:  # the flags of others are read once an hour; here at once
        await sync_accounts(here.app)
    # A copy made here whose source went meanwhile is uploaded: as a second new message of our own.
    arrived = Counter(
        {mail(number): 1 + 2 * oracle.copied[number] + oracle.moved[number] for number in oracle.made}
    )
    evidence = Evidence(here.app, here.account, await asyncio.to_thread(here.truth), arrived=arrived)
    check_at_rest(evidence)
    there = Counter(raw for mails in evidence.server.values() for _, raw in mails.values())
    for number in oracle.made:
        lies = there[mail(number)]
        assert lies or number in oracle.deleted, f"I6: nobody deleted mail {number}, and it is gone"
        assert lies <= 1 + oracle.copied[number], f"I6: mail {number} was doubled"
    (again,) = await sync_accounts(here.app)
    i12_another_pass_changes_nothing(again)


async def _come_to_rest(here: World, log: Log, *, sees_flags: bool) -> None:
    """Served, both sides become the same by themselves."""

    def same() -> bool:
        held, truth = here.held(), here.truth()
        if here.app.store.journal.open_debts(here.account.id):
            return False
        if sees_flags:
            return held == truth
        return {box: set(mails) for box, mails in held.items()} == {
            box: set(mails) for box, mails in truth.items()
        }

    async with asyncio.timeout(300):
        while not (at_rest(log) and await asyncio.to_thread(same)):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
