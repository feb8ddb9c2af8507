"""COMPRESS=DEFLATE on lines that are slow, and on lines whose compressed bytes nobody can read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace as replace_config
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.owner import sync_accounts
from eilbote.net.stream import Stream
from eilbote.store.values import Security, Server
from tests.engine.world import mail, world
from tests.faults.behind import Behind, behind
from tests.faults.outcome import codes
from tests.faults.proxy import WELL, Trouble
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

_SLOW = 400_000
_MAILS = 700


@pytest.fixture
def squeezing(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(DovecotOptions(compress=True))


@pytest.mark.parametrize("rate", [_SLOW, 0], ids=["slow", "fast"])
async def test_a_line_is_compressed_when_it_proves_slow(
    rate: int, squeezing: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself (`auto`), between two portions of the first mailbox."""
    monkeypatch.setattr(Stream, "is_loopback", property(lambda stream: False))
    async with behind(squeezing, tmp_path / "home") as here:
        raws = [mail(number, size=1_000) for number in range(_MAILS)]
        await asyncio.to_thread(squeezing.append, here.world.user, raws)
        here.proxy.trouble = Trouble(rate=rate) if rate else WELL
        report = await here.sync()
        assert (report.failed, report.problems, report.new) == (None, (), _MAILS)
        assert said_compress(here) == bool(rate)
        assert (report.bytes < sum(map(len, raws)) * 0.9) == bool(rate)
        here.proxy.trouble = WELL
        assert [len(mails) for mails in (await here.truth()).values()] == [_MAILS]
        await here.sync()


def said_compress(here: Behind) -> bool:
    return any("COMPRESS" in said for said in here.proxy.said)


def garbage() -> bytes:
    return b"\xff" * 10 + random.Random(3).randbytes(2_000)


def bomb() -> bytes:
    packed = zlib.compressobj(wbits=-15)
    return packed.compress(b"* OK " + bytes(64 << 20)) + packed.flush(zlib.Z_SYNC_FLUSH)


def endless_line() -> bytes:
    packed = zlib.compressobj(wbits=-15)
    noise = random.Random(4).randbytes(4 << 20).replace(b"\n", b"x")
    return packed.compress(b"* OK " + noise) + packed.flush(zlib.Z_SYNC_FLUSH)


@asynccontextmanager
async def spoiling(target: Dovecot, rubbish: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A relay that sends rubbish once the server consented to compress; its port, and what every
    connection said in plain words."""
    said: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(target.host, target.port)
        heard = bytearray()

        async def up() -> None:
            while data := await reader.read(65_536):
                heard.extend(data)
                up_writer.write(data)
            up_writer.close()

        async def down() -> None:
            while data := await up_reader.read(65_536):
                writer.write(data)
                if b"COMPRESS DEFLATE" in heard and b" OK " in data:
                    writer.write(rubbish)
                    await writer.drain()
                    return
                await writer.drain()
            writer.close()

        both = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            for one in both:
                one.cancel()
            said.append(bytes(heard))
            writer.close()
            up_writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], said
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await server.wait_closed()


@pytest.mark.parametrize("rubbish", [garbage, bomb, endless_line], ids=lambda one: one.__name__)
async def test_where_compressed_bytes_cannot_be_read_the_account_goes_on_without(
    rubbish: Callable[[], bytes], squeezing: Dovecot, tmp_path: Path
) -> None:
    """The connection is given up, what was to be done is done over a plain one, and why is named."""
    with world(squeezing, tmp_path / "home") as here:
        squeezing.append(here.user, [mail(number) for number in range(30)])
        async with spoiling(squeezing, rubbish()) as (port, said):
            place = Server("127.0.0.1", port, Security.NONE)
            here.app.store.accounts.update(here.account.id, imap=place)
            app = replace(here.app, config=replace_config(here.app.config, compress="always"))
            (report,) = await sync_accounts(app)
        assert (report.failed, report.new) == (None, 30)
        assert codes(report) == ["net.deflate"]
        assert sum(b"COMPRESS DEFLATE" in one for one in said) == 1, "no second connection tries it"
        assert len(said) > 1
