"""The embedded IMAP server on real sockets: TLS, cut connections, stopping."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from eilbote.testing.imap.behaviour import Behaviour, Faults
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer

ACCOUNTS = {"u": "p"}


def new_store() -> Mailstore:
    store = Mailstore(now=lambda: 1_790_000_000.0)
    store["INBOX"].append(b"Subject: hello\r\n\r\nbody\r\n")
    return store


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def client_side(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes) -> bytes:
    writer.write(b"t " + command + b"\r\n")
    told = b""
    while not (line := await reader.readline()).startswith(b"t "):
        assert line, told
        told += line
    return told + line


async def test_tls_from_the_first_byte(authority: trustme.CA) -> None:
    async with ImapServer(new_store(), ACCOUNTS, tls=server_side(authority)) as server:
        reader, writer = await asyncio.open_connection(
            server.host, server.port, ssl=client_side(authority), server_hostname="localhost"
        )
        assert (await reader.readline()).startswith(b"* OK [CAPABILITY")
        assert (await say(reader, writer, b"LOGIN u p")).startswith(b"t OK")
        assert b"* 1 EXISTS" in await say(reader, writer, b"SELECT INBOX")
        writer.close()
        await writer.wait_closed()


async def test_starttls_upgrades_the_same_connection(authority: trustme.CA) -> None:
    behaviour = Behaviour(starttls=True, plain_login_needs_tls=True)
    async with ImapServer(new_store(), ACCOUNTS, behaviour, tls=server_side(authority)) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await reader.readline()
        assert b"PRIVACYREQUIRED" in await say(reader, writer, b"LOGIN u p")
        assert (await say(reader, writer, b"STARTTLS")).startswith(b"t OK")
        await writer.start_tls(client_side(authority), server_hostname="localhost")
        assert (await say(reader, writer, b"LOGIN u p")).startswith(b"t OK")
        writer.close()
        await writer.wait_closed()


async def test_a_connection_is_cut_after_so_many_bytes() -> None:
    async with ImapServer(new_store(), ACCOUNTS, faults=Faults(drop_after_bytes=20)) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        assert len(await reader.read()) == 20
        writer.close()


async def test_an_idling_client_hears_of_new_mail_at_once() -> None:
    store = new_store()
    async with ImapServer(store, ACCOUNTS) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await reader.readline()
        await say(reader, writer, b"LOGIN u p")
        await say(reader, writer, b"SELECT INBOX")
        writer.write(b"i IDLE\r\n")
        assert (await reader.readline()).startswith(b"+")
        store["INBOX"].append(b"Subject: new\r\n\r\n")
        assert await reader.readline() == b"* 2 EXISTS\r\n"
        writer.close()


async def test_dropping_and_stopping_end_every_connection() -> None:
    store = new_store()
    async with ImapServer(store, ACCOUNTS) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await reader.readline()
        server.drop_connections()
        (ended,) = await asyncio.gather(reader.read(), return_exceptions=True)
        assert ended == b"" or isinstance(ended, ConnectionError)
        writer.close()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await reader.readline()
        port = server.port
    assert server.connected == 0
    assert store.listeners == []
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def test_the_same_store_can_be_served_again_on_the_same_port() -> None:
    store = new_store()
    async with ImapServer(store, ACCOUNTS) as first:
        port = first.port
    async with ImapServer(store, ACCOUNTS, port=port) as second:
        reader, writer = await asyncio.open_connection(second.host, port)
        assert (await reader.readline()).startswith(b"* OK")
        writer.close()
