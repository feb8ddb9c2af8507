"""The one cause: what of all findings a report begins with.

The ladder has stopped each branch at its first failure. What explains everything comes first, then the first
failure of the branch that mail is received by; warnings only where nothing failed.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.evidence import Place
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Cause, Finding, Layer, Report, Verdict, Who

_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN)
_LAYERS = list(Layer)
_STRONG = ("interception.", "portal.", "offline.", "clock.")
"""Causes that explain others: whoever finds one of them has found the reason of all."""


def report(target: str, findings: Sequence[Finding], places: Sequence[Place] = ()) -> Report:
    """The findings in the order of the ladder, with the worst verdict and the one cause."""
    ordered = sorted(findings, key=lambda one: _LAYERS.index(CHECKS[one.id].layer))
    verdicts = {one.verdict for one in ordered}
    worst = next((one for one in (*_BAD, Verdict.INFO) if one in verdicts), Verdict.PASS)
    if worst is Verdict.INFO:
        worst = Verdict.PASS
    return Report(target, worst, cause_of(findings, places), tuple(ordered))


def cause_of(findings: Sequence[Finding], places: Sequence[Place] = ()) -> Cause:
    """The cause; `findings` in the order in which they were found. What concerns everything comes first, then
    the server that mail is received from, then the one it is sent by."""
    for verdicts in ((Verdict.FAIL, Verdict.ERROR), (Verdict.WARN,)):
        bad = [one for one in findings if one.verdict in verdicts and one.cause]
        strong = [one for one in bad if one.cause.startswith(_STRONG)]
        if bad:
            return _cause(min(strong or bad, key=lambda one: _rank(one, places)))
    return Cause("none.ok", "doctor.cause.none.ok", who=Who.NOBODY)


def _rank(finding: Finding, places: Sequence[Place]) -> tuple[int, bool]:
    """Whose branch it is; within one, what failed before what could not be tested."""
    branch = next(
        (at for at, place in enumerate(places) if finding.about in (str(place), place.host)),
        len(places) if finding.about else -1,
    )
    return branch, finding.verdict is Verdict.ERROR


def _cause(finding: Finding) -> Cause:
    return Cause(
        code=finding.cause,
        text=finding.text,
        parameters=finding.parameters,
        who=finding.who,
        confidence=finding.confidence,
        finding=finding.id,
        link=finding.link,
    )
