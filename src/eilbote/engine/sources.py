"""What each source says about the servers of an address: asked over DNS and HTTPS, within bounds.

Asks name servers, hosts of the address's own domain, and the owner of the server that takes its mail.
Nobody is told a password, no redirection leads to this machine or its network, and nothing is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from eilbote.discovery.autoconfig import (
    Published,
    is_host,
    published_at,
    published_for_others,
    read_autoconfig,
)
from eilbote.discovery.autodiscover import (
    CONTENT_TYPE,
    discovered_at,
    named_by_json,
    question,
    read_json_answer,
    read_xml_answer,
)
from eilbote.discovery.known import candidates_of
from eilbote.discovery.srv import SERVICES, is_under, read_srv
from eilbote.discovery.values import Source, SrvRecord, Told
from eilbote.discovery.xml import LARGEST
from eilbote.engine.route import Surroundings
from eilbote.errors import EilboteError, Problem, Refused
from eilbote.net.http import Answer, Request, ask
from eilbote.providers.table import provider_by_mx
from eilbote.providers.values import Provider

_SECONDS = 3.0
"""How long one server or name server is waited for."""

_MOST_REDIRECTS = 3
_SECOND_LEVEL = {"co", "com", "net", "org", "ac", "gv", "or", "ne", "go", "gov", "edu"}


class MailServers(Struct, frozen=True):
    """Who takes the mail of a domain. `wants_none`: the domain says that it has no mail (RFC 7505)."""

    hosts: tuple[str, ...] = ()
    proven: bool = False
    exists: bool = True
    wants_none: bool = False
    provider: Provider | None = None
    problem: Problem | None = None


class Sources:
    """Asks about one address. `domain` as on the wire."""

    def __init__(self, around: Surroundings, address: str, domain: str) -> None:
        self._around = around
        self._address = address
        self._domain = domain

    async def mail_servers(self) -> MailServers:
        """The domain's MX records."""
        try:
            found, looked = await self._around.resolver.mx(self._domain)
        except EilboteError as error:
            return MailServers(problem=error.problem)
        hosts = tuple(host.rstrip(".").lower() for _, host in sorted(found))
        if hosts == ("",):
            return MailServers(proven=looked.secure, wants_none=True)
        provider = next(filter(None, map(provider_by_mx, hosts)), None)
        return MailServers(hosts[:10], looked.secure, looked.exists, provider=provider)

    async def srv(self) -> Told:
        """The domain's SRV records."""
        names = list(SERVICES)
        answers = await asyncio.gather(*(self._records(name) for name in names))
        heard = {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}
        if not heard:
            problem = Problem("dns.silent", {"name": self._domain, "servers": ""})
            return Told(Source.SRV, problem=problem, where=self._domain)
        return read_srv(self._domain, heard)

    async def autoconfig(self) -> Told:
        """What the domain publishes itself."""
        places = published_at(self._address, self._domain)
        return await self._published(Source.AUTOCONFIG, places)

    async def by_mail_server(self, servers: MailServers) -> list[Told]:
        """What is known of the owner of the domain's mail servers, and what that publishes."""
        if not servers.hosts or is_under(servers.hosts[0], self._domain):
            return []
        first = servers.hosts[0]
        if servers.provider is not None:
            return [candidates_of(servers.provider, self._address, Source.MX, first)]
        places = [place for domain in _owners(first) for place in published_for_others(domain)]
        told = await self._published(Source.MX_AUTOCONFIG, places)
        # Where DNSSEC does not prove the MX record, anybody on the way could have named that owner.
        asking = [replace(one, asks=not servers.proven) for one in told.candidates]
        return [replace(told, candidates=tuple(asking))]

    async def autodiscover(self) -> Told:
        """What an Exchange server, or a hoster that answers like one, says."""
        request = Request("POST", "", question(self._address), CONTENT_TYPE)
        json = named_by_json(self._address, self._domain)
        asked: list[tuple[Published, Request, Callable[[bytes, str], Told]]] = [
            *((place, replace(request, path=place.path), read_xml_answer)
              for place in discovered_at(self._domain)),
            (json, Request("GET", json.path), read_json_answer),
        ]  # fmt: skip
        answers = await asyncio.gather(*(self._answer(place, one, read) for place, one, read in asked))
        return _best(Source.AUTODISCOVER, answers)

    async def _published(self, source: Source, places: Sequence[Published]) -> Told:
        def read(content: bytes, where: str) -> Told:
            return read_autoconfig(content, self._address, where, source)

        answers = await asyncio.gather(
            *(self._answer(place, Request("GET", place.path), read) for place in places)
        )
        return _best(source, answers)

    async def _answer(self, place: Published, request: Request, read: Callable[[bytes, str], Told]) -> Told:
        """What is published at one place. That may lie in the user's own network, where companies resolve
        their own names: what is asked is ours. Wherever it redirects to, by words of others, may not."""
        try:
            answer, where = await self._followed(place, request)
            if answer.status != 200:
                raise Refused("http.refused", host=place.host, status=answer.status)
        except EilboteError as error:
            return Told(Source.AUTOCONFIG, problem=error.problem, where=place.url)
        return read(answer.content, where)

    async def _followed(self, place: Published, request: Request) -> tuple[Answer, str]:
        for turn in range(_MOST_REDIRECTS + 1):
            addresses, _ = await self._around.resolver.addresses(place.host)
            answer = await ask(
                place.host,
                replace(request, path=place.path),
                addresses,
                most=LARGEST,
                seconds=_SECONDS,
                port=self._around.https_port,
                context=self._around.context,
                local_allowed=self._around.local_allowed or turn == 0,
            )
            if answer.status not in (301, 302, 303, 307, 308):
                return answer, f"https://{place.host}{place.path.partition('?')[0]}"
            place = _redirected(place, answer.location)
        raise Refused("discovery.redirected", host=place.host)

    async def _records(self, service: str) -> tuple[list[SrvRecord], bool] | None:
        try:
            found, looked = await self._around.resolver.srv(f"{service}.{self._domain}")
        except EilboteError:
            return None
        records = [SrvRecord(*one) for one in found if not one[3] or is_host(one[3].lower())]
        return records, looked.secure


def _redirected(place: Published, location: str) -> Published:
    """Where a redirection leads: over HTTPS, on its usual port, else Refused `discovery.redirected`."""
    try:
        url = urlsplit(location)
        host = (url.hostname or "").lower()
        if not url.netloc and location.startswith("/"):
            host, usual = place.host, True
        else:
            usual = url.scheme == "https" and url.port in (None, 443) and url.username is None
    except ValueError:
        raise Refused("discovery.redirected", host=place.host) from None
    if not usual or not is_host(host):
        raise Refused("discovery.redirected", host=place.host)
    return Published(host, (url.path or "/") + (f"?{url.query}" if url.query else ""))


def _owners(host: str) -> list[str]:
    """Domains whose owner may run this mail server: its own without the first label, and the registered
    one."""
    labels = host.split(".")
    short = labels[-3:] if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else labels[-2:]
    found = dict.fromkeys([".".join(labels[1:]), ".".join(short)])
    return [one for one in found if one.count(".") >= len(short) - 1]


def _best(source: Source, answers: Iterable[Told]) -> Told:
    """The first that names a server, else the first that could be read, else why none could be."""
    told = list(answers)
    for one in told:
        if one.candidates:
            return one
    heard = next((one for one in told if one.problem is None), None)
    unreadable = next(
        (one for one in told if one.problem and one.problem.code == "discovery.unreadable"), None
    )
    return replace(heard or unreadable or told[0], source=source)
