"""How the judges write a finding down: its text by its id, who acts as the registry says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.diagnosis.evidence import Place
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Confidence, DnsRecord, Finding, PublishedFile, Verdict, Who

_LONGEST = 600


def found(
    check: str,
    verdict: Verdict,
    case: str = "",
    *,
    at: Place | str = "",
    cause: str = "",
    who: Who | None = None,
    sure: Confidence = Confidence.CERTAIN,
    seen: str = "",
    ms: float | None = None,
    publish: Sequence[DnsRecord] = (),
    file: PublishedFile | None = None,
    shown: Mapping[str, object] | None = None,
    **parameters: object,
) -> Finding:
    """The finding of a check; `case` names its text (`doctor.ID.CASE`), `shown` and
    `parameters` fill it. Nobody has to act where nothing is
    wrong."""
    bad = verdict in (Verdict.WARN, Verdict.FAIL, Verdict.ERROR)
    about = str(at)
    told = {name: str(value) for name, value in {**(shown or {}), **parameters}.items()}
    if isinstance(at, Place):
        told = {"host": at.host, "port": str(at.port), **told}
    return Finding(
        id=check,
        verdict=verdict,
        text=f"doctor.{check.lower()}.{case}" if case else "",
        parameters=told,
        about=about,
        seen=seen[:_LONGEST],
        who=(who or CHECKS[check].who) if bad else Who.NOBODY,
        confidence=sure,
        cause=cause,
        ms=ms,
        publish=tuple(publish),
        file=file,
    )


def skipped(check: str, because: str, at: Place | str = "") -> Finding:
    """A check that was not made because of what another one found."""
    return found(check, Verdict.SKIP, at=at, seen=because)
