"""People who may use the web page, and their sessions, as rows. Secrets come hashed or sealed; nothing
here decides who may do what.
"""

from __future__ import annotations

from collections.abc import Mapping

from eilbote.errors import Gone, Misused
from eilbote.store.database import Database, Row, Session, blob, integer, text
from eilbote.store.values import Right, Role, User

_COLUMNS = "id, name, role, password, factor"


class Users:
    """Adds, finds, changes and removes users; keeps who is signed in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self) -> bool:
        """Is there a user at all?"""
        with self._database.read() as session:
            return session.one("SELECT 1 FROM person LIMIT 1") is not None

    def all(self) -> list[User]:
        """In the order of adding."""
        with self._database.read() as session:
            rows = session.rows(f"SELECT {_COLUMNS} FROM person ORDER BY id")
            return [_user(session, row) for row in rows]

    def named(self, name: str) -> User | None:
        """By name, case ignored."""
        with self._database.read() as session:
            row = session.one(f"SELECT {_COLUMNS} FROM person WHERE folded = ?", (name.casefold(),))
            return None if row is None else _user(session, row)

    def add(self, name: str, role: Role, password: str, now: float, link: str | None = None) -> int:
        """Misused `user.exists` where the name (case ignored) is taken. With `link`, the hash of a
        sign-in link is used up in the same transaction: Gone `user.link_gone` where it is not there
        any more or too old."""
        with self._database.write() as session:
            if link is not None:
                sql = "DELETE FROM sign_in_link WHERE token = ? AND expires > ?"
                if session.run(sql, (link, now)) != 1:
                    raise Gone("user.link_gone")
            row = session.one(
                "INSERT INTO person (name, folded, role, password, factor, created)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (folded) DO NOTHING RETURNING id",
                (name, name.casefold(), role.value, password, b"", now),
            )
            if row is None:
                raise Misused("user.exists", name=name)
            return integer(row[0])

    def set_password(self, user: int, password: str) -> None:
        """Ends every session of the user."""
        with self._database.write() as session:
            session.run("UPDATE person SET password = ? WHERE id = ?", (password, user))
            session.run("DELETE FROM signed_in WHERE person = ?", (user,))

    def set_factor(self, user: int, factor: bytes, step: int) -> None:
        """A new second factor, or with empty bytes none. Codes up to the time step are used up."""
        with self._database.write() as session:
            session.run("UPDATE person SET factor = ?, factor_step = ? WHERE id = ?", (factor, step, user))

    def use_step(self, user: int, step: int) -> bool:
        """Whether the code of this time step is still unused; it is not any more after this."""
        with self._database.write() as session:
            sql = "UPDATE person SET factor_step = ? WHERE id = ? AND factor_step < ?"
            return session.run(sql, (step, user, step)) == 1

    def set_rights(self, user: int, rights: Mapping[int, Right]) -> None:
        """Instead of those that the user had."""
        with self._database.write() as session:
            session.run("DELETE FROM person_right WHERE person = ?", (user,))
            rows: list[Row] = [(user, account, right.value) for account, right in rights.items()]
            session.insert_many("person_right", ("person", "account", "may"), rows)

    def remove(self, user: int) -> None:
        """Misused `user.last_owner` where nobody would be left who may everything."""
        with self._database.write() as session:
            others = session.one("SELECT 1 FROM person WHERE role = 'owner' AND id <> ? LIMIT 1", (user,))
            if others is None:
                raise Misused("user.last_owner")
            session.run("DELETE FROM person WHERE id = ?", (user,))

    # Links and sessions, by the hash of their token

    def put_link(self, token: str, expires: float) -> None:
        """The only link that is good from now on."""
        with self._database.write() as session:
            session.run("DELETE FROM sign_in_link")
            session.run("INSERT INTO sign_in_link (token, expires) VALUES (?, ?)", (token, expires))

    def has_link(self, token: str, now: float) -> bool:
        with self._database.read() as session:
            sql = "SELECT 1 FROM sign_in_link WHERE token = ? AND expires > ?"
            return session.one(sql, (token, now)) is not None

    def begin_session(self, token: str, user: int, now: float, expires: float) -> None:
        """Forgets sessions that have run out on the way."""
        with self._database.write() as session:
            session.run("DELETE FROM signed_in WHERE expires <= ?", (now,))
            sql = "INSERT INTO signed_in (token, person, expires) VALUES (?, ?, ?)"
            session.run(sql, (token, user, expires))

    def session_of(self, token: str, now: float) -> User | None:
        """Who is signed in with it."""
        columns = ", ".join(f"p.{name}" for name in _COLUMNS.split(", "))
        with self._database.read() as session:
            row = session.one(
                f"SELECT {columns} FROM signed_in s JOIN person p ON p.id = s.person"
                " WHERE s.token = ? AND s.expires > ?",
                (token, now),
            )
            return None if row is None else _user(session, row)

    def end_session(self, token: str) -> None:
        with self._database.write() as session:
            session.run("DELETE FROM signed_in WHERE token = ?", (token,))


def _user(session: Session, row: Row) -> User:
    user = integer(row[0])
    rights = session.rows("SELECT account, may FROM person_right WHERE person = ?", (user,))
    return User(
        user,
        text(row[1]),
        Role(text(row[2])),
        text(row[3]),
        blob(row[4]),
        {integer(account): Right(text(may)) for account, may in rights},
    )
