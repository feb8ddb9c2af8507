"""Network faults told apart: the target's port, port 443 of the same host, the same port of another host of
the provider's, IPv4 and IPv6 for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.diagnosis.evidence import Dialled, Outcome
from eilbote.diagnosis.values import Confidence, Who


class Fault(Struct, frozen=True):
    """Why a server is not reached: the check and its case, the cause, who acts, how sure that is."""

    check: str
    case: str
    cause: str
    who: Who
    confidence: Confidence


REFUSED = Fault("NET07", "refused", "refused.port", Who.YOU, Confidence.LIKELY)
REJECTED = Fault("NET08", "rejected", "filtered.rejected", Who.NETWORK, Confidence.LIKELY)
DROPPED = Fault("NET08", "dropped", "filtered.dropped", Who.NETWORK, Confidence.LIKELY)
HOST_DOWN = Fault("NET09", "down", "host_down.silent", Who.PROVIDER, Confidence.LIKELY)
SILENT = Fault("NET09", "silent", "host_down.or_network", Who.PROVIDER, Confidence.GUESS)
OFFLINE = Fault("ENV02", "offline", "offline.no_network", Who.YOU, Confidence.LIKELY)
NO_ROUTE = Fault("ENV02", "no_route", "offline.no_route", Who.YOU, Confidence.CERTAIN)


def judge_unreached(
    target: Sequence[Dialled], same_host: Sequence[Dialled], others: Sequence[Dialled], *, names_work: bool
) -> Fault:
    """What it means that none of `target` connected. `same_host`: port 443 there; `others`: the same port
    of other hosts. `names_work`: names are resolved, so that something of the network is there."""
    if all(one.outcome is Outcome.UNREACHABLE for one in target):
        return NO_ROUTE
    https, elsewhere = _best(same_host), _best(others)
    if any(one.outcome is Outcome.REFUSED for one in target):
        if elsewhere is Outcome.REFUSED and https is Outcome.OK:
            return REJECTED
        return REFUSED
    if https is Outcome.OK or https is Outcome.REFUSED:
        # The host answers: what is silent at one port alone is filtered.
        return DROPPED
    if elsewhere in (Outcome.OK, Outcome.REFUSED):
        return HOST_DOWN
    if elsewhere is None and names_work:
        return SILENT
    return OFFLINE


def _best(dialled: Sequence[Dialled]) -> Outcome | None:
    """The most that came of several attempts; None where none was made."""
    order = (Outcome.OK, Outcome.REFUSED, Outcome.ENDED, Outcome.TIMEOUT, Outcome.UNREACHABLE)
    outcomes = {one.outcome for one in dialled}
    return next((one for one in order if one in outcomes), next(iter(outcomes), None))


def is_ipv6(address: str) -> bool:
    return ":" in address


def is_name(host: str) -> bool:
    """Whether a host has to be looked up at name servers."""
    return host.lower() != "localhost" and not is_ipv6(host) and not host.replace(".", "").isdigit()


def is_half_broken(dialled: Sequence[Dialled]) -> bool:
    """IPv6 is there in name only: every IPv6 address is silent or has no way to it, and IPv4 connects."""
    six = [one for one in dialled if is_ipv6(one.address)]
    four = [one for one in dialled if not is_ipv6(one.address)]
    return (
        bool(six)
        and any(one.outcome is Outcome.OK for one in four)
        and all(one.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE) for one in six)
    )
