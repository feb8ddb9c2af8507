"""TRIP: one real mail to oneself: whether it came, where, how quickly, unharmed, once, and is gone again."""

from __future__ import annotations

from eilbote.diagnosis.checks.auth import provider_row
from eilbote.diagnosis.checks.env import judge_clock
from eilbote.diagnosis.checks.signature import judge_signature
from eilbote.diagnosis.evidence import Place
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.replies import families_of, judge_reply
from eilbote.diagnosis.trips import SecondTrip, Trip
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.diagnosis.whose import found_reply

_SLOW_SECONDS = 60.0


def judge_trip(trip: Trip, smtp: Place) -> list[Finding]:
    """All that one round trip shows."""
    if trip.problem:
        meaning = judge_reply(trip.text or trip.problem, smtp.protocol, families_of(smtp.provider))
        return [found_reply("SMTP15", meaning, smtp, trip.text or trip.problem)]
    findings = [found("SMTP15", Verdict.PASS, at=smtp)]
    if not trip.found:
        lost = found(
            "TRIP01",
            Verdict.FAIL,
            "lost",
            cause="server.mail_lost",
            who=Who.PROVIDER,
            sure=Confidence.LIKELY,
            seconds=f"{trip.waited:.0f}",
        )
        return [*findings, lost, _legs(trip), *_clock(trip)]
    return [
        *findings,
        _arrived(trip),
        _where(trip),
        _legs(trip),
        _proof(trip),
        _encrypted(trip),
        _content(trip),
        _once(trip),
        _sent_copies(trip),
        _one_sent_copy(trip, smtp),
        _sender(trip),
        _clean(trip),
        *judge_signature(trip),
        *_clock(trip),
    ]


def judge_second(second: SecondTrip, address: str, other: str) -> Finding:
    """TRIP09: the first of both ways that has something wrong with it."""
    ways = [(second.there, address, other), (second.back, other, address)]
    for trip, sender, receiver in ways:
        if trip is not None and (bad := _wrong_on_the_way(trip, sender, receiver)) is not None:
            return bad
    return found("TRIP09", Verdict.PASS, ms=1000 * sum(one.waited for one, *_ in ways if one is not None))


def _wrong_on_the_way(trip: Trip, sender: str, receiver: str) -> Finding | None:
    shown: dict[str, object] = {"sender": sender, "receiver": receiver, "seconds": f"{trip.waited:.0f}"}
    if trip.problem:
        text = trip.text or trip.problem
        return found(
            "TRIP09",
            Verdict.WARN,
            "refused",
            cause="server.second_refused",
            seen=text,
            shown=shown,
            said=text,
        )
    if not trip.found:
        return found(
            "TRIP09",
            Verdict.WARN,
            "lost",
            cause="server.second_lost",
            sure=Confidence.LIKELY,
            who=Who.PROVIDER,
            shown=shown,
        )
    if trip.damaged:
        what = ", ".join(trip.damaged)
        return found(
            "TRIP09",
            Verdict.WARN,
            "damaged",
            cause="server.content_changed",
            who=Who.PROVIDER,
            shown=shown,
            what=what,
        )
    if not any(name.upper() == "INBOX" for name in trip.found):
        names = ", ".join(trip.found[:3])
        return found("TRIP09", Verdict.WARN, "elsewhere", cause="spam.sorted_away", shown=shown, names=names)
    if trip.waited > _SLOW_SECONDS:
        return found("TRIP09", Verdict.WARN, "slow", cause="server.slow_delivery", shown=shown)
    if trip.left:
        return found("TRIP09", Verdict.WARN, "left", cause="server.probe_left", shown=shown, count=trip.left)
    return None


def _arrived(trip: Trip) -> Finding:
    if trip.waited > _SLOW_SECONDS:
        return found(
            "TRIP01", Verdict.WARN, "slow", cause="server.slow_delivery", seconds=f"{trip.waited:.0f}"
        )
    return found("TRIP01", Verdict.PASS, ms=trip.waited * 1000)


def _where(trip: Trip) -> Finding:
    if any(name.upper() == "INBOX" for name in trip.found):
        return found("TRIP02", Verdict.PASS)
    return found(
        "TRIP02", Verdict.WARN, "elsewhere", cause="spam.sorted_away", names=", ".join(trip.found[:3])
    )


def _legs(trip: Trip) -> Finding:
    shown = ", ".join(f"{leg.name} {leg.ms:.0f} ms" for leg in trip.legs)
    if trip.between_servers is not None:
        shown += f" (servers {trip.between_servers:.0f} s)"
    return found("TRIP03", Verdict.INFO, "legs", count=len(trip.legs), seen=shown)


def _proof(trip: Trip) -> Finding:
    if not trip.results:
        return found("TRIP04", Verdict.INFO, "none")
    shown = ", ".join(f"{method}={result}" for method, result in trip.results)
    bad = [method for method, result in trip.results if result in ("fail", "permerror", "softfail")]
    if bad:
        return found(
            "TRIP04", Verdict.WARN, "bad", cause="spam.unproven", methods=", ".join(bad).upper(), seen=shown
        )
    return found("TRIP04", Verdict.PASS, seen=shown)


def _encrypted(trip: Trip) -> Finding:
    shown = " ".join(trip.hops)
    return found("TRIP05", Verdict.INFO, "no" if "no" in trip.hops else "yes", seen=shown)


def _content(trip: Trip) -> Finding:
    if trip.damaged:
        return found(
            "TRIP06", Verdict.FAIL, "damaged", cause="server.content_changed", what=", ".join(trip.damaged)
        )
    return found("TRIP06", Verdict.PASS)


def _once(trip: Trip) -> Finding:
    copies = len(trip.found)
    if copies > 1:
        return found(
            "TRIP07",
            Verdict.FAIL,
            "twice",
            cause="server.doubled",
            who=Who.PROVIDER,
            sure=Confidence.LIKELY,
            count=copies,
            names=", ".join(trip.found[:4]),
        )
    return found("TRIP07", Verdict.PASS)


def _sent_copies(trip: Trip) -> Finding:
    """BOX03: this mail was not filed by us, so that a copy is the provider's own."""
    return found("BOX03", Verdict.INFO, "provider" if trip.sent_copies else "us")


def _one_sent_copy(trip: Trip, smtp: Place) -> Finding:
    """TRIP08: where the provider is known to file a copy we file none, so that there has to be one; elsewhere
    we file it, unless one is there."""
    row = provider_row(smtp.provider)
    files_itself = row is not None and row.sending is not None and row.sending.files_sent_copy
    if trip.sent_copies > 1:
        return found(
            "TRIP08",
            Verdict.WARN,
            "several",
            cause="server.sent_copies",
            who=Who.PROVIDER,
            count=trip.sent_copies,
        )
    if files_itself and not trip.sent_copies:
        return found(
            "TRIP08",
            Verdict.WARN,
            "none",
            cause="server.no_sent_copy",
            who=Who.PROVIDER,
            sure=Confidence.LIKELY,
            host=smtp.host,
        )
    return found("TRIP08", Verdict.PASS, seen=str(trip.sent_copies))


def _sender(trip: Trip) -> Finding:
    if trip.from_changed:
        return found("SMTP07", Verdict.WARN, "changed", cause="sender.changed", sender=trip.from_changed)
    return found("SMTP07", Verdict.PASS)


def _clean(trip: Trip) -> Finding:
    if trip.left:
        return found("TRIP10", Verdict.WARN, "left", cause="server.probe_left", count=trip.left)
    return found("TRIP10", Verdict.PASS)


def _clock(trip: Trip) -> list[Finding]:
    if trip.server_clock is None:
        return []
    return [judge_clock(trip.sent_at, [(trip.server_clock, "Received")])]
