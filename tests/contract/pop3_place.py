"""Where a POP3 test meets a server: our fake in a thread of its own, or a real Dovecot."""

from __future__ import annotations

import asyncio
import contextlib
import poplib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eilbote.store.values import Security, Server
from eilbote.testing.pop3 import Behaviour, Maildrop, Pop3Server
from tests.servers.dovecot import Dovecot

PASSWORD = "geheim-1"


@dataclass
class Pop3Place:
    """A server with one fresh user. `deliver` puts mails there; `left` gives the bytes that are there
    now, oldest first, seen by the standard library's client."""

    name: str
    host: str
    port: int
    user: str
    deliver: Callable[[Sequence[bytes]], None]
    fake: Pop3Server | None = None
    password: str = PASSWORD

    @property
    def server(self) -> Server:
        return Server(self.host, self.port, Security.NONE)

    def client(self) -> poplib.POP3:
        client = poplib.POP3(self.host, self.port, timeout=20)
        client.user(self.user)
        client.pass_(self.password)
        return client

    def left(self) -> list[bytes]:
        client = self.client()
        count, _ = client.stat()
        found = [b"".join(line + b"\r\n" for line in client.retr(at + 1)[1]) for at in range(count)]
        client.quit()
        return found


@contextlib.contextmanager
def fake_place(
    user: str = "anna", behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Pop3Place]:
    """Our server in a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()
    server = Pop3Server(Maildrop(), {user: PASSWORD}, behaviour or Behaviour(), tls=tls)

    async def serve() -> None:
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield Pop3Place("fake", server.host, server.port, user, server.maildrop.fill, server)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def dovecot_place(dovecot: Dovecot) -> Pop3Place:
    user, password = dovecot.new_user()
    return Pop3Place(
        "dovecot",
        dovecot.host,
        dovecot.pop3_port,
        user,
        lambda raws: dovecot.append(user, raws),
        password=password,
    )
