"""A trivial IMAP client for contract tests: text over a blocking socket, nothing understood."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


@dataclass
class Reply:
    """What a command got: untagged responses, then status and rest of the tagged one."""

    untagged: list[bytes]
    status: str
    rest: bytes

    @property
    def code(self) -> str:
        found = re.match(rb"\[([^\]]*)\]", self.rest)
        return found[1].decode() if found else ""

    @property
    def code_name(self) -> str:
        return self.code.split(" ")[0]

    def of(self, kind: str) -> list[str]:
        """Untagged responses of a kind (`EXISTS`, `FETCH`, `VANISHED`, `OK`), without the `* `."""
        texts = [line[2:].decode("utf-8", "surrogateescape") for line in self.untagged]
        return [text for text in texts if kind in text.split("(")[0].split("[")[0].split()[:2]]

    def told(self, code: str) -> str:
        """The rest of an untagged response code, as in `* OK [UIDNEXT 5]`."""
        for line in self.untagged:
            found = re.match(rb"\* OK \[" + code.encode() + rb" ?([^\]]*)\]", line)
            if found:
                return found[1].decode()
        raise AssertionError(f"no {code} in {self.untagged}")


@dataclass
class RawClient:
    host: str
    port: int
    greeting: bytes = b""
    _serial: int = 0
    _sock: socket.socket = field(init=False)
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self._sock = socket.create_connection((self.host, self.port), timeout=20)
        self.greeting = self.response()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def __call__(self, command: str | bytes, *literals: bytes, expect: str | None = None) -> Reply:
        """Sends a command; `{}` in it stands for the next literal. `expect` checks the status."""
        text = command.encode() if isinstance(command, str) else command
        tag = self.send(text, *literals)
        reply = self.finish(tag)
        assert expect is None or reply.status == expect, (command, reply)
        return reply

    def send(self, text: bytes, *literals: bytes) -> bytes:
        """Sends a command with synchronising literals and gives its tag; reads no answer."""
        self._serial += 1
        tag = b"a%d" % self._serial
        parts = text.split(b"{}")
        for part, literal in zip(parts, literals, strict=False):
            self.raw((tag + b" " if part is parts[0] else b"") + part + b"{%d}\r\n" % len(literal))
            line = self.response()
            if not line.startswith(b"+"):
                self._early = line
                raise Refused(line)
            self.raw(literal)
        last = parts[-1] if literals else text
        self.raw((b"" if literals else tag + b" ") + last + b"\r\n")
        return tag

    def finish(self, tag: bytes) -> Reply:
        """Reads to the tagged answer."""
        untagged: list[bytes] = []
        while True:
            line = self.response()
            if line.startswith(tag + b" "):
                status, _, rest = line[len(tag) + 1 :].partition(b" ")
                return Reply(untagged, status.decode(), rest)
            untagged.append(line)

    def raw(self, data: bytes) -> None:
        self._sock.sendall(data)

    def response(self) -> bytes:
        """The next whole response, literals inside, without the last CRLF."""
        whole = b""
        while True:
            line = self._take(self._line_end())
            whole += line
            literal = _LITERAL.search(line)
            if not literal:
                return whole.removesuffix(b"\r\n")
            whole += self._take(int(literal[1]))

    def at_end(self) -> bool:
        """True once the server has closed; reads nothing else."""
        return not self._buffer and self._sock.recv(1) == b""

    def _line_end(self) -> int:
        while b"\r\n" not in self._buffer:
            self._receive()
        return self._buffer.index(b"\r\n") + 2

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _receive(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError(f"server closed; left over: {self._buffer!r}")
        self._buffer += data


class Refused(Exception):
    """The server did not want a literal; holds what it said instead."""
