"""The wire dialogue as a person may read it and share it: lines, with every secret and every mail
taken out. What is secret is removed here, before anything is written, never afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from eilbote.clock import Clock, rfc3339
from eilbote.protocols.imap.encode import Argument, Literal

_LONGEST = 2000
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SECRET_COMMANDS = (b"LOGIN", b"AUTHENTICATE")


class Trace:
    """Writes a line for each command and response: time, peer, direction, text. Literals are shown
    by their size alone, quoted strings of a FETCH likewise, and nothing of a login's exchange."""

    def __init__(self, out: TextIO, clock: Clock) -> None:
        self._out = out
        self._clock = clock

    def note(self, peer: str, text: str) -> None:
        """Something about the connection itself."""
        self._write(peer, "-", text)

    def command(self, peer: str, tag: str, arguments: Sequence[Argument]) -> None:
        """A command that goes out."""
        words = [b"{%d}" % len(one.data) if isinstance(one, Literal) else one for one in arguments]
        if words and words[0].upper() in _SECRET_COMMANDS:
            shown = 2 if words[0].upper() == b"AUTHENTICATE" else 1
            words = [*words[:shown], b"(secret)"]
        self._write(peer, ">", f"{tag} {_readable(b' '.join(words))}")

    def secret(self, peer: str) -> None:
        """A line that goes out and holds a secret."""
        self._write(peer, ">", "(secret)")

    def response(self, peer: str, pieces: Sequence[bytes]) -> None:
        """A response that came."""
        if pieces[0][:1] == b"+":
            self._write(peer, "<", "+ (challenge)" if len(pieces[0]) > 2 else "+")
            return
        words = [b"{%d}" % len(piece) if at % 2 else piece for at, piece in enumerate(pieces)]
        if b" FETCH " in pieces[0][:24].upper():
            words = [_QUOTED.sub(_size_only, word) for word in words]
        self._write(peer, "<", _readable(b"".join(words)))

    def _write(self, peer: str, direction: str, text: str) -> None:
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}… ({len(text)} characters)"
        self._out.write(f"{rfc3339(self._clock.now())} {peer} {direction} {text}\n")


def _size_only(quoted: re.Match[bytes]) -> bytes:
    return b'"(%d bytes)"' % (len(quoted[0]) - 2)


def _readable(line: bytes) -> str:
    text = line[: _LONGEST * 4].decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
