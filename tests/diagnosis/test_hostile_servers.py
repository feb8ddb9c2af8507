"""Servers that mean harm: the doctor ends in time, within bounds, and says what it has seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.diagnosis.evidence import Outcome, Place, Protocol
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import Verdict
from eilbote.net.looking import Patience, look
from tests.diagnosis.clinic import Clinic, opened_clinic
from tests.diagnosis.peers import LOOPBACK, Peer


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with opened_clinic(tmp_path) as clinic:
        yield clinic


@pytest.mark.parametrize("size", ["²", "9" * 5000, "9" * 400, "-1", "", " "])
async def test_a_size_that_is_no_number_is_none(clinic: Clinic, size: str) -> None:
    smtp = Peer(Protocol.SMTP, ehlo=f"250-peer.example\n250-\n250-SIZE {size}\n250 AUTH PLAIN")
    report = (await clinic.report_on(Peer(), smtp)).report
    assert report.verdict is Verdict.PASS
    assert "SMTP11" not in {one.id for one in report.findings}


async def test_a_million_abilities_fill_no_file(clinic: Clinic) -> None:
    words = " ".join(f"X{number}" for number in range(9_000))
    line = f"* CAPABILITY IMAP4rev1 AUTH=PLAIN {words}"
    peer = Peer(abilities="\n".join([f"IMAP4rev1 AUTH=PLAIN {words}", *[line] * 110]))
    diagnosed = await clinic.report_on(peer)
    data = written(diagnosed.transcript)
    assert len(data) < 200_000
    assert judge_again(read_transcript(data)) == diagnosed.report
    assert len(written(shared(diagnosed.transcript))) < 200_000


@asynccontextmanager
async def dripping(line: bytes, pause: float) -> AsyncIterator[int]:
    """A server that says the same line for ever."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                writer.write(line)
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            return
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(drip, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("protocol", "line"),
    [(Protocol.SMTP, b"220-wait\r\n"), (Protocol.IMAP, b"* OK wait\r\n"), (Protocol.POP3, b"+OK wait\r\n")],
)
@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_a_reply_without_an_end_is_waited_for_once(
    protocol: Protocol, line: bytes, pause: float
) -> None:
    patience = Patience(greeting=0.5, command=0.5)
    async with dripping(line, pause) as port, asyncio.timeout(3):
        place = Place(protocol, LOOPBACK, port, "none")
        seen = await look(place, (LOOPBACK,), (), patience, SystemClock())
    assert seen.is_greeting
    assert seen.outcome in (Outcome.OK, Outcome.TIMEOUT)
    assert len(seen.said) <= 200 and len(seen.before) <= 500
