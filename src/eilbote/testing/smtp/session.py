"""The server's side of one SMTP connection as a state machine: bytes in, bytes out (RFC 5321, RFC 6409,
with RFC 2920, RFC 3030, RFC 3207, RFC 3461, RFC 4954, RFC 6531, RFC 8689 and RFC 9422).

It keeps what it is given and sends nothing on. Whatever a `Sink` tells it to play, it says instead of the
right answer.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from eilbote.testing.imap.login import Dialogue, begin
from eilbote.testing.smtp.sink import Play, Received, Sink, Then

_MAX_LINE = 12 * 1024
_MAX_HEARD = 10_000
_MAX_RECIPIENTS = 1000
_PATH = re.compile(r"<([^<>\s]*)>(?:\s+(.*))?", re.DOTALL)
_ALWAYS = frozenset({"EHLO", "HELO", "NOOP", "RSET", "QUIT", "VRFY", "STARTTLS"})


class SmtpSession:
    """One connection. `then` says what must happen after the answer was written."""

    def __init__(self, sink: Sink, *, protected: bool) -> None:
        self.then = Then.GO_ON
        self.wants_tls = False
        self._sink = sink
        self._protected = protected
        self._buffer = bytearray()
        self._hello = ""
        self._user = ""
        self._dialogue: Dialogue | None = None
        self._in_data = False
        self._chunk: int | None = None  # octets of a BDAT chunk still to come
        self._chunk_is_last = False
        self._chunk_answer = ""  # a no that was clear before the chunk came
        self._out: list[str] = []
        self._held_from = 0  # the first answer that is held
        self._reset()

    @property
    def closing(self) -> bool:
        """No more is read."""
        return self.then in (Then.CLOSE, Then.RESET, Then.SILENCE, Then.ENDLESS)

    def greeting(self) -> bytes:
        self._say("GREETING", "220 localhost Eilbote demo server ESMTP")
        return self._taken()

    def secured(self) -> None:
        """TLS is on; what was said before is forgotten (RFC 3207 section 4.2)."""
        self.wants_tls = False
        self._protected = True
        self._hello = ""
        self._buffer.clear()
        self._reset()

    def receive(self, data: bytes) -> bytes:
        """What to answer to these bytes; commands may be pipelined (RFC 2920)."""
        self._buffer += data
        while not (self.closing or self.wants_tls or self.then is Then.HOLD):
            if self._chunk is not None:
                progressed = self._take_chunk()
            elif self._in_data:
                progressed = self._take_data()
            else:
                progressed = self._take_line()
            if not progressed:
                break
        return self._taken()

    def released(self) -> bytes:
        """The held reply may go out, and what waits behind it is answered."""
        self.then = Then.GO_ON
        return self.receive(b"")

    def _taken(self) -> bytes:
        ready = self._held_from if self.then is Then.HOLD else len(self._out)
        out, self._out = self._out[:ready], self._out[ready:]
        return "".join(f"{answer}\r\n" for answer in out).encode()

    def _say(self, key: str, answer: str) -> None:
        """Says the right answer, or what is played for the key."""
        self._perform(self._sink.play(key) or Play(answer))

    def _perform(self, played: Play) -> None:
        self._held_from = len(self._out)
        if played.reply is not None:
            self._out.append(played.reply)
        if played.then is not Then.GO_ON:
            self.then = played.then
        if played.reply is not None and played.reply.startswith("421"):
            self.then = Then.CLOSE if self.then is Then.GO_ON else self.then

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._parameters: list[str] = []
        self._smtputf8 = False
        self._body_8bit = False
        self._chunks = bytearray()
        self._failed = False  # a chunk was refused: only RSET goes on

    # --- commands --------------------------------------------------------------------------------

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end > _MAX_LINE or (end < 0 and len(self._buffer) > _MAX_LINE):
            self._out.append("500 5.5.6 Line too long")
            self.then = Then.CLOSE
            return True
        if end < 0:
            return False
        raw = bytes(self._buffer[:end])
        line = raw.decode("utf-8", "replace")
        del self._buffer[: end + 2]
        if len(self._sink.heard) < _MAX_HEARD:
            self._sink.heard.append(raw)
        if self._dialogue is not None:
            self._go_on_with_login(line)
            return True
        verb, _, rest = line.partition(" ")
        verb, rest = verb.upper(), rest.strip()
        if verb == "BDAT" and "CHUNKING" in self._sink.extensions:
            self._bdat(rest)
            return True
        played = self._sink.play(verb)
        if played is not None and not _takes(played):
            self._perform(played)
            return True
        answer = self._command(verb, rest)
        if answer:  # a RCPT may have said its own
            self._perform(played or Play(answer))
        return True

    def _command(self, verb: str, rest: str) -> str:
        """The right answer; what it stands for has happened."""
        match verb:
            case "EHLO" | "HELO" if not rest:
                return f"501 Syntax: {verb} hostname"
            case "EHLO" | "HELO":
                self._hello = rest
                self._reset()
                return self._extensions() if verb == "EHLO" else "250 localhost"
            case "NOOP":
                return "250 2.0.0 Ok"
            case "RSET":
                self._reset()
                return "250 2.0.0 Ok"
            case "QUIT":
                self.then = Then.CLOSE
                return "221 2.0.0 Bye"
            case "VRFY":
                return "252 2.1.5 Try it"
            case "STARTTLS" if self._sink.starttls and not self._protected:
                self.wants_tls = True
                return "220 2.0.0 Go ahead"
            case "AUTH" | "MAIL" | "RCPT" | "DATA" if not self._hello:
                return "503 5.5.1 Say EHLO first"
            case "AUTH":
                return self._authenticate(rest)
            case "MAIL":
                return self._mail(rest)
            case "RCPT":
                return self._rcpt(rest)
            case "DATA" if self._chunks or self._failed:
                return "503 5.5.1 BDAT has begun"
            case "DATA" if self._recipients:
                self._in_data = True
                return "354 End with a dot"
            case "DATA" if self._sender is None:
                return "503 5.5.1 MAIL first"
            case "DATA":
                return "554 5.5.1 No valid recipients"
            case _:
                return "502 5.5.1 Unknown command"

    def _extensions(self) -> str:
        sink = self._sink
        words = [*sink.extensions]
        words.append(f"SIZE {sink.size_limit}")
        if sink.starttls and not self._protected:
            words.append("STARTTLS")
        if sink.accounts:
            words.append(f"AUTH {' '.join(sink.mechanisms)}")
        if sink.limits:
            words.append(f"LIMITS {' '.join(sink.limits)}")
        shown = ["localhost", *(word for word in words if word.split()[0] not in sink.hidden)]
        return "\r\n".join([*(f"250-{word}" for word in shown[:-1]), f"250 {shown[-1]}"])

    # --- login -----------------------------------------------------------------------------------

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

    def _go_on_with_login(self, line: str) -> None:
        try:
            answer = b64decode(line, validate=True)
        except (Base64Error, ValueError):
            self._dialogue = None
            self._out.append("501 5.7.0 Authentication aborted")
            return
        self._out.append(self._drive(answer))

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

    # --- the envelope ----------------------------------------------------------------------------

    def _mail(self, rest: str) -> str:
        sink = self._sink
        if sink.login_needed and not self._user:
            return "530 5.7.0 Authentication required"
        if self._sender is not None:
            return "503 5.5.1 Nested MAIL"
        path = _PATH.fullmatch(rest[5:].strip()) if rest.upper().startswith("FROM:") else None
        if path is None:
            return "501 5.5.4 Bad address"
        parameters = (path[2] or "").split()
        names = {"SIZE"} | {"BODY"} if "8BITMIME" in sink.extensions else {"SIZE"}
        names |= {"SMTPUTF8"} & set(sink.extensions) | {"REQUIRETLS"} & set(sink.extensions)
        names |= {"RET", "ENVID"} if "DSN" in sink.extensions else set()
        for parameter in parameters:
            name, _, value = parameter.upper().partition("=")
            if name not in names:
                return "555 5.5.4 Unsupported parameter"
            if name == "SIZE" and value.isdigit() and int(value[:20]) > sink.size_limit:
                return "552 5.3.4 Message too big"
        self._smtputf8 = "SMTPUTF8" in rest.upper().split()
        if not path[1].isascii() and not self._smtputf8:
            return "553 5.6.7 Address needs SMTPUTF8"
        self._sender = path[1]
        self._body_8bit = "BODY=8BITMIME" in rest.upper().split()
        self._parameters = [path[2] or ""]
        return "250 2.1.0 Ok"

    def _rcpt(self, rest: str) -> str:
        if self._sender is None:
            return "503 5.5.1 MAIL first"
        path = _PATH.fullmatch(rest[3:].strip()) if rest.upper().startswith("TO:") else None
        if path is None or not path[1]:
            return "501 5.5.4 Bad address"
        if path[2] and "DSN" not in self._sink.extensions:
            return "555 5.5.4 Unsupported parameter"
        if not path[1].isascii() and not self._smtputf8:
            return "553 5.6.7 Address needs SMTPUTF8"
        if not self._sink.knows(path[1]):
            return "550 5.1.1 No such user"
        if len(self._recipients) >= _MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        played = self._sink.play(f"RCPT {path[1]}")
        if played is None or _takes(played):
            self._recipients.append(path[1])
            self._parameters.append(path[2] or "")
        if played is None:
            return "250 2.1.5 Ok"
        self._perform(played)
        return ""

    # --- the content -----------------------------------------------------------------------------

    def _take_data(self) -> bool:
        """The mail up to its final dot: only CRLF.CRLF ends it (RFC 5321 section 4.1.1.4)."""
        early = self._sink.play("CONTENT") if self._buffer else None
        if early is not None:
            self._buffer.clear()
            self._perform(early)
            return True
        end = 0 if self._buffer.startswith(b".\r\n") else self._buffer.find(b"\r\n.\r\n") + 2
        if end == 1 or (end == 0 and not self._buffer.startswith(b".\r\n")):
            if len(self._buffer) > 2 * self._sink.size_limit:
                self._out.append("552 5.3.4 Message too big")
                self.then = Then.CLOSE
            return False
        data = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._in_data = False
        self._accept(re.sub(rb"(?m)(?:\A|(?<=\r\n))\.", b"", data))  # RFC 5321 section 4.5.2
        return True

    def _bdat(self, rest: str) -> None:
        """RFC 3030 section 2: whatever is wrong, the octets that were announced are no commands."""
        words = rest.upper().split()
        if not words or not words[0].isdigit() or len(words[0]) > 12 or words[1:] not in ([], ["LAST"]):
            self._out.append("501 5.5.4 Syntax: BDAT count [LAST]")
            self.then = Then.CLOSE
            return
        self._chunk, self._chunk_is_last = int(words[0]), len(words) > 1
        if self._sender is None or self._failed:
            self._chunk_answer = "503 5.5.1 MAIL first"
        elif not self._recipients:
            self._chunk_answer = "554 5.5.1 No valid recipients"
        elif len(self._chunks) + self._chunk > self._sink.size_limit:
            self._chunk_answer = "552 5.3.4 Message too big"
        else:
            self._chunk_answer = ""

    def _take_chunk(self) -> bool:
        assert self._chunk is not None
        taken = min(self._chunk, len(self._buffer))
        if not self._chunk_answer:
            self._chunks += self._buffer[:taken]
        del self._buffer[:taken]
        self._chunk -= taken
        if self._chunk:
            return False
        self._chunk = None
        if self._chunk_answer:
            self._failed = self._sender is not None
            self._say("BDAT", self._chunk_answer)
        elif self._chunk_is_last:
            self._accept(bytes(self._chunks))
        else:
            self._say("BDAT", f"250 2.0.0 Ok: {len(self._chunks)} bytes")
        return True

    def _accept(self, data: bytes) -> None:
        received = Received(
            self._sender or "",
            tuple(self._recipients),
            data,
            self._user,
            self._smtputf8,
            self._body_8bit,
            tuple(self._parameters),
        )
        self._reset()
        if len(data) > self._sink.size_limit:
            self._out.append("552 5.3.4 Message too big")
            return
        played = self._sink.play(".") or Play(f"250 2.0.0 Ok: kept as {len(self._sink.received) + 1}")
        if _takes(played):
            self._sink.received.append(received)
            if self._sink.deliver:
                self._sink.deliver(received)
        self._perform(played)


def _takes(played: Play) -> bool:
    """Whether what was asked happens with this answer."""
    return played.takes if played.takes is not None else (played.reply or "").startswith(("2", "3"))
