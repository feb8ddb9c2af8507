"""DNS01 and DNS02: the name servers of a domain, asked themselves: over UDP and TCP, by IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.diagnosis.domain.answers import Answers, plain
from eilbote.diagnosis.domain.servers import network_of
from eilbote.diagnosis.evidence import NameServerAsked, Outcome, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.probes import AskNameServer
from eilbote.diagnosis.values import Confidence, Finding, Verdict

MOST_SERVERS = 8
_CAUSE = "dns.name_servers"


def servers_to_ask(own: OwnDomain, answers: Answers) -> list[AskNameServer]:
    """One address of each family of each server, at most `MOST_SERVERS` in all; every server once before
    any a second time."""
    hosts = _hosts(own, answers)
    first, second = [], []
    for host in hosts:
        families = [answers.of(host, kind).records[:1] for kind in ("A", "AAAA")]
        addresses = [address for one in families for address in one]
        first += [AskNameServer(own.name, host, one) for one in addresses[:1]]
        second += [AskNameServer(own.name, host, one) for one in addresses[1:]]
    return [*first, *second][:MOST_SERVERS]


def judge_name_servers(
    own: OwnDomain, answers: Answers, asked: Sequence[NameServerAsked] = ()
) -> list[Finding]:
    """A name that is no zone of its own has the name servers of the one above."""
    findings = [found("DNS01", Verdict.PASS, at=own.name)]
    hosts = _hosts(own, answers)
    if not hosts:
        return findings
    shown: dict[str, object] = {"domain": own.name, "names": ", ".join(sorted(hosts))[:200]}
    known = all(answers.knows(host, "A") and not answers.is_silent(host, "A") for host in hosts)
    numbers = {one for host in hosts for one in answers.addresses(host)}
    if len(hosts) < 2:
        findings.append(found("DNS02", Verdict.WARN, "one", at=own.name, cause=_CAUSE, shown=shown))
    elif (bad := _wrong_answers(own, asked, shown)) is not None:
        findings.append(bad)
    elif known and len({network_of(one) for one in numbers}) < 2:
        findings.append(found("DNS02", Verdict.WARN, "one_network", at=own.name, cause=_CAUSE, shown=shown))
    else:
        findings.append(_small_things(own, answers, asked, shown))
    return findings


def _hosts(own: OwnDomain, answers: Answers) -> list[str]:
    return list(dict.fromkeys(plain(one) for one in answers.of(own.name, "NS").records))


def _wrong_answers(
    own: OwnDomain, asked: Sequence[NameServerAsked], shown: Mapping[str, object]
) -> Finding | None:
    """What a server does wrong itself. Where none of a family answers, it is this network that does not let
    us ask."""
    judged = [
        one
        for family in (False, True)
        if any(it.udp is Outcome.OK for it in asked if it.is_ipv6 is family)
        for one in asked
        if one.is_ipv6 is family
    ]
    lame = [one for one in judged if one.udp is Outcome.OK and not one.knows_zone]
    if lame:
        return found(
            "DNS02", Verdict.WARN, "lame", at=own.name, cause=_CAUSE, servers=_named(lame), shown=shown
        )
    silent = [one for one in judged if one.udp is not Outcome.OK and one.tcp is not Outcome.OK]
    if silent:
        return found(
            "DNS02",
            Verdict.WARN,
            "silent",
            at=own.name,
            cause=_CAUSE,
            sure=Confidence.LIKELY,
            servers=_named(silent),
            shown=shown,
        )
    half = [one for one in judged if one.tcp is not Outcome.OK]
    if half and any(one.tcp is Outcome.OK for one in judged):
        return found(
            "DNS02",
            Verdict.WARN,
            "no_tcp",
            at=own.name,
            cause=_CAUSE,
            sure=Confidence.LIKELY,
            servers=_named(half),
            shown=shown,
        )
    return None


def _small_things(
    own: OwnDomain, answers: Answers, asked: Sequence[NameServerAsked], shown: Mapping[str, object]
) -> Finding:
    good = [one for one in asked if one.udp is Outcome.OK]
    seen = ", ".join(f"{one.host} {one.serial}" for one in good) or str(shown["names"])
    if not good:
        return found("DNS02", Verdict.SKIP, "not_asked", at=own.name, seen=seen, shown=shown)
    if len({one.serial for one in good}) > 1:
        return found("DNS02", Verdict.INFO, "serials", at=own.name, seen=seen, shown=shown)
    if not any(answers.of(one, "AAAA").records for one in _hosts(own, answers)):
        return found("DNS02", Verdict.INFO, "only_ipv4", at=own.name, seen=seen, shown=shown)
    return found("DNS02", Verdict.PASS, at=own.name, seen=seen)


def _named(asked: Sequence[NameServerAsked]) -> str:
    return ", ".join(dict.fromkeys(f"{one.host} ({one.address})" for one in asked))[:300]
