"""A closer look at the TLS of a server: old faults, early data, the group of the key exchange."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.diagnosis.checks.tls import judge_closer, judge_group
from eilbote.diagnosis.closer import Closer, EarlyData, OldFaults
from eilbote.diagnosis.evidence import Place, Protocol
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import Verdict
from eilbote.net.closer import look_closer
from eilbote.net.hellos import early_data_of, faults_of, group_of
from tests.diagnosis.clinic import SHORT
from tests.diagnosis.peers import Peer, self_signed, self_signed_pem
from tests.diagnosis.test_judges import Looked, one
from tests.diagnosis.worlds import IMAP, good_talk
from tests.protocols.test_tls_hello import message, record, server_hello
from tests.servers.ports import answers, free_ports, wait_until

OWN = Place(Protocol.IMAP, "imap.firma.de", 993, "tls")
GOOD = OldFaults(answered=True, renegotiation=True, master_secret=True, falls_back=False)
NONE_EARLY = EarlyData(version="TLSv1.3")


@pytest.mark.parametrize(
    ("place", "faults", "case", "verdict"),
    [
        (OWN, GOOD, "", Verdict.PASS),
        (OWN, OldFaults(), "", Verdict.PASS),  # TLS 1.3 alone
        (OWN, None, "untested", Verdict.SKIP),
        (IMAP, None, "not_own", Verdict.SKIP),
        (OWN, replace(GOOD, renegotiation=False), "renegotiation", Verdict.FAIL),
        (OWN, replace(GOOD, compression=True), "old", Verdict.WARN),
        (OWN, replace(GOOD, heartbeat=True), "old", Verdict.WARN),
        (OWN, replace(GOOD, master_secret=False), "missing", Verdict.INFO),
        (OWN, replace(GOOD, falls_back=True), "missing", Verdict.INFO),
        (OWN, replace(GOOD, falls_back=None), "", Verdict.PASS),
    ],
)
def test_tls15_old_faults(place: Place, faults: OldFaults | None, case: str, verdict: Verdict) -> None:
    told = one(judge_closer(good_talk(place), Closer(faults=faults, early=NONE_EARLY)), "TLS15")
    assert (told.text.removeprefix("doctor.tls15").lstrip("."), told.verdict) == (case, verdict)


@pytest.mark.parametrize(
    ("early", "case", "verdict"),
    [
        (NONE_EARLY, "", Verdict.PASS),
        (EarlyData(16_384, "TLSv1.3"), "taken", Verdict.WARN),
        (EarlyData(untested="no_tickets"), "untested", Verdict.SKIP),
    ],
)
def test_tls16_early_data(early: EarlyData, case: str, verdict: Verdict) -> None:
    told = one(judge_closer(good_talk(IMAP), Closer(early=early)), "TLS16")
    assert (told.text.removeprefix("doctor.tls16").lstrip("."), told.verdict) == (case, verdict)


@pytest.mark.parametrize(
    ("group", "verdict"),
    [("X25519MLKEM768", Verdict.PASS), ("dh 4096", Verdict.PASS), ("dh 1024", Verdict.INFO)],
)
def test_tls04_tells_the_group_and_the_key(group: str, verdict: Verdict) -> None:
    (told,) = judge_group(good_talk(IMAP), Closer(group=group))
    assert (told.verdict, told.seen) == (verdict, f"TLSv1.3, {group}, rsa 4096")
    assert not judge_group(good_talk(IMAP), Closer())


def test_no_login_follows_where_renegotiation_is_not_protected() -> None:
    world = Looked(places=(IMAP,), tune=lambda target: replace(target, deep=True))
    world.closer = Closer(faults=replace(GOOD, renegotiation=False), early=NONE_EARLY, group="X25519")
    diagnosed = world.diagnose()
    assert diagnosed.report.cause.code == "tls.renegotiation"
    assert [it.seen for it in diagnosed.report.findings if it.id == "TLS04"] == ["TLSv1.3, X25519, rsa 4096"]
    assert one(diagnosed.report.findings, "AUTH03").verdict is Verdict.SKIP
    assert judge_again(read_transcript(written(diagnosed.transcript))) == diagnosed.report
    assert judge_again(shared(diagnosed.transcript)).cause.code == diagnosed.report.cause.code


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("protocol", list(Protocol))
async def test_a_server_of_today_is_looked_at(protocol: Protocol, implicit: bool, tmp_path: Path) -> None:
    peer = Peer(protocol, context=self_signed(tmp_path), implicit=implicit)
    async with peer.listening():
        place = Place(protocol, "localhost", peer.port, "tls" if implicit else "starttls")
        closer = await look_closer(place, "127.0.0.1", SHORT, SystemClock())
    # Not every library sends its refusal before it ends the line.
    assert closer.faults in (GOOD, replace(GOOD, falls_back=None))
    assert closer.early is not None and (closer.early.most, closer.early.untested) == (0, "")
    assert closer.group in ("X25519MLKEM768", "X25519", "P-256")
    assert not peer.logins


async def test_an_old_server_is_found_out() -> None:
    """Compression, a heartbeat, nothing of what came later, and whatever version is asked for."""
    exchange = message(12, b"\0\x80" + b"\xff" * 128 + b"\0\1\2")
    said = record(22, server_hello(0x0303, 0x0033, 1, b"\0\x0f\0\1\1") + exchange + message(14, b""))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        place = replace(OWN, port=server.sockets[0].getsockname()[1])
        faults = await faults_of(place, "127.0.0.1", SHORT, SystemClock())
        assert faults == OldFaults(answered=True, compression=True, heartbeat=True, falls_back=True)
        assert await group_of(place, "127.0.0.1", SHORT, SystemClock()) == "dh 1024"


async def test_a_server_that_says_nothing_is_not_tested() -> None:
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        place = replace(OWN, port=server.sockets[0].getsockname()[1])
        assert await faults_of(place, "127.0.0.1", SHORT, SystemClock()) is None
        assert (await early_data_of(place, "127.0.0.1", SHORT)).untested


@pytest.fixture
def early_server(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server that takes early data; what is written to it, it says."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program")
    pem = tmp_path / "server.pem"
    pem.write_bytes(self_signed_pem())
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", str(port), "-cert", str(pem), "-key", str(pem), "-quiet"]
    with subprocess.Popen(
        [*command, "-early_data", "-max_early_data", "4096"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until(lambda: answers(port), process, lambda: "openssl s_server")
            yield port, process
        finally:
            process.kill()


async def test_early_data_of_a_server_that_takes_some(
    early_server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, process = early_server
    assert process.stdin is not None
    looking = asyncio.create_task(early_data_of(replace(OWN, port=port), "127.0.0.1", SHORT))
    while not looking.done():
        process.stdin.write(b"* OK ready\r\n")
        process.stdin.flush()
        await asyncio.wait({looking}, timeout=0.1)
    assert await looking == EarlyData(4096, "TLSv1.3")
