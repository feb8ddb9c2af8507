"""Many addresses, one connection; and no socket is left by whoever gives up."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trustme

from eilbote.errors import Unreachable
from eilbote.net.dial import Address, dial, resolve
from eilbote.net.stream import Stream
from eilbote.protocols.imap.connection import ImapConnection
from eilbote.store.values import Security, Server
from tests.net.scripted import Line, Scripted

V4 = socket.AF_INET
SILENT = Address(V4, socket.IPPROTO_TCP, ("127.0.0.2", 9))


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fails where a socket or a transport is collected that nobody has closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(one.message) for one in told] == []


@asynccontextmanager
async def listening(context: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    """A server that waits for what it is told."""

    async def script(line: Line) -> None:
        await line.reader.read()

    async with Scripted(script, context).listening() as scripted:
        yield Address(V4, socket.IPPROTO_TCP, ("127.0.0.1", scripted.port))


def closed_address() -> Address:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return Address(V4, socket.IPPROTO_TCP, taken.getsockname())


async def given_up(server: Server, after: int) -> bool:
    """Connects, and gives up after so many steps of the loop; whether it was connected by then."""
    connecting = asyncio.create_task(
        Stream.connect(server, ImapConnection().framer, verify=False, connect_timeout=5, read_timeout=5)
    )
    for _ in range(after):
        await asyncio.sleep(0)
    connecting.cancel()
    try:
        stream = await connecting
    except asyncio.CancelledError:
        return False
    await stream.close()
    return True


@pytest.fixture
async def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric addresses are resolved without a thread, so that each step is the same each time."""

    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        return [(V4, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


# --- giving up ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("security", [Security.NONE, Security.STARTTLS, Security.TLS])
async def test_whoever_is_cancelled_while_connecting_leaves_no_socket(security: Security) -> None:
    """At every step: also between the system's connection and ours."""
    context = None
    if security is Security.TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with listening(context) as address:
        server = Server(address.host, address.place[1], security)
        after, connected = 0, False
        while not connected:
            with nothing_left_open():
                connected = await given_up(server, after)
                for _ in range(5):
                    await asyncio.sleep(0)
            after += 1
    assert after > 5


@pytest.mark.usefixtures("quick")
async def test_a_connection_that_comes_as_the_time_runs_out() -> None:
    async with listening() as address:
        server = Server(address.host, address.place[1], Security.NONE)
        with nothing_left_open():
            for thousandths in range(30):
                try:
                    stream = await Stream.connect(
                        server,
                        ImapConnection().framer,
                        verify=True,
                        connect_timeout=thousandths / 30_000,
                        read_timeout=5,
                    )
                except Unreachable as failure:
                    assert failure.problem.code == "net.timeout"
                else:
                    await stream.close()


# --- many addresses -----------------------------------------------------------------------------------


async def test_one_that_refuses_holds_up_nothing() -> None:
    async with listening() as address:
        with nothing_left_open(), await dial([closed_address(), address]) as sock:
            assert sock.getpeername() == address.place


async def test_one_that_says_nothing_is_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect, asked = loop.sock_connect, []

    async def sock_connect(sock: socket.socket, place: tuple[str, int]) -> None:
        asked.append(place)
        if place == SILENT.place:
            await asyncio.Event().wait()
        await connect(sock, place)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    async with listening() as address:
        with nothing_left_open():
            with await dial([SILENT, address, closed_address()]) as sock:
                assert sock.getpeername() == address.place
            await asyncio.sleep(0)
    assert asked == [SILENT.place, address.place], "the third was not needed"


async def test_two_that_answer_at_once_make_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect, both = loop.sock_connect, asyncio.Barrier(2)

    async def sock_connect(sock: socket.socket, place: tuple[str, int]) -> None:
        await connect(sock, place)
        await both.wait()

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    async with listening() as first, listening() as second:
        with nothing_left_open():
            with await dial([first, second]) as sock:
                assert sock.getpeername() in (first.place, second.place)
            await asyncio.sleep(0)


async def test_where_all_fail_a_refusal_says_most() -> None:
    impossible = Address(V4, socket.IPPROTO_UDP, ("127.0.0.1", 9))
    with nothing_left_open():
        with pytest.raises(ConnectionRefusedError):
            await dial([impossible, closed_address(), impossible])
        with pytest.raises(OSError, match="rotocol"):
            await dial([impossible])
        with pytest.raises(OverflowError):
            await dial([Address(V4, socket.IPPROTO_TCP, ("127.0.0.1", 70_000))])
        with pytest.raises(OSError, match="no address"):
            await dial([])


async def test_the_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    v6 = socket.AF_INET6
    told = [(v6, "::1"), (v6, "fe80::2%lo"), (v6, "::3"), (V4, "127.0.0.1")]

    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (one, port)) for family, one in told]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    found = await resolve("mail.example.org", 993)
    assert [one.host for one in found] == ["::1", "127.0.0.1", "fe80::2", "::3"]
