"""Questions to name servers: mail servers, texts, TLSA records and addresses of a name, and whether DNSSEC
has proven the answer.

Asks the name servers it was given and nobody else. An answer counts as proven only where the server says
so and is one that may be believed: on this machine, or named as trusted in the settings.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from eilbote.errors import EilboteError, Misused, Problem, Unreachable
from eilbote.net.dial import Address, in_turn, numeric

if TYPE_CHECKING:
    from dns.message import QueryMessage
    from dns.rdata import Rdata

SILENT_SECONDS = 5.0
"""How long one name server is waited for."""

MOST_RECORDS = 100
_MOST_SERVERS = 3
_LOOK_UP_SECONDS = 2.0
_LATER = 300.0


class NameServer(Struct, frozen=True):
    """Where a name server listens: a numeric address."""

    address: str
    port: int = 53


class Looked(Struct, frozen=True):
    """The records found under a name. `exists`: the name is there, if perhaps without such records.
    `secure`: DNSSEC has proven the answer, an empty one too. `alias`: the name they are really under. `cut`:
    there were more."""

    records: tuple[Rdata, ...] = ()
    exists: bool = True
    secure: bool = False
    alias: str = ""
    cut: bool = False


class Resolver:
    """Asks `servers` one after the other until one answers; one that refuses the question is no answer.
    `trusted`: their word on DNSSEC counts; None: it does where all of them are on this machine."""

    def __init__(
        self, servers: Sequence[NameServer], *, trusted: bool | None = None, seconds: float = SILENT_SECONDS
    ) -> None:
        self._servers = tuple(servers)
        here = all(ipaddress.ip_address(one.address).is_loopback for one in servers)
        self._trusted = here if trusted is None else trusted
        self._seconds = seconds

    async def mx(self, domain: str) -> tuple[list[tuple[int, str]], Looked]:
        """Preference and host of each mail server (`.` of a domain that wants no mail, RFC 7505)."""
        looked = await self.ask(domain, "MX")
        return [(int(one.preference), one.exchange.to_text()) for one in looked.records], looked  # type: ignore[attr-defined]

    async def srv(self, name: str) -> tuple[list[tuple[int, int, int, str]], Looked]:
        """Priority, weight, port and target of each SRV record, the target without its final dot: empty for
        a service that is not offered (RFC 2782)."""
        looked = await self.ask(name, "SRV")
        return [
            (int(one.priority), int(one.weight), int(one.port), one.target.to_text().rstrip("."))  # type: ignore[attr-defined]
            for one in looked.records
        ], looked

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each as one text."""
        looked = await self.ask(name, "TXT")
        return [b"".join(one.strings).decode("utf-8", "replace") for one in looked.records]  # type: ignore[attr-defined]

    async def tlsa(self, host: str, port: int = 25) -> tuple[list[tuple[int, int, int, bytes]], Looked]:
        """Usage, selector, matching type and data of each TLSA record of a server (RFC 7672)."""
        looked = await self.ask(f"_{port}._tcp.{host}", "TLSA")
        return [
            (int(one.usage), int(one.selector), int(one.mtype), bytes(one.cert))  # type: ignore[attr-defined]
            for one in looked.records
        ], looked

    async def addresses(self, host: str) -> tuple[list[str], bool]:
        """The numeric addresses of a host, IPv6 first, and whether DNSSEC has proven them all."""
        six, four = await asyncio.gather(self.ask(host, "AAAA"), self.ask(host, "A"))
        found = [str(one.address) for one in (*six.records, *four.records)]  # type: ignore[attr-defined]
        return found, six.secure and four.secure

    async def ask(self, name: str, kind: str, *, unchecked: bool = False) -> Looked:
        """The records of that kind under a name; an alias (CNAME) is followed. `unchecked`: also what DNSSEC
        disproves (to tell a wrong signature from a broken server; never to be used for anything else).

        Unreachable `dns.silent` where no server answers, `dns.failed` where it cannot tell (perhaps because a
        signature is wrong); Misused `dns.bad_name`."""
        from dns import flags, rcode  # noqa: PLC0415  # heavy, and most commands ask nothing
        from dns.exception import DNSException  # noqa: PLC0415

        answer = await self._answer(name, kind, unchecked=unchecked)
        if answer.rcode() not in (rcode.NOERROR, rcode.NXDOMAIN):
            raise Unreachable(_failed(name, rcode.to_text(answer.rcode())))
        secure = self._trusted and bool(answer.flags & flags.AD)
        try:
            chain = answer.resolve_chaining()
        except DNSException:
            raise Unreachable(_failed(name, "unreadable")) from None
        found = chain.answer or ()
        records = tuple(found)[:MOST_RECORDS]
        alias = chain.canonical_name.to_text(omit_final_dot=True) if chain.cnames else ""
        return Looked(records, answer.rcode() == rcode.NOERROR, secure, alias, len(found) > MOST_RECORDS)

    async def _answer(self, name: str, kind: str, *, unchecked: bool = False) -> QueryMessage:
        from dns import asyncquery, flags, message, rcode  # noqa: PLC0415  # see `ask`
        from dns.exception import DNSException  # noqa: PLC0415

        try:
            question = message.make_query(name.rstrip(".") + ".", kind, want_dnssec=True)
        except (DNSException, UnicodeError, ValueError):
            raise Misused("dns.bad_name", name=name[:300]) from None
        question.flags |= flags.AD | (flags.CD if unchecked else 0)
        refused: QueryMessage | None = None
        for server in self._servers:
            try:
                answer, _ = await asyncquery.udp_with_fallback(
                    question, server.address, timeout=self._seconds, port=server.port
                )
            except (DNSException, OSError, EOFError):
                continue
            if not isinstance(answer, message.QueryMessage):
                continue
            if answer.rcode() != rcode.REFUSED:
                return answer
            refused = refused or answer  # it answers for zones of its own alone: perhaps the next one knows
        if refused is not None:
            return refused
        servers = ", ".join(one.address for one in self._servers)
        raise Unreachable("dns.silent", _LATER, name=name, servers=servers)


async def looked_up(servers: Sequence[NameServer], host: str, port: int) -> list[Address] | None:
    """Where a host is, by these name servers; None where there are none to ask, or where they do not know it:
    then the system says, which has other ways too (a file of hosts)."""
    if not servers or host.lower() == "localhost" or _is_address(host):
        return None
    try:
        found, _ = await Resolver(servers, seconds=_LOOK_UP_SECONDS).addresses(host)
    except EilboteError:
        return None
    return in_turn(numeric(one, port) for one in found) or None


def _failed(name: str, reason: str) -> Problem:
    return Problem("dns.failed", {"name": name, "reason": reason}, _LATER)


def system_servers(file: Path = Path("/etc/resolv.conf")) -> tuple[NameServer, ...]:
    """The name servers that the system uses, of its list (`file`, where it keeps one) as many as it does."""
    from dns.exception import DNSException  # noqa: PLC0415  # see `ask`
    from dns.resolver import Resolver as SystemResolver  # noqa: PLC0415

    try:
        servers = [str(one) for one in SystemResolver(str(file)).nameservers if isinstance(one, str)]
    except DNSException:
        return (NameServer("127.0.0.1"),)
    except ValueError:  # a line that names no server; the system passes over it
        text = file.read_text(encoding="utf-8", errors="replace")
        servers = re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE)
    good = [NameServer(one) for one in servers if _is_address(one)]
    return tuple(good[:_MOST_SERVERS]) or (NameServer("127.0.0.1"),)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
