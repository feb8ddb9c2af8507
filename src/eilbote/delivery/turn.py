"""For which recipients of a mail the next attempt is: one server takes so many at once, or has to do with
one domain only, and whoever was not asked yet comes before those who were put off.
"""

from __future__ import annotations

from msgspec.structs import replace

from eilbote.delivery.values import Outgoing, RecipientState


def with_a_new_turn(mail: Outgoing) -> Outgoing:
    """The mail with everybody who was put off waiting again, where all others have had their try."""
    if any(one.state in (RecipientState.WAITING, RecipientState.TAKEN) for one in mail.recipients):
        return mail
    recipients = tuple(
        replace(one, state=RecipientState.WAITING) if one.state is RecipientState.DEFERRED else one
        for one in mail.recipients
    )
    return replace(mail, recipients=recipients)
