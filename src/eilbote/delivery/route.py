"""Where the mail of a domain goes, and how well it is protected on the way: what DNS, MTA-STS and DANE say
becomes an ordered list of servers with what each must prove.

What could not be asked is not taken for a no: a route says "unknown" then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from eilbote.delivery.dane import Tlsa, usable
from eilbote.delivery.mta_sts import Mode, Policy, matches
from eilbote.errors import Problem

MOST_SERVERS = 20
"""Of one domain; those that come later in its list are not tried."""


class Mx(Struct, frozen=True):
    """A record as it stands in DNS."""

    preference: int
    host: str


class Answered(Struct, frozen=True):
    """What DNS says of a domain. `mx` empty: it has no such record (`exists`: but an address).
    `secure`: DNSSEC has proven the answer. `problem`: DNS could not be asked."""

    mx: tuple[Mx, ...] = ()
    exists: bool = True
    secure: bool = False
    problem: Problem | None = None


class Proof(StrEnum):
    """What a server must prove before a mail is handed to it: nothing, not even encryption; encryption,
    by any certificate; by one that fits its TLSA records; by one that the web's authorities vouch for."""

    NOTHING = "nothing"
    ENCRYPTION = "encryption"
    DANE = "dane"
    AUTHORITY = "authority"


class Hop(Struct, frozen=True):
    """One server to try, and what it must prove. `records`: its usable TLSA records. `names`: those that
    its certificate may bear."""

    host: str
    proof: Proof
    records: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()


class Route(Struct, frozen=True):
    """The servers in the order in which they are tried; without one, `problem` says why. `policy`: the
    name of what protects the way (`dane`, `mta-sts`, ``)."""

    hops: tuple[Hop, ...] = ()
    problem: Problem | None = None
    policy: str = ""


def route(
    domain: str,
    answered: Answered,
    *,
    tlsa: Mapping[str, Sequence[Tlsa] | Problem] | None = None,
    policy: Policy | None = None,
    shuffled: Sequence[float] = (),
) -> Route:
    """The route to a domain. `tlsa`: by host, the records that DNSSEC has proven, or why it could not be
    known (RFC 7672 section 2.1.2: then mail must wait); hosts without any are left out. `policy`: the
    domain's MTA-STS policy. `shuffled`: a number between 0 and 1 for each MX, which orders equals
    (RFC 5321 section 5.1).

    Problems: `route.null_mx` (RFC 7505), `route.no_domain`, `route.no_server`, `route.not_in_policy`.
    """
    if answered.problem is not None:
        return Route(problem=answered.problem)
    if any(not one.host.strip(".") for one in answered.mx):
        return Route(problem=Problem("route.null_mx", {"domain": domain}))
    if not answered.mx and not answered.exists:
        return Route(problem=Problem("route.no_domain", {"domain": domain}))
    hosts = _ordered(domain, answered, shuffled)
    known = tlsa or {}
    hops: list[Hop] = []
    unknown: Problem | None = None
    for host in hosts:
        records = known.get(host, ())
        if isinstance(records, Problem):
            unknown = unknown or records
            continue
        if records:
            names = (host, domain) if answered.secure else (host,)
            proven = usable(records)
            hops.append(Hop(host, Proof.DANE if proven else Proof.ENCRYPTION, proven, names))
        elif policy is not None and policy.mode is Mode.ENFORCE:
            if matches(policy, host):
                hops.append(Hop(host, Proof.AUTHORITY, names=(host,)))
        else:
            hops.append(Hop(host, Proof.NOTHING, names=(host,)))
    if hops:
        return Route(tuple(hops), policy=_protected_by(hops))
    if unknown is not None:
        return Route(problem=unknown)
    return Route(problem=Problem("route.not_in_policy", {"domain": domain, "hosts": ", ".join(hosts)}))


def _ordered(domain: str, answered: Answered, shuffled: Sequence[float]) -> list[str]:
    if not answered.mx:
        return [domain]  # RFC 5321 section 5.1: the domain itself stands for a missing record
    chances = [*shuffled, *[0.0] * len(answered.mx)]
    ranked = sorted(zip(answered.mx, chances, strict=False), key=lambda pair: (pair[0].preference, pair[1]))
    hosts = dict.fromkeys(one.host.rstrip(".").lower() for one, _ in ranked)
    return list(hosts)[:MOST_SERVERS]


def _protected_by(hops: Sequence[Hop]) -> str:
    if all(hop.proof in (Proof.DANE, Proof.ENCRYPTION) for hop in hops):
        return "dane"
    return "mta-sts" if all(hop.proof is not Proof.NOTHING for hop in hops) else ""
