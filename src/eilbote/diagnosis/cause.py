"""The one cause: what of all findings a report begins with.

The ladder has stopped each branch at its first failure. What explains everything comes first, then the first
failure of the branch that mail is received by; warnings only where nothing failed.

What could be better in the records of an account's domain is no cause: the account works, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.evidence import Place
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Cause, Finding, Layer, Report, Verdict, Who

_OF_THE_DOMAIN = ("DNS13",)
"""Checks of the mail to oneself that judge what its domain and its provider have set up."""

_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN)
_LAYERS = list(Layer)
_STRONG = ("interception.", "portal.", "offline.", "clock.")
"""Causes that explain others: whoever finds one of them has found the reason of all."""


def report(
    target: str,
    findings: Sequence[Finding],
    places: Sequence[Place] = (),
    records: Sequence[Finding] = (),
    domain: str = "",
) -> Report:
    """The findings in the order of the ladder, with the worst verdict and the one cause. `records`: those of
    the findings that are about the records of the `domain` of an account."""
    ordered = sorted(findings, key=lambda one: _LAYERS.index(CHECKS[one.id].layer))
    remarks = _remarks(findings, records, domain)
    verdicts = {Verdict.WARN if one in remarks else one.verdict for one in ordered}
    worst = next((one for one in (*_BAD, Verdict.INFO) if one in verdicts), Verdict.PASS)
    if worst is Verdict.INFO:
        worst = Verdict.PASS
    return Report(target, worst, cause_of(findings, places, remarks, domain), tuple(ordered))


def cause_of(
    findings: Sequence[Finding],
    places: Sequence[Place] = (),
    remarks: Sequence[Finding] = (),
    domain: str = "",
) -> Cause:
    """The cause; `findings` in the order in which they were found. What concerns everything comes first, then
    the server that mail is received from, then the one it is sent by. `remarks` among them are none."""
    findings = [one for one in findings if one not in remarks]
    for verdicts in ((Verdict.FAIL, Verdict.ERROR), (Verdict.WARN,)):
        bad = [one for one in findings if one.verdict in verdicts and one.cause]
        strong = [one for one in bad if one.cause.startswith(_STRONG)]
        if bad:
            return cause_in(min(strong or bad, key=lambda one: _rank(one, places)))
    if remarks:
        told = {"count": str(len(remarks)), "domain": domain}
        return Cause("none.remarks", "doctor.cause.none.remarks", told, who=Who.DOMAIN)
    return Cause("none.ok", "doctor.cause.none.ok", who=Who.NOBODY)


def _remarks(findings: Sequence[Finding], records: Sequence[Finding], domain: str) -> list[Finding]:
    """What could be better or could not be tested, and the account's own mail goes on all the same. Of a
    domain alone its records are the matter itself."""
    if not domain:
        return []
    return [
        one
        for one in findings
        if one.cause
        and one.verdict in (Verdict.WARN, Verdict.ERROR)
        and (one in records or one.id in _OF_THE_DOMAIN)
    ]


def _rank(finding: Finding, places: Sequence[Place]) -> tuple[int, bool]:
    """Whose branch it is; within one, what failed before what could not be tested."""
    branch = next(
        (at for at, place in enumerate(places) if finding.about in (str(place), place.host)),
        len(places) if finding.about else -1,
    )
    return branch, finding.verdict is Verdict.ERROR


def cause_in(finding: Finding) -> Cause:
    """The cause that a finding is a sign of."""
    return Cause(
        code=finding.cause,
        text=finding.text,
        parameters=finding.parameters,
        who=finding.who,
        confidence=finding.confidence,
        finding=finding.id,
        link=finding.link,
    )
