"""Several `serve` on one PostgreSQL: they share the accounts, take over from the dead, and a process
that slept through that does no harm when it wakes.

The processes are real ones: the program itself, started beside this test.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.app import App
from eilbote.engine.owner import sync_accounts
from eilbote.engine.sync import sync_owned
from eilbote.engine.tenure import FENCED, lasting
from eilbote.errors import NotAllowed
from eilbote.mail.mailbox import FLAGGED, SEEN
from eilbote.store.database import integer
from eilbote.store.values import Account
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from tests.engine.processes import serve, within
from tests.engine.world import mail
from tests.faults.embedded import NOW, PASSWORD, Embedded, add_account, open_home
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(180)


@dataclass(slots=True)
class Shared:
    """A home with several accounts, each on a server of its own."""

    home: Path
    url: str
    app: App
    accounts: list[Embedded]

    def holders(self) -> dict[int, int]:
        """Account -> process id."""
        return {account: one.pid for account, one in self.app.store.ownership.holders().items()}

    def parts(self) -> list[int]:
        """How many accounts each process holds, most first; empty while one is held by nobody."""
        held = self.holders()
        return (
            sorted(Counter(held.values()).values(), reverse=True) if len(held) == len(self.accounts) else []
        )

    def is_current(self) -> bool:
        """Every account holds exactly what its server has."""
        return all(
            self.app.store.mailboxes.find(one.account.id, "INBOX") and one.held() == one.there()
            for one in self.accounts
        )

    def append(self, number: int) -> None:
        """A new mail for every account."""
        for one in self.accounts:
            one.inbox.append(mail(number))

    def has_one_listener_each(self) -> bool:
        """No account is watched twice: each server has one connection."""
        return all(len(one.server._connections) == 1 for one in self.accounts)


@asynccontextmanager
async def shared(tmp_path: Path, url: str, count: int) -> AsyncIterator[Shared]:
    async with AsyncExitStack() as open_now:
        app = open_now.enter_context(open_home(tmp_path / "home", store_url=url))
        accounts = []
        for number in range(count):
            server = ImapServer(Mailstore(lambda: NOW), {"kim": PASSWORD}, Behaviour())
            await open_now.enter_async_context(server)
            account = add_account(app, server.port, f"kim{number}@example.de")
            accounts.append(Embedded(app, account, server))
        made = Shared(tmp_path / "home", url, app, accounts)
        made.append(1)
        yield made


async def test_three_share_the_accounts_and_hand_over_at_a_stop(tmp_path: Path, postgres_url: str) -> None:
    """With the usual 24 seconds: nothing here waits for a lease to run out."""
    async with shared(tmp_path, postgres_url, 4) as here:
        with serve(here.home, here.url, 24) as first:
            await within(30, lambda: here.parts() == [4] and here.is_current())
            with serve(here.home, here.url, 24) as second:
                await within(30, lambda: here.parts() == [2, 2])
                with serve(here.home, here.url, 24) as third:
                    await within(30, lambda: here.parts() == [2, 1, 1])
                    here.append(2)
                    await within(30, here.is_current)
                    await within(30, here.has_one_listener_each)
                    reports = await sync_accounts(here.app)
                    assert [one.account for one in reports] == [one.account.address for one in here.accounts]
                    assert not any(one.failed for one in reports)
                    assert here.app.store.wishes.claim(NOW, range(1, 9)) == [], "no wish is left behind"
                    first.terminate()
                    handed = await within(30, lambda: here.parts() == [2, 2])
                    assert first.wait(10) == 0
                    assert handed < 10
                    assert set(here.holders().values()) == {second.pid, third.pid}
                    here.append(3)
                    await within(30, here.is_current)
                    await within(30, here.has_one_listener_each)
                    for process in (second, third):
                        process.terminate()
                    assert [second.wait(10), third.wait(10)] == [0, 0]
        assert here.holders() == {}
        reports = await sync_accounts(here.app)
        assert not any(one.new or one.changed or one.deleted or one.pushed for one in reports)


async def test_within_30_seconds_of_a_kill_all_is_current_again(tmp_path: Path, postgres_url: str) -> None:
    async with shared(tmp_path, postgres_url, 4) as here, AsyncExitStack() as ending:
        first, second = (ending.enter_context(serve(here.home, here.url, 24)) for _ in range(2))
        await within(40, lambda: here.parts() == [2, 2] and here.is_current())
        first.kill()
        here.append(2)
        for one in here.accounts:
            act.change_flags(here.app, [one.ids()[1]], add=[FLAGGED])
        await within(30, lambda: here.is_current() and here.parts() == [4] and _flagged(here))
        assert set(here.holders().values()) == {second.pid}
        assert all(len(one.there()) == 2 for one in here.accounts)
        await within(30, here.has_one_listener_each)


async def test_a_pass_under_way_is_not_broken_off_to_share(tmp_path: Path, postgres_url: str) -> None:
    """Who joins gets the account that is at rest; the other one's pass goes on where it is."""
    async with shared(tmp_path, postgres_url, 2) as here, AsyncExitStack() as ending:
        first = ending.enter_context(serve(here.home, here.url))
        await within(30, lambda: here.parts() == [2] and here.is_current())
        busy = here.accounts[1]
        busy.server.faults.mute_at = "UID FETCH"
        busy.inbox.append(mail(2))
        await within(30, lambda: busy.server.sessions[-1].commands[-1] == "UID FETCH")
        sessions = len(busy.server.sessions)
        second = ending.enter_context(serve(here.home, here.url))
        await within(30, lambda: here.parts() == [1, 1])
        assert here.holders() == {
            here.accounts[0].account.id: second.pid,
            busy.account.id: first.pid,
        }
        assert len(busy.server.sessions) == sessions
        assert busy.server.sessions[-1].commands[-1] == "UID FETCH"


class Cable:
    """The way from one process to the database. Cut, it carries nothing more, and says nothing of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._carrying: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    @property
    def is_whole(self) -> bool:
        return self._whole.is_set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", self._port)
        for source, sink in ((reader, to), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            # one end is gone: so is the other, below
            await self._whole.wait()
        finally:
            sink.close()


async def test_a_holder_cut_off_from_the_database_is_taken_over_from(
    tmp_path: Path, postgres_url: str, postgres: Postgres
) -> None:
    cable = Cable(postgres.port)
    async with shared(tmp_path, postgres_url, 2) as here, AsyncExitStack() as ending:
        way = await asyncio.start_server(cable.connect, "127.0.0.1", 0)
        await ending.enter_async_context(way)
        port = way.sockets[0].getsockname()[1]
        far = replace(here, url=postgres_url.replace(str(postgres.port), str(port)))
        lonely = ending.enter_context(serve(far.home, far.url))
        await within(30, lambda: here.parts() == [2] and here.is_current())
        await within(
            30,
            lambda: all(list(one.server.sessions[-1].commands)[-1:] == ["IDLE"] for one in here.accounts),
        )
        cable.cut()
        other = ending.enter_context(serve(here.home, here.url))
        await within(30, lambda: set(here.holders().values()) == {other.pid})
        here.append(2)
        await within(30, here.is_current)
        await within(30, here.has_one_listener_each)
        cable.mend()
        await within(60, lambda: here.parts() == [1, 1])
        here.append(3)
        await within(30, here.is_current)
        await within(30, here.has_one_listener_each)
        assert lonely.poll() is None
        lonely.kill()


async def test_a_pass_cut_off_from_the_database_lets_go_of_its_server(
    tmp_path: Path, postgres_url: str, postgres: Postgres
) -> None:
    """Its work waits for a commit that is not answered; the server's connections end with the lease."""
    cable = Cable(postgres.port)
    loop = asyncio.get_running_loop()
    way = await asyncio.start_server(cable.connect, "127.0.0.1", 0)
    far = postgres_url.replace(str(postgres.port), str(way.sockets[0].getsockname()[1]))
    server = ImapServer(Mailstore(lambda: NOW), {"kim": PASSWORD}, Behaviour())
    async with way, server:
        server.store["INBOX"].append(mail(1))
        opened = open_home(tmp_path / "home", store_url=far, lease_seconds=1.0, read_timeout=60.0)
        app = await asyncio.to_thread(opened.__enter__)
        try:
            await asyncio.to_thread(add_account, app, server.port)

            def observe(name: str) -> None:
                if name == "before:pack-write":
                    loop.call_soon_threadsafe(cable.cut)

            app.store.database.observe = observe  # type: ignore[misc]
            app.store.bodies.packs._observe = observe
            syncing = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(sync_accounts(app))))
            await within(20, lambda: not cable.is_whole)
            assert server._connections
            assert await within(10, lambda: not server._connections) < 5
            assert not syncing.done()
            cable.mend()
            (report,) = await asyncio.wait_for(syncing, 60)
            assert report.failed is None or report.failed.code in (FENCED, "net.unreachable")
            app.store.bodies.packs._observe = lambda name: None
            (report,) = await asyncio.to_thread(lambda: asyncio.run(sync_accounts(app)))
            assert report.failed is None
            held = await asyncio.to_thread(app.store.messages.list_placements)
            assert len(held) == 1
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)


def _flagged(here: Shared) -> bool:
    return all(FLAGGED in one.inbox.messages[1].flags for one in here.accounts)


async def test_a_process_that_slept_says_and_writes_nothing_more(tmp_path: Path, postgres_url: str) -> None:
    async with shared(tmp_path, postgres_url, 2) as here, AsyncExitStack() as ending:
        sleeper = ending.enter_context(serve(here.home, here.url))
        await within(30, lambda: here.parts() == [2] and here.is_current())
        await within(
            30, lambda: all(list(one.server.sessions[-1].commands)[-1:] == ["IDLE"] for one in here.accounts)
        )
        sleeper.send_signal(signal.SIGSTOP)
        old = [one.server.sessions[-1] for one in here.accounts]
        said = [list(session.commands) for session in old]
        other = ending.enter_context(serve(here.home, here.url))
        await within(30, lambda: set(here.holders().values()) == {other.pid})
        here.append(2)
        for one in here.accounts:
            act.change_flags(here.app, [one.ids()[1]], add=[FLAGGED])
        await within(30, lambda: here.is_current() and _flagged(here))
        sleeper.send_signal(signal.SIGCONT)
        # It finds out, and joins anew: each has its part again.
        await within(30, lambda: here.parts() == [1, 1])
        await within(30, here.has_one_listener_each)
        assert [list(session.commands) for session in old] == said
        here.append(3)
        await within(30, here.is_current)
        assert sleeper.poll() is None


async def test_a_holder_that_is_killed_leaves_no_wish_unanswered(tmp_path: Path, postgres_url: str) -> None:
    async with shared(tmp_path, postgres_url, 3) as here, AsyncExitStack() as ending:
        first, _ = (ending.enter_context(serve(here.home, here.url)) for _ in range(2))
        await within(30, lambda: here.parts() == [2, 1] and here.is_current())
        holders = here.holders()
        theirs = [one for one in here.accounts if holders[one.account.id] == first.pid]
        for one in theirs:
            one.server.faults.mute_at = "LIST"
        waiting = asyncio.create_task(sync_accounts(here.app))
        await within(30, lambda: _claimed(here) >= {one.account.id for one in theirs})
        for one in theirs:
            one.server.faults.mute_at = ""
        first.kill()
        reports = await asyncio.wait_for(waiting, 40)
        assert [one.account for one in reports] == [one.account.address for one in here.accounts]
        assert not any(one.failed for one in reports)


def _claimed(here: Shared) -> set[int]:
    with here.app.store.database.read() as session:
        return {integer(row[0]) for row in session.rows("SELECT account FROM wish WHERE claimed IS NOT NULL")}


async def test_a_restart_of_the_database_is_waited_out(tmp_path: Path) -> None:
    cluster = Postgres()
    try:
        url = cluster.new_database()
        async with shared(tmp_path, url, 2) as here, AsyncExitStack() as ending:
            processes = [ending.enter_context(serve(here.home, here.url, 5)) for _ in range(2)]
            await within(30, lambda: here.parts() == [1, 1] and here.is_current())
            await asyncio.to_thread(cluster.restart)
            here.append(2)
            await within(60, lambda: here.parts() == [1, 1] and here.is_current())
            assert [one.poll() for one in processes] == [None, None]
    finally:
        cluster.remove()


async def test_taken_over_from_after_any_step_it_stops_and_nothing_is_lost_or_twice(
    tmp_path: Path, postgres: Postgres
) -> None:
    """After each commit of a pass in turn, the account is another's: the pass ends and changes
    nothing more; the next holder finishes the work."""
    for step in itertools.count(1):
        url = postgres.new_database()
        folder = tmp_path / str(step)
        folder.mkdir()
        async with shared(folder, url, 1) as here:
            (one,) = here.accounts
            stolen = await _steal_after(here, one.account, step, postgres)
            (report,) = await sync_accounts(here.app)
            assert (report.failed, report.problems) == (None, ())
            assert one.held() == one.there()
            assert one.held("Archive") == one.there("Archive")
            texts = sorted([*one.there().values(), *one.there("Archive").values()])
            assert texts == sorted(mail(number) for number in range(1, 6)), step
            assert not here.app.store.journal.open_debts(one.account.id)
            (again,) = await sync_accounts(here.app)
            assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
        postgres.drop(url)
        if not stolen:
            break
    assert step > 8, "a pass has more steps than that"


async def _steal_after(here: Shared, account: Account, step: int, postgres: Postgres) -> bool:
    """A pass in both directions; after so many commits its lease is another's. False: it ended before."""
    one = here.accounts[0]
    one.server.store.create("Archive")
    await sync_accounts(here.app)
    act.append(here.app, account, "INBOX", mail(2))
    act.move(here.app, [one.ids()[1]], "Archive")
    for number in (3, 4, 5):
        one.inbox.append(mail(number))
    one.inbox.set_flags(1, {SEEN})
    commits = 0
    before: list[str] = []

    def observe(name: str) -> None:
        nonlocal commits
        commits += name == "after:commit"
        if name == "after:commit" and commits == step:
            postgres.execute("UPDATE lease SET epoch = epoch + 1", here.url)
            before.append(_rows(here, postgres))

    tenure = here.app.store.ownership.join(here.app.clock, "serve")
    tenure.claim([account.id])
    here.app.store.database.observe = observe  # type: ignore[misc]
    try:
        async with lasting(here.app, tenure) as under:
            (report,) = await sync_owned(here.app, [account], under=under)
    finally:
        here.app.store.database.observe = lambda name: None  # type: ignore[misc]
        tenure.release()
    if before:
        assert _rows(here, postgres) == before[0]
        postgres.execute("UPDATE lease SET process = 0", here.url)
        assert report.failed is None or report.failed.code == FENCED
    return bool(before)


def _rows(here: Shared, postgres: Postgres) -> str:
    return "".join(
        postgres.execute(f"SELECT * FROM {table} ORDER BY 1, 2", here.url)
        for table in ("account", "mailbox", "placement", "message", "journal", "conflict", "tombstone")
    )


async def test_a_paused_account_is_synced_by_who_asks(tmp_path: Path, postgres_url: str) -> None:
    async with shared(tmp_path, postgres_url, 1) as here:
        with here.app.store.ownership.join(here.app.clock, "serve") as tenure:
            account = here.accounts[0].account
            assert tenure.claim([account.id]) == [account.id]
            asked = asyncio.create_task(sync_accounts(here.app, [account.address]))
            await within(10, lambda: bool(here.app.store.wishes.claim(NOW, [account.id])))
            tenure.give_back([account.id])
            (report,) = await asked
            assert report.new == 1
            with pytest.raises(NotAllowed):
                tenure.lease(account.id)
