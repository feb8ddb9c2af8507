"""What a delivery report means for a mail of ours. The report may be forged: it never makes a mail go out
again, and only what the reporter says of recipients of this very mail counts.
"""

from __future__ import annotations

from msgspec.structs import replace

from eilbote.delivery.recovery import as_sent, in_doubt
from eilbote.delivery.values import Outgoing, Recipient, RecipientState, SendState
from eilbote.errors import Problem
from eilbote.mail.identity import same_address
from eilbote.mail.report import Action, Outcome, Report


def reported(mail: Outgoing, report: Report) -> tuple[Recipient, ...] | None:
    """The mail's recipients as they stand after the report; None where it says nothing new of them."""
    by_address: dict[str, Outcome] = {}
    for outcome in report.outcomes:
        by_address[same_address(outcome.original or outcome.address)] = outcome
        by_address.setdefault(same_address(outcome.address), outcome)
    recipients = tuple(_after(one, by_address.get(same_address(one.address))) for one in mail.recipients)
    return recipients if recipients != mail.recipients else None


def with_proof(mail: Outgoing, recipients: tuple[Recipient, ...]) -> tuple[SendState, tuple[Recipient, ...]]:
    """State and recipients of a mail after a report. Whoever reports on somebody for whom the mail was in
    doubt has got it for all that were; on others, it says nothing of them."""
    before = {one.address: one for one in mail.recipients}
    told = {one.address for one in recipients if one != before[one.address]}
    if mail.state is not SendState.UNCERTAIN or not told & in_doubt(mail):
        return mail.state, recipients
    state, sent = as_sent(mail)
    known = {one.address: one for one in sent}
    return state, tuple(
        replace(one, state=known[one.address].state) if one.state is before[one.address].state else one
        for one in recipients
    )


def _after(one: Recipient, outcome: Outcome | None) -> Recipient:
    if outcome is None or one.report in (Action.FAILED, Action.DELIVERED):
        return one  # what was final stays: a late "delayed" changes nothing
    match outcome.action:
        case Action.FAILED:
            problem = Problem(
                "send.bounced",
                {"address": one.address, "status": outcome.status, "text": outcome.diagnostic[:1000]},
            )
            return replace(one, state=RecipientState.FAILED, report=outcome.action.value, problem=problem)
        case Action.DELAYED:
            problem = Problem("send.delayed", {"address": one.address, "text": outcome.diagnostic[:1000]})
            return replace(one, report=outcome.action.value, problem=problem)
        case Action.DELIVERED | Action.RELAYED | Action.EXPANDED:
            return replace(one, report=outcome.action.value, problem=None)
