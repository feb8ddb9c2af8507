"""Killed with SIGKILL at every persistence step, resumed, and run again with nothing to do.

Each trial is a process of its own, forked from this one; the oracle is the workload's.
"""

from __future__ import annotations

import os
import random
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.world import Options, RealServer, mail, world
from tests.faults.actor import Scene, killed_at, message_id, perform
from tests.faults.replay import ALL
from tests.faults.workload import Workload, make_workload
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.postgres import Postgres

SEED = 20261123
KINDS: dict[str, Options] = {
    "qresync": DovecotOptions(),
    "bare": DovecotOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "MOVE"})),
    "cyrus": CyrusOptions(),
}
Like = Callable[[Options], RealServer]


def forked(work: Callable[[], None], log: Path) -> int:
    """Runs `work` in a child process; returns its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            log.write_text(traceback.format_exc())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def trial(scene: Scene, server: RealServer, workload: Workload, *steps: int) -> bool:
    """A kill at the first step, one at each further step of the resumption, then a resumption to the
    end. False: the workload ended before it was killed so often."""
    scene.folder.mkdir(parents=True)
    log = scene.folder / "failure.txt"
    killed = 0
    for step in steps:
        ended = forked(lambda at=step: perform(scene, workload, killed_at(at)), log)  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL), f"killed at {steps}: {log.read_text()}"
        killed += ended != 0
    again = forked(lambda: perform(scene, workload, lambda name: None), log)
    assert again == 0, f"resumed after {steps}: {log.read_text()}"
    final = forked(lambda: check(scene, server, workload), log)
    assert final == 0, f"after {steps}: {log.read_text()}"
    return killed == len(steps)


def check(scene: Scene, server: RealServer, workload: Workload) -> None:
    """The oracle's word against server and store, then a pass that must find nothing to do."""
    with world(server, scene.folder / "home", scene.store_url, scene.user) as here:
        quiet = here.sync()
        assert (quiet.new, quiet.changed, quiet.deleted, quiet.pushed) == (0, 0, 0, 0), quiet
        expected = sorted(
            (message_id(number), kept.mailbox, tuple(sorted(kept.flags)), mail(number))
            for number, places in workload.expected.items()
            for kept in places
        )
        for side in (here.truth(), here.held()):
            found = sorted(
                (
                    raw.partition(b"Message-ID: <")[2].partition(b">")[0].decode(),
                    box,
                    tuple(sorted(flags)),
                    raw,
                )
                for box, mails in side.items()
                for flags, raw in mails.values()
            )
            assert [one[:3] for one in found] == [one[:3] for one in expected]
            assert found == expected
        here.assert_same()
        assert not here.app.store.journal.open_debts(here.account.id)
        waiting = [
            here.app.store.messages.waiting(box.id) for box in here.app.store.mailboxes.all(here.account.id)
        ]
        assert not any(waiting)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "first", "stride"),
    [
        ("qresync", 1, 4),
        ("qresync", 2, 4),
        ("qresync", 3, 4),
        ("qresync", 4, 4),
        ("bare", 1, 8),
        ("bare", 5, 8),
        *([("cyrus", 1, 8), ("cyrus", 5, 8)] if ALL else []),
    ],
)
def test_killed_at_every_step_on_sqlite(
    kind: str, first: int, stride: int, server_like: Like, tmp_path: Path
) -> None:
    """Every step on a server that can all; every fourth on one that can little, and on Cyrus."""
    server = server_like(KINDS[kind])
    workload = make_workload(SEED)
    step = first
    while True:
        scene = Scene(tmp_path / str(step), server.host, server.port, server.new_user()[0])
        if not trial(scene, server, workload, step):
            break
        step += stride
    assert step > 100, "a workload of forty operations has hundreds of persistence steps"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", list(KINDS) if ALL else ["qresync", "bare"])
def test_killed_again_while_resuming(kind: str, server_like: Like, tmp_path: Path) -> None:
    """A sample of pairs: anywhere, and then soon after the resumption began."""
    server = server_like(KINDS[kind])
    workload = make_workload(SEED)
    chance = random.Random(SEED)
    pairs = [(chance.randrange(5, 200), chance.randrange(1, 12)) for _ in range(15)]
    killed = 0
    for number, pair in enumerate(pairs):
        scene = Scene(tmp_path / str(number), server.host, server.port, server.new_user()[0])
        killed += trial(scene, server, workload, *pair)
    assert killed > 10


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["qresync", "cyrus"] if ALL else ["qresync"])
def test_killed_at_every_twentieth_step_on_postgres(
    kind: str, server_like: Like, tmp_path: Path, postgres: Postgres
) -> None:
    server = server_like(KINDS[kind])
    workload = make_workload(SEED)
    step = 3
    while True:
        url = postgres.new_database()
        scene = Scene(tmp_path / str(step), server.host, server.port, server.new_user()[0], url)
        reached = trial(scene, server, workload, step)
        postgres.drop(url)
        if not reached:
            break
        step += 20
    assert step > 100
