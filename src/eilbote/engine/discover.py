"""Finds the servers of an address: asks every source at once, orders what they name, and has each candidate
prove itself by a TLS handshake before anybody is asked for a password.

It never logs in, never sends a secret, and ends within `MOST_SECONDS`, whatever answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.discovery.guess import guesses
from eilbote.discovery.known import candidates_of
from eilbote.discovery.order import disagreements, ordered
from eilbote.discovery.typo import meant
from eilbote.discovery.values import Candidate, Disagreement, Protocol, Source, Told
from eilbote.engine.address import checked_address, is_loopback
from eilbote.engine.app import App
from eilbote.engine.name_servers import name_servers_of
from eilbote.engine.route import Surroundings, surroundings_of
from eilbote.engine.sources import MailServers, Sources
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem, Unreachable
from eilbote.mail.domain import domain_for_wire
from eilbote.net.proof import Proven, prove
from eilbote.net.terms import Terms
from eilbote.providers.table import provider_at, provider_of
from eilbote.providers.values import Login, Provider
from eilbote.store.values import Security, Server

MOST_SECONDS = 10.0

_DNS_SECONDS = 2.0
_SOURCE_SECONDS = 4.0
_PROOF_SECONDS = 5.0
_AT_ONCE = 8
_UNREACHED = ("dns.silent", "dns.failed", "net.no_such_host", "net.timeout", "net.unreachable")
_LEFT_OUT = "discovery.not_in_time"


class Tried(Struct, frozen=True):
    """A candidate and how it proved itself; `error`: why it did not. Both None: it was not needed, or not
    waited for."""

    candidate: Candidate
    proven: Proven | None = None
    error: EilboteError | None = None


class Step(Struct, frozen=True):
    """What happens while servers are looked for, as it happens: a source is being asked, has been heard, or
    a server was tried."""

    asking: Source | None = None
    told: Told | None = None
    tried: Tried | None = None


class Discovered(Struct, frozen=True):
    """What was found for an address. `imap`, `smtp`, `pop3`: the first candidate of each that proved itself.
    `tried`: every candidate in order. `provider`: whose servers they are, by the table. `meant`: the address
    with the domain that was probably meant, empty where nothing looks like a slip. `error`: the one cause
    why there is nowhere to receive mail from."""

    address: str
    provider: Provider | None = None
    imap: Tried | None = None
    smtp: Tried | None = None
    pop3: Tried | None = None
    tried: tuple[Tried, ...] = ()
    told: tuple[Told, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    meant: str = ""
    error: EilboteError | None = None
    seconds: float = 0.0

    @property
    def chosen(self) -> tuple[Tried, ...]:
        """The servers that were chosen."""
        return tuple(filter(None, (self.imap, self.smtp, self.pop3)))

    @property
    def used(self) -> tuple[Tried, ...]:
        """Those of them that an account gets: POP3 only where there is no IMAP."""
        return tuple(filter(None, (self.imap or self.pop3, self.smtp)))

    @property
    def to_confirm(self) -> tuple[Candidate, ...]:
        """Servers to be used that a person has to agree to (`Candidate.asks`)."""
        return tuple(one.candidate for one in self.used if one.candidate.asks)


Report = Callable[[Step], None]


async def discover(
    app: App, address: str, *, around: Surroundings | None = None, report: Report = lambda _: None
) -> Discovered:
    """The servers of an address, found and proven. Never raises for what the network or the domain's servers
    do. Misused `account.bad_address`."""
    address = checked_address(address)
    began = app.clock.monotonic()
    looking = _Looking(app, around or surroundings_of(app, seconds=_DNS_SECONDS), address, report)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await looking.run()
    except TimeoutError:
        pass  # what was proven in time counts
    finally:
        await looking.end()
    return replace(looking.result(), seconds=app.clock.monotonic() - began)


class _Looking:
    """One search: what was told so far, and the proofs that are under way."""

    def __init__(self, app: App, around: Surroundings, address: str, report: Report) -> None:
        self._terms = Terms(
            app.clock,
            trace=app.trace,
            connect_timeout=_PROOF_SECONDS,
            read_timeout=_PROOF_SECONDS,
            name_servers=name_servers_of(app.config),
        )
        self._around = around
        self._address = address
        self._domain = domain_for_wire(address.rpartition("@")[2])
        self._sources = Sources(around, address, self._domain)
        self._report = report
        self._told: list[Told] = []
        self._proofs: dict[tuple[Protocol, str, int, str], asyncio.Task[Tried]] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._mail_servers = MailServers()

    async def run(self) -> None:
        provider = provider_of(self._address)
        if provider is not None:
            self._report(Step(asking=Source.PROVIDER))
            self._hear(candidates_of(provider, self._address, Source.PROVIDER))
            if provider.login is Login.NONE or await self._has_enough() or self._is_offline():
                return
        await asyncio.gather(
            self._asked(Source.SRV, self._sources.srv()),
            self._asked(Source.AUTOCONFIG, self._sources.autoconfig()),
            self._asked(Source.AUTODISCOVER, self._sources.autodiscover()),
            self._by_mail_servers(),
        )
        await self._has_enough()

    async def end(self) -> None:
        """Nothing goes on in the background."""
        for task in self._proofs.values():
            task.cancel()
        await asyncio.gather(*self._proofs.values(), return_exceptions=True)

    def result(self) -> Discovered:
        tried = tuple(self._tried(candidate) for candidate in ordered(self._told))
        first = {
            protocol: next(
                (one for one in tried if one.candidate.protocol is protocol and one.proven is not None), None
            )
            for protocol in Protocol
        }
        slip = meant(self._domain)
        found = Discovered(
            self._address,
            _provider(self._address, tried, self._mail_servers),
            first[Protocol.IMAP],
            first[Protocol.SMTP],
            first[Protocol.POP3],
            tried,
            tuple(self._told),
            disagreements(self._told),
            f"{self._address.rpartition('@')[0]}@{slip}" if slip else "",
        )
        if found.imap is None and found.pop3 is None:
            return replace(found, error=_cause(found, self._domain, self._mail_servers))
        return found

    # --- sources ---------------------------------------------------------------------------------

    async def _asked(self, source: Source, answer: Awaitable[Told]) -> None:
        self._report(Step(asking=source))
        try:
            async with asyncio.timeout(_SOURCE_SECONDS):
                told = await answer
        except TimeoutError:
            told = Told(source, problem=Problem(_LEFT_OUT, {"seconds": f"{_SOURCE_SECONDS:g}"}))
        self._hear(told)

    async def _by_mail_servers(self) -> None:
        self._report(Step(asking=Source.MX))
        try:
            async with asyncio.timeout(_SOURCE_SECONDS):
                self._mail_servers = await self._sources.mail_servers()
                if not self._mail_servers.wants_none and self._mail_servers.exists:
                    self._hear(guesses(self._domain, self._mail_servers.hosts))
                for told in await self._sources.by_mail_server(self._mail_servers):
                    self._hear(told)
        except TimeoutError:
            if not self._mail_servers.hosts:
                # Not even this one question was answered: what comes of it is no knowledge of the domain.
                silent = Problem("dns.silent", {"name": self._domain, "servers": "DNS"})
                self._mail_servers = MailServers(problem=silent)
            self._hear(Told(Source.MX, problem=Problem(_LEFT_OUT, {"seconds": f"{_SOURCE_SECONDS:g}"})))

    def _hear(self, told: Told) -> None:
        """Whoever is named begins at once to prove itself."""
        self._told.append(told)
        self._report(Step(told=told))
        for candidate in told.candidates:
            if candidate.key not in self._proofs:
                self._proofs[candidate.key] = asyncio.create_task(self._prove(candidate))

    # --- proofs ----------------------------------------------------------------------------------

    async def _prove(self, candidate: Candidate) -> Tried:
        server = Server(candidate.host, candidate.port, Security(candidate.security))
        late: EilboteError = Unreachable("dns.silent", name=candidate.host, servers="DNS")
        async with self._gate:
            try:
                async with asyncio.timeout(_PROOF_SECONDS):
                    await self._find_name(candidate)
                    late = _too_slow(candidate)
                    tried = Tried(candidate, await prove(server, candidate.protocol, self._terms))
            except EilboteError as error:
                tried = Tried(candidate, error=error)
            except TimeoutError:
                tried = Tried(candidate, error=late)
        if tried.proven is not None or candidate.source is not Source.GUESS:
            self._report(Step(tried=tried))
        return tried

    async def _find_name(self, candidate: Candidate) -> None:
        """Raises where no name server answers, or where a guess has no name: the system's resolver, which
        cannot be called back once it was asked, is not asked then."""
        if is_loopback(candidate.host):
            return
        looked = await self._around.resolver.ask(candidate.host, "A")
        if candidate.source is Source.GUESS and not looked.exists:
            raise Unreachable("net.no_such_host", host=candidate.host, port=candidate.port)

    async def _has_enough(self) -> bool:
        """Whether there is a server to receive from and one to send by, each the best that proves itself."""
        receives = await self._first_of(Protocol.IMAP) or await self._first_of(Protocol.POP3)
        return await self._first_of(Protocol.SMTP) and receives

    async def _first_of(self, protocol: Protocol) -> bool:
        for candidate in ordered(self._told):
            if candidate.protocol is protocol:
                tried = await self._proofs[candidate.key]
                if tried.proven is not None:
                    return True
        return False

    def _is_offline(self) -> bool:
        """Whether nothing that was tried could be reached at all: others are not to be reached either."""
        done = [task.result() for task in self._proofs.values() if task.done()]
        return bool(done) and all(
            one.error is not None and one.error.problem.code in _UNREACHED for one in done
        )

    def _tried(self, candidate: Candidate) -> Tried:
        task = self._proofs[candidate.key]
        if not task.done() or task.cancelled():
            return Tried(candidate)
        return replace(task.result(), candidate=candidate)


def _provider(address: str, tried: Sequence[Tried], servers: MailServers) -> Provider | None:
    """Whose servers these are: by the domain, by a chosen server, by who takes the domain's mail. Whoever
    only takes it and hands it on to somebody else's server is asked for no login."""
    hosts = [one.candidate.host for one in tried if one.proven is not None]
    taking = servers.provider
    if found := provider_of(address):
        return found
    if taking is not None and (not hosts or any(host in _hosts(taking) for host in hosts)):
        return taking
    if found := next(filter(None, map(provider_at, hosts)), None):
        return found
    return None if taking is not None and taking.login in (Login.OAUTH, Login.NONE) else taking


def _hosts(provider: Provider) -> tuple[str, ...]:
    named = (one.host for one in (provider.imap, provider.pop3, provider.smtp) if one is not None)
    return (*named, *provider.hosts)


def _too_slow(candidate: Candidate) -> Unreachable:
    return Unreachable("net.timeout", host=candidate.host, port=candidate.port, seconds=f"{_PROOF_SECONDS:g}")


def _cause(found: Discovered, domain: str, servers: MailServers) -> EilboteError:
    """The one reason why there is no server to receive mail from."""
    if found.provider is not None and found.provider.login is Login.NONE:
        return NotAllowed("account.no_access", provider=found.provider.name)
    if servers.wants_none:
        return Gone("discovery.no_mail", address=found.address, domain=domain)
    proven = any(one.proven is not None for one in found.tried)
    if found.meant and not proven and servers.problem is None:
        return Gone("discovery.meant", address=found.address, domain=domain, meant=found.meant)
    if not servers.exists:
        return Gone("discovery.no_domain", address=found.address, domain=domain)
    named = _most_telling(one for one in found.tried if one.candidate.source is not Source.GUESS)
    if named is not None and named.error is not None:
        return named.error
    if servers.problem is not None:
        return Unreachable(servers.problem)
    return Misused("account.servers_unknown", address=found.address, domain=domain)


def _most_telling(tried: Iterable[Tried]) -> Tried | None:
    """Of those that can receive, one that is there but does not prove itself, else the first."""
    receiving = [one for one in tried if one.candidate.protocol is not Protocol.SMTP]
    there = (one for one in receiving if one.error and one.error.problem.code == "net.certificate")
    return next(there, None) or next(iter(receiving), None)
