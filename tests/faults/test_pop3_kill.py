"""Collecting killed with SIGKILL at every persistence step, resumed, and run again with nothing to do."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.app import open_app
from eilbote.store.values import Server
from eilbote.sync.values import OnServer
from tests.contract.pop3_place import PASSWORD, Pop3Place, dovecot_place
from tests.engine.pop3_world import AT_ONCE, KEEP, Pop3World, add_pop3_account, letters
from tests.faults.actor import killed_at
from tests.servers.dovecot import Dovecot

MAILS = [*letters(range(1, 6)), *letters([5])]


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


def collect(
    home: Path, store_url: str, server: Server, user: str, policy: OnServer, observer: Callable[[str], None]
) -> None:
    config = Config(home=home, store=store_url, key_file=str(home.parent / f"{home.name}.key"))
    with open_app(config, observer=observer) as app:
        accounts = app.store.accounts.all()
        account = accounts[0] if accounts else add_pop3_account(app, server, user, PASSWORD)
        app.store.accounts.update(account.id, on_server=policy)
        Pop3World(app, account.id).sync()


def check(home: Path, store_url: str, place: Pop3Place, policy: OnServer) -> None:
    config = Config(home=home, store=store_url, key_file=str(home.parent / f"{home.name}.key"))
    with open_app(config) as app:
        (account,) = app.store.accounts.all()
        here = Pop3World(app, account.id)
        here.quiet()
        assert sorted(here.held()) == sorted(MAILS)
        assert all(one.ok for one in here.verify().values())
    assert place.left() == ([] if policy == AT_ONCE else MAILS)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("policy", [KEEP, AT_ONCE], ids=["keep", "at once"])
@pytest.mark.parametrize(("store", "stride"), [("sqlite", 1), ("postgres", 7)])
def test_killed_at_every_step(
    store: str,
    stride: int,
    policy: OnServer,
    dovecot_pop3: Dovecot,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    log = tmp_path / "failure.txt"
    killed = step = 0
    while True:
        step += stride
        place = dovecot_place(dovecot_pop3)
        place.deliver(MAILS)
        postgres = request.getfixturevalue("postgres") if store == "postgres" else None
        store_url = postgres.new_database() if postgres is not None else ""
        home = tmp_path / f"home-{step}"

        def run(observer: Callable[[str], None]) -> None:
            collect(home, store_url, place.server, place.user, policy, observer)  # noqa: B023

        ended = forked(lambda: run(killed_at(step)), log)  # noqa: B023
        assert ended in (0, -signal.SIGKILL), f"killed at {step}: {log.read_text()}"
        assert forked(lambda: run(lambda name: None), log) == 0, f"after {step}: {log.read_text()}"
        checked = forked(lambda: check(home, store_url, place, policy), log)  # noqa: B023
        assert checked == 0, f"killed at {step}: {log.read_text()}"
        if postgres is not None:
            postgres.drop(store_url)
        killed += ended != 0
        if ended == 0:
            break
    assert killed * stride > 20, "there were steps to be killed at"
