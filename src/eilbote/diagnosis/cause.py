"""The one cause: what of all findings a report begins with.

The ladder has stopped each branch at its first failure, so the first failure in the order of the ladder is
the cause; what only shows that something could not be tested comes after it, then warnings.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Cause, Finding, Layer, Report, Verdict, Who

_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN)
_LAYERS = list(Layer)
_STRONG = ("interception.", "portal.", "offline.", "clock.")
"""Causes that explain others: whoever finds one of them has found the reason of all."""


def report(target: str, findings: Sequence[Finding]) -> Report:
    """The findings in the order of the ladder, with the worst verdict and the one cause."""
    ordered = sorted(findings, key=lambda one: _LAYERS.index(CHECKS[one.id].layer))
    verdicts = {one.verdict for one in ordered}
    worst = next((one for one in (*_BAD, Verdict.INFO) if one in verdicts), Verdict.PASS)
    if worst is Verdict.INFO:
        worst = Verdict.PASS
    cause = cause_of(findings)
    if cause.code == "none.ok" and "@" not in target:
        cause = Cause("none.domain", "doctor.cause.none.domain", who=Who.NOBODY)
    return Report(target, worst, cause, tuple(ordered))


def cause_of(findings: Sequence[Finding]) -> Cause:
    """The cause; `findings` in the order in which they were found."""
    for verdict in _BAD:
        bad = [one for one in findings if one.verdict is verdict and one.cause]
        if bad:
            strong = [one for one in bad if one.cause.startswith(_STRONG)]
            return _cause((strong or bad)[0])
    return Cause("none.ok", "doctor.cause.none.ok", who=Who.NOBODY)


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
