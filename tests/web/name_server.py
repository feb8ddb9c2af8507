"""A name server of this process for the furnished home: two zones, and nothing else is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

_ZONES = """
firma.example. SOA ns1.firma.example. post.firma.example. 1 3600 900 600000 600
firma.example. NS ns1.firma.example.
firma.example. NS ns2.firma.example.
firma.example. MX 10 mx.firma.example.
firma.example. TXT "v=spf1 include:_spf.hoster.example ?all"
_mta-sts.firma.example. TXT "v=STSv1; id=20260101"
_dmarc.firma.example. TXT "v=DMARC1; p=none"
example.de. SOA ns1.example.de. post.example.de. 1 3600 900 600000 600
example.de. NS ns1.example.de.
example.de. NS ns2.example.de.
example.de. MX 10 mx.example.de.
mx.example.de. A 192.0.2.25
example.de. TXT "v=spf1 mx -all"
"""


class _Answering(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._records: dict[tuple[dns.name.Name, str], list[str]] = {}
        for line in _ZONES.strip().splitlines():
            name, kind, text = line.split(" ", 2)
            self._records.setdefault((dns.name.from_text(name), kind), []).append(text)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the selector's own is none by class

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = dns.message.make_response(dns.message.from_wire(data))
        answer.flags |= dns.flags.RA
        (question,) = answer.question
        kind = question.to_text().rpartition(" ")[2]
        found = self._records.get((question.name, kind), [])
        if found:
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *found))
        elif all(name != question.name for name, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), address)


@asynccontextmanager
async def name_server() -> AsyncIterator[str]:
    """Its address, as the setting `dns_servers` has it."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Answering, local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
