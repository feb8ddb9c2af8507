"""ENV: this computer: clock, authorities, TLS, disk, store, names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from eilbote.diagnosis.evidence import Asked, Machine, NamesTested, Outcome, Resolved
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.providers.table import provider_at

_MIB = 1 << 20
_DATE = re.compile(r"\b\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
_OLD_STORE = 5 * 365 * 86_400.0
_FEWEST_OF_A_SYSTEM = 50
_CLOCK_FAILS, _CLOCK_WARNS = 300.0, 30.0
_SLOW_NAMES_MS = 1000.0


def judge_machine(machine: Machine) -> list[Finding]:
    """What can be said before anybody is asked."""
    return [
        _authorities(machine),
        found("ENV10", Verdict.PASS, seen=machine.openssl)
        if machine.has_tls13
        else found("ENV10", Verdict.WARN, "old", seen=machine.openssl, cause="tls.own_library"),
        _disk(machine),
        _store(machine),
        _key(machine),
        found("ENV08", Verdict.INFO, "set" if machine.proxies else "none", names=", ".join(machine.proxies)),
    ]


def _authorities(machine: Machine) -> Finding:
    if not machine.authorities:
        return found("ENV09", Verdict.FAIL, "none", cause="certificate.no_authorities")
    of_system = machine.authorities >= _FEWEST_OF_A_SYSTEM  # fewer were chosen by somebody
    if of_system and machine.now - machine.newest_authority > _OLD_STORE:
        # The youngest authority of a current store began within the last few years.
        return found("ENV09", Verdict.WARN, "old", cause="certificate.old_authorities")
    return found("ENV09", Verdict.PASS, seen=str(machine.authorities))


def _disk(machine: Machine) -> Finding:
    free = machine.free // _MIB
    if free < 100:
        return found("ENV11", Verdict.FAIL, "full", cause="server.own_disk", free=free)
    if machine.is_remote_disk:
        return found("ENV11", Verdict.WARN, "remote", cause="server.own_disk")
    if free < 1024:
        return found("ENV11", Verdict.WARN, "little", cause="server.own_disk", free=free)
    return found("ENV11", Verdict.PASS, seen=f"{free} MiB")


def _store(machine: Machine) -> Finding:
    """ENV12, as far as it was read within the time that there is for it."""
    if machine.store:
        return found("ENV12", Verdict.FAIL, "broken", cause="server.own_store", code=machine.store)
    if machine.store_faults:
        fault = machine.store_faults[0]
        seen = " / ".join(machine.store_faults)
        case = "index" if machine.store_read == "catalogue" else "damaged"
        return found("ENV12", Verdict.FAIL, case, cause="server.own_store", seen=seen, fault=fault)
    if machine.store_read == "part":
        return found("ENV12", Verdict.INFO, "part", seen=f"schema {machine.store_schema}")
    seen = f"{machine.store_read}, schema {machine.store_schema}" if machine.store_read else ""
    return found("ENV12", Verdict.PASS, seen=seen)


def _key(machine: Machine) -> Finding:
    if machine.key_mode is None:
        return found("AUTH16", Verdict.PASS)
    if machine.key_mode & 0o077:
        return found(
            "AUTH16", Verdict.FAIL, "readable", cause="password.readable_key", mode=f"{machine.key_mode:04o}"
        )
    return found("AUTH16", Verdict.PASS, seen=f"{machine.key_mode:04o}")


def judge_names(looked: Sequence[Resolved]) -> list[Finding]:
    """ENV02 and DNS05: whether names are answered at all, and each host of the account."""
    if not looked:
        return []
    silent = all(one.outcome is Outcome.TIMEOUT or one.told is Outcome.TIMEOUT for one in looked) and not any(
        one.outcome is Outcome.OK for one in looked
    )
    if silent:
        return [found("ENV02", Verdict.FAIL, "silent", cause="dns.silent", sure=Confidence.LIKELY)]
    slowest = max(one.ms for one in looked)
    findings = [
        found("ENV02", Verdict.WARN, "slow", cause="dns.slow", ms=slowest, seconds=f"{slowest / 1000:.1f}")
        if slowest > _SLOW_NAMES_MS and any(one.outcome is Outcome.OK for one in looked)
        else found("ENV02", Verdict.PASS, ms=slowest)
    ]
    return findings + [judge_name(one) for one in looked]


def judge_name(looked: Resolved) -> Finding:
    """DNS05: the addresses of one host."""
    host = looked.host
    if looked.outcome is Outcome.OK:
        return found("DNS05", Verdict.PASS, at=host, ms=looked.ms, seen=", ".join(looked.addresses))
    told = looked.told or looked.outcome
    if told is Outcome.NO_SUCH_NAME and provider_at(host) is not None:
        # The table knows better: who says so is offline, filters, or lies.
        return found(
            "DNS05",
            Verdict.FAIL,
            "denied",
            at=host,
            cause="dns.denied",
            who=Who.NETWORK,
            sure=Confidence.LIKELY,
            ms=looked.ms,
            host=host,
        )
    case, cause, who, sure = {
        Outcome.NO_SUCH_NAME: ("no_such_name", "dns.no_such_host", Who.YOU, Confidence.CERTAIN),
        Outcome.NO_RECORDS: ("no_records", "dns.no_address", Who.PROVIDER, Confidence.CERTAIN),
        Outcome.SERVER_FAILURE: ("server_failure", "dns.server_failure", Who.PROVIDER, Confidence.LIKELY),
        Outcome.OK: ("system", "dns.system", Who.YOU, Confidence.LIKELY),
        Outcome.TIMEOUT: ("timeout", "dns.timeout", Who.NETWORK, Confidence.LIKELY),
    }.get(told, ("failed", "dns.failed", Who.NETWORK, Confidence.GUESS))
    return found(
        "DNS05", Verdict.FAIL, case, at=host, cause=cause, who=who, sure=sure, ms=looked.ms, host=host
    )


def clock_in(banner: str) -> float | None:
    """The date that some servers say in their greeting (`ready at Mon, 23 Nov 2026 10:00:00 +0000`)."""
    found_date = _DATE.search(banner)
    if found_date is None:
        return None
    try:
        return parsedate_to_datetime(found_date[0]).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def judge_clock(now: float, answers: Sequence[tuple[float, str]]) -> Finding:
    """ENV01: `answers` are clocks of others as they were told at `now`, and whose they are."""
    if not answers:
        return found("ENV01", Verdict.SKIP, "no_clock")
    off, host = min(((now - told, host) for told, host in answers), key=lambda one: abs(one[0]))
    shown = _length(abs(off))
    if abs(off) <= _CLOCK_WARNS:
        return found("ENV01", Verdict.PASS, seen=f"{off:+.0f} s ({host})")
    case = "ahead" if off > 0 else "behind"
    if abs(off) <= _CLOCK_FAILS:
        return found("ENV01", Verdict.WARN, case, cause="clock.off", sure=Confidence.LIKELY, length=shown)
    return found("ENV01", Verdict.FAIL, case, cause="clock.wrong", sure=Confidence.LIKELY, length=shown)


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} d"


def judge_portal(asked: Asked, host: str) -> Finding | None:
    """ENV05: a page of somebody else where the provider's own should be."""
    if asked.outcome is not Outcome.OK:
        return None
    sent_away = asked.status in (302, 303, 307) and bool(asked.location)
    elsewhere = sent_away and _domain(_host_of(asked.location)) != _domain(host)
    if asked.status == 511 or elsewhere:  # RFC 6585 section 6
        return found(
            "ENV05",
            Verdict.FAIL,
            "page",
            cause="portal.login_page",
            sure=Confidence.CERTAIN if asked.status == 511 else Confidence.LIKELY,
            seen=f"{asked.status} {asked.location}".strip(),
            page=_host_of(asked.location) or host,
        )
    return None


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0].lower()


def _domain(host: str) -> str:
    return ".".join(host.lower().rstrip(".").split(".")[-2:])


def judge_truth(tested: NamesTested) -> list[Finding]:
    """ENV03 and ENV04: a name that cannot exist is denied, and the root is proven."""
    findings = []
    if tested.nonsense is Outcome.OK:
        shown = ", ".join(tested.addresses[:3])
        findings.append(found("ENV03", Verdict.WARN, "lies", cause="dns.lies", seen=shown, addresses=shown))
    elif tested.nonsense in (Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS):
        findings.append(found("ENV03", Verdict.PASS))
    if tested.proven is not None:
        findings.append(found("ENV04", Verdict.INFO, "yes" if tested.proven else "no"))
    return findings
