"""What the process that serves does for each account, as other processes see it. It informs; nothing is
ever decided by it.
"""

from __future__ import annotations

from eilbote.store.database import Database, integer, real, text
from eilbote.store.problems import problem_from_text, problem_to_text
from eilbote.store.values import Watched


class Watches:
    """One row for each account that is watched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, account: int, watched: Watched) -> None:
        """The account's watch is in this state now."""
        problem = problem_to_text(watched.problem)
        with self._database.write() as session:
            session.run(
                "INSERT INTO watch (account, state, since, until, problem) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (account) DO UPDATE SET state = excluded.state, since = excluded.since,"
                " until = excluded.until, problem = excluded.problem",
                (account, watched.state, watched.since, watched.until, problem),
            )

    def forget(self, account: int | None = None) -> None:
        """The account is watched no more; without one, none is."""
        with self._database.write() as session:
            if account is None:
                session.run("DELETE FROM watch")
            else:
                session.run("DELETE FROM watch WHERE account = ?", (account,))

    def all(self) -> dict[int, Watched]:
        """By account. What a process that was killed left behind is among them: ask who owns the home."""
        with self._database.read() as session:
            rows = session.rows("SELECT account, state, since, until, problem FROM watch")
        return {
            integer(account): Watched(
                text(state),
                real(since),
                None if until is None else real(until),
                problem_from_text(problem),
            )
            for account, state, since, until, problem in rows
        }
