"""How a placement that waits under a negative number gets the server's: by an answer that names
it, or by the mail turning up in the mailbox.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.mailbox import Uid
from eilbote.store.database import Session, integer


class Waiting(Struct, frozen=True):
    """A placement whose copy the server may already have: it was told to make one."""

    uid: Uid
    message: int
    content: int


def adoptable(session: Session, mailbox: int) -> list[Waiting]:
    """What an arrival with the same bytes fulfils: waiting placements, and placements that waited
    here until they were moved on or deleted, whose next debt still needs the number. A move or
    copy that was never sent is none: then the arrival is somebody else's doing."""
    asked = "(j.state IN ('sent', 'done') OR j.kind = 'append')"
    rows = session.rows(
        "SELECT p.uid, p.message, m.content FROM placement p JOIN message m ON m.id = p.message"
        " JOIN journal j ON j.placement = p.uid AND j.message = p.message"
        f" WHERE p.mailbox = ? AND p.uid < 0 AND {asked}"
        " UNION SELECT n.uid, n.message, m.content FROM journal n JOIN message m ON m.id = n.message"
        " JOIN journal j ON j.placement = n.uid"
        " WHERE n.mailbox = ? AND n.uid < 0 AND n.state = 'open' AND n.kind IN ('move', 'delete')"
        f" AND {asked} ORDER BY 1 DESC",
        (mailbox, mailbox),
    )
    return [Waiting(integer(uid), integer(message), integer(content)) for uid, message, content in rows]


def settle(session: Session, mailbox: int, waiting: Uid, uid: Uid) -> None:
    """Gives the waiting placement, if it is still there, its UID, which must be free, and every
    debt that names it. A copy or append is thereby paid; a move still owes the removal of its source."""
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
