"""The servers that take a domain's mail: MX, their addresses, and the way back from those to a name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from eilbote.diagnosis.domain.answers import Answers, plain
from eilbote.diagnosis.evidence import Conversed, Outcome, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who

_DOCUMENTS = tuple(
    ipaddress.ip_network(one) for one in ("192.0.2.0/24", "198.18.0.0/15", "2001:db8::/32")
)  # RFC 5737, 2544, 3849
MOST_SERVERS = 10
MOST_ADDRESSES = 2
"""Of each server."""


class Mx(Struct, frozen=True):
    preference: int
    host: str


def mx_of(domain: str, answers: Answers) -> list[Mx]:
    """The servers in their order; records that mean nothing are left out. `.`: no mail is wanted."""
    records: list[Mx] = []
    for text in answers.of(domain, "MX").records:
        preference, _, host = text.partition(" ")
        if re.fullmatch(r"[0-9]{1,5}", preference) and host:
            records.append(Mx(int(preference), plain(host)))
    return sorted(records, key=lambda one: (one.preference, one.host))[:MOST_SERVERS]


def hosts_of(domain: str, answers: Answers) -> list[str]:
    """Each server once. Without any MX the domain itself is the server (RFC 5321 section 5.1)."""
    records = mx_of(domain, answers)
    hosts = list(dict.fromkeys(one.host for one in records if one.host and not _number(one.host)))
    if not records and answers.of(domain, "MX").outcome is Outcome.NO_RECORDS and answers.addresses(domain):
        return [domain]
    return hosts


def reverse(address: str) -> str:
    """The name under which the name of an address is found."""
    return ipaddress.ip_address(address).reverse_pointer


def judge_existence(own: OwnDomain, answers: Answers) -> Finding | None:
    """DNS01 where nothing further can be found out; None where the domain is there."""
    domain = own.name
    soa, mx = answers.of(domain, "SOA"), answers.of(domain, "MX")
    if soa.bogus or mx.bogus:
        return found(
            "DNS21", Verdict.FAIL, "bogus", at=domain, cause="dns.dnssec", seen=soa.reason, domain=domain
        )
    if Outcome.NO_SUCH_NAME in (soa.outcome, mx.outcome):
        return found("DNS01", Verdict.FAIL, "gone", at=domain, cause="dns.no_domain", domain=domain)
    if soa.outcome is Outcome.TIMEOUT and mx.outcome is Outcome.TIMEOUT:
        return found(
            "ENV02",
            Verdict.ERROR,
            "domain_silent",
            at=domain,
            cause="dns.silent",
            domain=domain,
            sure=Confidence.LIKELY,
        )
    if soa.outcome is Outcome.SERVER_FAILURE and mx.outcome is Outcome.SERVER_FAILURE:
        return found(
            "DNS01",
            Verdict.FAIL,
            "broken",
            at=domain,
            cause="dns.server_failure",
            seen=soa.reason,
            sure=Confidence.LIKELY,
            domain=domain,
        )
    return None


def judge_mx(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS03, DNS04 and DNS29."""
    domain = own.name
    looked = answers.of(domain, "MX")
    if answers.is_silent(domain, "MX"):
        return [found("DNS03", Verdict.ERROR, "silent", at=domain, cause="dns.timeout", domain=domain)]
    findings: list[Finding] = []
    if looked.alias:
        findings.append(found("DNS29", Verdict.INFO, "alias", at=domain, name=looked.alias))
    records = mx_of(domain, answers)
    null = [one for one in records if not one.host]
    if null and len(records) == len(null):
        return [
            *findings,
            found("DNS04", Verdict.FAIL, "wants_none", at=domain, cause="dns.null_mx", domain=domain),
        ]
    if null:
        findings.append(
            found("DNS04", Verdict.WARN, "among_others", at=domain, cause="dns.null_mx", domain=domain)
        )
    if not records:
        if answers.addresses(domain):
            finding = found("DNS03", Verdict.WARN, "only_address", at=domain, cause="dns.mx", domain=domain)
        else:
            finding = found("DNS03", Verdict.FAIL, "none", at=domain, cause="dns.mx", domain=domain)
        return [*findings, finding]
    wrong = [one for mx in records if mx.host and (one := _wrong_target(mx.host, answers)) is not None]
    if wrong:
        case, host = wrong[0]
        all_wrong = len(wrong) == len([one for one in records if one.host])
        verdict = Verdict.FAIL if all_wrong and case != "alias" else Verdict.WARN
        findings.append(found("DNS03", verdict, case, at=domain, cause="dns.mx", domain=domain, host=host))
    else:
        seen = ", ".join(f"{one.preference} {one.host}" for one in records if one.host)
        findings.append(found("DNS03", Verdict.PASS, at=domain, seen=seen))
    return findings


def _wrong_target(host: str, answers: Answers) -> tuple[str, str] | None:
    if _number(host):
        return "number", host
    if host in ("localhost", "localhost.localdomain") or host.endswith(".msv1.invalid"):
        return "unfinished", host
    if answers.of(host, "A").alias or answers.of(host, "AAAA").alias:
        return "alias", host
    return None


def judge_addresses(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS05: each server of the domain."""
    return [_addresses(host, answers) for host in hosts_of(own.name, answers) if answers.knows(host, "A")]


def _addresses(host: str, answers: Answers) -> Finding:
    numbers = answers.addresses(host)
    if numbers:
        private = [one for one in numbers if not is_public(one)]
        if len(private) == len(numbers):
            return found(
                "DNS05",
                Verdict.WARN,
                "private",
                at=host,
                cause="dns.private",
                host=host,
                address=private[0],
                who=Who.DOMAIN,
            )
        return found("DNS05", Verdict.PASS, at=host, seen=", ".join(numbers[:6]))
    if answers.is_silent(host, "A"):
        bogus = answers.of(host, "A").bogus
        if bogus:
            return found(
                "DNS22", Verdict.FAIL, "bogus", at=host, cause="dns.dnssec", host=host, who=Who.DOMAIN
            )
        return found(
            "DNS05",
            Verdict.ERROR,
            "server_failure",
            at=host,
            cause="dns.timeout",
            host=host,
            sure=Confidence.LIKELY,
        )
    return found("DNS05", Verdict.FAIL, "mx_nowhere", at=host, cause="dns.mx", host=host, who=Who.DOMAIN)


def judge_reverse(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS06: the address of each server leads to a name, and that name back to the address (RFC 8601)."""
    return [
        _reverse(own, host, address, answers)
        for host in hosts_of(own.name, answers)
        for address in public_addresses(host, answers)
    ]


def public_addresses(host: str, answers: Answers) -> list[str]:
    return [one for one in answers.addresses(host) if is_public(one)][:MOST_ADDRESSES]


def _reverse(own: OwnDomain, host: str, address: str, answers: Answers) -> Finding:
    at = reverse(address)
    # Who sends there decides by it (RFC 5321 leaves it to them); a server that only receives is not hurt.
    bad = Verdict.FAIL if own.direct else Verdict.INFO
    cause = "dns.ptr" if own.direct else ""
    if answers.is_silent(at, "PTR"):
        return found("DNS06", Verdict.SKIP, "silent", at=address)
    names = [plain(one) for one in answers.of(at, "PTR").records]
    if not names:
        return found("DNS06", bad, "none", at=address, cause=cause, address=address, host=host)
    confirmed = [one for one in names if address in answers.addresses(one)]
    if not confirmed:
        return found(
            "DNS06", bad, "not_back", at=address, cause=cause, address=address, host=host, name=names[0]
        )
    return found("DNS06", Verdict.PASS, at=address, seen=confirmed[0])


def judge_names(own: OwnDomain, answers: Answers, seen: Mapping[str, Conversed]) -> list[Finding]:
    """DNS07: the name of the address, of the greeting and of the certificate are one."""
    findings: list[Finding] = []
    for host, one in seen.items():
        if not one.is_greeting:
            continue
        words = one.banner.split()
        greeted = plain(words[1]) if len(words) > 1 else ""
        names = one.tls.chain[0].names if one.tls is not None and one.tls.chain else ()
        shown = {"host": host, "greeting": greeted or "?", "names": ", ".join(names[:5]) or "–"}
        good = greeted == host and (not names or covers(names, host))
        findings.append(
            found(
                "DNS07",
                Verdict.PASS if good else Verdict.INFO,
                "" if good else "differ",
                at=host,
                shown=shown,
            )
        )
    return findings


def covers(names: Sequence[str], host: str) -> bool:
    """Whether a certificate for these names is one for the host (RFC 9525): `*` is one whole label."""
    parent = host.partition(".")[2]
    return host in names or f"*.{parent}" in names


def judge_wildcard(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS29: names that nobody made are answered for."""
    for kind in ("MX", "A", "TXT"):
        if answers.of(f"*.{own.name}", kind).records:
            return [found("DNS29", Verdict.INFO, "wildcard", at=f"*.{own.name}", domain=own.name)]
    return []


def judge_blocklists(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS28: only lists that the user wants to be asked."""
    findings = [found("DNS28", Verdict.SKIP, "not_asked", at=own.name)] if not own.blocklists else []
    for name, subject, zone in listings(own, answers):
        looked = answers.of(name, "A")
        listed = [one for one in looked.records if one.startswith("127.") and not one.startswith("127.255.")]
        if listed:
            finding = found(
                "DNS28", Verdict.WARN, "listed", at=subject, cause="spam.listed", zone=zone, subject=subject
            )
        elif looked.records or answers.is_silent(name, "A"):
            finding = found("DNS28", Verdict.ERROR, "refused", at=subject, zone=zone)  # RFC 5782 section 5
        else:
            finding = found("DNS28", Verdict.PASS, at=subject, seen=zone)
        findings.append(finding)
    return findings


def listings(own: OwnDomain, answers: Answers) -> list[tuple[str, str, str]]:
    """Name to ask for, what it is about, and the list: of addresses, or of domains."""
    wanted: list[tuple[str, str, str]] = []
    for zone in own.blocklists:
        if zone.startswith("dbl."):
            wanted.append((f"{own.name}.{zone}", own.name, zone))
            continue
        for host in hosts_of(own.name, answers):
            for address in public_addresses(host, answers):
                turned = reverse(address).removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
                wanted.append((f"{turned}.{zone}", address, zone))
    return wanted[:20]


def _number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether others can speak to the address. Those that are set aside for documents count as public: nobody
    has them but what is shared."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    return number.is_global or any(number in one for one in _DOCUMENTS if one.version == number.version)


def network_of(address: str) -> str:
    """The network that an address most likely shares with others of one place."""
    number = ipaddress.ip_address(address)
    return str(ipaddress.ip_network(f"{address}/{24 if number.version == 4 else 48}", strict=False))
