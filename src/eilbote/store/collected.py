"""What was collected from an account's maildrop: each mail with the row that says so, in one transaction.

A kill at any point leaves both or neither, so that nothing is collected twice and nothing counts as
collected that is not stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from eilbote.mail.mailbox import SpecialUse
from eilbote.store import applying, mailboxes
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Row, Session, blob, chunked, in_list, integer, real, text
from eilbote.store.local import new_uids
from eilbote.store.update_values import Applied, Arrival, Block, MailboxUpdate
from eilbote.sync.values import Seen

_COLUMNS = "id, uidl, size, head, sha256, message, collected, deleted, compared"


class Taken(Struct, frozen=True):
    """A mail taken from a maildrop: what is stored, and by what it will be known there."""

    arrival: Arrival
    uidl: str
    size: int | None
    head: bytes


class Collected:
    """The maildrops' memory."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    def seen(self, account: int) -> list[Seen]:
        """Everything that was ever collected, oldest first."""
        with self._database.read() as session:
            sql = f"SELECT {_COLUMNS} FROM collected WHERE account = ? ORDER BY id"
            return [_seen(row) for row in session.rows(sql, (account,))]

    def removed(self, account: int) -> frozenset[int]:
        """Messages that were collected and deleted here: they lie nowhere, or only in the trash."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT DISTINCT message FROM collected c WHERE account = ? AND NOT EXISTS ("
                "SELECT 1 FROM placement p JOIN mailbox b ON b.id = p.mailbox"
                " WHERE p.message = c.message AND (b.role IS NULL OR b.role <> ?))",
                (account, SpecialUse.TRASH.value),
            )
            return frozenset(integer(message) for (message,) in rows)

    def take_in(
        self,
        account: int,
        mailbox: int,
        mails: Sequence[Taken],
        absent: Collection[int],
        blocks: Sequence[Block] | None,
        now: float,
    ) -> tuple[Applied, list[Seen]]:
        """Stores mails in a mailbox of the account, and that they were collected.

        One that has the content of a row of `absent` is that mail under another id: only its row is
        changed. Returns what was stored, and the row of each mail, in their order. Bodies are synced
        to disk before the commit. Unreachable `store.full`."""
        with self._database.write() as session:
            rows = _by_content(session, account, absent)
            known: dict[int, int] = {}
            for mail in mails:
                # An id that belonged to another mail: that one is known by its content from now on.
                session.run(
                    "UPDATE collected SET uidl = '' WHERE account = ? AND uidl = ? AND uidl <> ''",
                    (account, mail.uidl),
                )
            for at, mail in enumerate(mails):
                same = rows.get(mail.arrival.prepared.sha256)
                if same:
                    known[at] = same.pop(0)
                    _rename(session, known[at], mail)
            new = [mail for at, mail in enumerate(mails) if at not in known]
            applied = self._apply(session, mailbox, new, None if known else blocks, now)
            session.insert_many(
                "collected",
                ("account", "uidl", "size", "head", "sha256", "message", "collected", "deleted", "compared"),
                [_row(account, mail, message, now) for mail, message in zip(new, applied.ids, strict=True)],
            )
            written = session.rows(
                f"SELECT {_COLUMNS} FROM collected WHERE account = ? ORDER BY id DESC LIMIT ?",
                (account, len(new)),
            )
            fresh = [_seen(row) for row in reversed(written)]
            old = {row.id: row for row in _at(session, known.values())}
            ordered = iter(fresh)
            return applied, [old[known[at]] if at in known else next(ordered) for at in range(len(mails))]

    def rename(self, pairs: Iterable[tuple[int, str, int | None]]) -> None:
        """Mails that were recognised under another id by their header: (row, id, size)."""
        with self._database.write() as session:
            for row, uidl, size in pairs:
                session.run(
                    "UPDATE collected SET uidl = ?, size = ?, compared = 0, deleted = 0 WHERE id = ?",
                    (uidl, size, row),
                )

    def deleted(self, rows: Sequence[int]) -> None:
        """The server confirmed the deletion of these."""
        with self._database.write() as session:
            for chunk in chunked(rows):
                session.run(f"UPDATE collected SET deleted = 1 WHERE id IN {in_list(len(chunk))}", chunk)

    def note_login(self, account: int, now: float, delay: int) -> None:
        """Remembers when the maildrop was opened, and the pause in seconds the server wants."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO maildrop (account, login, delay) VALUES (?, ?, ?)"
                " ON CONFLICT (account) DO UPDATE SET login = excluded.login, delay = excluded.delay",
                (account, now, delay),
            )

    def next_login(self, account: int) -> float:
        """Before that time the server wants no login; 0 where it does not care."""
        with self._database.read() as session:
            row = session.one("SELECT login + delay FROM maildrop WHERE account = ?", (account,))
        return real(row[0]) if row else 0.0

    def _apply(
        self,
        session: Session,
        mailbox: int,
        new: Sequence[Taken],
        blocks: Sequence[Block] | None,
        now: float,
    ) -> Applied:
        uids = new_uids(session, mailboxes.by_id(session, mailbox), len(new))
        arrivals = [mail.arrival._replace(uid=uid) for uid, mail in zip(uids, new, strict=True)]
        return applying.apply(
            session, self._bodies, mailbox, MailboxUpdate(arrivals=arrivals, blocks=blocks), now
        )


def forget(session: Session, messages: Sequence[int]) -> None:
    """What recognises erased messages goes, but for the server's id: they must not be collected again."""
    for chunk in chunked(messages):
        session.run(
            "UPDATE collected SET size = NULL, head = ?, sha256 = ?, message = 0"
            f" WHERE message IN {in_list(len(chunk))}",
            (b"", b"", *chunk),
        )


def _by_content(session: Session, account: int, ids: Collection[int]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for chunk in chunked(sorted(ids)):
        rows = session.rows(
            f"SELECT id, sha256 FROM collected WHERE account = ? AND id IN {in_list(len(chunk))} ORDER BY id",
            (account, *chunk),
        )
        for row, digest in rows:
            found.setdefault(blob(digest), []).append(integer(row))
    return found


def _at(session: Session, ids: Iterable[int]) -> list[Seen]:
    found: list[Seen] = []
    for chunk in chunked(ids):
        rows = session.rows(f"SELECT {_COLUMNS} FROM collected WHERE id IN {in_list(len(chunk))}", chunk)
        found += map(_seen, rows)
    return found


def _rename(session: Session, row: int, mail: Taken) -> None:
    session.run(
        "UPDATE collected SET uidl = ?, size = ?, head = ?, compared = 1, deleted = 0 WHERE id = ?",
        (mail.uidl, mail.size, mail.head, row),
    )


def _row(account: int, mail: Taken, message: int, now: float) -> Row:
    return (account, mail.uidl, mail.size, mail.head, mail.arrival.prepared.sha256, message, now, 0, 1)


def _seen(row: Row) -> Seen:
    return Seen(
        id=integer(row[0]),
        uidl=text(row[1]),
        size=None if row[2] is None else integer(row[2]),
        head=blob(row[3]),
        sha256=blob(row[4]),
        message=integer(row[5]),
        collected=real(row[6]),
        deleted=bool(row[7]),
        compared=bool(row[8]),
    )
