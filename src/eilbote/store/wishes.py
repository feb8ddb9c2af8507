"""The owner's letter box: other processes leave a wish ("sync now") and poll for its answer.

Each wish is claimed once, by one conditional change. It must never carry a secret.
"""

from __future__ import annotations

from eilbote.store.database import Database, integer, real, text
from eilbote.store.values import Wish

_STALE_SECONDS = 24 * 3600.0


class Wishes:
    """Asking, claiming, answering."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, kind: str, payload: str, now: float) -> int:
        """Leaves a wish; returns its id. Wishes of yesterday are cleared away."""
        with self._database.write() as session:
            session.run("DELETE FROM wish WHERE created < ?", (now - _STALE_SECONDS,))
            row = session.one(
                "INSERT INTO wish (kind, payload, created) VALUES (?, ?, ?) RETURNING id",
                (kind, payload, now),
            )
        assert row is not None
        return integer(row[0])

    def claim(self, now: float) -> list[Wish]:
        """Takes every wish that nobody took, oldest first. Cheap when there is none."""
        with self._database.read() as session:
            if session.one("SELECT 1 FROM wish WHERE claimed IS NULL") is None:
                return []
        with self._database.write() as session:
            rows = session.rows(
                "UPDATE wish SET claimed = ? WHERE claimed IS NULL RETURNING id, kind, payload, created",
                (now,),
            )
        found = [Wish(integer(row[0]), text(row[1]), text(row[2]), real(row[3])) for row in rows]
        return sorted(found, key=lambda wish: wish.id)

    def unclaim(self) -> int:
        """A new owner takes over what its dead predecessor claimed and never answered."""
        with self._database.write() as session:
            return session.run("UPDATE wish SET claimed = NULL WHERE answer IS NULL")

    def answer(self, wish: int, words: str) -> bool:
        """Answers a wish; False if it was withdrawn."""
        with self._database.write() as session:
            return session.run("UPDATE wish SET answer = ? WHERE id = ?", (words, wish)) == 1

    def answered(self, wish: int) -> str | None:
        """The answer, None while there is none."""
        with self._database.read() as session:
            row = session.one("SELECT answer FROM wish WHERE id = ?", (wish,))
        return None if row is None or row[0] is None else text(row[0])

    def withdraw(self, wish: int) -> None:
        """The asker waits no longer, or has read the answer."""
        with self._database.write() as session:
            session.run("DELETE FROM wish WHERE id = ?", (wish,))
