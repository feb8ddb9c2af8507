"""Logins that were tried for a diagnosis and refused, counted so that nobody is locked out."""

from __future__ import annotations

from eilbote.store.database import Database, integer, real

_KEPT_SECONDS = 86_400.0


class RefusedLogins:
    """Counting and forgetting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, account: int, protocol: str, now: float) -> None:
        """One more was refused; those of yesterday are forgotten."""
        with self._database.write() as session:
            session.run(
                "DELETE FROM refused_login WHERE account = ? AND at < ?", (account, now - _KEPT_SECONDS)
            )
            session.run(
                "INSERT INTO refused_login (account, at, protocol) VALUES (?, ?, ?)", (account, now, protocol)
            )

    def count(self, account: int, since: float) -> int:
        """How many of an account were refused since then."""
        with self._database.read() as session:
            row = session.one(
                "SELECT count(*) FROM refused_login WHERE account = ? AND at >= ?", (account, since)
            )
        return integer(row[0]) if row is not None else 0

    def latest(self, account: int) -> float | None:
        """When the last one of an account was refused; None: none that is remembered."""
        with self._database.read() as session:
            row = session.one("SELECT max(at) FROM refused_login WHERE account = ?", (account,))
        return real(row[0]) if row is not None and row[0] is not None else None

    def forget(self, account: int) -> None:
        """The secret was changed, or a login worked: what was refused before counts no more."""
        with self._database.write() as session:
            session.run("DELETE FROM refused_login WHERE account = ?", (account,))
