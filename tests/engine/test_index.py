"""Search is complete after every pass, however much came and whatever died on the way."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine import index, indexing
from eilbote.engine.index import Indexer
from eilbote.engine.indexing import index_all, index_batch
from eilbote.search.parse import parse_query
from eilbote.store import Store
from eilbote.store.prepare import prepare
from eilbote.store.search import Covered
from tests.store.given import NOW, Home, arrival

ASKED_AT = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Store.open(tmp_path / "home") as store:
        yield Home(store)


def letter(number: int, words: str = "") -> bytes:
    return (
        f"From: Jürgen Groß <jg{number}@example.org>\r\nTo: kim@example.de\r\nMessage-ID: <{number}@x>\r\n"
        f"Subject: Brief {number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"nummer{number} {words}\r\n"
    ).encode()


def arrive(home: Home, numbers: Sequence[int], words: str = "") -> list[int]:
    mails = []
    for number in numbers:
        raw = letter(number, words)
        one = arrival(number, raw=raw, date=NOW + number)
        mails.append(type(one)(one.uid, one.flags, one.internal_date, 0, raw, prepare([raw]).mails[0]))
    return list(home.arrive(*mails).ids)


def find(home: Home, query: str) -> list[int]:
    return home.store.search.find(parse_query(query, ASKED_AT), limit=10_000)


def indexer(home: Home) -> Indexer:
    return Indexer(home.store, Config(home.store.home), SystemClock())


def test_everything_a_mail_says_becomes_searchable(home: Home) -> None:
    raw = (
        b"From: =?utf-8?q?J=C3=BCrgen?= <jg@example.org>\r\nTo: Kim <kim@example.de>\r\n"
        b"Cc: max@example.net\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hallo <b>sch&ouml;ne</b> Welt</p>"
        b"<style>unsichtbar</style>\r\n"
        b'--b\r\nContent-Type: application/pdf; name="Plan.pdf"\r\nContent-Disposition: attachment\r\n'
        b"\r\nxxx\r\n--b--\r\n"
    )
    one = arrival(1, raw=raw)
    ids = home.arrive(type(one)(1, one.flags, NOW, 0, raw, prepare([raw]).mails[0])).ids
    index_all(home.store)
    queries = [
        '"hallo schöne welt"',
        "subject:gruesse",
        "from:jurgen",
        "to:kim@example.de",
        "cc:max",
        "plan.pdf",
    ]
    for query in (*queries, "has:attachment"):
        assert find(home, query) == list(ids), query
    assert find(home, "unsichtbar") == []


async def test_few_mails_need_no_child(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_Child", None)
    ids = arrive(home, range(1, 40))
    made = indexer(home)
    await made.committed(ids)
    await made.complete()
    await made.close()
    assert find(home, "brief") == ids[::-1]


async def test_nothing_new_writes_nothing(home: Home) -> None:
    arrive(home, [1])
    await indexer(home).complete()
    path = home.store.home / "search.sqlite-wal"
    before = path.stat().st_size
    await indexer(home).complete()
    assert path.stat().st_size == before


@asynccontextmanager
async def children_at_work(home: Home, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Indexer]:
    monkeypatch.setattr(index, "WORTH_A_CHILD", 10)
    monkeypatch.setattr(index, "usable_cores", lambda: index.CORES + 1)
    made = indexer(home)
    try:
        yield made
    finally:
        await made.close()


async def test_many_mails_are_made_searchable_by_a_child(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[int] = []
    told: list[tuple[int, int]] = []
    async with children_at_work(home, monkeypatch) as made:
        for start in range(1, 1500, 100):
            new = arrive(home, range(start, start + 100))
            ids += new
            await made.committed(new)
        monkeypatch.setattr(indexing, "index_all", lambda store: None)
        await made.complete(lambda done, total: told.append((done, total)))
    assert find(home, "brief") == ids[::-1]
    assert told
    assert all(done == total for done, total in told[-1:])


class _Watch(SystemClock):
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


async def test_on_two_cores_the_first_seconds_belong_to_storing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTH_A_CHILD", 10)
    monkeypatch.setattr(index, "usable_cores", lambda: index.CORES)
    watch = _Watch()
    made = Indexer(home.store, Config(home.store.home), watch)
    ids = arrive(home, range(1, 60))
    await made.committed(ids)
    assert made._child is None
    watch.at += index.ALONE + 1
    new = arrive(home, [60])
    await made.committed(new)
    assert made._child is not None
    await made.complete()
    await made.close()
    assert find(home, "brief") == [*ids, *new][::-1]


async def test_what_a_dead_child_left_is_done_here(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = arrive(home, range(1, 60))
    async with children_at_work(home, monkeypatch) as made:
        await made.committed(ids)
        child = made._child
        assert child is not None
        child._process.kill()
        await made.complete()
    assert find(home, "brief") == ids[::-1]


async def test_mailboxes_that_store_side_by_side_share_one_child(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = arrive(home, range(1, 60))
    async with children_at_work(home, monkeypatch) as made:
        await asyncio.gather(*(made.committed(ids[start : start + 20]) for start in (0, 20, 40)))
        await made.complete()
    assert find(home, "brief") == ids[::-1]


async def test_where_no_process_can_be_started_it_is_done_here(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    ids = arrive(home, range(1, 60))
    async with children_at_work(home, monkeypatch) as made:
        await made.committed(ids)
        await made.complete()
        assert made._child is None
    assert find(home, "brief") == ids[::-1]


@pytest.mark.parametrize(
    "program",
    ["import time; time.sleep(600)", "while True: print(0, flush=True)"],
    ids=["silent", "says the same for ever"],
)
async def test_what_a_stalled_child_left_is_done_here(
    home: Home, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(index, "_PROGRAM", ("-c", program))
    monkeypatch.setattr(index, "STALLED", 0.3)
    ids = arrive(home, range(1, 60))
    async with children_at_work(home, monkeypatch) as made:
        await made.committed(ids)
        await made.complete()
        child = made._child
    assert find(home, "brief") == ids[::-1]
    assert child is not None
    assert child._process.returncode == -signal.SIGKILL


async def test_closing_ends_the_child(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with children_at_work(home, monkeypatch) as made:
        await made.committed(arrive(home, range(1, 60)))
        child = made._child
        assert child is not None
        process = child._process
        assert os.getsid(process.pid) == process.pid, "a Ctrl-C at the terminal is not for the child"
    assert process.returncode == 0


def test_the_child_ends_when_its_parent_is_killed(home: Home) -> None:
    arrive(home, range(1, 2000))
    parent = (
        "import subprocess, sys, time\n"
        "program = [sys.executable, '-P', '-m', 'eilbote.engine.indexing']\n"
        "child = subprocess.Popen(program, stdin=subprocess.PIPE)\n"
        f'child.stdin.write(b\'{{"home": "{home.store.home}", "url": ""}}\\n5\\n\'); child.stdin.flush()\n'
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        child = int(started.stdout.readline())
        descriptor = os.pidfd_open(child)
        started.kill()
        ended, _, _ = select.select([descriptor], [], [], 30)
        os.close(descriptor)
    assert ended


def test_a_kill_between_batches_leaves_nothing_out_and_nothing_twice(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MAILS", 7)
    ids = arrive(home, range(1, 30))
    home.store.search.covered()
    steps: list[Covered] = [Covered()]
    while (reached := index_batch(home.store, home.store.search.covered())) != steps[-1]:
        steps.append(reached)
        assert home.store.search.covered() == reached
        assert find(home, "brief") == [one for one in ids[::-1] if one <= reached.message]
    # The rows of a batch and how far it reaches are one transaction: doing it again changes nothing.
    index_batch(home.store, steps[1])
    index_all(home.store)
    assert find(home, "brief") == ids[::-1]


_KILLED = """
import os, signal, sys
from pathlib import Path
from eilbote.engine import indexing
from eilbote.store import Store

indexing.MAILS = 7
left = int(sys.argv[2])

def observe(step):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

with Store.open(Path(sys.argv[1]), observer=observe) as store:
    indexing.index_all(store)
"""


def test_killed_at_every_step_and_resumed_nothing_is_left_out_or_twice(home: Home) -> None:
    ids = arrive(home, range(1, 30))
    for step in range(1, 100):
        run = [sys.executable, "-c", _KILLED, str(home.store.home), str(step)]
        if subprocess.run(run, check=False).returncode == 0:
            break
        reached = home.store.search.covered().message
        assert find(home, "brief") == [one for one in ids[::-1] if one <= reached]
    else:
        pytest.fail("it never came to an end")
    assert step > 4
    assert find(home, "brief") == ids[::-1]


def test_a_batch_ends_when_its_text_is_large(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "CHARACTERS", 2_000)
    ids = arrive(home, range(1, 30), "wort " * 100)
    first = index_batch(home.store, Covered())
    assert 0 < first.message < ids[-1]
    index_all(home.store)
    assert find(home, "wort") == ids[::-1]


def test_content_that_was_replaced_is_found_anew(home: Home) -> None:
    ids = arrive(home, [1, 2])
    index_all(home.store)
    raw = letter(99)
    home.arrive(arrival(1, raw=raw))
    index_all(home.store)
    assert find(home, "nummer1") == []
    assert find(home, "nummer99") == [ids[0]]


def test_a_mail_whose_bytes_are_lost_is_found_by_its_envelope(home: Home) -> None:
    ids = arrive(home, [1, 2, 3])
    (pack,) = (home.store.home / "packs").glob("*.pack")
    pack.write_bytes(b"\0" * pack.stat().st_size)
    home.store.bodies.packs.reread()
    index_all(home.store)
    assert find(home, "subject:brief from:gross") == ids[::-1]
    assert find(home, "nummer1") == []


def test_an_erased_mail_is_erased_from_the_index(home: Home) -> None:
    ids = arrive(home, [1, 2])
    index_all(home.store)
    home.store.erase([ids[0]], NOW)
    assert find(home, "brief") == [ids[1]]
    for path in home.store.home.glob("search.sqlite*"):
        assert b"nummer1" not in path.read_bytes()


def test_the_program_without_a_home_just_ends() -> None:
    done = subprocess.run([sys.executable, "-P", "-m", "eilbote.engine.indexing"], input=b"", check=False)
    assert done.returncode == 0


def test_running_it_twice_at_once_does_no_harm(home: Home) -> None:
    ids = arrive(home, range(1, 50))

    async def twice() -> None:
        one, other = indexer(home), indexer(home)
        await asyncio.gather(one.complete(), other.complete())

    asyncio.run(twice())
    assert find(home, "brief") == ids[::-1]
