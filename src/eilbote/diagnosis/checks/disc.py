"""DISC: the address itself, and whose servers belong to it."""

from __future__ import annotations

import re

from eilbote.diagnosis.evidence import Place, Protocol, Searched, SettingsFile, Target
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.providers.table import provider_of

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@]{1,255}")
_GUESS = "guess"
_CHECKS = {"srv": "DISC03", "autoconfig": "DISC04", "autodiscover": "DISC06", _GUESS: "DISC08"}


def judge_address(target: Target) -> list[Finding]:
    """DISC01 and DISC02: mistakes of typing, and the provider."""
    address = target.address
    if not _ADDRESS.fullmatch(address):
        return [found("DISC01", Verdict.FAIL, "syntax", cause="address.syntax", who=Who.YOU, address=address)]
    known = provider_of(address)
    if known is not None:
        checked = known.checked.isoformat()
        return [
            found("DISC01", Verdict.PASS),
            found("DISC02", Verdict.INFO, "known", name=known.name, checked=checked),
            found(
                "DISC10", Verdict.INFO, "local" if known.user_is_local_part else "address", name=known.name
            ),
        ]
    if not target.meant or target.worked:
        return [found("DISC01", Verdict.PASS)]
    return [_slip(target, Verdict.WARN, Confidence.GUESS)]


def _slip(target: Target, verdict: Verdict, sure: Confidence) -> Finding:
    domain = target.address.rpartition("@")[2]
    return found(
        "DISC01", verdict, "typo", cause="address.typo", sure=sure, domain=domain, meant=target.meant
    )


def judge_search(target: Target, searched: Searched) -> list[Finding]:
    """What each source said, and whether there is a server at all."""
    findings = [_source(source, problem, searched) for source, problem in searched.heard if source in _CHECKS]
    if searched.differ:
        shown = "; ".join(f"{protocol}: {one} / {other}" for protocol, one, other in searched.differ[:4])
        findings.append(found("DISC09", Verdict.WARN, "differ", cause="server.sources_differ", names=shown))
    elif len({one.source for one in searched.named}) > 1:
        findings.append(found("DISC09", Verdict.PASS))
    if not chosen_places(searched):
        findings.append(_nothing(target, searched))
    return findings


def judge_settings(domain: str, settings: SettingsFile | None) -> list[Finding]:
    """DISC05. The digest in DNS tells that the file is the one that the domain means."""
    if settings is None:
        return []
    host, seen = settings.host, ", ".join(str(one) for one in settings.places[:4])
    match settings.problem, settings.fits:
        case "none", _:
            return [found("DISC05", Verdict.INFO, "none", at=host, domain=domain)]
        case "", True:
            return [found("DISC05", Verdict.PASS, at=host, seen=seen)]
        case "", None:
            return [found("DISC05", Verdict.INFO, "no_digest", at=host, seen=seen, domain=domain, host=host)]
        case "", _:
            return [found("DISC05", Verdict.INFO, "differs", at=host, seen=seen, domain=domain, host=host)]
        case problem, _:
            why = settings.reason or problem
            return [found("DISC05", Verdict.INFO, "unreadable", at=host, seen=why, host=host)]


def chosen_places(searched: Searched) -> tuple[Place, ...]:
    """Where the ladder goes on: of each protocol the first that proved itself, else the first that somebody
    has named, so that it is told why that one does not answer. POP3 only without IMAP."""
    places = [
        one for one in (_first(searched, kind) for kind in (Protocol.IMAP, Protocol.SMTP)) if one is not None
    ]
    if not any(one.protocol is Protocol.IMAP for one in places):
        pop3 = _first(searched, Protocol.POP3)
        places = [pop3, *places] if pop3 is not None else places
    return tuple(places)


def _first(searched: Searched, protocol: Protocol) -> Place | None:
    mine = [one for one in searched.named if one.place.protocol is protocol]
    proven = (one.place for one in mine if one.is_proven)
    named = (one.place for one in mine if one.source != _GUESS)
    return next(proven, None) or next(named, None)


def _source(source: str, problem: str, searched: Searched) -> Finding:
    named = [one for one in searched.named if one.source == source]
    shown = ", ".join(str(one.place) for one in named[:4])
    if named:
        return found(_CHECKS[source], Verdict.INFO, "named", seen=shown, names=shown)
    return found(_CHECKS[source], Verdict.INFO, "none", seen=problem)


def _nothing(target: Target, searched: Searched) -> Finding:
    domain = target.address.rpartition("@")[2]
    if target.meant:
        return _slip(target, Verdict.FAIL, Confidence.LIKELY)
    match searched.problem:
        case "discovery.no_domain":
            return found("DNS01", Verdict.FAIL, "missing", cause="dns.no_domain", who=Who.YOU, domain=domain)
        case "discovery.no_mail":
            return found("DNS04", Verdict.FAIL, "no_mail", cause="dns.no_mail", who=Who.YOU, domain=domain)
        case "account.no_access":
            return found("AUTH07", Verdict.FAIL, "never", cause="service_off.never", domain=domain)
        case "dns.silent" | "dns.failed":
            return found("ENV02", Verdict.FAIL, "silent", cause="dns.silent", sure=Confidence.LIKELY)
        case _:
            return found(
                "DISC02", Verdict.ERROR, "unknown", cause="address.no_servers", who=Who.YOU, domain=domain
            )
