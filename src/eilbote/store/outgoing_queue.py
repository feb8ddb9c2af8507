"""Queueing a mail inside a transaction of the caller: sent if, and only if, what it belongs to lasts."""

from __future__ import annotations

import hashlib

from eilbote.delivery.values import Outgoing, Submission
from eilbote.errors import NotAllowed
from eilbote.store import outgoing_rows as rows
from eilbote.store.database import Session
from eilbote.store.envelopes import clean


def add(session: Session, mail: Submission, now: float) -> Outgoing:
    """Queues a mail, or finds the earlier one with its key; see `Outbox.add`."""
    session.run(
        "INSERT INTO sending_looked (account, change_number)"
        " SELECT id, change_number FROM account WHERE id = ? ON CONFLICT (account) DO NOTHING",
        (mail.account,),
    )
    sha256 = mail.digest or hashlib.sha256(mail.raw).digest()
    if mail.key:
        earlier = rows.find(session, "account = ? AND submission_key = ?", (mail.account, clean(mail.key)))
        if earlier:
            same = [one.address for one in earlier[0].recipients] == list(mail.recipients)
            if earlier[0].sha256 != sha256 or not same or earlier[0].sender != mail.sender:
                raise NotAllowed("send.key_reused", key=mail.key, id=earlier[0].id)
            return earlier[0]
    return rows.find(session, "id = ?", (rows.insert(session, mail, sha256, now),))[0]
