"""Where an SMTP test meets a server: our fake in a thread of its own, or a real Postfix."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.servers.postfix import Postfix

_FINAL = re.compile(rb"\d{3}(?: .*)?\r\n")


@dataclass
class SmtpPlace:
    """An MX of `example.org` that knows every address there that begins with `u`. `delivered` waits for
    so many mails of an address and gives what lies there now, LF line ends, without what servers put
    before them."""

    name: str
    port: int
    new_address: Callable[[], str]
    delivered: Callable[[str, int], list[bytes]]
    host: str = "127.0.0.1"

    def talk(self) -> Talk:
        return Talk(socket.create_connection((self.host, self.port), timeout=20))


class Talk:
    """A bare client: bytes out, whole replies in."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._file = line.makefile("rb")
        assert self.reply()[:3] == "220"

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._line.close()

    def say(self, *pieces: bytes) -> None:
        """Sends all pieces in one go."""
        self._line.sendall(b"".join(pieces))

    def reply(self) -> str:
        """The code of the next reply, with the enhanced code where it has one; "" at the end."""
        return self.lines()[1]

    def lines(self) -> tuple[list[str], str]:
        """The texts of the next reply, and its codes."""
        texts: list[str] = []
        while line := self._file.readline():
            texts.append(line[4:].decode("utf-8", "replace").strip())
            if _FINAL.fullmatch(line):
                enhanced = re.match(r"[245]\.\d+\.\d+", texts[-1])
                return texts, f"{line[:3].decode()} {enhanced[0]}" if enhanced else line[:3].decode()
        return texts, ""

    def ask(self, *commands: bytes) -> list[str]:
        """Sends commands one by one; the codes of their replies."""
        told = []
        for one in commands:
            self.say(one, b"\r\n")
            told.append(self.reply())
        return told

    def hello(self) -> list[str]:
        """EHLO; what is announced."""
        self.say(b"EHLO client.example.net\r\n")
        return self.lines()[0][1:]


@contextlib.contextmanager
def fake_place(sink: Sink | None = None) -> Iterator[SmtpPlace]:
    """Our server in a thread with an event loop of its own."""
    told = sink or Sink(login_needed=False, size_limit=10 * 1024 * 1024)
    server = SmtpServer(told)
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()

    def delivered(address: str, count: int) -> list[bytes]:
        return [one.data.replace(b"\r\n", b"\n") for one in told.received if address in one.recipients]

    serial = iter(range(1, 100_000))
    told.knows = lambda address: not address.endswith("@example.org") or address.startswith("u")
    try:
        assert ready.wait(10)
        yield SmtpPlace("fake", server.port, lambda: f"u{next(serial)}@example.org", delivered)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def postfix_place(postfix: Postfix) -> SmtpPlace:
    def delivered(address: str, count: int) -> list[bytes]:
        return [without_trace(raw) for raw in postfix.wait_for(address, count)]

    return SmtpPlace("postfix", postfix.mx_port, postfix.new_address, delivered)


_ADDED = re.compile(
    rb"(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*"
    rb"|(?:Message-Id|Date|From): .*mail\.example\.net.*\n"
)


def without_trace(raw: bytes) -> bytes:
    """A delivered mail without the fields that Postfix put before it."""
    while (found := _ADDED.match(raw)) is not None:
        raw = raw[found.end() :]
    return raw
