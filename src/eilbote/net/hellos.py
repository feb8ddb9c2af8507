"""Handshakes that are begun and not ended, to see what a server answers to a hello; and what it takes as
early data.

It must never say anything secret, nor end a handshake that begins with a hello of our own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eilbote.clock import Clock
from eilbote.diagnosis.closer import EarlyData, OldFaults
from eilbote.diagnosis.evidence import Place, Protocol
from eilbote.net.bare_line import ROOM, bare_line, greeted, last_line
from eilbote.net.looking import Patience
from eilbote.protocols import tls_hello
from eilbote.protocols.tls_hello import Flight, early_data_in, hello_of_faults, hello_of_groups, read_flight

_BEGIN = {
    Protocol.IMAP: (b"a1 STARTTLS\r\n", b"a1 OK"),
    Protocol.SMTP: (b"STARTTLS\r\n", b"220"),
    Protocol.POP3: (b"STLS\r\n", b"+OK"),
}
_ASK = {Protocol.IMAP: b"a2 NOOP\r\n", Protocol.SMTP: b"EHLO [127.0.0.1]\r\n", Protocol.POP3: b"CAPA\r\n"}


async def group_of(place: Place, address: str, patience: Patience, clock: Clock) -> str:
    """The group of the key exchange that the server wants; "" where it does not say."""
    flight = await _answered(place, address, patience, hello_of_groups(place.host, clock.random_bytes(64)))
    if flight.group:
        return flight.group
    flight = await _answered(place, address, patience, hello_of_faults(place.host, clock.random_bytes(64)))
    return flight.group


async def faults_of(place: Place, address: str, patience: Patience, clock: Clock) -> OldFaults | None:
    """Old faults, by two hellos; None where nothing was answered to the first."""
    first = await _answered(place, address, patience, hello_of_faults(place.host, clock.random_bytes(64)))
    if not first.version:
        return OldFaults() if first.alert is not None else None
    newest = await _answered(place, address, patience, hello_of_groups(place.host, clock.random_bytes(64)))
    older = tls_hello.TLS_1_2 if newest.version == tls_hello.TLS_1_3 else tls_hello.TLS_1_1
    random = clock.random_bytes(64)
    hello = hello_of_faults(place.host, random, older, fallback=True)
    fallen = await _answered(place, address, patience, hello)
    told = fallen.version or fallen.alert is not None
    return OldFaults(
        answered=True,
        renegotiation=tls_hello.RENEGOTIATION in first.extensions,
        master_secret=tls_hello.MASTER_SECRET in first.extensions,
        compression=first.compression != 0,
        heartbeat=tls_hello.HEARTBEAT in first.extensions,
        falls_back=bool(fallen.version) if told else None,
    )


async def early_data_of(place: Place, address: str, patience: Patience) -> EarlyData:
    """What the tickets say that the server gives after a whole handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not hasattr(context, "_msg_callback"):
        return EarlyData(untested="no_tickets")
    found: list[int] = []

    def note(
        _conn: object, direction: str, _version: object, _kind: object, _type: object, data: bytes
    ) -> None:
        if direction == "read":
            found.append(early_data_in(data))

    # The library has no other way to see a ticket; this context is of nobody else's.
    context._msg_callback = note
    try:
        async with (
            asyncio.timeout(patience.connect + patience.tls + patience.greeting),
            _begun(place, address) as (reader, writer),
        ):
            if place.security == "tls":
                await writer.start_tls(context, server_hostname=place.host)
                await reader.readline()
            else:
                await writer.start_tls(context, server_hostname=place.host)
                writer.write(_ASK[place.protocol])
                await reader.readline()
            version = writer.get_extra_info("ssl_object").version() or ""
    except (OSError, ValueError, TimeoutError) as failure:
        return EarlyData(untested=(str(failure) or type(failure).__name__)[:200])
    return EarlyData(max(found, default=0), version)


async def _answered(place: Place, address: str, patience: Patience, hello: bytes) -> Flight:
    received = b""
    try:
        async with (
            asyncio.timeout(patience.connect + patience.tls),
            _begun(place, address) as (reader, writer),
        ):
            writer.write(hello)
            while not read_flight(received).is_whole:
                block = await reader.read(ROOM)
                if not block:
                    break
                received += block
    except (OSError, ValueError, TimeoutError):
        pass  # what was said until then counts
    return read_flight(received)


@asynccontextmanager
async def _begun(
    place: Place, address: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A line on which TLS begins with the next byte. ConnectionError where the server does not want to."""
    async with bare_line(place, address) as (reader, writer):
        if place.security == "starttls":
            await greeted(place, reader, writer)
            command, good = _BEGIN[place.protocol]
            writer.write(command)
            if not (await last_line(place, reader)).startswith(good):
                raise ConnectionRefusedError("STARTTLS")
        yield reader, writer
