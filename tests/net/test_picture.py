"""Pictures are fetched from public addresses alone, whatever names, redirections and servers do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trustme

from eilbote.errors import EilboteError
from eilbote.net.picture import PUBLIC, Reach, fetch_picture
from eilbote.net.public_address import is_public
from tests.messages.pictures import png

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers by path; remembers what it was asked."""

    port: int
    asked: list[str] = field(default_factory=list)

    def at(self, path: str, host: str = "pictures.example") -> str:
        return f"http://{host}:{self.port}{path}"


def said(body: bytes, status: str = "200 OK", *more: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *more])
    return head.encode() + b"\r\n\r\n" + body


async def answer(server: Server, path: str, writer: asyncio.StreamWriter) -> None:
    redirects = {
        "/once": "/good.png",
        "/in": f"http://127.0.0.1:{server.port}/good.png",
        "/in-named": f"http://inside.example:{server.port}/good.png",
        "/file": "file:///etc/passwd",
        "/loop": "/loop",
    }
    if path in redirects:
        writer.write(said(b"", "302 Found", f"Location: {redirects[path]}", "Set-Cookie: a=b"))
    elif path == "/good.png":
        writer.write(said(png()))
    elif path == "/page":
        writer.write(said(b"<html><body>no picture at all, but long enough to be judged by its beginning"))
    elif path == "/svg":
        writer.write(said(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "200 OK", "Content-Type: image/png"))
    elif path == "/huge":
        writer.write(said(png(30_000, 30_000)))
    elif path == "/gone":
        writer.write(said(b"", "404 Not Found"))
    elif path == "/endless":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + png())
        for _ in range(10_000):
            writer.write(b"\0" * 10_000)
            await writer.drain()
    elif path == "/slow":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + png()[:40])
        while True:
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(0.05)
    elif path == "/short":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + png())
    elif path == "/headers":
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            server.asked.append(head)
            await answer(server, head.split()[1].partition("?")[0], writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def reach(*allowed: str, **names: str) -> Reach:
    """Loopback counts as public only here, and only where a test says so."""

    async def resolve(host: str, _port: int) -> list[str]:
        return [names.get(host.partition(".")[0], host)]

    return Reach(resolve, lambda address: address in allowed or is_public(address), None)


async def code(address: str, where: Reach, most: int = 100_000, seconds: float = 5.0) -> str:
    with pytest.raises(EilboteError) as problem:
        await fetch_picture(address, most=most, seconds=seconds, reach=where)
    return problem.value.problem.code


async def test_a_picture_and_nothing_told_of_us() -> None:
    async with serving() as server:
        where = reach("127.0.0.1", pictures="127.0.0.1")
        assert await fetch_picture(server.at("/once"), most=100_000, seconds=5, reach=where) == png()
        assert len(server.asked) == 2
        for head in server.asked:
            lowered = head.lower()
            assert (
                f"host: pictures.example:{server.port}" in lowered
                and "user-agent: mozilla/5.0\r\n" in lowered
            )
            assert not any(word in lowered for word in ("cookie", "referer", "eilbote", "httpx", "python"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/page", "picture.no_picture"),
        ("/svg", "picture.no_picture"),
        ("/huge", "picture.no_picture"),
        ("/gone", "picture.refused"),
        ("/file", "picture.refused"),
        ("/loop", "picture.redirected"),
        ("/endless", "picture.too_large"),
        ("/short", "picture.unreachable"),
        ("/headers", "picture.unreachable"),
    ],
)
async def test_what_is_not_taken(path: str, expected: str) -> None:
    async with serving() as server:
        assert await code(server.at(path), reach("127.0.0.1", pictures="127.0.0.1")) == expected


async def test_https_proves_the_name_and_not_the_address() -> None:
    authority = trustme.CA()
    here, there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("pictures.example").configure_cert(here)
    authority.configure_trust(there)
    async with serving(here) as server:
        where = reach("127.0.0.1", pictures="127.0.0.1", other="127.0.0.1")
        trusting = Reach(where.resolve, where.allowed, None, there)
        address = server.at("/once").replace("http:", "https:")
        assert await fetch_picture(address, most=100_000, seconds=20, reach=trusting) == png()
        assert await code(address.replace("pictures.", "other."), trusting) == "picture.unreachable"
        assert await code(address, Reach(where.resolve, where.allowed, None)) == "picture.unreachable"


async def test_a_server_that_drips_has_its_time_and_no_more() -> None:
    async with serving() as server:
        where = reach("127.0.0.1", pictures="127.0.0.1")
        assert await code(server.at("/slow"), where, seconds=0.6) == "picture.unreachable"


async def test_a_redirection_is_checked_anew() -> None:
    async with serving() as server:

        async def resolve(host: str, _port: int) -> list[str]:
            return ["127.0.0.1"] if host != "inside.example" else ["127.0.0.2"]

        only = Reach(resolve, lambda address: address == "127.0.0.1", None)
        assert await code(server.at("/in-named"), only) == "picture.not_public"

        async def honest(host: str, _port: int) -> list[str]:
            return ["127.0.0.1"] if host == "pictures.example" else [host]

        seen: list[str] = []

        def once(address: str) -> bool:
            seen.append(address)
            return len(seen) == 1

        assert await code(server.at("/in"), Reach(honest, once, None)) == "picture.not_public"
        assert [head.split()[1] for head in server.asked] == ["/in-named", "/in"]


async def test_a_name_is_asked_for_once_and_all_its_addresses_count() -> None:
    """DNS rebinding: what was checked is what is connected to."""
    async with serving() as server:
        answers = [["127.0.0.1"], ["169.254.169.254"]]

        async def turning(_host: str, _port: int) -> list[str]:
            return answers.pop(0)

        where = Reach(turning, lambda address: address == "127.0.0.1", None)
        assert await fetch_picture(server.at("/good.png"), most=100_000, seconds=5, reach=where) == png()
        assert len(answers) == 1

        async def both(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1", "10.0.0.1"]

        assert await code(server.at("/good.png"), Reach(both, where.allowed, None)) == "picture.not_public"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]",
     "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "[fe80::1]"],
)  # fmt: skip
async def test_nothing_of_this_machine_or_its_network(host: str) -> None:
    async with serving() as server:
        everywhere = Reach(PUBLIC.resolve, PUBLIC.allowed, None)
        found = await code(f"http://{host}:{server.port}/good.png", everywhere)
        assert found in ("picture.not_public", "picture.unreachable", "picture.refused")
        assert server.asked == []


async def test_other_ports_are_not_asked() -> None:
    async with serving() as server:
        where = Reach(reach(pictures="127.0.0.1").resolve, lambda _: True)
        assert await code(server.at("/good.png"), where) == "picture.not_public"
        assert server.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.100.100.200", False), ("168.63.129.16", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("240.0.0.1", False), ("192.0.2.1", False),
        ("::", False), ("::1", False), ("::ffff:10.0.0.1", False), ("::ffff:93.184.216.34", True),
        ("::127.0.0.1", False), ("64:ff9b::7f00:1", False), ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::1", False), ("2002:7f00:1::", False), ("2001:0:1::1", False), ("fe80::1", False),
        ("fe80::1%eth0", False), ("2606:2800:220:1::1%1", False), ("fec0::1", False),
        ("fd00:ec2::254", False), ("ff0e::1", False), ("2001:db8::1", False),
        ("localhost", False), ("", False), ("127.1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) == public
