"""What will become of a mail to a domain, said before it is sent: encrypted for certain, perhaps not, or
not at all. Judges what was looked up and heard; asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from eilbote.delivery.route import Proof, Route
from eilbote.delivery.values import Foreseen
from eilbote.errors import Problem


class Heard(Struct, frozen=True):
    """What one server said when it was asked: whether it offers STARTTLS, and whether it proved what the
    route asks of it. `problem`: it could not be reached, or not proven."""

    starttls: bool | None = None
    proven: bool | None = None
    problem: Problem | None = None


class Forecast(Struct, frozen=True):
    """What is foreseen for a domain, and why."""

    domain: str
    foreseen: Foreseen
    reason: Problem
    policy: str = ""


NEVER = frozenset({"route.null_mx", "route.no_domain"})
"""Problems of a route that no waiting mends."""

_IMPOSSIBLE = NEVER | {"route.not_in_policy"}


def forecast(domain: str, route: Route, heard: Mapping[str, Heard] | None = None) -> Forecast:
    """`heard`: what servers of the route said, by host; those that were not asked are left out (many
    networks let nobody ask on port 25)."""
    if route.problem is not None:
        foreseen = Foreseen.IMPOSSIBLE if route.problem.code in _IMPOSSIBLE else Foreseen.UNKNOWN
        return Forecast(domain, foreseen, route.problem)
    said = heard or {}
    servers = ", ".join(hop.host for hop in route.hops[:3])
    words = {"domain": domain, "servers": servers, "policy": route.policy}
    if all(hop.proof is not Proof.NOTHING for hop in route.hops):
        failed = [
            one for hop in route.hops if (one := said.get(hop.host)) is not None and one.proven is False
        ]
        if failed and len(failed) == len(route.hops):
            reason = failed[0].problem or Problem("route.not_proven", words)
            return Forecast(domain, Foreseen.IMPOSSIBLE, reason, route.policy)
        return Forecast(domain, Foreseen.ENCRYPTED, Problem("route.protected", words), route.policy)
    asked = [one for one in said.values() if one.starttls is not None]
    if asked and not any(one.starttls for one in asked):
        return Forecast(domain, Foreseen.MAYBE_PLAIN, Problem("route.no_starttls", words))
    code = "route.starttls_unproven" if asked else "route.unprotected"
    return Forecast(domain, Foreseen.MAYBE_PLAIN, Problem(code, words))
