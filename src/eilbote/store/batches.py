"""What users did with many mails at once, so that one click takes all of it back: each batch names its
rows of the journal. They go when the days of undo are over, as the journal's do.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.errors import Gone
from eilbote.store.database import Database, Row, integer, real, text
from eilbote.store.values import Batch

_MOST_KEPT_SECONDS = 30 * 86_400.0


class Batches:
    """Acts of users, by their numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, person: int, act: str, mails: int, debts: Sequence[int], now: float) -> int:
        """Remembers an act; returns its number."""
        with self._database.write() as session:
            session.run("DELETE FROM batch WHERE created < ?", (now - _MOST_KEPT_SECONDS,))
            row = session.one(
                "INSERT INTO batch (person, act, mails, debts, created) VALUES (?, ?, ?, ?, ?) RETURNING id",
                (person, act, mails, _written(debts), now),
            )
        assert row is not None
        return integer(row[0])

    def get(self, batch: int, person: int) -> Batch:
        """Gone `batch.gone`, also where it is another user's."""
        with self._database.read() as session:
            row = session.one(
                "SELECT id, person, act, mails, debts, undone, created FROM batch"
                " WHERE id = ? AND person = ?",
                (batch, person),
            )
        if row is None:
            raise Gone("batch.gone")
        return _batch(row)

    def undo(self, batch: int) -> bool:
        """Marks it as taken back; False if it was already."""
        with self._database.write() as session:
            return session.run("UPDATE batch SET undone = 1 WHERE id = ? AND undone = 0", (batch,)) == 1


def _batch(row: Row) -> Batch:
    return Batch(
        id=integer(row[0]),
        person=integer(row[1]),
        act=text(row[2]),
        mails=integer(row[3]),
        debts=_read(text(row[4])),
        undone=bool(integer(row[5])),
        created=real(row[6]),
    )


def _written(debts: Sequence[int]) -> str:
    """Ranges: the journal numbers what is done together one after the other."""
    ranges: list[list[int]] = []
    for debt in sorted(set(debts)):
        if ranges and debt == ranges[-1][1] + 1:
            ranges[-1][1] = debt
        else:
            ranges.append([debt, debt])
    return ",".join(f"{low}:{high}" for low, high in ranges)


def _read(written: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in written.split(",") if written else ():
        low, _, high = part.partition(":")
        found += range(int(low), int(high) + 1)
    return tuple(found)
