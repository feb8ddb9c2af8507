"""DMARC (RFC 9989): what a domain wants done with mail that only pretends to be its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from eilbote.diagnosis.domain.answers import Answers, is_under, plain
from eilbote.diagnosis.evidence import OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import DnsRecord, Finding, Verdict

_MOST_QUERIES = 8
"""RFC 9989: of a longer name only the last labels are asked for."""

_POLICIES = ("none", "quarantine", "reject")
_REMOVED = ("pct", "rf", "ri")
_VALUES = {
    "p": _POLICIES,
    "sp": _POLICIES,
    "np": _POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "psd": ("y", "n", "u"),
    "t": ("y", "n"),
}
_KNOWN = (*_VALUES, "v", "fo", "rua", "ruf", *_REMOVED)
_MOST_RUA = 2
_ADDRESS = re.compile(r"mailto:([^\s,!@]+)@([A-Za-z0-9.-]+)(?:!\d+[kmgt]?)?", re.IGNORECASE)


class Dmarc(Struct, frozen=True):
    """A record. `at`: the name it stands at (`_dmarc.example.org`)."""

    at: str
    tags: dict[str, str]
    text: str

    def tag(self, name: str, default: str = "") -> str:
        return self.tags.get(name, default).lower()

    @property
    def policy(self) -> str:
        """A record with an address for reports and no policy asks for nothing but reports."""
        told = self.tag("p")
        return told if told in _POLICIES else "none"


def read_dmarc(at: str, text: str) -> Dmarc | None:
    """None for what is no DMARC record: `v` must be first, and as it stands in the RFC."""
    parts = [one.strip() for one in text.split(";")][:100]
    if not re.fullmatch(r"v\s*=\s*DMARC1", parts[0]):
        return None
    tags: dict[str, str] = {}
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return Dmarc(at, tags, text)


def names_of(domain: str) -> list[str]:
    """Where records are looked for, from the domain itself upwards (the tree walk)."""
    labels = plain(domain).split(".")
    names = [".".join(labels)]
    if len(labels) > _MOST_QUERIES:
        labels = labels[-(_MOST_QUERIES - 1) :]
        names.append(".".join(labels))
    while len(labels) > 1:
        labels = labels[1:]
        names.append(".".join(labels))
    return [f"_dmarc.{name}" for name in names]


def found_by_walk(domain: str, answers: Answers) -> Dmarc | None:
    """The record that counts for the domain: its own, else that of its organisation, which the walk finds."""
    records = list(_records(domain, answers))
    own = f"_dmarc.{plain(domain)}"
    for one in records:
        if one.at == own:
            return one
    for one in records:
        if one.tag("psd") == "n":
            return one
    # The highest but those of public suffixes is the organisation; without one, the suffix itself counts.
    organisations = [one for one in records if one.tag("psd") != "y"]
    return organisations[-1] if organisations else (records[-1] if records else None)


def _records(domain: str, answers: Answers) -> Iterator[Dmarc]:
    for name in names_of(domain):
        found = [one for text in answers.texts(name, "v") if (one := read_dmarc(name, text)) is not None]
        if len(found) == 1:
            yield found[0]


def foreign(domain: str, record: Dmarc) -> list[str]:
    """Domains of others that reports are to go to (RFC 9990): each has to agree."""
    home = record.at.removeprefix("_dmarc.")
    hosts = [plain(one[1]) for tag in ("rua", "ruf") for one in _ADDRESS.findall(record.tags.get(tag, ""))]
    return [one for one in dict.fromkeys(hosts) if not is_under(one, home) and not is_under(domain, one)][:10]


def agreement(domain: str, host: str) -> str:
    """Where that domain says that it takes reports of this one."""
    return f"{plain(domain)}._report._dmarc.{host}"


def judge_dmarc(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS14 to DNS17."""
    domain = own.name
    at = f"_dmarc.{domain}"
    if answers.is_silent(at, "TXT"):
        return [found("DNS14", Verdict.ERROR, "silent", at=at, cause="dns.timeout", domain=domain)]
    mine = [one for one in answers.texts(at, "v") if read_dmarc(at, one) is not None]
    if len(mine) > 1:
        keep = [DnsRecord(at, "TXT", mine[0], replaces=True)]
        return [
            found(
                "DNS14",
                Verdict.WARN,
                "several",
                at=at,
                cause="dns.dmarc",
                publish=keep,
                domain=domain,
                count=len(mine),
            )
        ]
    record = found_by_walk(domain, answers)
    if record is None:
        near = answers.of(at, "TXT").records
        start = [DnsRecord(at, "TXT", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}", bool(near))]
        case = "misspelt" if near else "none"
        return [
            found(
                "DNS14",
                Verdict.WARN,
                case,
                at=at,
                cause="dns.dmarc",
                publish=start,
                domain=domain,
                seen=near[0] if near else "",
            )
        ]
    findings = [found("DNS14", Verdict.PASS, at=record.at, seen=record.text)]
    findings.append(_policy(own, record))
    findings.append(_tags(record))
    return findings + [_agreed(domain, host, answers) for host in foreign(domain, record)]


def policy_for(domain: str, record: Dmarc) -> str:
    """What is demanded for mail of this domain. Of a name below its organisation `sp` counts."""
    below = record.at != f"_dmarc.{plain(domain)}"
    return record.tag("sp", record.policy) if below else record.policy


def _policy(own: OwnDomain, record: Dmarc) -> Finding:
    """DNS15."""
    policy = policy_for(own.name, record)
    publish = []
    if record.tag("t") == "y":
        case = "testing"
        publish = [_changed(record, t="n")]
    elif policy == "none":
        case = "none"
        publish = [_changed(record, p="quarantine")]
    else:
        return found("DNS15", Verdict.PASS, at=record.at, seen=f"p={policy}")
    return found("DNS15", Verdict.INFO, case, at=record.at, publish=publish, domain=own.name)


def _changed(record: Dmarc, **changes: str) -> DnsRecord:
    tags = {**{name: value for name, value in record.tags.items() if name not in _REMOVED}, **changes}
    first = {"p": tags.pop("p", "none")}
    text = "; ".join(["v=DMARC1", *(f"{name}={value}" for name, value in {**first, **tags}.items())])
    return DnsRecord(record.at, "TXT", text, replaces=True)


def _tags(record: Dmarc) -> Finding:
    """DNS16: one fault, the worst first."""
    bad = [f"{name}={value}" for name, value in record.tags.items() if not _is_good(name, value)]
    weak = [name for name in ("sp", "np") if _is_weaker(record, name)]
    removed = [name for name in record.tags if name in _REMOVED]
    unknown = [name for name in record.tags if name not in _KNOWN]
    case, shown, changes = "", "", {}
    if bad:
        case, shown = "bad_value", ", ".join(bad)
    elif "p" not in record.tags and "rua" not in record.tags:
        case, shown, changes = "no_policy", "p", {"p": "none"}
    elif weak:
        case, shown, changes = "weaker", ", ".join(weak), dict.fromkeys(weak, record.policy)
    elif len(_ADDRESS.findall(record.tags.get("rua", ""))) > _MOST_RUA:
        case, shown = "many_rua", str(_MOST_RUA)
    elif removed:
        case, shown = "removed", ", ".join(removed)
    elif unknown:
        case, shown = "unknown", ", ".join(unknown)[:100]
    else:
        return found("DNS16", Verdict.PASS, at=record.at)
    good = {name: value for name, value in record.tags.items() if name in _KNOWN and _is_good(name, value)}
    repaired = _changed(Dmarc(record.at, good, ""), **changes)
    verdict = Verdict.INFO if case in ("removed", "unknown") else Verdict.WARN
    cause = "dns.dmarc" if verdict is Verdict.WARN else ""
    return found(
        "DNS16", verdict, case, at=record.at, cause=cause, publish=[repaired], seen=record.text, tags=shown
    )


def _is_good(name: str, value: str) -> bool:
    if name in _VALUES:
        return value.lower() in _VALUES[name]
    if name in ("rua", "ruf"):
        return all(re.fullmatch(r"\s*[a-z][a-z0-9+.-]*:\S+\s*", one, re.I) for one in value.split(","))
    return True


def _is_weaker(record: Dmarc, name: str) -> bool:
    told = record.tag(name)
    return told in _POLICIES and _POLICIES.index(told) < _POLICIES.index(record.policy)


def _agreed(domain: str, host: str, answers: Answers) -> Finding:
    """DNS17."""
    name = agreement(domain, host)
    if answers.is_silent(name, "TXT"):
        return found("DNS17", Verdict.ERROR, "silent", at=host, cause="dns.timeout", name=name)
    if answers.texts(name, "v=DMARC1"):
        return found("DNS17", Verdict.PASS, at=host)
    return found(
        "DNS17",
        Verdict.WARN,
        "not_agreed",
        at=host,
        cause="dns.dmarc",
        publish=[DnsRecord(name, "TXT", "v=DMARC1")],
        host=host,
        domain=domain,
    )
