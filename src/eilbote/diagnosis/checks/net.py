"""NET and ENV07: whether a server is reached, and what answers there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eilbote.diagnosis.evidence import Conversed, Dialled, Outcome, Place, Protocol
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.network import is_half_broken, judge_unreached
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who

_SLOW_MS = 1000.0
_WEB = re.compile(r"\A\s*(HTTP/\d|<!doctype|<html|<head|<\?xml)|\bHTTP/1\.[01] \d{3}", re.IGNORECASE)
_PORTAL = re.compile(r"HTTP/1\.[01] (30[1237]|511)", re.IGNORECASE)
_MASKED = re.compile(r"\*{6,}|x{6,}a?\b", re.IGNORECASE)


def port_check(place: Place) -> str:
    """The id of the check for a place's port."""
    match place.protocol:
        case Protocol.IMAP:
            return "NET02" if place.security == "starttls" else "NET01"
        case Protocol.SMTP:
            return "NET04" if place.security == "starttls" else "NET03"
        case Protocol.POP3:
            return "NET05"


def judge_reached(place: Place, dialled: Sequence[Dialled]) -> list[Finding]:
    """Findings about a port that answers at one address at least."""
    quick = min(one.ms for one in dialled if one.outcome is Outcome.OK)
    findings = [found(port_check(place), Verdict.PASS, at=place, ms=quick)]
    if is_half_broken(dialled):
        cost = max(one.ms for one in dialled if one.outcome is not Outcome.OK)
        findings.append(
            found(
                "ENV07", Verdict.WARN, "half", at=place, cause="filtered.ipv6", seconds=f"{cost / 1000:.1f}"
            )
        )
    if quick > _SLOW_MS:
        findings.append(
            found(
                "NET12", Verdict.WARN, "slow", at=place, cause="filtered.slow", seconds=f"{quick / 1000:.1f}"
            )
        )
    return findings


def judge_not_reached(
    place: Place,
    dialled: Sequence[Dialled],
    same_host: Sequence[Dialled],
    others: Sequence[Dialled],
    *,
    names_work: bool,
) -> Finding:
    """The one reason why a port is not reached."""
    fault = judge_unreached(dialled, same_host, others, names_work=names_work)
    seen = ", ".join(
        f"{one.address}:{one.port} {one.outcome.value}" for one in (*dialled, *same_host, *others)
    )
    return found(
        fault.check,
        Verdict.FAIL,
        fault.case,
        at=place,
        cause=fault.cause,
        who=fault.who,
        sure=fault.confidence,
        seen=seen,
        ms=max((one.ms for one in dialled), default=0.0),
    )


def judge_answer(place: Place, seen: Conversed) -> Finding | None:
    """What answered where a mail server should have; None where nothing speaks against it."""
    banner = seen.banner
    if place.security != "tls" and seen.swapped == "tls":
        return found(
            "NET11",
            Verdict.FAIL,
            "wants_tls",
            at=place,
            cause="tls.wrong_kind",
            who=Who.YOU,
            seen=seen.reason,
        )
    if place.security == "tls" and seen.swapped == "plain" and not _WEB.search(banner):
        return found(
            "NET11", Verdict.FAIL, "is_plain", at=place, cause="tls.wrong_kind", who=Who.YOU, seen=banner
        )
    if _PORTAL.search(banner):
        return found(
            "ENV05",
            Verdict.FAIL,
            "banner",
            at=place,
            cause="portal.login_page",
            sure=Confidence.LIKELY,
            seen=banner,
        )
    if _MASKED.search(banner) or any(_MASKED.search(one) for one in seen.before):
        return found(
            "TLS20",
            Verdict.FAIL,
            "masked",
            at=place,
            cause="interception.inspection",
            sure=Confidence.LIKELY,
            seen=banner,
        )
    if banner and not seen.is_greeting:
        case = "web" if _WEB.search(banner) else "ssh" if banner.startswith("SSH-") else "other"
        return found(
            "NET10", Verdict.FAIL, case, at=place, cause="server.wrong_service", who=Who.YOU, seen=banner
        )
    if seen.silent and not banner and (seen.tls is None or seen.tls.is_proven):
        return found(
            "NET10",
            Verdict.FAIL,
            "silent",
            at=place,
            cause="server.silent",
            who=Who.PROVIDER,
            sure=Confidence.GUESS,
            ms=seen.greeting_ms or seen.ms,
        )
    if seen.outcome is Outcome.ENDED and not banner and (seen.tls is None or seen.tls.is_proven):
        return found(
            "NET10",
            Verdict.FAIL,
            "ended",
            at=place,
            cause="server.hangs_up",
            who=Who.PROVIDER,
            sure=Confidence.LIKELY,
        )
    return None
