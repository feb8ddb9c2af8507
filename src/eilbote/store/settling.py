"""How a placement that waits under a negative number gets the server's: by an answer that names
it, or by the mail turning up in the mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass

from eilbote.mail.mailbox import Uid
from eilbote.store.database import Session, integer


@dataclass(frozen=True, slots=True)
class Waiting:
    """A placement whose copy the server may already have: it was told to make one."""

    uid: Uid
    message: int
    content: int


def adoptable(session: Session, mailbox: int) -> list[Waiting]:
    """Waiting placements that an arrival with the same bytes fulfils. A move or copy that was
    never sent is none: then the arrival is somebody else's doing."""
    rows = session.rows(
        "SELECT p.uid, p.message, m.content FROM placement p JOIN message m ON m.id = p.message"
        " JOIN journal j ON j.message = p.message AND j.placement = p.uid"
        " WHERE p.mailbox = ? AND p.uid < 0 AND (j.state IN ('sent', 'done') OR j.kind = 'append')"
        " ORDER BY p.uid DESC",
        (mailbox,),
    )
    return [Waiting(integer(uid), integer(message), integer(content)) for uid, message, content in rows]


def settle(session: Session, mailbox: int, waiting: Uid, uid: Uid) -> None:
    """Gives the waiting placement its UID, which must be free, and every debt that names it.
    A copy or append is thereby paid; a move still owes the removal of its source."""
    session.run("UPDATE placement SET uid = ? WHERE mailbox = ? AND uid = ?", (uid, mailbox, waiting))
    session.run(
        "UPDATE journal SET uid = ?, uidvalidity = (SELECT uidvalidity FROM mailbox WHERE id = ?)"
        " WHERE mailbox = ? AND uid = ?",
        (uid, mailbox, mailbox, waiting),
    )
    session.run(
        "UPDATE journal SET state = 'done' WHERE placement = ? AND state IN ('open', 'sent')"
        " AND kind IN ('copy', 'append')",
        (waiting,),
    )
    session.run("UPDATE journal SET placement = ? WHERE placement = ?", (uid, waiting))
