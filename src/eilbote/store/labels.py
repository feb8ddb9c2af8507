"""Labels that Gmail gives its mails, and the conversations that it keeps them in.

They are the message's, wherever it lies; what is stored is what the server told last.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import Uid, UidSet
from eilbote.store import placed as placements
from eilbote.store.database import Session, chunked, in_list, integer, text
from eilbote.store.envelopes import clean
from eilbote.store.threads import rename
from eilbote.sync.state import LabelsNow


def held(session: Session, mailbox: int, uids: UidSet) -> dict[Uid, LabelsNow]:
    """Labels and threads of the mails that lie in a mailbox under these UIDs."""
    live = {one.message: one.uid for one in placements.within(session, mailbox, uids)}
    labels: dict[int, set[str]] = {}
    threads: dict[int, int] = {}
    for chunk in chunked(live):
        wanted = in_list(len(chunk))
        for message, label in session.rows(
            f"SELECT message, label FROM label WHERE message IN {wanted}", chunk
        ):
            labels.setdefault(integer(message), set()).add(text(label))
        for message, thread in session.rows(f"SELECT id, thread FROM message WHERE id IN {wanted}", chunk):
            threads[integer(message)] = integer(thread)
    return {
        uid: LabelsNow(uid, frozenset(labels.get(message, ())), threads.get(message, 0))
        for message, uid in live.items()
    }


def change(session: Session, mailbox: int, wanted: Sequence[LabelsNow]) -> list[int]:
    """Takes over labels and threads; returns the messages whose are others now."""
    if not wanted:
        return []
    before = held(session, mailbox, UidSet.of(one.uid for one in wanted))
    live = placements.at_uids(session, mailbox, [one.uid for one in wanted])
    changes = {live[one.uid].message: one for one in wanted if one.uid in live and before.get(one.uid) != one}
    for chunk in chunked(changes):
        session.run(f"DELETE FROM label WHERE message IN {in_list(len(chunk))}", chunk)
    rows = [(message, clean(label)) for message, one in changes.items() for label in sorted(one.labels)]
    session.insert_many("label", ("message", "label"), rows, "ON CONFLICT DO NOTHING")
    rename(session, {message: one.thread for message, one in changes.items() if one.thread})
    return sorted(changes)
