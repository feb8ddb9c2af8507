"""Logins that were tried for a diagnosis and refused, counted so that nobody is locked out; and when a login
was last changed, which makes what was known of the one before worthless.

Each is counted before its secret leaves, whoever else counts at the same time and whatever ends the process;
it is taken back where the server let us in.
"""

from __future__ import annotations

from eilbote.store.database import Database, Session, integer, real

_KEPT_SECONDS = 86_400.0
_OPEN = " open"
"""What follows the protocol of a login whose answer is awaited."""

_OPEN_SECONDS = 60.0
"""Nobody waits longer for an answer; a login that is open longer was cut off, and may have been refused."""

_CHANGED = "changed"
"""In the place of a protocol: no refusal, but another secret, user name or server from then on."""


class RefusedLogins:
    """Counting and forgetting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, account: int, protocol: str, now: float) -> None:
        """One more was refused; those of yesterday are forgotten."""
        with self._database.write() as session:
            _note(session, account, protocol, now)

    def claim(self, account: int, protocol: str, now: float, since: float, most: int) -> bool:
        """Whether one more may be tried, if `most` may be refused since then; counted as refused until
        `settle` says what came of it."""
        with self._database.write() as session:
            row = session.one(
                "SELECT count(*) FROM refused_login WHERE account = ? AND at >= ? AND protocol <> ?",
                (account, since, _CHANGED),
            )
            if row is not None and integer(row[0]) >= most:
                return False
            _note(session, account, protocol + _OPEN, now)
        return True

    def settle(self, account: int, protocol: str, claimed: float, *, refused: bool) -> None:
        """What came of a login that was claimed at that moment."""
        with self._database.write() as session:
            session.run(
                "DELETE FROM refused_login WHERE account = ? AND at = ? AND protocol = ?",
                (account, claimed, protocol + _OPEN),
            )
            if refused:
                _note(session, account, protocol, claimed)

    def count(self, account: int, since: float, now: float) -> int:
        """How many of an account were refused since then, as far as that is known by `now`."""
        with self._database.read() as session:
            row = session.one(
                "SELECT count(*) FROM refused_login WHERE account = ? AND at >= ? AND protocol <> ?"
                " AND (at < ? OR protocol NOT LIKE ?)",
                (account, since, _CHANGED, now - _OPEN_SECONDS, "%" + _OPEN),
            )
        return integer(row[0]) if row is not None else 0

    def latest(self, account: int) -> float | None:
        """When the last one of an account was refused; None: none that is remembered."""
        with self._database.read() as session:
            row = session.one(
                "SELECT max(at) FROM refused_login WHERE account = ? AND protocol <> ?", (account, _CHANGED)
            )
        return real(row[0]) if row is not None and row[0] is not None else None

    def changed(self, account: int) -> float | None:
        """When the login was changed; None: not since one worked."""
        with self._database.read() as session:
            row = session.one(
                "SELECT max(at) FROM refused_login WHERE account = ? AND protocol = ?", (account, _CHANGED)
            )
        return real(row[0]) if row is not None and row[0] is not None else None

    def begin_anew(self, account: int, now: float) -> None:
        """Secret, user name or server was changed: nothing from before counts any more."""
        with self._database.write() as session:
            session.run("DELETE FROM refused_login WHERE account = ?", (account,))
            session.run(
                "INSERT INTO refused_login (account, at, protocol) VALUES (?, ?, ?)", (account, now, _CHANGED)
            )

    def forget(self, account: int) -> None:
        """A login worked: what was refused before counts no more."""
        with self._database.write() as session:
            session.run("DELETE FROM refused_login WHERE account = ?", (account,))


def _note(session: Session, account: int, protocol: str, now: float) -> None:
    session.run(
        "DELETE FROM refused_login WHERE account = ? AND at < ? AND protocol <> ?",
        (account, now - _KEPT_SECONDS, _CHANGED),
    )
    session.run(
        "INSERT INTO refused_login (account, at, protocol) VALUES (?, ?, ?)", (account, now, protocol)
    )
