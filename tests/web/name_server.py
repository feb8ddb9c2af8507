"""A name server of this process for the furnished home: a few zones, one that is never answered, and nothing
else is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.rcode

from eilbote.testing import names

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
gemietet.example. SOA ns1.gemietet.example. post.gemietet.example. 1 3600 900 600000 600
gemietet.example. MX 0 gemietet-example.mail.protection.outlook.com.
"""


@asynccontextmanager
async def name_server() -> AsyncIterator[str]:
    """Its address, as the setting `dns_servers` has it. Who asks for anything at `stumm.example` waits."""
    async with names.name_server(_ZONES, others=dns.rcode.NXDOMAIN, silent=["stumm.example"]) as address:
        yield address
