"""The rungs of a domain: what is looked up, in which order. A generator without I/O, as the ladder is.

Every round asks only for what is not known yet; the number of rounds and questions is bounded, whatever
a hostile zone answers.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec.structs import replace

from eilbote.diagnosis.checks import disc
from eilbote.diagnosis.checks.signature import judge_alignment
from eilbote.diagnosis.domain import (
    bsi,
    dkim,
    dmarc,
    name_servers,
    outbound,
    policy,
    relaying,
    servers,
    services,
    signed,
    spf,
)
from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.evidence import (
    Conversed,
    Evidence,
    Fetched,
    NameServerAsked,
    OwnDomain,
    Place,
    Protocol,
    RelayTried,
    Selector,
    SettingsFile,
)
from eilbote.diagnosis.probes import Converse, FetchPolicy, FetchSettings, Probe, TryRelay
from eilbote.diagnosis.trips import Trip
from eilbote.diagnosis.values import Finding
from eilbote.providers.outgoing import outgoing_of
from eilbote.providers.table import provider_by_mx

_MOST_ROUNDS = 14
_MOST_QUESTIONS = 150
_MOST_TALKS = 4

Rungs = Generator[tuple[Probe, ...], Sequence[Evidence], list[Finding]]
Round = Generator[tuple[Probe, ...], Sequence[Evidence], None]


def climb_domain(own: OwnDomain, now: float, trip: Trip | None = None) -> Rungs:
    """All that the records of a domain say, and a mail of it that came back."""
    own = dkim.with_keys_seen(own, trip)
    climber = _Domain(own, now, trip)
    yield from climber.look_up(_first(own))
    gone = servers.judge_existence(own, climber.answers)
    if gone is not None:
        return [gone]
    climber.take_for_hosted()
    yield from climber.look_further()
    yield from climber.talk()
    return climber.findings()


def _first(own: OwnDomain) -> list[tuple[str, str]]:
    """What may be asked without knowing anything."""
    domain = own.name
    names = [(domain, kind) for kind in ("SOA", "NS", "MX", "TXT", "A", "AAAA", "DNSKEY", "CAA")]
    names += [(f"{name}.{domain}", "TXT") for name in ("_dmarc", "_mta-sts", "_smtp._tls", "default._bimi")]
    names += [(f"{service}.{domain}", "SRV") for service in services.SERVICES]
    names.append((f"{services.JMAP}.{domain}", "SRV"))
    names += [(name, "TLSA") for name in services.pinned_ports(own)]
    names += [(dkim.name_of(one.name, domain), "TXT") for one in own.selectors]
    names += [(f"autoconfig.{domain}", "A"), (f"*.{domain}", "MX"), (f"*.{domain}", "A")]
    names += [(f"mta-sts.{domain}", kind) for kind in ("A", "AAAA")]
    return names


class _Domain:
    """Where one look at a domain stands."""

    def __init__(self, own: OwnDomain, now: float, trip: Trip | None) -> None:
        self._trip = trip
        self.answers = Answers()
        self._own = own
        self._now = now
        self._asked = 0
        self._fetched: Fetched | None = None
        self._seen: dict[str, Conversed] = {}
        self._relayed: dict[str, RelayTried] = {}
        self._asked_directly: list[NameServerAsked] = []
        self._settings: SettingsFile | None = None

    def look_up(self, wanted: Sequence[tuple[str, str]]) -> Round:
        probes = self.answers.unknown(wanted)[: _MOST_QUESTIONS - self._asked]
        if probes:
            self._asked += len(probes)
            self.answers.note((yield probes))

    def take_for_hosted(self) -> None:
        """Where no account says through whom mail goes out: through whom it comes in, most likely."""
        own = self._own
        if own.sender or own.direct:
            return
        for host in servers.hosts_of(own.name, self.answers):
            provider = provider_by_mx(host)
            sends = outgoing_of(provider.id) if provider is not None else None
            if sends is not None:
                known = any(one.certain for one in own.selectors)
                keys = () if known else tuple(Selector(one, sends.name) for one in sends.selectors)
                self._own = replace(
                    own, sender=sends.name, includes=sends.includes, selectors=own.selectors + keys
                )
                return

    def look_further(self) -> Round:
        """What the answers so far make worth asking, until nothing is left to ask."""
        for _ in range(_MOST_ROUNDS):
            wanted = self._wanted()
            if not self.answers.unknown(wanted) or self._asked >= _MOST_QUESTIONS:
                return
            yield from self.look_up(wanted)

    def _wanted(self) -> list[tuple[str, str]]:
        own, answers = self._own, self.answers
        wanted = [(dkim.name_of(one.name, own.name), "TXT") for one in own.selectors]
        for host in servers.hosts_of(own.name, answers):
            wanted += [(host, "A"), (host, "AAAA"), (signed.tlsa_name(host), "TLSA")]
            for address in servers.public_addresses(host, answers):
                at = servers.reverse(address)
                wanted.append((at, "PTR"))
                kind = "AAAA" if ":" in address else "A"
                wanted += [(one, kind) for one in answers.of(at, "PTR").records[:3]]
        names = answers.of(own.name, "NS").records[: name_servers.MOST_SERVERS]
        wanted += [(host, kind) for host in names for kind in ("A", "AAAA")]
        wanted += [(name, "TXT") for name in dmarc.names_of(own.name)]
        record = dmarc.found_by_walk(own.name, answers)
        if record is not None:
            wanted += [(dmarc.agreement(own.name, host), "TXT") for host in dmarc.foreign(own.name, record)]
        wanted += [(name, "A") for name, _, _ in servers.listings(own, answers)]
        return wanted + spf.wanted(own.name, answers)

    def talk(self) -> Round:
        """The policy's host, and the servers that take the mail: how they encrypt, nothing is sent."""
        own, answers = self._own, self.answers
        probes: list[Probe] = []
        if own.fetch or policy.has_record(own, answers):
            probes.append(FetchPolicy(own.name))
        hosts = [one for one in servers.hosts_of(own.name, answers) if answers.addresses(one)][:_MOST_TALKS]
        probes += [Converse(Place(Protocol.SMTP, one, own.smtp_port, "starttls")) for one in hosts]
        probes += [
            TryRelay(Place(Protocol.SMTP, one, own.smtp_port, "none"), own.relay_to)
            for one in relaying.own_servers(own, hosts)
        ]
        probes.append(FetchSettings(own.name))
        probes += name_servers.servers_to_ask(own, answers)
        yield from self.look_up([(name, "CAA") for one in hosts for name in signed.caa_names(one)])
        for evidence in (yield tuple(probes)):
            match evidence:
                case Fetched():
                    self._fetched = evidence
                case Conversed(place):
                    self._seen[place.host] = evidence
                case NameServerAsked():
                    self._asked_directly.append(evidence)
                case RelayTried(host):
                    self._relayed[host] = evidence
                case SettingsFile():
                    self._settings = evidence
                case _:
                    pass

    def findings(self) -> list[Finding]:
        """What weighs most comes first: of several faults of one weight it is the cause."""
        own, answers, seen = self._own, self.answers, self._seen
        findings = [
            *servers.judge_mx(own, answers),
            *servers.judge_addresses(own, answers),
            *spf.judge_spf(own, answers),
            *dkim.judge_dkim(own, answers),
            *dmarc.judge_dmarc(own, answers),
            *judge_alignment(own, answers, self._trip),
            *policy.judge_sts(own, answers, self._fetched, seen, self._now),
            policy.judge_tls_reports(own, answers),
            *signed.judge_dnssec(own, answers),
            *signed.judge_dane(own, answers, seen),
            *bsi.judge_encryption(seen),
            *signed.judge_caa(own, answers, seen),
            *name_servers.judge_name_servers(own, answers, self._asked_directly),
            *relaying.judge_relaying(self._relayed),
            *servers.judge_reverse(own, answers),
            *servers.judge_names(own, answers, seen),
            services.judge_logo(own, answers),
            *servers.judge_blocklists(own, answers),
            *servers.judge_wildcard(own, answers),
            *services.judge_services(own, answers),
            *disc.judge_settings(own.name, self._settings),
            *services.judge_jmap(own, answers),
            *services.judge_pinned_ports(own, answers),
            *outbound.judge_way_out(own, seen),
        ]
        return [*findings, bsi.judge_profile(own.name, findings)]
