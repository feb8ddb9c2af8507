"""DNS13 and DNS18: the signature of the mail that came back, and whether it speaks for the sender."""

from __future__ import annotations

from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.domain.dmarc import found_by_walk, policy_for
from eilbote.diagnosis.evidence import OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.trips import Signature, Trip
from eilbote.diagnosis.values import Finding, Verdict

_NEEDED = ("from", "subject", "date", "to")


def judge_signature(trip: Trip) -> list[Finding]:
    """DNS13: of several signatures the best counts, as receivers have it (RFC 6376 section 6.1)."""
    if trip.signatures is None:
        return []
    if not trip.signatures:
        return [found("DNS13", Verdict.INFO, "none")]
    return [min((_judged(one) for one in trip.signatures), key=lambda one: _ORDER.index(one.verdict))]


_ORDER = [Verdict.PASS, Verdict.INFO, Verdict.WARN]


def _judged(signature: Signature) -> Finding:
    domain = signature.domain
    seen = f"d={domain} h={':'.join(signature.fields)}"
    if signature.valid is None:
        return found("DNS13", Verdict.INFO, "no_key", seen=seen, signer=domain)
    if not signature.valid:
        return found("DNS13", Verdict.WARN, "broken", cause="dns.dkim_broken", seen=seen, signer=domain)
    missing = [one for one in _NEEDED if one not in signature.fields]
    if missing:
        return found(
            "DNS13",
            Verdict.WARN,
            "uncovered",
            cause="dns.dkim_weak",
            seen=seen,
            signer=domain,
            fields=", ".join(one.capitalize() for one in missing),
        )
    if signature.partial:
        return found("DNS13", Verdict.WARN, "partial", cause="dns.dkim_weak", seen=seen, signer=domain)
    if not signature.aligned:
        return found("DNS13", Verdict.INFO, "foreign", seen=seen, signer=domain)
    return found("DNS13", Verdict.PASS, seen=seen)


def judge_alignment(own: OwnDomain, answers: Answers, trip: Trip | None) -> list[Finding]:
    """DNS18: what the domain demands of others, its own mail has to fulfil (RFC 9989). Where neither we nor
    the receiving server could look, nothing is said."""
    if trip is None or not trip.found or trip.signatures is None:
        return []
    proven = [one for one in trip.aligned if one in ("spf", "dkim")]
    if any(one.aligned and one.valid for one in trip.signatures) or "dmarc" in trip.aligned:
        proven.append("dkim" if "dmarc" not in trip.aligned else "dmarc")
    if proven:
        return [found("DNS18", Verdict.PASS, at=own.name, seen=", ".join(dict.fromkeys(proven)))]
    record = found_by_walk(own.name, answers)
    if record is None or not _was_weighed(trip):
        return []
    policy = policy_for(own.name, record)
    seen = ", ".join(f"{method}={result}" for method, result in trip.results)
    if policy == "none":
        return [found("DNS18", Verdict.INFO, "not_yet", at=own.name, seen=seen, domain=own.name)]
    return [
        found(
            "DNS18",
            Verdict.FAIL,
            "neither",
            at=own.name,
            cause="dns.not_aligned",
            seen=seen,
            domain=own.name,
            policy=policy,
        )
    ]


def _was_weighed(trip: Trip) -> bool:
    """The receiving server has looked at the mail as at one of anybody: a provider that has just let the
    writer in (`auth=pass`, RFC 8601 section 2.7.4) proves nothing of SPF and DKIM."""
    told = set(trip.results)
    if ("dmarc", "fail") in told:
        return True
    return ("auth", "pass") not in told and bool(told & {("spf", "pass"), ("dkim", "pass")})
