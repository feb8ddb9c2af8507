"""Accounts of which nothing is sent for a while: a server has refused the login."""

from __future__ import annotations

from msgspec import Struct

from eilbote.errors import Problem
from eilbote.store.database import Database, Session, integer, real
from eilbote.store.problems import problem_from_text, problem_to_text


class Pause(Struct, frozen=True):
    """Why nothing of an account is sent: since when, after how many refused logins, and when the next
    is tried; None: not before a person says so."""

    since: float
    tries: int
    next_try: float | None
    problem: Problem


class SendingPauses:
    """Beginning, finding, ending."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pause(self, account: int, problem: Problem, now: float, next_try: float | None) -> Pause:
        """Sending of an account waits; another refused login counts up."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO sending_pause (account, since, tries, next_try, problem) VALUES (?, ?, 1, ?, ?)"
                " ON CONFLICT (account) DO UPDATE SET tries = sending_pause.tries + 1,"
                " next_try = excluded.next_try, problem = excluded.problem",
                (account, now, next_try, problem_to_text(problem)),
            )
            found = _found(session, account)
            assert found is not None
            return found

    def of(self, account: int) -> Pause | None:
        with self._database.read() as session:
            return _found(session, account)

    def resume(self, account: int) -> bool:
        """Ends a pause; False where there was none."""
        with self._database.read() as session:
            if _found(session, account) is None:
                return False
        with self._database.write() as session:
            return session.run("DELETE FROM sending_pause WHERE account = ?", (account,)) == 1


def _found(session: Session, account: int) -> Pause | None:
    row = session.one(
        "SELECT since, tries, next_try, problem FROM sending_pause WHERE account = ?", (account,)
    )
    if row is None:
        return None
    problem = problem_from_text(row[3])
    assert problem is not None
    return Pause(real(row[0]), integer(row[1]), None if row[2] is None else real(row[2]), problem)
