"""What the BSI recommends for mail (TR-03108, TR-03182, TR-02102-2), counted out of the other findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.diagnosis.evidence import Conversed
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Finding, Verdict

_GOOD = ("TLSv1.2", "TLSv1.3")
_MEASURES = {
    "SPF": ("DNS08", "DNS09", "DNS11"),
    "DKIM": ("DNS12",),
    "DMARC": ("DNS14", "DNS15"),
    "DNSSEC": ("DNS21",),
    "DANE": ("DNS23",),
    "MTA-STS": ("DNS19",),
}


def judge_encryption(seen: Mapping[str, Conversed]) -> list[Finding]:
    """TLS19 and TLS02 of the servers that take the mail, and TLS03 by TR-02102-2."""
    findings: list[Finding] = []
    for host, one in seen.items():
        if not one.is_greeting or not one.before:
            continue
        if "STARTTLS" not in one.before:
            findings.append(found("TLS19", Verdict.WARN, "mx", at=host, cause="tls.no_starttls", host=host))
        elif one.tls is not None and one.tls.version:
            version = one.tls.version
            case, verdict = ("", Verdict.PASS) if version in _GOOD else ("mx_old", Verdict.WARN)
            findings.append(
                found(
                    "TLS02",
                    verdict,
                    case,
                    at=host,
                    cause="" if version in _GOOD else "tls.old_version",
                    seen=f"{version} {one.tls.cipher}",
                    host=host,
                    version=version,
                )
            )
    return findings


def judge_profile(domain: str, findings: Sequence[Finding]) -> Finding:
    """DNS30: which of the seven measures are there."""
    kept = [name for name, checks in _MEASURES.items() if _is_kept(checks, findings)]
    encrypted = [one for one in findings if one.id == "TLS02"]
    if encrypted and all(one.verdict is Verdict.PASS for one in encrypted):
        kept.append("TLS")
    names = [*_MEASURES, "TLS"]
    missing = [name for name in names if name not in kept]
    case = "all" if not missing else "some"
    return found(
        "DNS30",
        Verdict.PASS if not missing else Verdict.INFO,
        case,
        at=domain,
        count=len(kept),
        of=len(names),
        kept=", ".join(kept) or "–",
        missing=", ".join(missing),
    )


def _is_kept(checks: Sequence[str], findings: Sequence[Finding]) -> bool:
    mine = [one for one in findings if one.id in checks]
    return {one.id for one in mine} == set(checks) and all(one.verdict is Verdict.PASS for one in mine)
