"""A draft that another one takes the place of, inside a transaction of the caller. One of which no server
has heard leaves nothing behind; any other is deleted there, and kept here for undo as what is deleted is.
"""

from __future__ import annotations

from eilbote.store import acts, debts
from eilbote.store.database import Session, integer
from eilbote.store.mailboxes import by_id
from eilbote.store.tombstones import take_away
from eilbote.store.values import DebtKind, DebtState


def supersede(session: Session, message: int, origin: str, now: float) -> bool:
    """Takes a draft away wherever it lies. True where its row went with it: the index has to forget it."""
    places = session.rows("SELECT mailbox, uid FROM placement WHERE message = ?", (message,))
    withdrawn = False
    for mailbox, uid in places:
        maker = debts.maker_of(session, integer(uid)) if integer(uid) < 0 else None
        if (
            maker is not None
            and maker.kind is DebtKind.APPEND
            and maker.message == message
            and debts.advance(session, [maker.id], (DebtState.OPEN,), DebtState.DONE, now)
        ):
            placed = acts.live_at(session, integer(mailbox), integer(uid))
            assert placed is not None
            take_away(session, by_id(session, integer(mailbox)), [placed])
            withdrawn = True
        else:
            acts.delete(session, [(integer(mailbox), integer(uid))], origin, now)
    if not withdrawn or session.one("SELECT 1 FROM tombstone WHERE message = ?", (message,)):
        return False
    session.run("DELETE FROM label WHERE message = ?", (message,))
    session.run("DELETE FROM message WHERE id = ?", (message,))
    return True
