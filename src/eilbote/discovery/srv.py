"""SRV records of a domain for mail (RFC 6186, RFC 8314 section 5.1): which servers they name.

Asks nobody: whoever calls has looked the records up, and says whether DNSSEC has proven them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.discovery.values import Candidate, Protocol, Source, SrvRecord, Told

SERVICES: Mapping[str, tuple[Protocol, str]] = {
    "_imaps._tcp": (Protocol.IMAP, "tls"),
    "_imap._tcp": (Protocol.IMAP, "starttls"),
    "_pop3s._tcp": (Protocol.POP3, "tls"),
    "_pop3._tcp": (Protocol.POP3, "starttls"),
    "_submissions._tcp": (Protocol.SMTP, "tls"),
    "_submission._tcp": (Protocol.SMTP, "starttls"),
}
"""What is asked for, and how the line to such a server is protected; those with TLS from the first byte are
preferred (RFC 8314 section 3)."""

_MOST = 10


def read_srv(domain: str, found: Mapping[str, tuple[Sequence[SrvRecord], bool]]) -> Told:
    """What the records of `domain` say. `found`: for each service its records, and whether DNSSEC has proven
    them. A service whose only target is `.` is not offered (RFC 6186 section 3.4)."""
    candidates: list[Candidate] = []
    refused: set[Protocol] = set()
    for service, (protocol, security) in SERVICES.items():
        records, proven = found.get(service, ((), False))
        named = [one for one in records if one.target and one.port]
        if records and not named:
            refused.add(protocol)
        # RFC 2782 chooses among equals by chance, to spread the load of many clients; one set-up takes the
        # heaviest, so that it can be explained.
        for one in sorted(named, key=lambda one: (one.priority, -one.weight))[:_MOST]:
            asks = not proven and not is_under(one.target, domain)
            where = f"{service}.{domain}"
            candidates.append(
                Candidate(protocol, one.target.lower(), one.port, security, Source.SRV, where, asks=asks)
            )
    offered = {one.protocol for one in candidates}
    return Told(Source.SRV, tuple(candidates), frozenset(refused - offered), where=domain)


def is_under(host: str, domain: str) -> bool:
    """Whether the host is the domain or lies below it (RFC 6186 section 6)."""
    host, domain = host.lower().rstrip("."), domain.lower().rstrip(".")
    return host == domain or host.endswith(f".{domain}")
