"""The one encoder of command arguments: atom, quoted string or literal (RFC 9051 section 4).

Every word that leaves for a server is made here, so that no text of a user, a mail or another
server can begin a line of its own: NUL, CR and LF are refused (Misused `imap.argument`) everywhere
but inside the bytes of an appended mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from eilbote.errors import Misused
from eilbote.mail import mutf7
from eilbote.mail.mailbox import MAX_UID, Flags, MailboxName, UidSet


class Literal(Struct, frozen=True):
    """Bytes sent by length. `octets`: a literal8 (`~{n}`), which alone may hold NUL."""

    data: bytes
    octets: bool = False


Piece: TypeAlias = bytes | Literal
"""A part of a command: text that is safe on a line, or a literal."""

SET_LENGTH = 7000
"""Longest text of one sequence set: servers take lines of 8 KiB at least (RFC 7162 section 4)."""

_ATOM = re.compile(r"[!#-'+-\[^-z|}~]+")  # ATOM-CHAR: no specials, wildcards, quotes, backslash, ]
_KEYWORD = re.compile(r"\\?[!#-'+-\[^-z|}~]+")
_BREAKS = re.compile(r"[\0\r\n]")
_LONGEST_QUOTED = 1000


class Command(Struct, frozen=True):
    """One command without its tag.

    `name` for errors and traces. `expects`: the kinds of untagged responses it asks for;
    others count as unsolicited. `answer` gives the reply to each `+` that no literal waited for (SASL).
    `alone`: nothing may be sent before its tagged response (RFC 9051 section 5.5). `secret`: its
    arguments never reach a trace. `streams`: the section whose mails are handed out one by one
    instead of being kept.
    """

    name: str
    pieces: tuple[Piece, ...]
    expects: frozenset[type] = frozenset()
    answer: Callable[[bytes], bytes] | None = None
    alone: bool = False
    secret: bool = False
    streams: str | None = None


def command(
    name: str,
    *arguments: Piece | Sequence[Piece],
    expects: Iterable[type] = (),
    alone: bool = False,
    secret: bool = False,
    streams: str | None = None,
    answer: Callable[[bytes], bytes] | None = None,
) -> Command:
    """A command of `name` (our own words, never a user's) and encoded arguments, a space between."""
    pieces: list[Piece] = [name.encode("ascii")]
    for argument in arguments:
        pieces.append(b" ")
        if isinstance(argument, (bytes, Literal)):
            pieces.append(argument)
        else:
            pieces += argument
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return Command(name, tuple(joined), frozenset(expects), answer, alone, secret, streams)


def atom(word: str) -> bytes:
    """A word that needs no quotes. Misused for any other."""
    if _ATOM.fullmatch(word) is None:
        raise Misused("imap.argument", what=_shown(word))
    return word.encode("ascii")


def number(value: int) -> bytes:
    """A number of at most 63 bits. Misused outside."""
    if not 0 <= value < 2**63:
        raise Misused("imap.argument", what=str(value)[:30])
    return b"%d" % value


def astring(value: str, *, utf8: bool = False) -> Piece:
    """Any text: atom-like and other printable ASCII quoted, everything else as a literal.

    `utf8`: the server takes UTF-8 in quotes (RFC 6855 section 3, RFC 9051 section 4.3).
    """
    if _BREAKS.search(value):
        raise Misused("imap.argument", what=_shown(value))
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise Misused("imap.argument", what=_shown(value)) from None
    quotable = value.isascii() or utf8
    if not quotable or len(raw) > _LONGEST_QUOTED:
        return Literal(raw)
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def mailbox(name: MailboxName, *, utf8: bool = False) -> Piece:
    """A mailbox's name: UTF-8 where that was enabled, else modified UTF-7 (RFC 3501 section 5.1.3)."""
    if utf8:
        return astring(name, utf8=True)
    try:
        return astring(mutf7.encode(name).decode("ascii"))
    except UnicodeEncodeError:
        raise Misused("imap.argument", what=_shown(name)) from None


def wire_mailbox(raw: bytes) -> Piece:
    """A mailbox's name exactly as the server wrote it, for names that no encoder would produce."""
    if re.search(rb"[\0\r\n]", raw):
        raise Misused("imap.argument", what=_shown(raw.decode("latin-1")))
    if raw.isascii():
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(raw)


def flags(names: Flags | Iterable[str]) -> bytes:
    """A parenthesised list of flags; `\\Recent` is the server's own and refused like any bad word."""
    words = sorted(names)
    for word in words:
        if _KEYWORD.fullmatch(word) is None or word.lower() == "\\recent":
            raise Misused("imap.argument", what=_shown(word))
    return b"(" + " ".join(words).encode("ascii") + b")"


def listed(words: Iterable[bytes]) -> bytes:
    """A parenthesised list of pieces that are encoded already."""
    return b"(" + b" ".join(words) + b")"


def sequence_sets(uids: UidSet, length: int = SET_LENGTH) -> list[bytes]:
    """`uids` as texts of at most `length` bytes each, ascending; together exactly the set.

    Misused for the empty set, which IMAP cannot write.
    """
    if not uids:
        raise Misused("imap.empty_set")
    if uids.ranges == ((1, MAX_UID),):
        return [b"1:*"]
    texts: list[bytes] = []
    parts: list[str] = []
    used = 0
    for low, high in uids.ranges:
        if low < 1 or high > MAX_UID:
            raise Misused("imap.argument", what=f"{low}:{high}")
        part = str(low) if low == high else f"{low}:{high}"
        if parts and used + len(part) + 1 > length:
            texts.append(",".join(parts).encode("ascii"))
            parts, used = [], 0
        parts.append(part)
        used += len(part) + 1
    texts.append(",".join(parts).encode("ascii"))
    return texts


def _shown(value: str) -> str:
    return ascii(value[:60])
