"""A protected byte stream over asyncio: connects, verifies, receives into a buffer of the reader's.

TLS is verified always and never downgraded. A certificate that does not verify is accepted only
where its SHA-256 fingerprint is among those the user trusts for this server.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from eilbote.errors import EilboteError, Misused, NotAllowed, Unreachable
from eilbote.net.dial import Address, dial, resolve
from eilbote.net.tls import TlsTransport
from eilbote.protocols.deflate import Deflater, Inflater
from eilbote.store.values import Security, Server

_CLOSE_SECONDS = 2.0
_RETRY_SECONDS = 60.0


class Receiver(Protocol):
    """Where received bytes go: a buffer that its owner empties."""

    def room(self) -> memoryview:
        """Where to receive next."""
        ...

    def filled(self, count: int) -> None:
        """So many bytes were received there."""
        ...

    @property
    def is_full(self) -> bool:
        """Nothing more may be received until the owner has read."""
        ...


class _Incoming(asyncio.BufferedProtocol):
    """Receives straight into the receiver's buffer; pauses the transport while that is full."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.transport: asyncio.Transport | None = None
        self.received = 0
        self.ended = False
        self.can_write = True
        self.closed = asyncio.Event()
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._seen = 0  # what `received` was when somebody last waited

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.receiver.room()

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        self.receiver.filled(nbytes)
        if self.receiver.is_full and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.closed.set()
        self._wake()

    def pause_writing(self) -> None:
        self.can_write = False

    def resume_writing(self) -> None:
        self.can_write = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def waiter(self) -> asyncio.Future[None]:
        """Done as soon as something arrives, ends, or may be written again."""
        if self._paused and not self.receiver.is_full and self.transport is not None and not self.ended:
            self._paused = False
            self.transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        if self.received != self._seen or self.ended:
            self._waiter.set_result(None)
        return self._waiter

    def has_news(self) -> bool:
        """Bytes came since the last call."""
        news = self.received != self._seen
        self._seen = self.received
        return news


class Unverified(Exception):
    """The certificate did not verify. Nothing has been sent; the caller may look at the pins."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stream:
    """One connection to a server. `verify` False: the certificate is judged by its fingerprint
    alone (`check_pin`), because it did not verify before."""

    def __init__(
        self,
        server: Server,
        incoming: _Incoming,
        *,
        verify: bool,
        connect_timeout: float,
        read_timeout: float,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._context = context
        self._connect_timeout = connect_timeout
        self._server = server
        self._incoming = incoming
        self._verify = verify
        self._read_timeout = read_timeout
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        self._guard: Callable[[], None] | None = None
        self.bytes_sent = 0

    @classmethod
    async def connect(
        cls,
        server: Server,
        receiver: Receiver,
        *,
        verify: bool,
        connect_timeout: float,
        read_timeout: float,
        guard: Callable[[], None] | None = None,
        addresses: Sequence[Address] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Stream:
        """Connects, with TLS from the first byte where `server.security` says so. Timeouts in seconds.
        `addresses`: where the host is, where the caller has looked it up. `guard` is asked before
        anything is written; what it raises, leaves `write`. `context`: TLS of another kind, for whoever
        looks at a server and tells it nothing.

        Raises Unreachable (`net.no_such_host`, `net.refused`, `net.timeout`, `net.unreachable`,
        `net.tls`), NotAllowed `net.insecure` for an unprotected line to anything but this machine,
        and Unverified.
        """
        incoming = _Incoming(receiver)
        stream = cls(
            server,
            incoming,
            verify=verify,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            context=context,
        )
        stream._guard = guard
        try:
            async with asyncio.timeout(connect_timeout):
                sock = await dial(await _addresses(server, addresses))
                await asyncio.get_running_loop().create_connection(lambda: incoming, sock=sock)
                if server.security is Security.TLS:
                    await stream.start_tls()  # at once: nothing can have been received yet
        except BaseException as failure:
            stream.abort()
            if isinstance(failure, OSError | ValueError | OverflowError):
                raise _translated(failure, server, connect_timeout) from None
            raise
        return stream

    async def start_tls(self) -> None:
        """Protects the line from here on; never falls back to plain text. The caller has made sure
        that nothing lies in the buffer. Misused `net.tls_after_deflate` on a compressed line (RFC 4978
        section 4: TLS comes first)."""
        if self._inflater is not None:
            raise Misused("net.tls_after_deflate")
        below = self._incoming.transport
        assert below is not None
        try:
            context = self._context or tls_context(verify=self._verify)
            tls = TlsTransport(below, self._incoming, context, self._server.host)
            self._incoming.transport = tls
            await tls.shake_hands(self._connect_timeout)
        except (OSError, ValueError) as failure:
            raise _translated(failure, self._server, self._connect_timeout) from None

    # --- what the line is ------------------------------------------------------------------------

    @property
    def certificate(self) -> bytes:
        """The peer's certificate (DER); empty on a line without TLS."""
        tls = self._tls()
        return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The chain that the peer sent (DER), its own certificate first, nothing of it verified; empty
        on a line without TLS."""
        tls = self._tls()
        if tls is None:
            return ()
        # Public from Python 3.13 on; before, the object inside has it.
        inside = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
        chain = inside.get_unverified_chain() if inside is not None else None
        return tuple(one if isinstance(one, bytes) else _der(one) for one in chain or ())

    @property
    def is_protected(self) -> bool:
        return self._tls() is not None

    @property
    def tls_version_and_cipher(self) -> tuple[str, str]:
        """As `TLSv1.3` and the cipher's name; empty on a line without TLS."""
        tls = self._tls()
        cipher = tls.cipher() if tls is not None else None
        return (tls.version() or "", cipher[0]) if tls is not None and cipher is not None else ("", "")

    @property
    def tls_group(self) -> str:
        """The group of the key exchange, "" where Python's ssl does not tell it (before 3.15)."""
        tell = getattr(self._tls(), "group", None)
        return str(tell() or "") if callable(tell) else ""

    @property
    def peer_address(self) -> str:
        """The numeric address of the peer."""
        assert self._incoming.transport is not None
        peer = self._incoming.transport.get_extra_info("peername")
        return str(peer[0]).partition("%")[0] if peer else ""

    def channel_binding(self) -> tuple[str, bytes] | None:
        """Type and data that bind a login to this TLS channel (RFC 9266, RFC 5929), None where this
        Python can give none (TLS 1.3 before it knows `tls-exporter`)."""
        tls = self._tls()
        for kind in ("tls-exporter", "tls-unique"):
            # RFC 9266 section 3: tls-unique is not for TLS 1.3
            usable = kind == "tls-exporter" or (tls is not None and tls.version() == "TLSv1.2")
            if tls is not None and usable and kind in ssl.CHANNEL_BINDING_TYPES:
                data = tls.get_channel_binding(kind)
                if isinstance(data, bytes) and data:
                    return kind, data
        return None

    def _tls(self) -> ssl.SSLObject | None:
        assert self._incoming.transport is not None
        found = self._incoming.transport.get_extra_info("ssl_object")
        return found if isinstance(found, ssl.SSLObject) else None

    def check_pin(self, trusted: Sequence[str], reason: str) -> None:
        """Raises Unreachable `net.certificate` unless the certificate is one of the trusted."""
        certificate = self.certificate
        fingerprint = hashlib.sha256(certificate).hexdigest()
        if not certificate or fingerprint not in trusted:
            raise Unreachable(
                "net.certificate",
                host=self._server.host,
                port=self._server.port,
                reason=reason,
                fingerprint=fingerprint,
            )

    # --- talking ---------------------------------------------------------------------------------

    @property
    def bytes_received(self) -> int:
        return self._incoming.received

    @property
    def can_write(self) -> bool:
        """The system takes more; otherwise wait for `activity`."""
        return self._incoming.can_write and not self._incoming.ended

    def start_deflate(self, received: bytes) -> None:
        """Compresses the line from here on, in both directions (RFC 4978). `received` are bytes that
        came behind the server's consent and are compressed already."""
        self._inflater = Inflater(self._incoming.receiver)
        self._deflater = Deflater()
        self._inflater.feed(received)
        self._incoming.receiver = self._inflater

    @property
    def is_compressed(self) -> bool:
        return self._inflater is not None

    def pump(self) -> int:
        """On a compressed line, hands on to the reader what has come; returns how many bytes. Garbled
        `net.deflate`."""
        return self._inflater.pump() if self._inflater is not None else 0

    @property
    def is_loopback(self) -> bool:
        """The peer is this machine."""
        assert self._incoming.transport is not None
        peer = self._incoming.transport.get_extra_info("peername")
        return bool(peer) and ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback

    def write(self, data: bytes | memoryview) -> None:
        """Sends. A line that is gone shows at the next `activity`."""
        assert self._incoming.transport is not None
        if self._guard is not None:
            self._guard()
        if self._deflater is not None:
            data = self._deflater.deflate(data)
        self.bytes_sent += len(data)
        self._incoming.transport.write(data)

    async def activity(self, within: float | None = None) -> None:
        """Returns when bytes came, or when more can be written, `within` so many seconds,
        else the connection's own. Raises Unreachable `net.timeout` when neither happened (TimeoutError
        where `within` was given), ConnectionResetError when the line has ended.
        """
        waiter = self._incoming.waiter()
        if not waiter.done():
            try:
                async with asyncio.timeout(self._read_timeout if within is None else within):
                    await waiter
            except TimeoutError:
                if within is not None:
                    raise
                raise _timed_out(self._server, self._read_timeout) from None
        if not self._incoming.has_news() and self._incoming.ended:
            raise ConnectionResetError

    def abort(self) -> None:
        """Ends the connection at once."""
        if self._incoming.transport is not None:
            self._incoming.transport.abort()

    async def close(self) -> None:
        """Ends the connection in order, waiting a moment at most."""
        transport = self._incoming.transport
        if transport is None:
            return
        transport.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._incoming.closed.wait()
        except TimeoutError:
            pass
        finally:
            transport.abort()  # changes nothing for one that is closed


@cache
def tls_context(*, verify: bool) -> ssl.SSLContext:
    """One for all connections: each would hold every authority's certificate, megabytes of them."""
    if verify:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # nobody needs it, and a write would have to wait for a read
    return context


async def _addresses(server: Server, known: Sequence[Address] | None) -> Sequence[Address]:
    """Where to connect to. Only this machine may be spoken to without protection: every address of
    the name counts, and what was checked is what is connected to."""
    addresses = await resolve(server.host, server.port) if known is None else known
    if server.security is not Security.NONE:
        return addresses
    if not all(ipaddress.ip_address(one.host).is_loopback for one in addresses):
        raise NotAllowed("net.insecure", host=server.host)
    # IPv4 first: a server on `localhost` that listens on one of both mostly takes that one.
    return sorted(addresses, key=lambda one: one.family != socket.AF_INET)


def _der(certificate: Any) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.public_bytes())


def _translated(failure: Exception, server: Server, timeout: float) -> EilboteError | Unverified:
    place: dict[str, Any] = {"host": server.host, "port": server.port}
    match failure:
        case ssl.SSLCertVerificationError():
            return Unverified(failure.verify_message or "unknown")
        case ssl.SSLError():
            return Unreachable("net.tls", reason=_reason(failure), **place)
        case TimeoutError() if not failure.args or failure.errno is None:
            return _timed_out(server, timeout)
        case socket.gaierror() | ValueError():  # ValueError: no name at all (`a..b`)
            return Unreachable("net.no_such_host", _RETRY_SECONDS, **place)
        case ConnectionRefusedError():
            return Unreachable("net.refused", _RETRY_SECONDS, **place)
        case OSError():
            return Unreachable("net.unreachable", _RETRY_SECONDS, reason=_reason(failure), **place)
        case _:
            return Unreachable("net.unreachable", _RETRY_SECONDS, reason=str(failure), **place)


def _timed_out(server: Server, seconds: float) -> Unreachable:
    return Unreachable(
        "net.timeout", _RETRY_SECONDS, host=server.host, port=server.port, seconds=f"{seconds:g}"
    )


def _reason(failure: OSError) -> str:
    """The system's words for what went wrong, without its numbers."""
    if isinstance(failure, ssl.SSLError) and failure.reason:
        return failure.reason.replace("_", " ").lower()
    return str(failure.strerror or (failure.args[-1] if failure.args else failure))
