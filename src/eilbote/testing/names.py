"""A name server on loopback with a few zones, for the demo and for tests. It asks nobody: what does not
belong to its zones is refused, as a server that answers for these zones alone does it, or does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

_SECONDS_TO_LIVE = 300


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, zones: str, others: dns.rcode.Rcode, silent: Sequence[str]) -> None:
        self._others = others
        self._silent = [dns.name.from_text(one) for one in silent]
        self._records: dict[tuple[dns.name.Name, str], list[str]] = {}
        for line in zones.strip().splitlines():
            name, kind, text = line.split(" ", 2)
            self._records.setdefault((dns.name.from_text(name), kind), []).append(text)
        self._zones = [name for name, kind in self._records if kind == "SOA"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the selector's own is none by class

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            answer = self._answered(dns.message.from_wire(data))
        except (dns.exception.DNSException, ValueError):
            return  # whoever sends something else is not answered
        if answer is not None:
            self._transport.sendto(answer.to_wire(), address)

    def _answered(self, asked: dns.message.Message) -> dns.message.Message | None:
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        (question,) = answer.question
        if any(question.name.is_subdomain(one) for one in self._silent):
            return None
        kind = question.to_text().rpartition(" ")[2]
        found = self._records.get((question.name, kind), [])
        if found:
            answer.answer.append(dns.rrset.from_text(question.name, _SECONDS_TO_LIVE, "IN", kind, *found))
        elif not any(question.name.is_subdomain(one) for one in self._zones):
            answer.set_rcode(self._others)
        elif not any(name.is_subdomain(question.name) for name, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@asynccontextmanager
async def name_server(
    zones: str, *, others: dns.rcode.Rcode = dns.rcode.REFUSED, silent: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Its address, as the setting `dns_servers` has it. `zones`: a record a line (`NAME TYPE TEXT`), a
    zone for each SOA; `others`: what names elsewhere are answered with; `silent`: about which nothing is
    said."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Answering(zones, others, silent), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
