"""What of each mail is here: told for one mailbox, and made less where its mode leaves more out.

Making less keeps the message, its flags, its ids and the size that the server counts; only its bytes
become a part of what they were. Never touches a mail that a change made here still has to carry, one
that lies elsewhere too, or one that the server has not numbered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256

from eilbote.errors import Gone
from eilbote.mail.mailbox import UidSet
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Row, Session, blob, chunked, in_list, integer, real
from eilbote.store.mailboxes import by_id, recount
from eilbote.store.values import Checked, InPart

_SELECT = (
    "SELECT p.uid, p.message, m.size, c.size, m.internal_date FROM placement p"
    " JOIN message m ON m.id = p.message JOIN content c ON c.id = m.content"
    " WHERE p.mailbox = ? AND p.uid > 0"
)


class Keeping:
    """The bytes of stored mail, as far as modes and checks are concerned."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    def in_part(self, mailbox: int) -> list[InPart]:
        """Mails of which only a part is here."""
        with self._database.read() as session:
            return [_in_part(row) for row in session.rows(_SELECT + " AND m.size > c.size", (mailbox,))]

    def larger_than(self, mailbox: int, size: int) -> list[InPart]:
        """Mails larger than `size` bytes on the server."""
        with self._database.read() as session:
            return [_in_part(row) for row in session.rows(_SELECT + " AND m.size > ?", (mailbox, size))]

    def older_than(self, mailbox: int, since: int) -> list[InPart]:
        """Mails that arrived before `since` and of which all is here."""
        sql = _SELECT + " AND p.date < ? AND m.size <= c.size"
        with self._database.read() as session:
            return [_in_part(row) for row in session.rows(sql, (mailbox, since))]

    def movable(self, messages: Sequence[int], mailboxes: Collection[int]) -> set[int]:
        """Those of `messages` that lie, numbered by the server, in these mailboxes alone and that no
        open change made here names but changes of flags."""
        free: set[int] = set()
        with self._database.read() as session:
            for chunk in chunked(messages):
                rows = session.rows(
                    f"SELECT message, mailbox, uid FROM placement WHERE message IN {in_list(len(chunk))}",
                    chunk,
                )
                bound = {one for one, mailbox, uid in rows if mailbox not in mailboxes or integer(uid) < 0}
                owed = session.rows(
                    f"SELECT DISTINCT message FROM journal WHERE message IN {in_list(len(chunk))}"
                    " AND state IN ('open', 'sent') AND kind <> 'flag'",
                    chunk,
                )
                bound |= {one for (one,) in owed}
                free |= {integer(row[0]) for row in rows if row[0] not in bound}
        return free

    def lessen(self, parts: Sequence[tuple[int, bytes]]) -> int:
        """Messages and the part of their bytes that is kept from now on; returns the bytes left out.
        What was there before lies unused until the packs are compacted."""
        with self._database.write() as session:
            stored = self._bodies.store(session, [(sha256(raw).digest(), raw) for _, raw in parts])
            saved = 0
            for (message, raw), one in zip(parts, stored, strict=True):
                row = session.one(
                    "SELECT c.size FROM message m JOIN content c ON c.id = m.content WHERE m.id = ?",
                    (message,),
                )
                if row is None or integer(row[0]) <= len(raw):
                    continue
                saved += integer(row[0]) - len(raw)
                session.run("UPDATE message SET content = ? WHERE id = ?", (one.content, message))
            return saved

    def check(self, mailbox: int, *, bodies: bool) -> Checked:
        """Whether the rows of a mailbox are complete and its counts right, and with `bodies` whether
        every body on disk still fits its hash."""
        self._bodies.packs.reread()
        with self._database.read() as session:
            known = by_id(session, mailbox)
            broken = session.rows(
                "SELECT uid FROM placement WHERE mailbox = ? AND uid > 0"
                " AND NOT EXISTS (SELECT 1 FROM message WHERE id = placement.message)",
                (mailbox,),
            )
            right = recount(session, mailbox) == (known.messages, known.unread)
            live = session.stream(
                "SELECT uid FROM placement WHERE mailbox = ? AND uid > 0 ORDER BY uid", (mailbox,)
            )
            uids = UidSet.of(integer(uid) for (uid,) in live)
            damaged = UidSet.of(self._damaged(session, mailbox, bodies=bodies))
        lost = UidSet.of(integer(uid) for (uid,) in broken)
        return Checked(uids - lost, lost, damaged, right)

    def _damaged(self, session: Session, mailbox: int, *, bodies: bool) -> Iterator[int]:
        order = " ORDER BY c.pack, c.position, c.skip" if bodies else ""
        where = "" if bodies else " AND c.id IS NULL"
        rows = session.stream(
            "SELECT p.uid, c.pack, c.position, c.length, c.skip, c.size, c.sha256 FROM placement p"
            " JOIN message m ON m.id = p.message LEFT JOIN content c ON c.id = m.content"
            f" WHERE p.mailbox = ? AND p.uid > 0{where}{order}",
            (mailbox,),
        )
        for uid, *place in rows:
            if place[0] is None or not self._fits(tuple(place)):
                yield integer(uid)

    def _fits(self, place: Row) -> bool:
        pack, position, length, skip, size = (integer(value) for value in place[:5])
        try:
            self._bodies.packs.body(pack, position, length, skip, size, blob(place[5]))
        except Gone:
            return False
        return True


def _in_part(row: Row) -> InPart:
    uid, message, size, here, arrived = row
    return InPart(integer(uid), integer(message), integer(size), integer(here), real(arrived))
