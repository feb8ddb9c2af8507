"""Mails are prepared the same by the second process and by this one, whatever becomes of that process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from eilbote.engine import prepare as engine_prepare
from eilbote.engine import preparing
from eilbote.engine.prepare import WORTH_A_CHILD, Preparer
from eilbote.store.prepare import prepare

MAILS = [
    b"",
    b"\0\xff\n\n",
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x>\r\n\r\nHallo\r\n",
    b"Subject: \xfc\r\nReferences: <1@x> <2@x>\r\nDate: Wed, 22 Jul 2020 03:08:36 +0000\r\n\r\n"
    + b"text " * 5_000,
    b"From: a@x.org\r\n\r\n" + os.urandom(200_000),
]


@pytest.fixture
async def preparer() -> AsyncIterator[Preparer]:
    one = Preparer()
    await one.expect(WORTH_A_CHILD)
    yield one
    await one.close()


def pid_of(preparer: Preparer) -> int:
    assert preparer._child is not None
    return preparer._child._process.pid


async def test_the_child_gives_what_we_would_have_made_ourselves(preparer: Preparer) -> None:
    batches = [MAILS, MAILS[:1], [], MAILS[::-1], MAILS[2:]]
    assert await asyncio.gather(*map(preparer.prepare, batches)) == [prepare(batch) for batch in batches]


async def test_few_mails_start_no_child() -> None:
    few = Preparer()
    await few.expect(WORTH_A_CHILD - 1)
    assert few._child is None
    assert await few.prepare(MAILS) == prepare(MAILS)
    await few.close()


async def test_where_no_process_can_be_started_mails_are_prepared_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    alone = Preparer()
    await alone.expect(WORTH_A_CHILD)
    assert await alone.prepare(MAILS) == prepare(MAILS)
    await alone.close()


async def test_an_interrupt_at_the_terminal_is_not_for_the_child(preparer: Preparer) -> None:
    assert os.getsid(pid_of(preparer)) == pid_of(preparer)


async def test_mails_too_large_for_the_shared_memory_are_prepared_here(preparer: Preparer) -> None:
    large = [b"Subject: large\r\n\r\n", bytes(preparing.INPUT_BYTES)]
    os.kill(pid_of(preparer), signal.SIGSTOP)  # whoever asked the child would wait
    assert await preparer.prepare(large) == prepare(large)
    os.kill(pid_of(preparer), signal.SIGCONT)


async def test_a_child_that_dies_leaves_its_work_to_us(preparer: Preparer) -> None:
    os.kill(pid_of(preparer), signal.SIGSTOP)
    asked = [asyncio.create_task(preparer.prepare(MAILS)) for _ in range(5)]
    await asyncio.sleep(0)
    os.kill(pid_of(preparer), signal.SIGKILL)
    assert await asyncio.gather(*asked) == [prepare(MAILS)] * 5
    assert await preparer.prepare(MAILS) == prepare(MAILS)


async def test_a_child_that_hangs_is_ended(preparer: Preparer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_prepare, "STALLED", 0.05)
    pid = pid_of(preparer)
    os.kill(pid, signal.SIGSTOP)
    assert await asyncio.gather(*[preparer.prepare(MAILS) for _ in range(3)]) == [prepare(MAILS)] * 3
    await preparer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_who_no_longer_waits_for_a_batch_disturbs_no_other(preparer: Preparer) -> None:
    os.kill(pid_of(preparer), signal.SIGSTOP)
    given_up = [asyncio.create_task(preparer.prepare(MAILS[:2])) for _ in range(2)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    others = [asyncio.create_task(preparer.prepare(batch)) for batch in (MAILS, MAILS[3:])]
    await asyncio.sleep(0)
    os.kill(pid_of(preparer), signal.SIGCONT)
    assert await asyncio.gather(*others) == [prepare(MAILS), prepare(MAILS[3:])]


def test_values_that_have_no_room_are_left_to_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "OUTPUT_BYTES", 10)
    with engine_prepare._memory() as file:
        arena = preparing.Arena(file.fileno())
    arena.put(0, MAILS)
    assert arena.work(0, [len(mail) for mail in MAILS]) == 0
    arena.close()
