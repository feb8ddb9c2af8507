"""The fault proxy does what its numbers say: what is tested through it must really have happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import End, Proxy, Trouble, proxied


@asynccontextmanager
async def echo(
    heard: bytearray | None = None,
) -> AsyncIterator[tuple[Proxy, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client, the proxy, and a server that gives back what it is told."""

    heard = bytearray() if heard is None else heard

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                heard.extend(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # the proxy cut it
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, proxied("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            yield proxy, reader, writer
        finally:
            writer.close()


@pytest.mark.parametrize("cut", [1, 2, 7, 10])
async def test_the_line_ends_before_that_byte(cut: int) -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(cut_down=cut)
        writer.write(b"0123456789")
        assert await reader.read() == b"0123456789"[: cut - 1]


async def test_upwards_what_came_before_still_arrives_and_a_silent_line_stays_open() -> None:
    heard = bytearray()
    async with echo(heard) as (proxy, reader, writer):
        proxy.trouble = Trouble(cut_up=4, end=End.SILENCE)
        writer.write(b"0123456789")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert heard == b"012"


async def test_a_reset_is_no_orderly_end() -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(cut_down=1, end=End.RST)
        writer.write(b"0123456789")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_slices_arrive_one_by_one_and_whole() -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(slices=1)
        writer.write(b"0123456789")
        assert await reader.readexactly(10) == b"0123456789"


async def test_gathered_answers_come_together() -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(gather=0.05)
        writer.write(b"01234")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"56789")
        assert await reader.read(100) == b"0123456789"


async def test_the_same_seed_garbles_the_same_bytes() -> None:
    seen = []
    for seed in (1, 1, 2):
        async with echo() as (proxy, reader, writer):
            proxy.trouble = Trouble(garble=5, seed=seed)
            writer.write(b"0123456789" * 5)
            seen.append(await reader.readexactly(50))
    assert seen[0] == seen[1] != b"0123456789" * 5
    assert seen[0] != seen[2]


async def test_a_bandwidth_is_kept() -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(rate=2000)
        began = asyncio.get_running_loop().time()
        writer.write(b"0123456789" * 40)
        await reader.readexactly(400)
        assert 0.1 < asyncio.get_running_loop().time() - began < 5


async def test_commands_are_counted_past_literals() -> None:
    async with echo() as (proxy, reader, writer):
        proxy.trouble = Trouble(end_at=3, farewell=b"* BYE\r\n")
        writer.write(b'E1 SELECT "INBOX"\r\nE2 APPEND INBOX {9+}\r\nE9 LOGOUT\r\n')
        await reader.readexactly(52)
        writer.write(b"E3 UID FETCH 1 FLAGS\r\n")
        assert await reader.read() == b"* BYE\r\n"
        assert proxy.said == [["SELECT", "APPEND", "UID FETCH"]]
