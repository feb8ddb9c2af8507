"""COMPRESS=DEFLATE (RFC 4978) without a socket: a layer between the line and the IMAP connection.

Bytes of the line go in, bytes of the protocol come out into the reader's own buffer, never more at
once than that has room for. A bomb ends the connection: what comes out is bounded by a ratio to what
came in, and by a total.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from msgspec import Struct

from eilbote.errors import Garbled

ENOUGH = 256 * 1024
"""Bytes that must have been fetched before a line's speed is known."""

SLOW = 1_000_000.0
"""Bytes a second below which a line is slow: compressing then saves more time than it takes."""

_WINDOW = -15  # raw deflate, the largest window (RFC 4978 section 3)
_ROOM = 64 * 1024
_MOST_PENDING = 256 * 1024


class Caps(Struct, frozen=True):
    """What may come out of a compressed line: `ratio` times what went in, beyond the first `free`
    bytes; and `total` bytes in all."""

    ratio: int = 100
    free: int = 1 << 20
    total: int = 64 << 30


class Reader(Protocol):
    """Where the bytes of the protocol go: a buffer that its owner empties."""

    def room(self) -> memoryview: ...

    def filled(self, count: int) -> None: ...

    @property
    def is_full(self) -> bool: ...


class Inflater:
    """Receives compressed bytes as a `Reader` itself; `pump` hands them on."""

    def __init__(self, reader: Reader, caps: Caps | None = None) -> None:
        self._reader = reader
        self._caps = caps or Caps()
        self._stream = zlib.decompressobj(_WINDOW)
        self._buffer = memoryview(bytearray(_ROOM))
        self._pending = b""
        self._more = False  # zlib holds output that had no room
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> None:
        """Takes compressed bytes that were received otherwise."""
        self._pending += data
        self._taken += len(data)

    def room(self) -> memoryview:
        """Where to receive compressed bytes next."""
        return self._buffer

    def filled(self, count: int) -> None:
        """So many compressed bytes were received there."""
        self.feed(bytes(self._buffer[:count]))

    @property
    def is_full(self) -> bool:
        """Nothing more may be received until `pump` has handed some on."""
        return len(self._pending) >= _MOST_PENDING

    def pump(self) -> int:
        """Hands on what the reader has room for; returns how many bytes that were. Garbled
        `net.deflate` where the bytes are no such stream, go on behind its end, or become too many."""
        before = self._given
        while (self._pending or self._more) and not self._reader.is_full:
            room = self._reader.room()
            try:
                made = self._stream.decompress(self._pending, len(room))
            except zlib.error:
                raise Garbled("net.deflate", reason="zlib") from None
            self._pending = self._stream.unconsumed_tail
            self._more = len(made) == len(room)
            room[: len(made)] = made
            self._reader.filled(len(made))
            self._given += len(made)
            self._check()
        return self._given - before

    def _check(self) -> None:
        # Dovecot ends the stream at LOGOUT; after that only the line itself may end.
        if self._stream.eof and (self._stream.unused_data or self._pending):
            raise Garbled("net.deflate", reason="end")
        caps = self._caps
        if self._given > caps.free + caps.ratio * self._taken:
            raise Garbled("net.deflate", reason=f"1:{self._given // max(self._taken, 1)}")
        if self._given > caps.total:
            raise Garbled("net.deflate", reason=f"{self._given} bytes")


class Deflater:
    """Compresses what goes out; each piece can be read by the server at once."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(wbits=_WINDOW)

    def deflate(self, data: bytes | memoryview) -> bytes:
        """The bytes for the line."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)


def is_worth_it(policy: str, *, offered: bool, loopback: bool, throughput: float | None) -> bool:
    """Whether a line should be compressed: `policy` is `auto`, `always` or `never`; `throughput` the
    bytes a second that were measured, None where nothing was yet."""
    if not offered or policy == "never":
        return False
    return policy == "always" or (not loopback and throughput is not None and throughput < SLOW)
