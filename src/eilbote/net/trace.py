"""The wire dialogue as a person may read it and share it: lines, with every secret and every mail
taken out. What is secret is removed here, before anything is written, never afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import TextIOBase
from typing import TextIO

from eilbote.clock import Clock, rfc3339
from eilbote.protocols.imap.encode import Command, Literal

_LONGEST = 2000
_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"?')
_DATE = re.compile(rb'"[ \d]\d-[A-Za-z]{3}-\d{4} [\d:]{8} [+-]\d{4}"')


class Trace:
    """Writes a line for each command and response: time, peer, direction, text. Literals are shown
    by their size alone, quoted strings of a FETCH likewise, and nothing of a login's exchange."""

    def __init__(self, out: TextIO | TextIOBase, clock: Clock) -> None:
        self._out = out
        self._clock = clock

    def also_to(self, out: TextIO) -> Trace:
        """Another trace, which writes to `out` as well."""
        return Trace(_Both(self._out, out), self._clock)

    def note(self, peer: str, text: str) -> None:
        """Something about the connection itself."""
        self._write(peer, "-", text)

    def command(self, peer: str, tag: bytes, command: Command) -> None:
        """A command that goes out."""
        if command.secret:
            shown = b"%s %s (secret)" % (tag, command.name.encode("ascii"))
        else:
            shown = tag + b" " + b"".join(map(_piece, command.pieces))
        self._write(peer, ">", _readable(shown))

    def sent(self, peer: str, line: bytes) -> None:
        """A line that goes out, without any secret in it."""
        self._write(peer, ">", _readable(line))

    def received(self, peer: str, line: bytes) -> None:
        """A line that came, one that may be shown."""
        self._write(peer, "<", _readable(line))

    def response(self, peer: str, frame: Sequence[bytes]) -> None:
        """A response that came."""
        if frame[0][:1] == b"+":
            self._write(peer, "<", "+ (challenge)" if len(frame[0]) > 2 else "+")
            return
        words = [b"<%d bytes>" % len(piece) if at % 2 else piece for at, piece in enumerate(frame)]
        if re.match(rb"\* \d+ FETCH\b", frame[0], re.IGNORECASE):
            words = [_QUOTED.sub(_size_only, word) for word in words]
        self._write(peer, "<", _readable(b"".join(words)))

    def _write(self, peer: str, direction: str, text: str) -> None:
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}… ({len(text)} characters)"
        self._out.write(f"{rfc3339(self._clock.now())} {peer} {direction} {text}\n")


class _Both(TextIOBase):
    def __init__(self, first: TextIO | TextIOBase, second: TextIO) -> None:
        super().__init__()
        self._outs = (first, second)

    def write(self, text: str, /) -> int:
        for out in self._outs:
            out.write(text)
        return len(text)


def _piece(piece: bytes | Literal) -> bytes:
    return b"{%d} <%d bytes>" % (len(piece.data), len(piece.data)) if isinstance(piece, Literal) else piece


def _size_only(quoted: re.Match[bytes]) -> bytes:
    return quoted[0] if _DATE.fullmatch(quoted[0]) else b'"(%d bytes)"' % max(0, len(quoted[0]) - 2)


def _readable(line: bytes) -> str:
    text = line[: _LONGEST * 4].decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
