"""What was removed, kept for 30 days of undo; then forgotten.

Tombstones hold where a message lay and its flags, never content of their own. They live in a
table apart, so that no live query meets them.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import SEEN
from eilbote.store import changes
from eilbote.store.database import Session, chunked, in_list
from eilbote.store.placed import Placed, how_often
from eilbote.store.values import Mailbox

_COLUMNS = ("account", "mailbox", "mailbox_name", "uid", "message", "flags", "removed_at")


def bury(session: Session, mailbox: Mailbox, placed: Sequence[Placed], now: float) -> None:
    """Turns live placements of one mailbox into tombstones, keeping its counts right."""
    session.insert_many(
        "tombstone",
        _COLUMNS,
        [(mailbox.account, mailbox.id, mailbox.name, one.uid, one.message, one.flags, now) for one in placed],
    )
    take_away(session, mailbox, placed)


def take_away(session: Session, mailbox: Mailbox, placed: Sequence[Placed]) -> None:
    """Removes live placements without leaving tombstones (a move does)."""
    if not placed:
        return
    for uids in chunked(one.uid for one in placed):
        session.run(
            f"DELETE FROM placement WHERE mailbox = ? AND uid IN {in_list(len(uids))}", (mailbox.id, *uids)
        )
    unread = sum(SEEN not in one.flags for one in placed)
    session.run(
        "UPDATE mailbox SET messages = messages - ?, unread = unread - ? WHERE id = ?",
        (len(placed), unread, mailbox.id),
    )
    messages = sorted({one.message for one in placed})
    left = how_often(session, mailbox.id, messages)
    gone = [message for message in messages if not left[message]]
    changes.record(session, mailbox.account, [(changes.REMOVED, mailbox.id, gone)])


def bury_mailbox(session: Session, mailbox: Mailbox, now: float) -> int:
    """Everything in a mailbox becomes tombstones, and its row goes. Returns how many there were."""
    count = session.run(
        "INSERT INTO tombstone (account, mailbox, mailbox_name, uid, message, flags, removed_at)"
        " SELECT ?, mailbox, ?, uid, message, flags, ? FROM placement WHERE mailbox = ?",
        (mailbox.account, mailbox.name, now, mailbox.id),
    )
    session.run("DELETE FROM placement WHERE mailbox = ?", (mailbox.id,))
    session.run("DELETE FROM quarantine WHERE mailbox = ?", (mailbox.id,))
    session.run("DELETE FROM finding WHERE mailbox = ?", (mailbox.id,))
    session.run("DELETE FROM mailbox WHERE id = ?", (mailbox.id,))
    return count


def expire(session: Session, before: float, before_rules: float) -> list[int]:
    """Forgets tombstones and ended debts older than `before` (those of rules: `before_rules`), and messages
    that then lie nowhere; returns their ids, so that the index forgets them too. Bodies go when packs are
    compacted."""
    for origins, until in (("origin <> 'rule'", before), ("origin = 'rule'", min(before, before_rules))):
        session.run(
            f"DELETE FROM journal WHERE touched < ? AND state NOT IN ('open', 'sent') AND {origins}", (until,)
        )
    session.run("DELETE FROM tombstone WHERE removed_at < ?", (before,))
    rows = session.rows(
        "SELECT id FROM message WHERE NOT EXISTS (SELECT 1 FROM placement WHERE message = message.id)"
        " AND NOT EXISTS (SELECT 1 FROM tombstone WHERE message = message.id)"
    )
    ids = [int(row[0]) for row in rows if isinstance(row[0], int)]
    for chunk in chunked(ids):
        for sql in ("DELETE FROM label WHERE message IN ", "DELETE FROM message WHERE id IN "):
            session.run(sql + in_list(len(chunk)), chunk)
    return ids
