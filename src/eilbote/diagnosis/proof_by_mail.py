"""The last rung for an account: one real mail to oneself, and one to another account of one's own and back. A
generator without I/O, as the ladder is; it asks for nothing that nobody has asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from eilbote.diagnosis.checks.trip import judge_second, judge_trip
from eilbote.diagnosis.evidence import Evidence, Place, Protocol, Target, Unmade
from eilbote.diagnosis.finding import found, skipped
from eilbote.diagnosis.probes import Probe, SendToSecond, SendToSelf
from eilbote.diagnosis.trips import SecondTrip, Trip
from eilbote.diagnosis.values import Finding, Verdict

Proof = Generator[tuple[Probe, ...], Sequence[Evidence], tuple[list[Finding], Trip | None]]


def prove_by_mail(target: Target, findings: Sequence[Finding]) -> Proof:
    """What the mails show, and the one to oneself; `findings` are those so far."""
    if not target.round_trip:
        return [], None
    let_in = {one.about for one in findings if one.id in ("AUTH03", "SMTP05") and one.verdict is Verdict.PASS}
    smtp, imap = (_first(target, kind, let_in) for kind in (Protocol.SMTP, Protocol.IMAP))
    if smtp is None or imap is None:
        first = next((one.id for one in findings if one.verdict is Verdict.FAIL), "AUTH03")
        return [skipped("TRIP01", first)], None
    (answer,) = yield (SendToSelf(),)
    match answer:
        case Trip():
            told = judge_trip(answer, smtp)
        case Unmade():
            return [_unmade("TRIP01", answer)], None
        case _:
            return [], None
    if target.second_is_account:
        if answer.problem or not answer.found:
            told.append(skipped("TRIP09", "TRIP01"))
        else:
            told += yield from _there_and_back(target)
    elif target.second:
        told.append(found("TRIP09", Verdict.SKIP, "no_account"))
    return told, answer


def _there_and_back(target: Target) -> Generator[tuple[Probe, ...], Sequence[Evidence], list[Finding]]:
    (answer,) = yield (SendToSecond(target.second),)
    match answer:
        case SecondTrip():
            return [judge_second(answer, target.address, target.second)]
        case Unmade():
            return [_unmade("TRIP09", answer)]
        case _:
            return []


def _first(target: Target, kind: Protocol, let_in: set[str]) -> Place | None:
    return next((one for one in target.places if one.protocol is kind and str(one) in let_in), None)


def _unmade(check: str, evidence: Unmade) -> Finding:
    return found(check, Verdict.ERROR, "unmade", cause="temporary.not_tested", seen=evidence.reason)
