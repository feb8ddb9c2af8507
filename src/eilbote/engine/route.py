"""Finds the way to a domain's mail servers and what they have to prove: asks DNS, keeps MTA-STS policies.

Asks nobody but name servers and the host that the domain's own policy lies on.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping, Sequence

from msgspec import Struct

from eilbote.delivery.dane import Tlsa
from eilbote.delivery.mta_sts import LARGEST_POLICY, Kept, Policy, policy_host, read_policy, read_record
from eilbote.delivery.route import Answered, Hop, Mx, Proof, Route, route
from eilbote.engine.app import App
from eilbote.engine.name_servers import name_servers_of
from eilbote.errors import EilboteError, Misused, Problem, Unreachable
from eilbote.mail.domain import domain_for_wire
from eilbote.net.dial import Address, numeric
from eilbote.net.dns import SILENT_SECONDS, Resolver, system_servers
from eilbote.net.http import fetch

POLICY_PATH = "/.well-known/mta-sts.txt"
SMTP_PORT = 25


class Surroundings(Struct, frozen=True):
    """Where routes are looked for. Tests have name servers, ports and authorities of their own;
    `local_allowed`: addresses of this machine may be asked."""

    resolver: Resolver
    smtp_port: int = SMTP_PORT
    https_port: int = 443
    context: ssl.SSLContext | None = None
    local_allowed: bool = False
    dns_port: int = 53

    async def addresses_of(self, host: str) -> list[Address]:
        """Where a mail server is, by the same name servers; none where it has no address. Those of this
        machine and its network are left out, unless they are allowed."""
        found, _ = await self.resolver.addresses(host)
        return [numeric(one, self.smtp_port) for one in found if self.may_ask(one)]

    def may_ask(self, address: str) -> bool:
        """Whether this numeric address may be spoken to."""
        return self.local_allowed or ipaddress.ip_address(address).is_global


def surroundings_of(app: App, *, seconds: float = SILENT_SECONDS) -> Surroundings:
    """As the settings say. A name server that says nothing for so many `seconds` is waited for no longer."""
    believed = {"always": True, "never": False}.get(app.config.dnssec)
    return Surroundings(
        Resolver(name_servers_of(app.config) or system_servers(), trusted=believed, seconds=seconds)
    )


async def find_route(app: App, around: Surroundings, domain: str) -> Route:
    """The route to a domain; never raises for what DNS or the domain's servers do."""
    if domain.startswith("["):
        return _to_literal(domain)
    try:
        name = domain_for_wire(domain)
        answered = await _mail_servers(around.resolver, name)
    except EilboteError as error:
        return Route(problem=error.problem)
    policy, tlsa = await asyncio.gather(_policy(app, around, name), _signed_records(around, answered, name))
    chances = [byte / 256 for byte in app.clock.random_bytes(len(answered.mx))]
    return route(name, answered, tlsa=tlsa, policy=policy, shuffled=chances)


async def servers_of(around: Surroundings, domain: str) -> Route:
    """The route to a domain as the records of its mail servers alone say; asks nothing else."""
    if domain.startswith("["):
        return _to_literal(domain)
    try:
        name = domain_for_wire(domain)
        answered = await _mail_servers(around.resolver, name)
    except EilboteError as error:
        return Route(problem=error.problem)
    return route(name, answered)


async def _mail_servers(resolver: Resolver, domain: str) -> Answered:
    found, looked = await resolver.mx(domain)
    if found:
        return Answered(tuple(Mx(preference, host) for preference, host in found), True, looked.secure)
    addresses, secure = await resolver.addresses(domain)
    return Answered((), bool(addresses), secure and looked.secure)


async def _signed_records(
    around: Surroundings, answered: Answered, domain: str
) -> Mapping[str, Sequence[Tlsa] | Problem]:
    """TLSA records of servers whose names DNSSEC has proven (RFC 7672 section 2.2): those that are
    proven too. Of unproven names they say nothing."""
    if not answered.secure:
        return {}
    hosts = [one.host.rstrip(".").lower() for one in answered.mx if one.host != "."] or [domain]
    found = await asyncio.gather(*(_records_of(around, host) for host in hosts))
    return {host: records for host, records in zip(hosts, found, strict=True) if records}


async def _records_of(around: Surroundings, host: str) -> Sequence[Tlsa] | Problem:
    try:
        _, proven = await around.resolver.addresses(host)
        if not proven:
            return ()
        records, looked = await around.resolver.tlsa(host, around.smtp_port)
    except Unreachable as error:
        return error.problem
    except Misused:
        return ()
    return [Tlsa(*record) for record in records] if looked.secure else ()


async def _policy(app: App, around: Surroundings, domain: str) -> Policy | None:
    """The domain's MTA-STS policy (RFC 8461 section 3.3). One that is kept counts until it runs out,
    whatever happens to its record or its host."""
    kept = await asyncio.to_thread(app.store.policies.get, domain)
    now = app.clock.now()
    fresh = kept if kept is not None and kept.is_fresh(now) else None
    try:
        texts = await around.resolver.texts(f"_mta-sts.{domain}")
        told = read_record(texts)
        if told is None or (fresh is not None and fresh.id == told):
            return fresh.policy if fresh is not None else None
        host = policy_host(domain)
        addresses, _ = await around.resolver.addresses(host)
        content = await fetch(
            host,
            POLICY_PATH,
            addresses,
            most=LARGEST_POLICY,
            port=around.https_port,
            context=around.context,
            local_allowed=around.local_allowed,
        )
    except EilboteError:
        return fresh.policy if fresh is not None else None
    policy = read_policy(content)
    if isinstance(policy, Problem):
        return fresh.policy if fresh is not None else None
    await asyncio.to_thread(app.store.policies.keep, domain, Kept(policy, told, now))
    return policy


def _to_literal(domain: str) -> Route:
    """An address in place of a name (RFC 5321 section 4.1.3)."""
    text = domain.strip("[]").lower().removeprefix("ipv6:")
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return Route(problem=Problem("route.no_domain", {"domain": domain}))
    return Route((Hop(address, Proof.NOTHING, names=(address,)),))
