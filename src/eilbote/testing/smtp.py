"""An SMTP submission server that keeps what it is given and sends nothing on (RFC 5321, RFC 6409).

It must never pass a mail to anybody but its caller.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct, field

from eilbote.testing.imap.login import Dialogue, begin
from eilbote.testing.listening import CHUNK, LOOPBACK, Listening

_MAX_LINE = 12 * 1024
_MAX_RECIPIENTS = 1000
_PATH = re.compile(r"<([^<>\s]*)>(?:\s+(.*))?", re.DOTALL)


class Received(Struct, frozen=True):
    """One accepted mail. `data` is unstuffed, with CRLF line ends; `user` is "" without login."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    user: str
    smtputf8: bool = False
    body_8bit: bool = False


class Sink(Struct):
    """What the server knows: who may log in, what it accepts, what it got.

    `replies` overrides an answer: keyed by command (`MAIL`, `DATA`), by `RCPT address`, or by `.`
    for the answer after the final dot. A mail counts as received only after a 2xx there.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    size_limit: int = 32 * 1024 * 1024
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    login_needed: bool = True
    starttls: bool = False
    replies: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    deliver: Callable[[Received], None] | None = None


class SmtpSession:
    """One connection as a state machine: bytes in, bytes out."""

    def __init__(self, sink: Sink, *, protected: bool) -> None:
        self.closing = False
        self.wants_tls = False
        self._sink = sink
        self._protected = protected
        self._buffer = bytearray()
        self._greeted = False
        self._user = ""
        self._dialogue: Dialogue | None = None
        self._in_data = False
        self._reset()

    def greeting(self) -> bytes:
        return b"220 localhost Eilbote demo server ESMTP\r\n"

    def secured(self) -> None:
        """TLS is on; what was said before is forgotten (RFC 3207 section 4.2)."""
        self.wants_tls = False
        self._protected = True
        self._greeted = False
        self._buffer.clear()
        self._reset()

    def receive(self, data: bytes) -> bytes:
        """What to answer to these bytes; commands may be pipelined (RFC 2920)."""
        self._buffer += data
        out: list[str] = []
        while not (self.closing or self.wants_tls):
            answer = self._take_data() if self._in_data else self._take_line()
            if answer is None:
                break
            if answer:
                out.append(answer)
        return "".join(f"{answer}\r\n" for answer in out).encode()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._smtputf8 = False
        self._body_8bit = False

    def _take_line(self) -> str | None:
        end = self._buffer.find(b"\r\n")
        if end > _MAX_LINE or (end < 0 and len(self._buffer) > _MAX_LINE):
            self.closing = True
            return "500 5.5.6 Line too long"
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).decode("utf-8", "replace")
        del self._buffer[: end + 2]
        if self._dialogue is not None:
            return self._go_on_with_login(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        return self._sink.replies.get(verb) or self._command(verb, rest.strip())

    def _command(self, verb: str, rest: str) -> str:
        match verb:
            case "EHLO" | "HELO":
                self._greeted = True
                self._reset()
                return self._extensions() if verb == "EHLO" else "250 localhost"
            case "NOOP":
                return "250 2.0.0 Ok"
            case "RSET":
                self._reset()
                return "250 2.0.0 Ok"
            case "QUIT":
                self.closing = True
                return "221 2.0.0 Bye"
            case "VRFY":
                return "252 2.1.5 Try it"
            case "STARTTLS" if self._sink.starttls and not self._protected:
                self.wants_tls = True
                return "220 2.0.0 Go ahead"
            case "AUTH" | "MAIL" | "RCPT" | "DATA" if not self._greeted:
                return "503 5.5.1 Say EHLO first"
            case "AUTH":
                return self._authenticate(rest)
            case "MAIL":
                return self._mail(rest)
            case "RCPT":
                return self._rcpt(rest)
            case "DATA" if self._recipients:
                self._in_data = True
                return "354 End with a dot"
            case "DATA":
                return "503 5.5.1 No recipients"
            case _:
                return "502 5.5.1 Unknown command"

    def _extensions(self) -> str:
        words = ["localhost", "PIPELINING", f"SIZE {self._sink.size_limit}", "8BITMIME", "SMTPUTF8"]
        words += ["ENHANCEDSTATUSCODES"]
        if self._sink.starttls and not self._protected:
            words.append("STARTTLS")
        if self._sink.accounts:
            words.append(f"AUTH {' '.join(self._sink.mechanisms)}")
        return "\r\n".join([*(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"])

    def _authenticate(self, rest: str) -> str:
        mechanism, _, initial = rest.partition(" ")
        if self._user:
            return "503 5.5.1 Already authenticated"
        first: bytes | None = None
        if initial:
            try:
                first = b"" if initial == "=" else b64decode(initial, validate=True)
            except (Base64Error, ValueError):
                return "501 5.5.2 Invalid base64"
        dialogue = None
        if mechanism.upper() in self._sink.mechanisms:
            dialogue = begin(mechanism.upper(), self._sink.accounts, first, "server-nonce")
        if dialogue is None:
            return "504 5.5.4 Unknown mechanism"
        self._dialogue = dialogue
        return self._drive(None)

    def _go_on_with_login(self, line: str) -> str:
        try:
            answer = b64decode(line, validate=True)
        except (Base64Error, ValueError):
            self._dialogue = None
            return "501 5.7.0 Authentication aborted"
        return self._drive(answer)

    def _drive(self, answer: bytes | None) -> str:
        assert self._dialogue is not None
        try:
            challenge = next(self._dialogue) if answer is None else self._dialogue.send(answer)
        except StopIteration as end:
            self._dialogue = None
            if end.value is None:
                return "535 5.7.8 Authentication failed"
            self._user = str(end.value)
            return "235 2.7.0 Authentication successful"
        return "334 " + b64encode(challenge).decode()

    def _mail(self, rest: str) -> str:
        if self._sink.login_needed and not self._user:
            return "530 5.7.0 Authentication required"
        if self._sender is not None:
            return "503 5.5.1 Nested MAIL"
        path = _PATH.fullmatch(rest[5:].strip()) if rest.upper().startswith("FROM:") else None
        if path is None:
            return "501 5.5.4 Bad address"
        parameters = (path[2] or "").upper().split()
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "SIZE" and value.isdigit() and int(value[:20]) > self._sink.size_limit:
                return "552 5.3.4 Message too big"
        self._sender = path[1]
        self._smtputf8 = "SMTPUTF8" in parameters
        self._body_8bit = "BODY=8BITMIME" in parameters
        return "250 2.1.0 Ok"

    def _rcpt(self, rest: str) -> str:
        if self._sender is None:
            return "503 5.5.1 MAIL first"
        path = _PATH.fullmatch(rest[3:].strip()) if rest.upper().startswith("TO:") else None
        if path is None or not path[1]:
            return "501 5.5.4 Bad address"
        if len(self._recipients) >= _MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        override = self._sink.replies.get(f"RCPT {path[1]}")
        if override is None or override.startswith("2"):
            self._recipients.append(path[1])
        return override or "250 2.1.5 Ok"

    def _take_data(self) -> str | None:
        """The mail up to its final dot: only CRLF.CRLF ends it (RFC 5321 section 4.1.1.4)."""
        end = 0 if self._buffer.startswith(b".\r\n") else self._buffer.find(b"\r\n.\r\n") + 2
        if end == 1 or (end == 0 and not self._buffer.startswith(b".\r\n")):
            if len(self._buffer) > 2 * self._sink.size_limit:
                self.closing = True
                return "552 5.3.4 Message too big"
            return None
        data = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._in_data = False
        data = re.sub(rb"(?m)(?:\A|(?<=\r\n))\.", b"", data)  # RFC 5321 section 4.5.2
        received = Received(
            self._sender or "", tuple(self._recipients), data, self._user, self._smtputf8, self._body_8bit
        )
        self._reset()
        if len(data) > self._sink.size_limit:
            return "552 5.3.4 Message too big"
        answer = self._sink.replies.get(".", f"250 2.0.0 Ok: kept as {len(self._sink.received) + 1}")
        if answer.startswith("2"):
            self._sink.received.append(received)
            if self._sink.deliver:
                self._sink.deliver(received)
        return answer


class SmtpServer(Struct):
    """The sink on a real socket. An async context manager; `port` is known inside."""

    sink: Sink = field(default_factory=Sink)
    tls: ssl.SSLContext | None = None
    port: int = 0
    _listening: Listening | None = None

    @property
    def host(self) -> str:
        return LOOPBACK

    async def __aenter__(self) -> Self:
        context = None if self.sink.starttls else self.tls
        self._listening = await Listening.start(self._serve, self.port, context)
        self.port = self._listening.port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        await self._listening.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = SmtpSession(self.sink, protected=self.tls is not None and not self.sink.starttls)
        writer.write(session.greeting())
        while not session.closing and (data := await reader.read(CHUNK)):
            writer.write(session.receive(data))
            await writer.drain()
            if session.wants_tls and self.tls is not None:
                await writer.start_tls(self.tls)
                session.secured()
