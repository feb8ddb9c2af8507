"""The one encoder: every argument of every command passes here before it reaches the wire.

It refuses NUL, CR and LF wherever they could end a line or a string (RFC 9051 section 4); nothing
else in the package joins text into a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

from eilbote.errors import Misused
from eilbote.mail.mailbox import Flag, Flags, MailboxName, UidSet
from eilbote.protocols.imap.mutf7 import encode_mutf7

_ATOM_BREAKERS = frozenset(b'(){ %*"\\]') | frozenset(range(33)) | {127}
_LONGEST_QUOTED = 1000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Literals(Enum):
    """Which literals may be sent without waiting for the server (RFC 7888)."""

    SYNCHRONIZING = 0
    PLUS = 1
    MINUS = 2


@dataclass(frozen=True, slots=True)
class Literal:
    """Bytes of any kind but NUL, sent as a literal; large ones are not copied."""

    data: bytes

    def __post_init__(self) -> None:
        if b"\0" in self.data:
            raise Misused("imap.argument", what="NUL")


Argument: TypeAlias = bytes | Literal
"""What a command is made of: text that is ready for the line, or a literal."""


def atom(text: str) -> bytes:
    """A word of the protocol (RFC 9051 `atom`)."""
    data = _ascii(text)
    if not data or any(byte in _ATOM_BREAKERS for byte in data):
        raise Misused("imap.argument", what=text[:40])
    return data


def string(text: str | bytes) -> Argument:
    """A quoted string, or a literal where the text is long, not ASCII, or has quotes to hide."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    _refuse_controls(data)
    if len(data) > _LONGEST_QUOTED or not data.isascii():
        return Literal(data)
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def astring(text: str | bytes) -> Argument:
    """An atom where that is possible, else a string (RFC 9051 `astring`)."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if data and data.isascii() and data.upper() != b"NIL" and not any(b in _ATOM_BREAKERS for b in data):
        return data
    return string(data)


def mailbox(name: MailboxName, *, utf8: bool) -> Argument:
    """A mailbox's name: UTF-8 after ENABLE UTF8=ACCEPT or IMAP4rev2, else modified UTF-7."""
    if not name:
        raise Misused("imap.argument", what="an empty mailbox name")
    if utf8:
        data = name.encode("utf-8", "surrogateescape")
        _refuse_controls(data)
        # RFC 9755 section 3: in this mode a quoted string may hold UTF-8.
        return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return astring(encode_mutf7(name))


def uid_set(uids: UidSet) -> bytes:
    """A sequence set; the empty one has no form on the wire."""
    if not uids:
        raise Misused("imap.argument", what="an empty set of UIDs")
    return str(uids).replace(":4294967295", ":*").encode()


def flag(text: Flag) -> bytes:
    """A flag: a keyword, or a system flag with its backslash."""
    name = text.removeprefix("\\")
    return (b"\\" if name != text else b"") + atom(name)


def flags(many: Flags) -> bytes:
    return b"(" + b" ".join(flag(one) for one in sorted(many)) + b")"


def number(value: int) -> bytes:
    if value < 0:
        raise Misused("imap.argument", what=str(value))
    return str(value).encode()


def date_time(seconds: float) -> bytes:
    """INTERNALDATE as APPEND takes it, in UTC (RFC 9051 `date-time`)."""
    when = datetime.fromtimestamp(int(seconds), UTC)
    month = _MONTHS[when.month - 1]
    return f'"{when.day:2d}-{month}-{when.year:04d} {when:%H:%M:%S} +0000"'.encode()


def date(seconds: float) -> bytes:
    """A day as SEARCH takes it (RFC 9051 `date`)."""
    when = datetime.fromtimestamp(int(seconds), UTC)
    return f"{when.day}-{_MONTHS[when.month - 1]}-{when.year:04d}".encode()


def in_parentheses(arguments: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(arguments) + b")"


def on_the_wire(tag: bytes, arguments: Iterable[Argument], literals: Literals) -> list[list[bytes]]:
    """The command as portions of chunks; before each portion but the first the server's `+` must
    come. A non-synchronizing literal needs no wait (RFC 7888): any size with LITERAL+, up to 4096
    bytes with LITERAL-.
    """
    portions: list[list[bytes]] = [[tag]]
    for argument in arguments:
        if isinstance(argument, bytes):
            _refuse_controls(argument)
            portions[-1].append(b" " + argument)
            continue
        size = len(argument.data)
        at_once = literals is Literals.PLUS or (literals is Literals.MINUS and size <= 4096)
        portions[-1].append(b" {%d%s}\r\n" % (size, b"+" if at_once else b""))
        if not at_once:
            portions.append([])
        portions[-1].append(argument.data)
    portions[-1].append(b"\r\n")
    return portions


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise Misused("imap.argument", what=text[:40].encode("ascii", "replace").decode()) from None


def _refuse_controls(data: bytes) -> None:
    if b"\r" in data or b"\n" in data or b"\0" in data:
        raise Misused("imap.argument", what="CR, LF or NUL")
