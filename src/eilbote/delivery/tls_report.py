"""What TLS came to with a domain's servers, in the words of RFC 8460: counted by day, so that its operator
can be told.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.delivery.route import Hop, Proof
from eilbote.errors import Problem

SUCCESS = "success"


class TlsResult(Struct, frozen=True):
    """Sessions of one day with one server. `policy`: `tlsa`, `sts` or `no-policy-found`; `result`:
    `success`, or a failure type of RFC 8460 section 4.3."""

    day: str
    domain: str
    policy: str
    host: str
    result: str
    sessions: int = 1


def policy_type(hop: Hop) -> str:
    """RFC 8460 section 4.2."""
    match hop.proof:
        case Proof.DANE | Proof.ENCRYPTION:
            return "tlsa"
        case Proof.AUTHORITY:
            return "sts"
        case Proof.NOTHING:
            return "no-policy-found"


def failure_type(problem: Problem) -> str | None:
    """RFC 8460 section 4.3; None for what is no failure of TLS (nobody answers, a greylist)."""
    match problem.code:
        case "smtp.no_starttls":
            return "starttls-not-supported"
        case "route.not_dane":
            return "validation-failure"
        case "net.certificate":
            return _certificate_failure(problem.parameters.get("reason", "").lower())
        case "net.tls":
            return "validation-failure"
        case _:
            return None


def _certificate_failure(reason: str) -> str:
    if "expired" in reason or "not yet valid" in reason:
        return "certificate-expired"
    if "hostname" in reason or "mismatch" in reason:
        return "certificate-host-mismatch"
    return "certificate-not-trusted"
