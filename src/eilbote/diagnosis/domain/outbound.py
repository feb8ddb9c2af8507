"""What a domain that sends by itself needs of the network: a way to other mail servers."""

from __future__ import annotations

from collections.abc import Mapping

from eilbote.diagnosis.evidence import Conversed, Outcome, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict

_SWALLOWED = (Outcome.TIMEOUT, Outcome.UNREACHABLE)


def judge_way_out(own: OwnDomain, seen: Mapping[str, Conversed]) -> list[Finding]:
    """NET06, by the servers that take the domain's mail: only where mail goes out directly. A server that
    refuses has been reached."""
    if not own.direct or not seen:
        return []
    at = f"{own.name}:{own.smtp_port}"
    silent = [
        one for one in seen.values() if one.outcome in _SWALLOWED and not one.banner and one.tls is None
    ]
    if len(silent) < len(seen):
        return [found("NET06", Verdict.PASS, at=at)]
    return [
        found(
            "NET06",
            Verdict.WARN,
            "blocked",
            at=at,
            cause="filtered.port25",
            sure=Confidence.LIKELY,
            seen=", ".join(one.place.host for one in silent),
            port=own.smtp_port,
        )
    ]
