"""A protected byte stream over asyncio: connect, verify, read with bounds and timeouts, write.

TLS is verified always and never downgraded. A certificate that does not verify is accepted only
where its SHA-256 fingerprint is among those the user trusts for this server.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Sequence

from eilbote.errors import Garbled, NotAllowed, Unreachable
from eilbote.store.values import Security, Server

# Enough for a fast server to go on while a batch is being stored, and a bound all the same.
_HIGH_WATER = 8 * 1024 * 1024
_WRITE_CHUNK = 256 * 1024
_CLOSE_SECONDS = 2.0


class _Incoming(asyncio.Protocol):
    """Collects what arrives; pauses the transport when nobody takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        self.ended = False
        self.lost = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size += len(data)
        if self.size > _HIGH_WATER and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.ended = True
        self._wake()

    def connection_lost(self, failure: Exception | None) -> None:
        self.ended = self.lost = True
        self._full = False
        self._wake()
        self._wake_closer()
        self._wake_writer()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake_writer()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _wake_writer(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _wake_closer(self) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    async def until_lost(self) -> None:
        if not self.lost:
            self._closed = asyncio.get_running_loop().create_future()
            await self._closed

    def take(self) -> bytes:
        data = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks = []
        self.size = 0
        if self._paused and self.transport is not None and not self.ended:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def arrived(self) -> None:
        if not self.chunks and not self.ended:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def drained(self) -> None:
        if self._full and not self.ended:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained


class Unverified(Exception):
    """The certificate did not verify. Nothing has been sent; the caller may look at the pins."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stream:
    """One connection to a server. `verify` False: the certificate is judged by its fingerprint
    alone (`check_pin`), because it did not verify before."""

    def __init__(self, server: Server, incoming: _Incoming, *, verify: bool, read_timeout: float) -> None:
        self._server = server
        self._incoming = incoming
        self._verify = verify
        self._read_timeout = read_timeout
        self.bytes_received = 0
        self.bytes_sent = 0

    @classmethod
    async def connect(
        cls, server: Server, *, verify: bool, connect_timeout: float, read_timeout: float
    ) -> Stream:
        """Connects, with TLS from the first byte where `server.security` says so.

        Raises Unreachable (`net.no_such_host`, `net.refused`, `net.timeout`, `net.unreachable`,
        `net.tls`), NotAllowed `net.insecure` for an unprotected line to anything but this machine,
        and Unverified.
        """
        if server.security is Security.NONE:
            await _require_loopback(server)
        context = _context(verify=verify) if server.security is Security.TLS else None
        name = server.host if context else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(connect_timeout):
                _, incoming = await loop.create_connection(
                    _Incoming, server.host, server.port, ssl=context, server_hostname=name
                )
        except ssl.SSLCertVerificationError as failure:
            raise Unverified(failure.verify_message or "unknown") from None
        except ssl.SSLError as failure:
            raise Unreachable(
                "net.tls", reason=_reason(failure), host=server.host, port=server.port
            ) from None
        except TimeoutError:
            raise Unreachable(
                "net.timeout", seconds=f"{connect_timeout:g}", host=server.host, port=server.port
            ) from None
        except socket.gaierror:
            raise Unreachable("net.no_such_host", host=server.host, port=server.port) from None
        except ConnectionRefusedError:
            raise Unreachable("net.refused", host=server.host, port=server.port) from None
        except OSError as failure:
            raise Unreachable(
                "net.unreachable", reason=_reason(failure), host=server.host, port=server.port
            ) from None
        stream = cls(server, incoming, verify=verify, read_timeout=read_timeout)
        stream._keep_alive()
        return stream

    async def start_tls(self, connect_timeout: float) -> None:
        """Protects the line from here on (RFC 9051 section 6.2.1); never falls back to plain text.
        Raises Garbled `net.injected` where plain text came after the server's OK."""
        if self._incoming.chunks:
            raise Garbled("net.injected", host=self._server.host)
        assert self._incoming.transport is not None
        loop = asyncio.get_running_loop()
        try:
            protected = await loop.start_tls(
                self._incoming.transport,
                self._incoming,
                _context(verify=self._verify),
                server_hostname=self._server.host,
                ssl_handshake_timeout=connect_timeout,
            )
        except ssl.SSLCertVerificationError as failure:
            raise Unverified(failure.verify_message or "unknown") from None
        except OSError as failure:  # ssl.SSLError is one
            raise Unreachable(
                "net.tls", reason=_reason(failure), host=self._server.host, port=self._server.port
            ) from None
        if protected is None:
            raise Unreachable("net.closed", host=self._server.host)
        self._incoming.transport = protected

    @property
    def certificate(self) -> bytes:
        """The peer's certificate (DER); empty on a line without TLS."""
        assert self._incoming.transport is not None
        tls = self._incoming.transport.get_extra_info("ssl_object")
        return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""

    @property
    def is_protected(self) -> bool:
        return bool(self.certificate)

    def channel_binding(self, kind: str) -> bytes | None:
        """Binding data of the TLS channel (RFC 9266, RFC 5929), None where there is none."""
        assert self._incoming.transport is not None
        tls = self._incoming.transport.get_extra_info("ssl_object")
        if tls is None or kind not in ssl.CHANNEL_BINDING_TYPES:
            return None
        data = tls.get_channel_binding(kind)
        return data if isinstance(data, bytes) else None

    def check_pin(self, trusted: Sequence[str], reason: str) -> None:
        """Raises Unreachable `net.certificate` unless the certificate is one of the trusted."""
        fingerprint = hashlib.sha256(self.certificate).hexdigest()
        if not self.certificate or fingerprint not in trusted:
            raise Unreachable(
                "net.certificate",
                host=self._server.host,
                port=self._server.port,
                reason=reason,
                fingerprint=fingerprint,
            )

    async def read(self) -> bytes:
        """What has arrived, at least one byte. Raises Unreachable: `net.closed`, `net.timeout`."""
        incoming = self._incoming
        if not incoming.chunks:
            try:
                async with asyncio.timeout(self._read_timeout):
                    await incoming.arrived()
            except TimeoutError:
                raise Unreachable(
                    "net.timeout",
                    host=self._server.host,
                    port=self._server.port,
                    seconds=f"{self._read_timeout:g}",
                ) from None
        if not incoming.chunks:
            raise Unreachable("net.closed", host=self._server.host)
        data = incoming.take()
        self.bytes_received += len(data)
        return data

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Sends, waiting while the peer takes nothing. A line that is gone shows at the next read."""
        transport = self._incoming.transport
        assert transport is not None
        for chunk in chunks:
            for start in range(0, len(chunk), _WRITE_CHUNK):
                if self._incoming.ended:
                    return
                transport.write(chunk[start : start + _WRITE_CHUNK] if len(chunk) > _WRITE_CHUNK else chunk)
                try:
                    async with asyncio.timeout(self._read_timeout):
                        await self._incoming.drained()
                except TimeoutError:
                    raise Unreachable(
                        "net.timeout",
                        host=self._server.host,
                        port=self._server.port,
                        seconds=f"{self._read_timeout:g}",
                    ) from None
            self.bytes_sent += len(chunk)

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
                while not self._incoming.lost:
                    await self._incoming.until_lost()
        except TimeoutError:
            transport.abort()

    def _keep_alive(self) -> None:
        """Finds a peer that vanished without a word (C5: idle 60 s, every 20 s, 3 probes)."""
        assert self._incoming.transport is not None
        sock = self._incoming.transport.get_extra_info("socket")
        if sock is None:
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _require_loopback(server: Server) -> None:
    """Only this machine may be spoken to without protection, and every address of the name counts."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise Unreachable("net.no_such_host", host=server.host, port=server.port) from None
    if not all(ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_loopback for one in found):
        raise NotAllowed("net.insecure", host=server.host)


def _reason(failure: OSError) -> str:
    """The system's words for what went wrong, without its numbers."""
    return str(failure.strerror or failure.args[-1] if failure.args else failure)
