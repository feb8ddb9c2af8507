"""TLS over a plain transport: both directions, pauses, ends of every kind, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trustme

from eilbote.net.tls import TlsTransport
from tests.net.scripted import Line, Scripted

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
MUCH = 3_000_001


def content(size: int) -> bytes:
    return (hashlib.sha256(b"seed").digest() * (size // 32 + 1))[:size]


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def server_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


class Reader(asyncio.BufferedProtocol):
    """Keeps what comes; `most`: pauses whenever so much is held, until `take`."""

    def __init__(self, room: int = 1000, most: int | None = None) -> None:
        self.buffer = bytearray(room)
        self.most = most
        self.held = bytearray()
        self.got = 0
        self.transport: asyncio.Transport
        self.stirred = asyncio.Event()
        self.ended = False
        self.lost = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.held += self.buffer[:nbytes]
        self.got += nbytes
        if self.most is not None and len(self.held) >= self.most:
            self.transport.pause_reading()
        self.stirred.set()

    def eof_received(self) -> None:
        self.ended = True
        self.stirred.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self.stirred.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def take(self) -> bytes:
        taken = bytes(self.held)
        self.held.clear()
        self.transport.resume_reading()
        return taken

    async def all(self, size: int) -> bytes:
        """The next so many bytes, or what came before the end."""
        whole = b""
        async with asyncio.timeout(30):
            while len(whole) < size and not (self.lost.is_set() and not self.held):
                self.stirred.clear()
                whole += self.take()
                if len(whole) < size and not self.held and not self.lost.is_set():
                    await self.stirred.wait()
        return whole


async def protected(reader: Reader, port: int, within: float = 20.0) -> TlsTransport:
    loop = asyncio.get_running_loop()
    below, _ = await loop.create_connection(asyncio.BufferedProtocol, "127.0.0.1", port)
    tls = TlsTransport(below, reader, client_context(), "127.0.0.1")
    reader.transport = tls
    try:
        await tls.shake_hands(within)
    except BaseException:
        tls.abort()
        raise
    return tls


@asynccontextmanager
async def talking(
    script: Callable[[Line], Awaitable[None]],
    reader: Reader | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> AsyncIterator[Reader]:
    reader = reader or Reader()
    async with Scripted(script, server_context(version)).listening() as scripted:
        tls = await protected(reader, scripted.port)
        try:
            yield reader
        finally:
            tls.abort()


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("version", VERSIONS)
async def test_much_passes_both_ways(version: ssl.TLSVersion) -> None:
    heard: list[bytes] = []

    async def script(line: Line) -> None:
        heard.append(await line.reader.readexactly(MUCH))
        line.writer.write(content(MUCH))
        await line.writer.drain()

    async with talking(script, version=version) as reader:
        reader.transport.write(memoryview(content(MUCH)))
        assert await reader.all(MUCH) == content(MUCH)
    assert heard == [content(MUCH)]


@pytest.mark.parametrize("most", [1, 5_000, 20_000])
@pytest.mark.parametrize("room", [7, 16_384, 100_000])
async def test_a_reader_that_pauses_gets_all_and_no_more_than_it_has_room_for(most: int, room: int) -> None:
    size = 200_000

    async def script(line: Line) -> None:
        await line.say(b"x")
        await line.reader.readexactly(1)
        line.writer.write(content(size))
        await line.writer.drain()

    async with talking(script, Reader(room, most)) as reader:
        assert await reader.all(3) == b"x\r\n"
        reader.transport.write(b"!")
        whole = b""
        async with asyncio.timeout(30):
            while len(whole) < size:
                if len(reader.held) >= most:
                    before = reader.got
                    for _ in range(3):
                        await asyncio.sleep(0)
                    assert reader.got == before, "nothing comes while it is paused"
                    assert len(reader.held) <= most + room
                reader.stirred.clear()
                whole += reader.take()
                if len(whole) + len(reader.held) < size and not reader.held:
                    await reader.stirred.wait()
    assert whole == content(size)


async def test_a_writer_is_told_when_the_line_is_full_and_when_it_has_room() -> None:
    go_on = asyncio.Event()
    heard = hashlib.sha256()
    said = hashlib.sha256()

    async def script(line: Line) -> None:
        await go_on.wait()
        while not (data := await line.reader.read(1 << 20)).endswith(b"END"):
            heard.update(data)
        heard.update(data)
        await line.say(b"all")

    def write(data: bytes) -> None:
        reader.transport.write(data)
        said.update(data)

    async with talking(script) as reader:
        for _ in range(300):  # more than the system's own buffers take
            if reader.may_write.is_set():
                write(content(100_000))
        assert not reader.may_write.is_set()
        go_on.set()
        async with asyncio.timeout(20):
            await reader.may_write.wait()
        write(b"END")
        assert await reader.all(5) == b"all\r\n"
    assert heard.digest() == said.digest()


@pytest.mark.parametrize("in_order", [True, False])
async def test_the_end_of_the_line_comes_after_all_that_was_said(in_order: bool) -> None:
    """With TLS's own word that it ends, and without, as many servers hang up."""

    async def script(line: Line) -> None:
        line.writer.write(content(50_000))
        await line.writer.drain()
        if in_order:
            line.writer.close()
        else:
            await line.reader.readexactly(1)
            line.writer.transport.abort()

    async with talking(script, Reader(room=300)) as reader:
        assert await reader.all(50_000) == content(50_000)
        reader.transport.write(b"!")
        async with asyncio.timeout(10):
            await reader.lost.wait()


async def test_a_close_in_order_is_told_and_what_was_written_before_arrives() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def script(line: Line) -> None:
        heard.set_result(await line.reader.read(-1))  # raises where TLS does not end in order

    async with talking(script) as reader:
        reader.transport.write(content(300_000))
        reader.transport.close()
        async with asyncio.timeout(10):
            assert await heard == content(300_000)
            await reader.lost.wait()
        reader.transport.write(b"too late")
        reader.transport.close()


async def test_garbage_behind_a_good_beginning_ends_the_line() -> None:
    async def script(line: Line) -> None:
        await line.say(b"good")
        await line.reader.readexactly(1)
        raw = line.writer.transport.get_extra_info("socket")
        raw._sock.sendall(b"this is no record of TLS" * 10)

    async with talking(script) as reader:
        assert await reader.all(6) == b"good\r\n"
        reader.transport.write(b"!")
        async with asyncio.timeout(10):
            await reader.lost.wait()
        assert reader.got == 6


@pytest.mark.parametrize("said", [b"* OK plain text\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000])
async def test_a_server_that_speaks_something_else(said: bytes) -> None:
    async def script(line: Line) -> None:
        line.writer.write(said)
        await line.writer.drain()

    async with Scripted(script).listening() as scripted:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await protected(Reader(), scripted.port)


async def test_a_server_that_hangs_up_and_one_that_keeps_silent() -> None:
    async def hangs_up(line: Line) -> None:
        line.writer.close()

    async def is_silent(line: Line) -> None:
        await asyncio.Event().wait()

    async with Scripted(hangs_up).listening() as scripted:
        with pytest.raises(ConnectionError):
            await protected(Reader(), scripted.port)
    async with Scripted(is_silent).listening() as scripted:
        with pytest.raises(TimeoutError):
            await protected(Reader(), scripted.port, within=0.05)


async def test_a_certificate_that_does_not_verify_is_named() -> None:
    async def script(line: Line) -> None:
        await line.reader.read()

    async with Scripted(script, server_context()).listening() as scripted:
        loop = asyncio.get_running_loop()
        below, _ = await loop.create_connection(asyncio.BufferedProtocol, "127.0.0.1", scripted.port)
        tls = TlsTransport(below, Reader(), ssl.create_default_context(), "127.0.0.1")
        with pytest.raises(ssl.SSLCertVerificationError):
            await tls.shake_hands(10)
        tls.abort()


async def test_a_line_that_ended_leaves_nothing_for_the_collector() -> None:
    """Hundreds of accounts connect and end many times; their states must not pile up until a round of
    the garbage collector."""

    async def script(line: Line) -> None:
        await line.say(b"x")

    with without_collector():
        async with talking(script) as reader:
            assert await reader.all(3) == b"x\r\n"
            left = weakref.ref(reader.transport.get_extra_info("ssl_object"))
            reader.transport.close()
            async with asyncio.timeout(10):
                await reader.lost.wait()
            del reader.transport
        for _ in range(5):
            await asyncio.sleep(0)
        assert left() is None
