"""What is queued for the server: pieces of commands, held back where a literal must wait.

It must never reorder pieces, and never copy a large literal.
"""

from __future__ import annotations

from collections import deque

from eilbote.protocols.imap.encode import Command, Literal

_CHUNK = 256 * 1024


class Outgoing:
    """Pieces in order. A literal that needs the server's consent (RFC 9051 section 4.3) stops all
    pieces behind it until `consent`."""

    def __init__(self) -> None:
        self.non_synchronising: int | None = 0
        """Longest literal that needs no consent: 0 none, None any (LITERAL-, LITERAL+)."""
        self._pieces: deque[tuple[bytes, bytes | memoryview | None]] = deque()  # None: wait for consent

    def add(self, tag: bytes, command: Command) -> None:
        """Queues a whole command."""
        self._pieces.append((tag, tag + b" "))
        for piece in command.pieces:
            if isinstance(piece, Literal):
                self._add_literal(tag, piece)
            else:
                self._pieces.append((tag, piece))
        self._pieces.append((tag, b"\r\n"))

    def _add_literal(self, tag: bytes, literal: Literal) -> None:
        size = len(literal.data)
        waits = self.non_synchronising is not None and size > self.non_synchronising
        mark = b"%s{%d%s}\r\n" % (b"~" if literal.octets else b"", size, b"" if waits else b"+")
        self._pieces.append((tag, mark))
        if waits:
            self._pieces.append((tag, None))
        view = memoryview(literal.data)
        self._pieces.extend((tag, view[at : at + _CHUNK]) for at in range(0, size, _CHUNK))

    def add_line(self, line: bytes) -> None:
        """Queues a line that answers the server's `+`."""
        self._pieces.append((b"", line + b"\r\n"))

    def take(self) -> bytes | memoryview:
        """The next bytes to write, about 256 KiB at most; empty when nothing may be sent now."""
        taken: list[bytes | memoryview] = []
        total = 0
        while self._pieces and total < _CHUNK:
            piece = self._pieces[0][1]
            if piece is None or (taken and total + len(piece) > _CHUNK):
                break
            self._pieces.popleft()
            taken.append(piece)
            total += len(piece)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    @property
    def waits_for_consent(self) -> bool:
        """Everything before the literal was taken; the server's `+` is due."""
        return bool(self._pieces) and self._pieces[0][1] is None

    @property
    def is_ready(self) -> bool:
        """Something may be sent now."""
        return bool(self._pieces) and self._pieces[0][1] is not None

    def consent(self) -> None:
        """The server said `+`: the literal may go."""
        self._pieces.popleft()

    def withdraw(self, tag: bytes) -> None:
        """The command was answered before its literal was wanted: the rest is never sent."""
        if self.waits_for_consent and self._pieces[0][0] == tag:
            while self._pieces and self._pieces[0][0] == tag:
                self._pieces.popleft()

    def is_unsent(self, tag: bytes) -> bool:
        """Not one byte of the command was taken yet."""
        return any(owner == tag and piece == tag + b" " for owner, piece in self._pieces)
