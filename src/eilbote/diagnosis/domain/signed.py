"""Signed domains: DNSSEC, the certificate fixed in DNS (DANE), and the issuers that may be (CAA)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from eilbote.delivery.dane import Tlsa, usable
from eilbote.diagnosis.domain.answers import Answers, plain
from eilbote.diagnosis.domain.servers import hosts_of
from eilbote.diagnosis.evidence import Certificate, Conversed, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import DnsRecord, Finding, Verdict, Who

_ISSUERS = {
    "let's encrypt": ("letsencrypt.org",),
    "google trust services": ("pki.goog",),
    "digicert": ("digicert.com", "digicert.ne.jp"),
    "geotrust": ("digicert.com", "geotrust.com"),
    "rapidssl": ("digicert.com", "rapidssl.com"),
    "thawte": ("digicert.com", "thawte.com"),
    "sectigo": ("sectigo.com", "comodoca.com", "usertrust.com"),
    "zerossl": ("sectigo.com", "zerossl.com"),
    "globalsign": ("globalsign.com",),
    "t-systems": ("telesec.de",),
    "deutsche telekom": ("telesec.de",),
    "d-trust": ("d-trust.net",),
    "buypass": ("buypass.com", "buypass.no"),
    "harica": ("harica.gr",),
    "amazon": ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"),
    "entrust": ("entrust.net", "entrust.com", "affirmtrust.com"),
    "ssl corp": ("ssl.com",),
    "swisssign": ("swisssign.com",),
    "certum": ("certum.pl", "certum.eu"),
}
"""What issuers call themselves in certificates, and in CAA records."""


def tlsa_name(host: str, port: int = 25) -> str:
    return f"_{port}._tcp.{host}"


def judge_dnssec(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS21 and DNS22; ENV04 where the domain is signed and nobody here proves it."""
    findings = [_dnssec(own.name, answers, "DNS21")]
    if findings[0].text.endswith(".unproven"):
        findings.append(found("ENV04", Verdict.INFO, "not_proving"))
    zones = [one for one in hosts_of(own.name, answers) if not _is_inside(one, own.name)]
    for host in zones:
        looked = answers.of(host, "A")
        if looked.records:
            verdict = Verdict.PASS if looked.secure else Verdict.INFO
            findings.append(found("DNS22", verdict, "" if looked.secure else "unsigned", at=host, host=host))
    return findings


def _dnssec(name: str, answers: Answers, check: str) -> Finding:
    if is_secure(name, answers):
        return found(check, Verdict.PASS, at=name)
    if answers.of(name, "DNSKEY").bogus:
        return found(check, Verdict.FAIL, "bogus", at=name, cause="dns.dnssec", domain=name)
    if answers.of(name, "DNSKEY").records:
        return found(check, Verdict.INFO, "unproven", at=name, domain=name)
    return found(check, Verdict.INFO, "unsigned", at=name, domain=name)


def is_secure(name: str, answers: Answers) -> bool:
    return answers.of(name, "MX").secure or answers.of(name, "SOA").secure


def _is_inside(host: str, domain: str) -> bool:
    return plain(host) == domain or plain(host).endswith("." + domain)


# --- DANE --------------------------------------------------------------------------------------------


def read_tlsa(text: str) -> Tlsa | None:
    """A record as it stands in a zone: `3 1 1 0123…`."""
    parts = text.split()
    if len(parts) < 4 or not all(re.fullmatch(r"[0-9]{1,3}", one) for one in parts[:3]):
        return None
    try:
        data = bytes.fromhex("".join(parts[3:]))
    except ValueError:
        return None
    return Tlsa(int(parts[0]), int(parts[1]), int(parts[2]), data)


def judge_dane(own: OwnDomain, answers: Answers, seen: Mapping[str, Conversed]) -> list[Finding]:
    """DNS23 and DNS24: each server of the domain."""
    findings: list[Finding] = []
    for host in hosts_of(own.name, answers):
        name = tlsa_name(host)
        looked = answers.of(name, "TLSA")
        chain = _chain(seen.get(host))
        proposal = [_proposed(name, chain[0])] if chain and chain[0].key_fingerprint else []
        records = [one for one in map(read_tlsa, looked.records) if one is not None]
        shown: dict[str, object] = {"host": host, "name": name}
        # The records of a provider's servers are its own affair.
        mine = _is_inside(host, own.name)
        if looked.bogus:
            findings.append(
                found("DNS23", Verdict.FAIL, "bogus", at=host, cause="dns.dane", shown=shown)
                if mine
                else _of_provider(host, shown)
            )
        elif not looked.records:
            signed = answers.of(host, "A").secure
            case = "none" if signed else "needs_dnssec"
            findings.append(
                found("DNS23", Verdict.INFO, case, at=host, publish=proposal if signed else (), shown=shown)
            )
        elif not looked.secure:
            findings.append(found("DNS23", Verdict.INFO, "unsigned", at=host, shown=shown))
        elif not usable(records) and not mine:
            findings.append(_of_provider(host, shown))
        elif not usable(records):
            findings.append(
                found(
                    "DNS23",
                    Verdict.FAIL,
                    "unusable",
                    at=host,
                    cause="dns.dane",
                    publish=proposal,
                    seen=" / ".join(looked.records)[:300],
                    shown=shown,
                )
            )
        else:
            findings += _compared(host, usable(records), chain, proposal, shown, is_mine=mine)
    return findings


def _compared(
    host: str,
    records: Sequence[Tlsa],
    chain: Sequence[Certificate],
    proposal: Sequence[DnsRecord],
    shown: Mapping[str, object],
    *,
    is_mine: bool,
) -> list[Finding]:
    if not chain:
        return [found("DNS23", Verdict.SKIP, "not_reached", at=host, shown=shown)]
    if any(_fits(one, chain) for one in records):
        prepared = len(records) > 1
        return [
            found("DNS23", Verdict.PASS, at=host),
            found(
                "DNS24",
                Verdict.PASS if prepared else Verdict.INFO,
                "" if prepared else "one",
                at=host,
                shown=shown,
            ),
        ]
    if any(one.matching == 2 for one in records) and not chain[0].fingerprint_512:
        # Seen by an Eilbote that did not look for it yet.
        return [found("DNS23", Verdict.SKIP, "sha512", at=host, shown=shown)]
    if not is_mine:
        return [_of_provider(host, shown)]
    return [
        found("DNS23", Verdict.FAIL, "mismatch", at=host, cause="dns.dane", publish=proposal, shown=shown)
    ]


def _of_provider(host: str, shown: Mapping[str, object]) -> Finding:
    return found("DNS23", Verdict.WARN, "provider", at=host, cause="dns.dane", who=Who.PROVIDER, shown=shown)


def _fits(record: Tlsa, chain: Sequence[Certificate]) -> bool:
    """RFC 6698 section 2.1.3. Of a record that holds the whole thing, its hash is compared."""
    candidates = chain[:1] if record.usage == 3 else chain
    wanted = record.data.hex() if record.matching in (1, 2) else hashlib.sha256(record.data).hexdigest()
    return any(wanted == _fingerprint(one, record) for one in candidates)


def _fingerprint(certificate: Certificate, record: Tlsa) -> str:
    match record.selector == 0, record.matching == 2:
        case True, True:
            return certificate.fingerprint_512
        case True, False:
            return certificate.fingerprint
        case False, True:
            return certificate.key_fingerprint_512
        case _:
            return certificate.key_fingerprint


def _proposed(name: str, certificate: Certificate) -> DnsRecord:
    return DnsRecord(name, "TLSA", f"3 1 1 {certificate.key_fingerprint}", replaces=True)


def _chain(seen: Conversed | None) -> Sequence[Certificate]:
    return seen.tls.chain if seen is not None and seen.tls is not None else ()


# --- CAA ---------------------------------------------------------------------------------------------


def caa_names(host: str) -> list[str]:
    """Where records for a host are looked for: there, then upwards (RFC 8659 section 3)."""
    labels = plain(host).split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)][:6]


def judge_caa(own: OwnDomain, answers: Answers, seen: Mapping[str, Conversed]) -> list[Finding]:
    """DNS26: may the issuer of each server's certificate issue for it at all?"""
    findings: list[Finding] = []
    for host in hosts_of(own.name, answers):
        chain = _chain(seen.get(host))
        if not chain or not _is_inside(host, own.name):
            continue  # the records of another's domain are its own affair
        at = next((one for one in caa_names(host) if answers.of(one, "CAA").records), "")
        issuer = _issuer(chain[0])
        if not at:
            publish = [DnsRecord(own.name, "CAA", f'0 issue "{issuer[0]}"')] if issuer else []
            findings.append(found("DNS26", Verdict.INFO, "none", at=host, publish=publish, domain=own.name))
            continue
        allowed = _allowed(answers.of(at, "CAA").records)
        shown = {"host": host, "issuer": chain[0].issuer[:150], "allowed": ", ".join(allowed) or "–"}
        if not issuer or any(one in allowed for one in issuer) or not allowed:
            findings.append(
                found(
                    "DNS26",
                    Verdict.PASS if issuer else Verdict.INFO,
                    "" if issuer else "unknown_issuer",
                    at=host,
                    shown=shown,
                )
            )
        else:
            findings.append(
                found(
                    "DNS26",
                    Verdict.WARN,
                    "contradicts",
                    at=host,
                    cause="dns.caa",
                    publish=[DnsRecord(at, "CAA", f'0 issue "{issuer[0]}"')],
                    shown=shown,
                )
            )
    return findings


def _allowed(records: Sequence[str]) -> list[str]:
    allowed: list[str] = []
    for text in records:
        parts = text.split(maxsplit=2)
        if len(parts) == 3 and parts[1].lower() == "issue":
            allowed.append(parts[2].strip('"').partition(";")[0].strip().lower())
    return allowed


def is_known_issuer(name: str) -> bool:
    return bool(_issuer_names(name))


def _issuer(certificate: Certificate) -> tuple[str, ...]:
    return _issuer_names(certificate.issuer)


def _issuer_names(name: str) -> tuple[str, ...]:
    told = name.lower().replace("\\", "")
    return next((names for word, names in _ISSUERS.items() if word in told), ())
