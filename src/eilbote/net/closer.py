"""A closer look at the TLS of a server, for whoever asks for it: without its name, with other protocols, and
with a command behind STARTTLS.

It must never say anything secret; certificates are looked at and not judged.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Sequence

from msgspec.structs import replace

from eilbote.clock import Clock
from eilbote.diagnosis.closer import Closer, Handshake
from eilbote.diagnosis.evidence import Place, Protocol
from eilbote.net.bare_line import ROOM, bare_line, greeted, last_line
from eilbote.net.dial import dial, numeric
from eilbote.net.hellos import early_data_of, faults_of, group_of
from eilbote.net.looking import Patience

_PROTOCOLS = {Protocol.IMAP: "imap", Protocol.POP3: "pop3"}
_NOBODYS = "eilbote-test"
_SMUGGLED_SECONDS = 2.0
_COMMANDS = {
    Protocol.IMAP: (b"a1 STARTTLS\r\na2 NOOP\r\n", b"a2 "),
    Protocol.SMTP: (b"STARTTLS\r\nNOOP\r\n", b"250"),
    Protocol.POP3: (b"STLS\r\nNOOP\r\n", b"-ERR"),
}


async def look_closer(place: Place, address: str, patience: Patience, clock: Clock) -> Closer:
    """Handshakes one after another, so that nobody takes them for an attack. Of a line that begins in plain
    text also whether it takes a command that was sent along (CVE-2011-0411). Old faults are looked for where
    no large provider answers: its servers are its own affair."""
    closer = await _look_at_names(place, address, patience)
    return replace(
        closer,
        group=await group_of(place, address, patience, clock),
        faults=None if place.provider else await faults_of(place, address, patience, clock),
        early=await early_data_of(place, address, patience),
    )


async def _look_at_names(place: Place, address: str, patience: Patience) -> Closer:
    if place.security == "starttls":
        return Closer(smuggled=await _is_smuggled(place, address, patience))
    own = _PROTOCOLS.get(place.protocol)  # none is registered for submission
    return Closer(
        unnamed=await _shaken(place, address, patience, name=""),
        right=await _shaken(place, address, patience, offered=(own,)) if own else None,
        wrong=await _shaken(place, address, patience, offered=(_NOBODYS,)) if own else None,
    )


def _context(offered: Sequence[str] = ()) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if offered:
        context.set_alpn_protocols(list(offered))
    return context


async def _shaken(
    place: Place, address: str, patience: Patience, *, name: str | None = None, offered: Sequence[str] = ()
) -> Handshake:
    try:
        async with asyncio.timeout(patience.connect + patience.tls):
            sock = await dial([numeric(address, place.port)])
            _, writer = await asyncio.open_connection(
                sock=sock,
                ssl=_context(offered),
                server_hostname=place.host if name is None else name,
                limit=ROOM,
            )
    except (OSError, ValueError, TimeoutError) as failure:
        return Handshake(error=(str(failure) or type(failure).__name__)[:200])
    try:
        tls = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) or b""
        return Handshake(hashlib.sha256(certificate).hexdigest(), tls.selected_alpn_protocol() or "")
    finally:
        writer.transport.abort()


async def _is_smuggled(place: Place, address: str, patience: Patience) -> bool | None:
    """Whether NOOP, sent in plain text in one packet with STARTTLS, is answered under TLS."""
    command, answer = _COMMANDS[place.protocol]
    try:
        async with asyncio.timeout(patience.connect + patience.greeting + patience.tls):
            async with bare_line(place, address) as (reader, writer):
                await greeted(place, reader, writer)
                writer.write(command)
                told = await last_line(place, reader)
                if not told.startswith((b"a1 OK", b"220", b"+OK")):
                    return None
                await writer.start_tls(_context(), server_hostname=place.host)
                try:
                    async with asyncio.timeout(_SMUGGLED_SECONDS):
                        line = await reader.readline()
                except TimeoutError:
                    return False
                return line.startswith(answer)
    except (OSError, ValueError, TimeoutError):
        return None
