"""The probes of a domain, made: questions to the name servers that were named, the MTA-STS policy, published
settings, and what the domain's own servers say to a stranger.

It judges nothing, and asks nobody but those name servers and hosts of the domain.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from eilbote.clock import Clock
from eilbote.delivery.mta_sts import LARGEST_POLICY, policy_host
from eilbote.diagnosis.evidence import (
    Fetched,
    NameServerAsked,
    Outcome,
    Place,
    Protocol,
    Records,
    RelayTried,
    SettingsFile,
)
from eilbote.diagnosis.probes import AskNameServer, FetchPolicy, FetchSettings, LookUp, TryRelay
from eilbote.discovery import pacc
from eilbote.engine.route import POLICY_PATH, Surroundings
from eilbote.errors import EilboteError
from eilbote.net.dns import Looked
from eilbote.net.http import Request, ask
from eilbote.net.name_server import ask_name_server
from eilbote.net.relaying import ask_to_relay

if TYPE_CHECKING:
    from dns.rdata import Rdata

_LONGEST = 4096
"""Signs of one record that are kept."""

_MOST_AT_ONCE = 16
LOOK_UP_SECONDS = 4.0
_FETCH_SECONDS = 7.0
_ADDRESSES = ("A", "AAAA")


class DomainProber:
    """Makes the probes of one domain. `addresses`: those of each host that was looked up so far."""

    def __init__(self, around: Surroundings, clock: Clock) -> None:
        self._around = around
        self._clock = clock
        self._gate = asyncio.Semaphore(_MOST_AT_ONCE)
        self._found: dict[str, list[str]] = {}

    def addresses(self, host: str) -> tuple[str, ...]:
        """Those that may be spoken to, IPv4 first: it is the more certain to have a way."""
        found = self._found.get(host.lower().rstrip("."), [])
        return tuple(sorted((one for one in found if self._around.may_ask(one)), key=lambda one: ":" in one))

    async def look_up(self, probe: LookUp) -> Records:
        async with self._gate:
            begun = self._clock.monotonic()
            records = await self._look_up(probe)
        if probe.kind in _ADDRESSES:
            self._found.setdefault(probe.name.lower().rstrip("."), []).extend(records.records)
        return _timed(records, self._clock.monotonic() - begun)

    async def _look_up(self, probe: LookUp) -> Records:
        name, kind = probe.name, probe.kind
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                looked = await self._around.resolver.ask(name, kind)
        except TimeoutError:
            return Records(name, kind, Outcome.TIMEOUT)
        except EilboteError as failure:
            reason = failure.problem.parameters.get("reason", "")
            match failure.problem.code:
                case "dns.silent":
                    return Records(name, kind, Outcome.TIMEOUT)
                case "dns.failed":
                    return await self._unproven(probe, reason)
                case _:
                    return Records(name, kind, Outcome.ERROR, reason=failure.problem.code)
        return _records(probe, looked)

    async def _unproven(self, probe: LookUp, reason: str) -> Records:
        """A name server that cannot tell: because DNSSEC disproves the answer, or for another reason?"""
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                await self._around.resolver.ask(probe.name, probe.kind, unchecked=True)
        except (EilboteError, TimeoutError):
            return Records(probe.name, probe.kind, Outcome.SERVER_FAILURE, reason=reason)
        return Records(probe.name, probe.kind, Outcome.SERVER_FAILURE, bogus=True, reason=reason)

    async def fetch_policy(self, probe: FetchPolicy) -> Fetched:
        host = policy_host(probe.domain)
        around, begun = self._around, self._clock.monotonic()
        try:
            answer = await ask(
                host,
                Request("GET", POLICY_PATH),
                self.addresses(host),
                most=LARGEST_POLICY,
                seconds=_FETCH_SECONDS,
                port=around.https_port,
                context=around.context,
                local_allowed=around.local_allowed,
            )
        except EilboteError as failure:
            reason = failure.problem.parameters.get("reason", "")
            wrong = "certificate" in reason.lower()
            return Fetched(host, problem=failure.problem.code, certificate=wrong, reason=reason)
        return Fetched(
            host,
            answer.status,
            answer.content.decode("utf-8", "replace"),
            answer.content_type,
            answer.location,
            ms=round((self._clock.monotonic() - begun) * 1000, 1),
        )

    async def fetch_settings(self, probe: FetchSettings) -> SettingsFile:
        """The file, and the digest of it in DNS; at most three questions and one request, to the domain's own
        host."""
        host, around, begun = pacc.host_of(probe.domain), self._around, self._clock.monotonic()
        four, six, texts = await asyncio.gather(
            self.look_up(LookUp(host, "A")),
            self.look_up(LookUp(host, "AAAA")),
            self.look_up(LookUp(pacc.record_of(probe.domain), "TXT")),
        )
        if not four.records and not six.records:
            return SettingsFile(host, "none")
        try:
            answer = await ask(
                host,
                Request("GET", pacc.PATH),
                self.addresses(host),
                most=pacc.LARGEST,
                seconds=_FETCH_SECONDS,
                port=around.https_port,
                context=around.context,
                local_allowed=around.local_allowed,
            )
        except EilboteError as failure:
            reason = failure.problem.parameters.get("reason", "")
            return SettingsFile(host, failure.problem.code, reason=reason)
        if answer.status != 200:
            return SettingsFile(host, "http.refused", reason=str(answer.status))
        try:
            named = pacc.read_settings(answer.content)
        except ValueError as failure:
            return SettingsFile(host, "unreadable", reason=str(failure))
        return SettingsFile(
            host,
            places=tuple(Place(Protocol(one.protocol.value), one.host, one.port, "tls") for one in named),
            fits=pacc.fits(answer.content, texts.records),
            ms=round((self._clock.monotonic() - begun) * 1000, 1),
        )

    async def ask_name_server(self, probe: AskNameServer) -> NameServerAsked:
        """Nobody is asked at an address of this machine or its network."""
        if not self._around.may_ask(probe.address):
            return NameServerAsked(probe.host, probe.address, Outcome.UNREACHABLE, Outcome.UNREACHABLE)
        port = self._around.dns_port
        return await ask_name_server(probe.domain, probe.host, probe.address, self._clock, port=port)

    async def try_relay(self, probe: TryRelay) -> RelayTried:
        """At the first of the server's addresses that may be spoken to."""
        found = self.addresses(probe.place.host)[:1]
        if not found:
            return RelayTried(probe.place.host, Outcome.NO_RECORDS)
        return await ask_to_relay(probe.place, found[0], probe.recipient)


def _timed(records: Records, seconds: float) -> Records:
    return replace(records, ms=round(seconds * 1000, 1))


def _records(probe: LookUp, looked: Looked) -> Records:
    if not looked.exists:
        outcome = Outcome.NO_SUCH_NAME
    elif not looked.records:
        outcome = Outcome.NO_RECORDS
    else:
        outcome = Outcome.OK
    return Records(
        probe.name,
        probe.kind,
        outcome,
        tuple(_text(one)[:_LONGEST] for one in looked.records),
        looked.alias,
        looked.secure,
        cut=looked.cut,
    )


def _text(record: Rdata) -> str:
    """As it stands in a zone; the strings of a TXT record as the one text that they are."""
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return record.to_text()
