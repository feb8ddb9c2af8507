"""Putting mail that was made here into a mailbox, inside a transaction of the caller: stored, placed, and
its upload owed.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.store import acts, mailboxes
from eilbote.store.arrivals import insert_messages
from eilbote.store.bodies import Bodies
from eilbote.store.database import Session
from eilbote.store.update_values import Arrival
from eilbote.store.values import Debt


def append(
    session: Session, bodies: Bodies, mailbox: int, arrivals: Sequence[Arrival], origin: str, now: float
) -> list[Debt]:
    """Stores new mails and owes the upload of each; the debts in their order. The UIDs of the arrivals
    are not looked at."""
    home = mailboxes.by_id(session, mailbox)
    stored = bodies.store(session, [(one.prepared.sha256, one.raw) for one in arrivals])
    ids = insert_messages(session, home.account, arrivals, stored)
    mails = [(message, one.flags, one.internal_date) for message, one in zip(ids, arrivals, strict=True)]
    return acts.append(session, home, mails, origin, now)
