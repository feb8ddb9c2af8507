"""Records that help mail programs find the servers (RFC 6186, autoconfig), and the logo (BIMI)."""

from __future__ import annotations

from eilbote.diagnosis.domain.answers import Answers, is_under
from eilbote.diagnosis.domain.signed import tlsa_name
from eilbote.diagnosis.evidence import OwnDomain, Place, Protocol
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import DnsRecord, Finding, Verdict

JMAP = "_jmap._tcp"
_MOST_PORTS = 4
SERVICES = ("_imaps._tcp", "_submissions._tcp", "_submission._tcp")


def service_of(place: Place) -> str:
    """The name of the record for a server; "" where there is none (RFC 6186, RFC 8314 section 5.1)."""
    match place.protocol, place.security:
        case Protocol.IMAP, "tls":
            return "_imaps._tcp"
        case Protocol.SMTP, "tls":
            return "_submissions._tcp"
        case Protocol.SMTP, "starttls":
            return "_submission._tcp"
        case Protocol.POP3, "tls":
            return "_pop3s._tcp"
        case _:
            return ""


def judge_services(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DISC03 and DISC04."""
    wanted = {
        service: DnsRecord(f"{service}.{own.name}", "SRV", f"0 1 {one.port} {one.host}.")
        for one in own.servers
        if (service := service_of(one))
    }
    there = [one for one in SERVICES if answers.of(f"{one}.{own.name}", "SRV").records]
    findings: list[Finding] = []
    if there:
        seen = "; ".join(f"{one} {answers.of(f'{one}.{own.name}', 'SRV').records[0]}" for one in there)
        findings.append(found("DISC03", Verdict.PASS, at=own.name, seen=seen))
    else:
        findings.append(
            found("DISC03", Verdict.INFO, "none", at=own.name, publish=list(wanted.values()), domain=own.name)
        )
    host = f"autoconfig.{own.name}"
    if answers.addresses(host):
        findings.append(found("DISC04", Verdict.PASS, at=host))
    else:
        findings.append(found("DISC04", Verdict.INFO, "no_file", at=host, domain=own.name, host=host))
    return findings


def judge_jmap(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DISC07, by its record (RFC 8620 section 2.2). A lone dot says that there is none (RFC 2782)."""
    name = f"{JMAP}.{own.name}"
    if answers.is_silent(name, "SRV"):
        return []
    hosts = [one.split()[-1].rstrip(".") for one in answers.of(name, "SRV").records if one.split()]
    named = [one for one in hosts if one]
    if not named:
        return [found("DISC07", Verdict.INFO, "none", at=name, domain=own.name)]
    return [found("DISC07", Verdict.INFO, "there", at=name, seen=", ".join(named), host=named[0])]


def pinned_ports(own: OwnDomain) -> list[str]:
    """Where the certificates of the domain's own servers for programs would be pinned (RFC 6698)."""
    mine = [one for one in own.servers if is_under(one.host, own.name)]
    return list(dict.fromkeys(tlsa_name(one.host, one.port) for one in mine))[:_MOST_PORTS]


def judge_pinned_ports(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS25."""
    names = [one for one in pinned_ports(own) if not answers.is_silent(one, "TLSA")]
    if not names:
        return []
    there = [one for one in names if answers.of(one, "TLSA").records]
    if not there:
        return [found("DNS25", Verdict.INFO, "none", at=own.name, domain=own.name)]
    seen = "; ".join(f"{one} {answers.of(one, 'TLSA').records[0]}" for one in there)
    return [found("DNS25", Verdict.INFO, "there", at=own.name, seen=seen, count=len(there), of=len(names))]


def judge_logo(own: OwnDomain, answers: Answers) -> Finding:
    """DNS27."""
    name = f"default._bimi.{own.name}"
    texts = answers.texts(name, "v=BIMI1")
    if not texts:
        return found("DNS27", Verdict.INFO, "none", at=name, domain=own.name)
    return found("DNS27", Verdict.INFO, "there", at=name, seen=texts[0])
