"""A POP3 server for tests and the demo (RFC 1939, 2449, 2595, 5034), which behaves as Dovecot's does.

It must never delete anything without a QUIT.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct, field

from eilbote.testing.imap.login import Dialogue, begin, password_is_right
from eilbote.testing.listening import CHUNK, LOOPBACK, Listening

_MAX_LINE = 8 * 1024
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LINE_START_DOT = re.compile(rb"(?:\A|(?<=\r\n))\.")


class Mail(Struct, eq=False):
    """One mail on the server."""

    uidl: str
    raw: bytes


class Maildrop(Struct):
    """What the server keeps for its user; tests read and change it directly."""

    mails: list[Mail] = field(default_factory=list)
    serial: int = 0

    def add(self, raw: bytes) -> str:
        """Delivers a mail; returns its unique id."""
        self.serial += 1
        mail = Mail(f"{self.serial:08x}5f0e", _BARE_LF.sub(b"\r\n", raw))
        self.mails.append(mail)
        return mail.uidl

    def fill(self, raws: Iterable[bytes]) -> None:
        for raw in raws:
            self.add(raw)


class Behaviour(Struct):
    """What the server offers and which faults it shows; may be changed at any time.

    `hidden`: capabilities not told. `absent`: commands that it does not know (`UIDL`, `TOP`, `CAPA`).
    `replies`: a status line instead of the real answer, by command (`RETR`) or command line
    (`RETR 3`). `cut_after`: each connection ends after so many bytes to the client. `cut_at`: the
    connection ends when this command arrives, before any answer. `expire_on_quit`: what was retrieved
    is gone after QUIT (EXPIRE 0). `lock`: one session at a time.
    """

    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256")
    hidden: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    more: tuple[str, ...] = ()
    replies: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    cut_at: str = ""
    expire_on_quit: bool = False
    lock: bool = False
    starttls: bool = False


class Pop3Session:
    """One connection as a state machine: bytes in, bytes out."""

    def __init__(
        self,
        maildrop: Maildrop,
        accounts: Mapping[str, str],
        behaviour: Behaviour,
        open_sessions: set[Pop3Session],
        *,
        protected: bool,
    ) -> None:
        self.closing = False
        self.wants_tls = False
        self.commands: list[str] = []
        self._maildrop = maildrop
        self._accounts = accounts
        self._behaviour = behaviour
        self._open = open_sessions
        self._protected = protected
        self._buffer = bytearray()
        self._user = ""
        self._named = ""
        self._dialogue: Dialogue | None = None
        self._mails: list[Mail] = []
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()

    def greeting(self) -> bytes:
        return (self._behaviour.replies.get("GREETING", "+OK Eilbote demo server ready.") + "\r\n").encode()

    def secured(self) -> None:
        """TLS is on; what was said before is forgotten."""
        self.wants_tls = False
        self._protected = True
        self._named = ""
        self._buffer.clear()

    def ended(self) -> None:
        """The connection is over: without QUIT nothing is deleted."""
        self._open.discard(self)

    def receive(self, data: bytes) -> bytes:
        """What to answer to these bytes; commands may be pipelined."""
        self._buffer += data
        out = bytearray()
        while not (self.closing or self.wants_tls):
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > _MAX_LINE:
                    self.closing = True
                break
            line = bytes(self._buffer[:end]).removesuffix(b"\r").decode("utf-8", "replace")
            del self._buffer[: end + 1]
            out += self._answer(line)
        return bytes(out)

    def _answer(self, line: str) -> bytes:
        if self._dialogue is not None:
            return self._go_on_with_login(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self.commands.append(f"{verb} {rest}".strip() if verb not in ("PASS", "AUTH") else verb)
        if verb == self._behaviour.cut_at:
            self.closing = True
            return b""
        override = self._behaviour.replies.get(line) or self._behaviour.replies.get(verb)
        if override is not None:
            return f"{override}\r\n".encode()
        if verb in self._behaviour.absent:
            return b"-ERR Unknown command.\r\n"
        return self._common(verb, rest.strip()) or (
            self._transaction(verb, rest.split()) if self._user else self._authorization(verb, rest)
        )

    def _common(self, verb: str, rest: str) -> bytes:
        match verb:
            case "CAPA":
                return _listing("+OK", self._capabilities())
            case "QUIT":
                self.closing = True
                if self._user:
                    gone = self._deleted | (self._retrieved if self._behaviour.expire_on_quit else set())
                    doomed = {id(self._mails[number - 1]) for number in gone}
                    self._maildrop.mails[:] = [one for one in self._maildrop.mails if id(one) not in doomed]
                self.ended()
                return b"+OK Logging out.\r\n"
            case _:
                return b""

    def _capabilities(self) -> list[str]:
        told = ["CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE"]
        if not self._user:
            told += ["STLS"] if self._behaviour.starttls and not self._protected else []
            told += ["USER"]
            told += [f"SASL {' '.join(self._behaviour.mechanisms)}"] if self._behaviour.mechanisms else []
        hidden = self._behaviour.hidden | self._behaviour.absent
        return [one for one in (*told, *self._behaviour.more) if one.partition(" ")[0] not in hidden]

    # --- before the login ------------------------------------------------------------------------

    def _authorization(self, verb: str, rest: str) -> bytes:
        match verb:
            case "STLS" if self._behaviour.starttls and not self._protected:
                self.wants_tls = True
                return b"+OK Begin TLS negotiation now.\r\n"
            case "USER":
                self._named = rest
                return b"+OK\r\n"
            case "PASS" if self._named:
                named, self._named = self._named, ""
                return self._let_in(named if password_is_right(self._accounts, named, rest) else None)
            case "AUTH":
                return self._authenticate(rest)
            case _:
                return b"-ERR Unknown command.\r\n"

    def _authenticate(self, rest: str) -> bytes:
        mechanism, _, initial = rest.partition(" ")
        first: bytes | None = None
        if initial:
            try:
                first = b"" if initial == "=" else b64decode(initial, validate=True)
            except (Base64Error, ValueError):
                return b"-ERR Invalid base64.\r\n"
        dialogue = None
        if mechanism.upper() in self._behaviour.mechanisms:
            dialogue = begin(mechanism.upper(), self._accounts, first, "server-nonce")
        if dialogue is None:
            return b"-ERR Unsupported authentication mechanism.\r\n"
        self._dialogue = dialogue
        return self._drive(None)

    def _go_on_with_login(self, line: str) -> bytes:
        try:
            answer = b64decode(line, validate=True)
        except (Base64Error, ValueError):
            self._dialogue = None
            return b"-ERR Authentication aborted.\r\n"
        return self._drive(answer)

    def _drive(self, answer: bytes | None) -> bytes:
        assert self._dialogue is not None
        try:
            challenge = next(self._dialogue) if answer is None else self._dialogue.send(answer)
        except StopIteration as end:
            self._dialogue = None
            return self._let_in(None if end.value is None else str(end.value))
        return b"+ " + b64encode(challenge) + b"\r\n"

    def _let_in(self, user: str | None) -> bytes:
        if user is None:
            return b"-ERR [AUTH] Authentication failed.\r\n"
        if self._behaviour.lock and self._open:
            return b"-ERR [IN-USE] Mailbox is locked by another session.\r\n"
        self._user = user
        self._open.add(self)
        self._mails = list(self._maildrop.mails)
        return b"+OK Logged in.\r\n"

    # --- after the login -------------------------------------------------------------------------

    def _transaction(self, verb: str, words: list[str]) -> bytes:
        match verb, words:
            case "STAT", _:
                sizes = [len(mail.raw) for _, mail in self._present()]
                return f"+OK {len(sizes)} {sum(sizes)}\r\n".encode()
            case (("LIST" | "UIDL"), []):
                rows = [f"{number} {_shown(verb, mail)}" for number, mail in self._present()]
                return _listing(f"+OK {len(rows)} messages:" if verb == "LIST" else "+OK", rows)
            case "NOOP", _:
                return b"+OK\r\n"
            case "RSET", _:
                self._deleted.clear()
                return b"+OK\r\n"
            case (("LIST" | "UIDL" | "RETR" | "TOP" | "DELE"), [word, *rest]):
                mail = self._at(word)
                if mail is None:
                    return f"-ERR There's no message {word}.\r\n".encode()
                return self._of_one(verb, int(word), mail, rest)
            case _:
                return b"-ERR Unknown command.\r\n"

    def _of_one(self, verb: str, number: int, mail: Mail, rest: list[str]) -> bytes:
        match verb:
            case "LIST" | "UIDL":
                return f"+OK {number} {_shown(verb, mail)}\r\n".encode()
            case "DELE":
                self._deleted.add(number)
                return b"+OK Marked to be deleted.\r\n"
            case "TOP" if rest and rest[0].isdigit():
                head, blank, body = mail.raw.partition(b"\r\n\r\n")
                lines = body.split(b"\r\n")[: int(rest[0])]
                return b"+OK\r\n" + stuffed(head + blank + b"".join(line + b"\r\n" for line in lines))
            case "RETR":
                self._retrieved.add(number)
                return f"+OK {len(mail.raw)} octets\r\n".encode() + stuffed(mail.raw)
            case _:
                return b"-ERR Bad arguments.\r\n"

    def _present(self) -> list[tuple[int, Mail]]:
        return [(at, mail) for at, mail in enumerate(self._mails, 1) if at not in self._deleted]

    def _at(self, word: str) -> Mail | None:
        if not word.isascii() or not word.isdigit() or len(word) > 9:
            return None
        return dict(self._present()).get(int(word))


class Pop3Server(Struct):
    """Serves one user's maildrop. An async context manager; `port` is known inside.

    `tls` alone: TLS from the first byte; with `behaviour.starttls`, only after STLS."""

    maildrop: Maildrop
    accounts: Mapping[str, str]
    behaviour: Behaviour = field(default_factory=Behaviour)
    tls: ssl.SSLContext | None = None
    port: int = 0
    sessions: list[Pop3Session] = field(default_factory=list)
    _open: set[Pop3Session] = field(default_factory=set)
    _listening: Listening | None = None

    @property
    def host(self) -> str:
        return LOOPBACK

    async def __aenter__(self) -> Self:
        context = None if self.behaviour.starttls else self.tls
        self._listening = await Listening.start(self._serve, self.port, context)
        self.port = self._listening.port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        await self._listening.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protected = self.tls is not None and not self.behaviour.starttls
        session = Pop3Session(self.maildrop, self.accounts, self.behaviour, self._open, protected=protected)
        self.sessions.append(session)
        sent = 0
        try:
            data = session.greeting()
            while True:
                limit = self.behaviour.cut_after
                if limit is not None and sent + len(data) > limit:
                    data = data[: max(0, limit - sent)]
                    session.closing = True
                sent += len(data)
                writer.write(data)
                await writer.drain()
                if session.closing:
                    return
                if session.wants_tls and self.tls is not None:
                    await writer.start_tls(self.tls)
                    session.secured()
                received = await reader.read(CHUNK)
                if not received:
                    return
                data = session.receive(received)
        finally:
            session.ended()


def _shown(verb: str, mail: Mail) -> str:
    return str(len(mail.raw)) if verb == "LIST" else mail.uidl


def _listing(status: str, lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in (status, *lines, ".")).encode()


def stuffed(raw: bytes) -> bytes:
    """As it goes over the wire: dots doubled, ended by a line of one dot (RFC 1939 section 3)."""
    ended = raw if not raw or raw.endswith(b"\r\n") else raw + b"\r\n"
    return _LINE_START_DOT.sub(b"..", ended) + b".\r\n"
