"""SMTP17: whether a server of the domain's own sends mail for strangers, or tells who has a mailbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.diagnosis.domain.answers import is_under
from eilbote.diagnosis.domain.servers import is_public
from eilbote.diagnosis.evidence import Outcome, OwnDomain, RelayTried
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict


def own_servers(own: OwnDomain, hosts: Sequence[str]) -> list[str]:
    """Of the servers that take the domain's mail those that are its own; nobody else's are tried."""
    return [one for one in hosts if own.direct or is_under(one, own.name)] if own.relay_to else []


def judge_relaying(tried: Mapping[str, RelayTried]) -> list[Finding]:
    """Each server that was tried. One in our own network may know us, and would prove nothing."""
    return [_judge(host, one) for host, one in tried.items()]


def _judge(host: str, one: RelayTried) -> Finding:
    shown: dict[str, object] = {"host": host}
    seen = " / ".join(part for part in (one.sender, one.recipient, one.verify) if part)
    if one.outcome is not Outcome.OK or not one.recipient:
        return found("SMTP17", Verdict.SKIP, "not_reached", at=host, seen=seen or one.reason, shown=shown)
    if one.recipient.startswith("2"):
        if not is_public(one.address):
            return found("SMTP17", Verdict.SKIP, "near", at=host, seen=seen, shown=shown)
        return found(
            "SMTP17",
            Verdict.FAIL,
            "open",
            at=host,
            cause="relay.open",
            sure=Confidence.LIKELY,
            seen=seen,
            shown=shown,
        )
    if one.recipient.startswith("4"):
        return found("SMTP17", Verdict.SKIP, "later", at=host, seen=seen, shown=shown)
    if one.verify.startswith(("250", "251")):
        return found(
            "SMTP17", Verdict.WARN, "verifies", at=host, cause="server.verifies", seen=seen, shown=shown
        )
    return found("SMTP17", Verdict.PASS, at=host, seen=seen)
