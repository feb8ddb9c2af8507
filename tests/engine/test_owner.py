"""One process at a time owns the connections of an account; a dead one owns nothing.

The other processes are real ones: the program itself, started beside this test. How several share
the accounts of one PostgreSQL has tests of its own (`test_sharing`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from eilbote.clock import process_seconds
from eilbote.engine.owner import sync_accounts
from tests.engine.world import mail, until
from tests.faults.embedded import Embedded, embedded

LEASE_SECONDS = "3"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def environment(home: Path, store_url: str) -> dict[str, str]:
    given = {
        "EILBOTE_HOME": str(home),
        "EILBOTE_KEY_FILE": str(home.parent / "key"),
        "EILBOTE_LANGUAGE": "en",
        "EILBOTE_LEASE_SECONDS": LEASE_SECONDS,
    }
    # A developer's machine may set what makes every program write at once.
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return ours | given | ({"EILBOTE_STORE": store_url} if store_url else {})


@contextmanager
def program(home: Path, store_url: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program beside us, killed at the end if it still runs."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("eilbote"), *arguments],
        env=environment(home, store_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Its exit status and all it said; the servers in this process go on meanwhile."""
    async with asyncio.timeout(30):
        out, errors = await asyncio.to_thread(process.communicate)
    return process.returncode, (out + errors).decode()


async def owner_of(here: Embedded, process: subprocess.Popen[bytes]) -> None:
    """Waits until that process owns the account."""

    def owned() -> bool:
        assert process.poll() is None, process.communicate()
        holder = here.app.store.ownership.holder(here.account.id)
        return holder is not None and holder.pid == process.pid

    await until(owned)


@asynccontextmanager
async def home(tmp_path: Path, store_url: str) -> AsyncIterator[Embedded]:
    async with embedded(tmp_path / "home", store_url=store_url) as here:
        here.inbox.append(mail(1))
        yield here


async def test_a_second_serve_on_sqlite_is_refused_and_names_the_first(tmp_path: Path) -> None:
    async with home(tmp_path, "") as here:
        with program(tmp_path / "home", "", "serve") as first:
            await owner_of(here, first)
            with program(tmp_path / "home", "", "serve") as second:
                status, said = await ended(second)
            assert status != 0
            assert str(first.pid) in said


async def test_what_serve_tells_a_program_is_there_at_once(tmp_path: Path) -> None:
    async with home(tmp_path, "") as here:
        with program(tmp_path / "home", "", "serve", "--json") as server:
            assert server.stdout is not None
            async with asyncio.timeout(30):
                line = await asyncio.to_thread(server.stdout.readline)
        told = json.loads(line)
        assert (told["event"], told["account"]) == ("watching", here.account.address)


async def test_a_sync_beside_a_running_serve_has_it_done_there(tmp_path: Path, store_url: str) -> None:
    async with home(tmp_path, store_url) as here:
        with program(tmp_path / "home", store_url, "serve") as server:
            await owner_of(here, server)
            await until(lambda: here.app.store.accounts.get(here.account.id).synced is not None)
            here.inbox.append(mail(2))
            asked = process_seconds()
            (report,) = await sync_accounts(here.app)
            assert report.failed is None
            assert report.seconds >= asked  # counted from our start, not from the server's
            assert here.held() == here.there()
            assert server.poll() is None


async def test_a_killed_owner_frees_the_home(tmp_path: Path, store_url: str) -> None:
    async with home(tmp_path, store_url) as here:
        with program(tmp_path / "home", store_url, "serve") as server:
            await owner_of(here, server)
            waiting = asyncio.create_task(sync_accounts(here.app))
            server.send_signal(signal.SIGKILL)
            async with asyncio.timeout(30):
                (report,) = await waiting
        assert report.failed is None
        assert here.held() == here.there()
        assert here.app.store.ownership.holder(here.account.id) is None


async def test_serve_ends_soon_after_sigterm(tmp_path: Path, store_url: str) -> None:
    async with home(tmp_path, store_url) as here:
        here.server.faults.mute_at = "UID FETCH"
        with program(tmp_path / "home", store_url, "serve") as server:
            await owner_of(here, server)
            server.terminate()
            async with asyncio.timeout(20):
                status, _ = await ended(server)
        assert status == 0


async def test_two_syncs_take_turns(tmp_path: Path, store_url: str) -> None:
    async with home(tmp_path, store_url) as here:
        first, second = await asyncio.gather(sync_accounts(here.app), sync_accounts(here.app))
        assert sorted([first[0].new, second[0].new]) == [0, 1]
        assert here.held() == here.there()
        assert here.app.store.wishes.claim(here.app.clock.now()) == [], "no wish is left behind"
