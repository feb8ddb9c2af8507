"""Killed with SIGKILL at every persistence step, resumed, and run again with nothing to do.

Each trial is a process of its own, forked from this one; the oracle is the workload's.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.world import mail, world
from tests.faults.actor import Scene, killed_at, message_id, perform
from tests.faults.workload import Workload, make_workload
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.postgres import Postgres

SEED = 20261123
SHARDS = 4
KINDS = {
    "qresync": DovecotOptions(),
    "bare": DovecotOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "MOVE"})),
}


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


def trial(scene: Scene, server: Dovecot, workload: Workload, step: int) -> bool:
    """One kill and one resumption. False: the workload ended before it reached the step."""
    scene.folder.mkdir(parents=True)
    log = scene.folder / "failure.txt"
    ended = forked(lambda: perform(scene, workload, killed_at(step)), log)
    assert ended in (0, -signal.SIGKILL), log.read_text()
    again = forked(lambda: perform(scene, workload, lambda name: None), log)
    assert again == 0, f"resumed after step {step}: {log.read_text()}"
    final = forked(lambda: check(scene, server, workload), log)
    assert final == 0, f"after step {step}: {log.read_text()}"
    return ended != 0


def check(scene: Scene, server: Dovecot, workload: Workload) -> None:
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
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_killed_at_every_step_on_sqlite(
    kind: str, shard: int, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    server = dovecot_like(KINDS[kind])
    workload = make_workload(SEED)
    step = shard + 1
    while True:
        scene = Scene(tmp_path / str(step), server.host, server.port, server.new_user()[0])
        if not trial(scene, server, workload, step):
            break
        step += SHARDS
    assert step > 100, "a workload of forty operations has hundreds of persistence steps"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("offset", [1, 8])
def test_killed_at_every_fourteenth_step_on_postgres(
    offset: int, dovecot: Dovecot, tmp_path: Path, postgres: Postgres
) -> None:
    workload = make_workload(SEED)
    step = offset
    while True:
        url = postgres.new_database()
        scene = Scene(tmp_path / str(step), dovecot.host, dovecot.port, dovecot.new_user()[0], url)
        reached = trial(scene, dovecot, workload, step)
        postgres.drop(url)
        if not reached:
            break
        step += 14
    assert step > 100
