"""People who may use the web page, and their sessions, as rows. Secrets come hashed or sealed; nothing
here decides who may do what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.errors import Gone, Misused
from eilbote.store.database import Database, Row, Session, blob, integer, real, text
from eilbote.store.values import Right, Role, SignedIn, User

_COLUMNS = "id, name, role, password, factor, preferences"


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

    def get(self, user: int) -> User:
        """Gone `user.unknown`."""
        with self._database.read() as session:
            row = session.one(f"SELECT {_COLUMNS} FROM person WHERE id = ?", (user,))
            if row is None:
                raise Gone("user.unknown")
            return _user(session, row)

    def set_preferences(self, user: int, preferences: str) -> None:
        """What the user chose, as the engine writes it."""
        with self._database.write() as session:
            session.run("UPDATE person SET preferences = ? WHERE id = ?", (preferences, user))

    def set_password(self, user: int, password: str) -> None:
        """Ends every session of the user, and the link that would let choose another password."""
        with self._database.write() as session:
            _set_password(session, user, password)

    def set_role(self, user: int, role: Role) -> None:
        """Misused `user.last_owner` where nobody would be left who may everything."""
        with self._database.write() as session:
            if role is not Role.OWNER:
                _check_another_owner(session, user)
            session.run("UPDATE person SET role = ? WHERE id = ?", (role.value, user))

    def set_factor(self, user: int, factor: bytes, step: int) -> None:
        """A new second factor, or with empty bytes none. Codes up to the time step are used up."""
        with self._database.write() as session:
            session.run("UPDATE person SET factor = ?, factor_step = ? WHERE id = ?", (factor, step, user))
            session.run("DELETE FROM recovery_code WHERE person = ?", (user,))

    def set_recovery_codes(self, user: int, codes: Sequence[str]) -> None:
        """By their hashes, instead of those before."""
        with self._database.write() as session:
            session.run("DELETE FROM recovery_code WHERE person = ?", (user,))
            session.insert_many("recovery_code", ("person", "code"), [(user, code) for code in codes])

    def use_recovery_code(self, user: int, code: str) -> bool:
        """Whether the code of this hash was still unused; it is not any more after this."""
        with self._database.write() as session:
            sql = "DELETE FROM recovery_code WHERE person = ? AND code = ?"
            return session.run(sql, (user, code)) == 1

    def recovery_codes_left(self, user: int) -> int:
        with self._database.read() as session:
            row = session.one("SELECT count(*) FROM recovery_code WHERE person = ?", (user,))
            return integer(row[0]) if row else 0

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
            _check_another_owner(session, user)
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

    def put_password_link(self, user: int, token: str, expires: float) -> None:
        """The only link of the user that is good from now on. Gone `user.unknown`."""
        self.get(user)
        with self._database.write() as session:
            session.run("DELETE FROM password_link WHERE person = ?", (user,))
            sql = "INSERT INTO password_link (person, token, expires) VALUES (?, ?, ?)"
            session.run(sql, (user, token, expires))

    def password_link_of(self, token: str, now: float) -> User | None:
        """Whose password may be chosen with it."""
        with self._database.read() as session:
            sql = "SELECT person FROM password_link WHERE token = ? AND expires > ?"
            row = session.one(sql, (token, now))
        return None if row is None else self.get(integer(row[0]))

    def use_password_link(self, token: str, password: str, now: float) -> int:
        """Sets the password of whose link it is, and uses the link up. Gone `user.link_gone`."""
        with self._database.write() as session:
            sql = "SELECT person FROM password_link WHERE token = ? AND expires > ?"
            row = session.one(sql, (token, now))
            if row is None:
                raise Gone("user.link_gone")
            _set_password(session, integer(row[0]), password)
            return integer(row[0])

    def begin_session(self, token: str, user: int, now: float, expires: float, browser: str = "") -> None:
        """Forgets sessions that have run out on the way."""
        with self._database.write() as session:
            session.run("DELETE FROM signed_in WHERE expires <= ?", (now,))
            sql = (
                "INSERT INTO signed_in (token, person, expires, begun, seen, browser)"
                " VALUES (?, ?, ?, ?, ?, ?)"
            )
            session.run(sql, (token, user, expires, now, now, browser))

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

    def note_seen(self, token: str, now: float, least: float) -> None:
        """The session is in use; written down where that was last done `least` seconds ago."""
        with self._database.read() as session:
            sql = "SELECT 1 FROM signed_in WHERE token = ? AND seen <= ?"
            due = session.one(sql, (token, now - least)) is not None
        if due:
            with self._database.write() as session:
                session.run("UPDATE signed_in SET seen = ? WHERE token = ?", (now, token))

    def sessions(self, user: int, now: float) -> list[SignedIn]:
        """Where the user is signed in, the latest first."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT token, begun, seen, browser FROM signed_in WHERE person = ? AND expires > ?"
                " ORDER BY begun DESC, token",
                (user, now),
            )
        return [SignedIn(text(row[0]), real(row[1]), real(row[2]), text(row[3])) for row in rows]

    def end_session(self, token: str) -> None:
        with self._database.write() as session:
            session.run("DELETE FROM signed_in WHERE token = ?", (token,))

    def end_sessions(self, user: int, *, only: str = "", but: str = "") -> None:
        """Sessions of this user alone: `only` the one with this hash, or all `but` one."""
        with self._database.write() as session:
            if only:
                session.run("DELETE FROM signed_in WHERE person = ? AND token = ?", (user, only))
            else:
                session.run("DELETE FROM signed_in WHERE person = ? AND token <> ?", (user, but))


def _set_password(session: Session, user: int, password: str) -> None:
    session.run("UPDATE person SET password = ? WHERE id = ?", (password, user))
    session.run("DELETE FROM signed_in WHERE person = ?", (user,))
    session.run("DELETE FROM password_link WHERE person = ?", (user,))


def _check_another_owner(session: Session, user: int) -> None:
    """Somebody else can sign in and may do everything."""
    sql = "SELECT 1 FROM person WHERE role = 'owner' AND password <> '' AND id <> ? LIMIT 1"
    if session.one(sql, (user,)) is None:
        raise Misused("user.last_owner")


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
        text(row[5]),
    )
