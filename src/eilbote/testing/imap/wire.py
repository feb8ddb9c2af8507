"""Commands read and words written: IMAP's syntax as a server needs it (RFC 9051 section 9).

Written apart from the product's own wire code on purpose, so that one does not repeat the other's
mistakes. It must never hold more of a client's input than the limits allow.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from eilbote.mail.mailbox import UidSet


class Rejected(Exception):
    """The command ends with this status (`NO` or `BAD`), response code (or "") and text."""

    def __init__(self, status: str, text: str, code: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code


class String(Struct, frozen=True):
    """A quoted string or a literal, as bytes."""

    value: bytes


Token = str | String | list["Token"]
"""An atom, a string, or a parenthesised list."""

_LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}$")
_ATOM = re.compile(rb"[^\s()\"{\[\x00-\x1f\x7f]+")
_MAX_DEPTH = 25


class CommandReader:
    """Collects bytes into whole lines or commands; `+` continuations go out through `send`."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        admit: Callable[[list[bytes], int], bytes | None],
        *,
        line_limit: int,
        literal_limit: int,
        literal_plus: bool,
    ) -> None:
        """`admit` may refuse a synchronising literal of this size, by the answer it gives."""
        self._admit = admit
        self._send = send
        self._line_limit = line_limit
        self._literal_limit = literal_limit
        self._literal_plus = literal_plus
        self._buffer = bytearray()
        self._segments: list[bytes] = []
        self._awaited = -1

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def forget(self) -> None:
        """Drops what was sent ahead (at STARTTLS, RFC 9051 section 6.2.1)."""
        self._buffer.clear()

    def line(self) -> bytes | None:
        """The next line without its CRLF, None if it is not whole yet."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > self._line_limit:
                raise Rejected("BYE", "Line too long")
            return None
        if end > self._line_limit:
            raise Rejected("BYE", "Line too long")
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def command(self) -> list[bytes] | None:
        """The next command as text, literal, text, ...; None if it is not whole yet.

        A line that is refused is consumed; Rejected tells it.
        """
        while True:
            if self._awaited >= 0:
                if len(self._buffer) < self._awaited:
                    return None
                self._segments.append(bytes(self._buffer[: self._awaited]))
                del self._buffer[: self._awaited]
                self._awaited = -1
            line = self.line()
            if line is None:
                return None
            self._segments.append(line)
            literal = _LITERAL.search(line)
            if not literal:
                whole, self._segments = self._segments, []
                return whole
            size, plus = int(literal[1]), bool(literal[2])
            self._segments[-1] = line[: literal.start()]
            if plus and not self._literal_plus:
                raise Rejected("BYE", "Non-synchronising literals are not offered")
            if size > self._literal_limit:
                tag = self._segments[0].split(b" ")[0].decode("latin-1")
                self._segments = []
                if plus:
                    raise Rejected("BYE", "Literal too long")
                self._send(f"{tag} NO [TOOBIG] Literal too long\r\n".encode())
                continue
            refusal = None if plus else self._admit(self._segments, size)
            if refusal is not None:
                self._segments = []
                self._send(refusal)
                continue
            self._awaited = size
            if not plus:
                self._send(b"+ OK\r\n")


def tokens(segments: list[bytes]) -> list[Token]:
    """The words of a command; Rejected BAD for anything that does not parse."""
    stack: list[list[Token]] = [[]]
    for index, segment in enumerate(segments):
        if index % 2:
            stack[-1].append(String(segment))
            continue
        at = 0
        while at < len(segment):
            mark = segment[at : at + 1]
            if mark == b" ":
                at += 1
            elif mark == b"(":
                if len(stack) > _MAX_DEPTH:
                    raise Rejected("BAD", "Nested too deeply")
                stack.append([])
                at += 1
            elif mark == b")":
                if len(stack) == 1:
                    raise Rejected("BAD", "Missing '('")
                done = stack.pop()
                stack[-1].append(done)
                at += 1
            elif mark == b'"':
                value, at = _quoted(segment, at)
                stack[-1].append(String(value))
            else:
                atom, at = _atom(segment, at)
                stack[-1].append(atom)
    if len(stack) > 1:
        raise Rejected("BAD", "Missing ')'")
    return stack[0]


def _quoted(text: bytes, at: int) -> tuple[bytes, int]:
    value = bytearray()
    at += 1
    while at < len(text):
        mark = text[at : at + 1]
        if mark == b'"':
            return bytes(value), at + 1
        if mark == b"\\":
            at += 1
            mark = text[at : at + 1]
            if mark not in (b'"', b"\\"):
                break
        value += mark
        at += 1
    raise Rejected("BAD", "Missing '\"'")


def _atom(text: bytes, at: int) -> tuple[str, int]:
    """An atom; a section in brackets, as in BODY[HEADER.FIELDS (TO)]<0.10>, belongs to it."""
    start = at
    while at < len(text):
        found = _ATOM.match(text, at)
        if found:
            at = found.end()
        elif text[at : at + 1] == b"[":
            end = text.find(b"]", at)
            if end < 0:
                raise Rejected("BAD", "Missing ']'")
            at = end + 1
        else:
            break
    if at == start:
        raise Rejected("BAD", "Unexpected character")
    return text[start:at].decode("utf-8", "replace"), at


class Arguments:
    """The words of a command, taken one after the other; Rejected BAD where one does not fit."""

    def __init__(self, words: list[Token], *, utf8: bool = False) -> None:
        self._words = words
        self._at = 0
        self.utf8 = utf8

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    def token(self) -> Token:
        if self._at >= len(self._words):
            raise Rejected("BAD", "Missing arguments")
        self._at += 1
        return self._words[self._at - 1]

    def peek(self) -> Token | None:
        return self._words[self._at] if self else None

    def atom(self) -> str:
        word = self.token()
        if not isinstance(word, str):
            raise Rejected("BAD", "Atom expected")
        return word

    def string(self) -> bytes:
        """An astring."""
        match self.token():
            case str() as atom:
                return atom.encode()
            case String(value):
                return value
            case _:
                raise Rejected("BAD", "String expected")

    def text(self) -> str:
        return self.string().decode("utf-8", "replace")

    def mailbox(self) -> str:
        """A mailbox name as Unicode."""
        return decode_mailbox(self.string(), utf8=self.utf8)

    def items(self) -> list[Token]:
        word = self.token()
        if not isinstance(word, list):
            raise Rejected("BAD", "List expected")
        return word

    def number(self) -> int:
        word = self.atom()
        if not word.isascii() or not word.isdigit() or len(word) > 20:
            raise Rejected("BAD", "Number expected")
        return int(word)

    def end(self) -> None:
        if self:
            raise Rejected("BAD", "Too many arguments")


def sequence(text: str, largest: int) -> UidSet:
    """A sequence-set; `*` is `largest`, and ranges may run backwards (RFC 9051 section 9)."""
    ranges = []
    for part in text.split(","):
        ends = []
        for number in part.split(":"):
            if number == "*":
                ends.append(largest)
            elif number.isascii() and number.isdigit() and len(number) <= 10 and 0 < int(number) < 2**32:
                ends.append(int(number))
            else:
                raise Rejected("BAD", "Invalid message set")
        if len(ends) > 2:
            raise Rejected("BAD", "Invalid message set")
        ranges.append((ends[0], ends[-1]))
    return UidSet((low, high) for low, high in ranges if low or high)


def quoted(text: str | bytes, *, utf8: bool = False) -> bytes:
    """A string: quoted where possible, else a literal."""
    value = text.encode() if isinstance(text, str) else text
    if len(value) < 900 and not any(byte in b"\r\n\0" for byte in value) and (utf8 or value.isascii()):
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(value)


def nstring(value: bytes | None, *, utf8: bool = False) -> bytes:
    return b"NIL" if value is None else quoted(value, utf8=utf8)


def literal(value: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(value), value)


def mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name as the wire has it: modified UTF-7, or UTF-8 once that was enabled."""
    encoded = name.encode() if utf8 else encode_utf7(name)
    if re.fullmatch(rb"[A-Za-z0-9_./&+,:;=@!$'-]+", encoded) and encoded.upper() != b"NIL":
        return encoded
    return quoted(encoded, utf8=utf8)


def encode_utf7(name: str) -> bytes:
    """Modified UTF-7 (RFC 3501 section 5.1.3)."""
    done: list[bytes] = []
    for run in re.findall(r"[ -~]+|[^ -~]+", name):
        if " " <= run[0] <= "~":
            done.append(run.replace("&", "&-").encode())
        else:
            coded = b64encode(run.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
            done.append(b"&" + coded + b"-")
    return b"".join(done)


def decode_mailbox(name: bytes, *, utf8: bool) -> str:
    """The inverse of `mailbox`; Rejected for names that are neither."""
    try:
        if utf8:
            return name.decode()
        return re.sub(r"&([^-]*)-", _decode_run, name.decode("ascii"))
    except ValueError:
        raise Rejected("NO", "Mailbox name is not valid", "CANNOT") from None


def _decode_run(run: re.Match[str]) -> str:
    coded = run[1].replace(",", "/")
    return b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode("utf-16-be") if coded else "&"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE_TIME = re.compile(
    r"[ ]?(\d{1,2})-(\w{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})", re.ASCII
)
_DATE = re.compile(r"(\d{1,2})-(\w{3})-(\d{4})", re.ASCII)


def date_time(seconds: float) -> bytes:
    """INTERNALDATE in UTC (RFC 9051 section 9, `date-time`)."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f'"{when.day:2d}-{_MONTHS[when.month - 1]}-{when:%Y %H:%M:%S} +0000"'.encode()


def parse_date_time(text: str) -> float:
    """Seconds since 1970; Rejected for what is no date-time."""
    found = _DATE_TIME.fullmatch(text)
    if not found or found[2].title() not in _MONTHS:
        raise Rejected("BAD", "Invalid internal date")
    day, month, year = int(found[1]), _MONTHS.index(found[2].title()) + 1, int(found[3])
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        local = datetime(year, month, day, int(found[4]), int(found[5]), int(found[6]), tzinfo=UTC)
        return (local - offset if found[7] == "+" else local + offset).timestamp()
    except (ValueError, OverflowError):
        raise Rejected("BAD", "Invalid internal date") from None


def parse_date(text: str) -> float:
    """The start of that day in UTC, in seconds since 1970."""
    found = _DATE.fullmatch(text)
    if not found or found[2].title() not in _MONTHS:
        raise Rejected("BAD", "Invalid search date")
    try:
        month = _MONTHS.index(found[2].title()) + 1
        return datetime(int(found[3]), month, int(found[1]), tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise Rejected("BAD", "Invalid search date") from None
