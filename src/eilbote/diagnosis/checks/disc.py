"""DISC: the address itself, and whose servers belong to it."""

from __future__ import annotations

import re

from eilbote.diagnosis.evidence import Target
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.providers.table import provider_of, providers

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@]{1,255}")
_SHORTEST = 5
"""Shorter domains differ by one letter from too many good ones."""


def judge_address(target: Target) -> list[Finding]:
    """DISC01 and DISC02: mistakes of typing, without the network."""
    address = target.address
    if not _ADDRESS.fullmatch(address):
        return [found("DISC01", Verdict.FAIL, "syntax", cause="address.syntax", who=Who.YOU, address=address)]
    domain = address.rpartition("@")[2].lower()
    known = provider_of(address)
    if known is not None:
        return [
            found("DISC01", Verdict.PASS),
            found("DISC02", Verdict.INFO, "known", name=known.name, checked=known.checked.isoformat()),
        ]
    meant = similar_domain(domain)
    findings = []
    if meant and not target.worked:
        findings.append(
            found(
                "DISC01",
                Verdict.WARN,
                "typo",
                cause="address.typo",
                sure=Confidence.GUESS,
                domain=domain,
                meant=meant,
            )
        )
    else:
        findings.append(found("DISC01", Verdict.PASS))
    if not target.places and not target.is_account:
        findings.append(
            found("DISC02", Verdict.ERROR, "unknown", cause="address.no_servers", who=Who.YOU, domain=domain)
        )
    return findings


def similar_domain(domain: str) -> str:
    """The domain of a known provider that this one is a slip of the finger away from; "" where none is."""
    if len(domain) < _SHORTEST:
        return ""
    for provider in providers():
        for one in provider.domains:
            if len(one) >= _SHORTEST and is_one_slip(domain, one.lower()):
                return one
    return ""


def is_one_slip(typed: str, meant: str) -> bool:
    """One letter more, less, other, or two that changed places."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), None)
    if at is None:
        return True  # one letter more or less at the end
    rest_typed, rest_meant = typed[at:], meant[at:]
    return (
        rest_typed[1:] == rest_meant[1:]
        or rest_typed[1:] == rest_meant
        or rest_typed == rest_meant[1:]
        or (rest_typed[:2] == rest_meant[1::-1] and rest_typed[2:] == rest_meant[2:])
    )
