"""TLS between a plain transport and whoever reads: an `ssl.SSLObject` that costs little while it waits.

asyncio's own (`asyncio.sslproto`) keeps a read buffer for each connection, 256 KB of it or 16 KB at the
least that is sensible; hundreds of connections that only wait pay for it. Here nothing is kept but
OpenSSL's state: all connections of a thread receive into one buffer, which is emptied at once.

It must never go on after an error of TLS, and never hand out a byte that was not decrypted.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

_PIECE = 8 * 1024
"""So much is given to OpenSSL at once: what it holds in memory grows with that and never shrinks."""

_SCRATCH = 64 * 1024


class _Scratch(threading.local):
    """Where a thread's connections receive. Nothing stays there between two calls."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_SCRATCH))


_scratch = _Scratch()


class TlsTransport(asyncio.Transport, asyncio.BufferedProtocol):
    """The protocol of the transport `below` it, and the transport of the protocol `above` it.

    Used like any transport once `shake_hands` has returned. The line ends for `above` as the plain one
    would end: `eof_received`, `connection_lost`.
    """

    def __init__(
        self,
        below: asyncio.Transport,
        above: asyncio.BufferedProtocol,
        context: ssl.SSLContext,
        host: str,
    ) -> None:
        """Takes over `below`, in which nothing may have been received. ValueError where `host` is no
        name."""
        super().__init__()
        self._below = below
        self._above: asyncio.BufferedProtocol | None = above
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)
        self._shaken: asyncio.Future[None] | None = None
        self._paused = False
        self._closing = False
        self._rest = b""  # received while paused, for OpenSSL
        below.set_protocol(self)

    async def shake_hands(self, within: float) -> None:
        """Raises ssl.SSLError (ssl.SSLCertVerificationError), ConnectionError, and TimeoutError after so
        many seconds."""
        self._shaken = asyncio.get_running_loop().create_future()
        try:
            self._shake()
            async with asyncio.timeout(within):
                await self._shaken
        finally:
            self._shaken = None

    def _shake(self) -> None:
        assert self._shaken is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as failure:
            self._flush()  # the alert that tells the server why
            self._fail(failure)
        else:
            self._flush()
            if not self._shaken.done():
                self._shaken.set_result(None)

    def _fail(self, failure: Exception) -> None:
        if self._shaken is not None and not self._shaken.done():
            self._shaken.set_exception(failure)

    # --- from below ------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return _scratch.view

    def buffer_updated(self, nbytes: int) -> None:
        self._feed(_scratch.view[:nbytes])

    def _feed(self, data: memoryview) -> None:
        for at in range(0, len(data), _PIECE):
            if self._paused:
                self._rest += bytes(data[at:])
                return
            self._received.write(data[at : at + _PIECE])
            if self._closing:
                self._part()
                continue
            if self._shaken is not None and not self._shaken.done():
                self._shake()
            if self._shaken is None or self._shaken.done():
                self._hand_on()

    def _hand_on(self) -> None:
        """Decrypts into the buffer of whoever is above, until more has to come."""
        try:
            while not self._paused and self._above is not None:
                room = memoryview(self._above.get_buffer(-1))
                count: Any = self._tls.read(len(room), room)  # a number: it was given a buffer
                if not count:  # the server said that it ends
                    self._end()
                    return
                self._above.buffer_updated(count)
        except ssl.SSLWantReadError:
            self._flush()  # TLS itself may have had something to answer
        except ssl.SSLError:
            # ssl.SSLZeroReturnError is an end in order, and so is what nobody can tell from one: what was
            # told before it is whole, record by record, and protocols know where their answers end.
            self._end()

    def _end(self) -> None:
        if self._above is not None:
            self._above.eof_received()
        self._below.abort()

    def eof_received(self) -> None:
        self._fail(ConnectionResetError())
        if self._above is not None:
            self._above.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError())
        above, self._above = self._above, None  # no ring of references stays behind
        if above is not None:
            above.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._above is not None:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        if self._above is not None:
            self._above.resume_writing()

    # --- from above ------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        pieces = []
        try:
            for at in range(0, len(view), _PIECE):
                self._tls.write(view[at : at + _PIECE])
                pieces.append(self._to_send.read())
        except ssl.SSLError:  # it has ended; what reads will find that out
            self._below.abort()
        else:
            self._below.write(b"".join(pieces))

    def _flush(self) -> None:
        if self._to_send.pending:
            self._below.write(self._to_send.read())

    def pause_reading(self) -> None:
        self._paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        self._hand_on()
        if self._rest and not self._paused:
            rest, self._rest = self._rest, b""
            self._feed(memoryview(rest))
        if not self._paused:
            self._below.resume_reading()

    def close(self) -> None:
        """Says that it ends, and ends once the server has said the same; what comes until then is
        thrown away. Whoever does not want to wait calls `abort` after a while."""
        self._closing = True
        self._paused, self._rest = False, b""
        self._below.resume_reading()
        self._part()

    def _part(self) -> None:
        """A line closed earlier, with something unread in it, would be reset: the server might lose what
        was written last."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._below.close()
        else:
            self._flush()
            self._below.close()

    def abort(self) -> None:
        self._below.abort()

    def is_closing(self) -> bool:
        return self._closing or self._below.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)
