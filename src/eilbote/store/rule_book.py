"""The rule book: one text for the whole home, with the texts before it. Decides nothing about what it says.

Whoever saves names the revision that was changed: of two who change the same text at once, one learns it.
"""

from __future__ import annotations

from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.store import rule_marks
from eilbote.store.database import Database, Row, Session, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.rule_values import Book

LARGEST = 4 << 20
"""Characters."""
_KEPT = 50
_COLUMNS = "revision, content, saved, origin"


class RuleBook:
    """Reading and saving."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> Book:
        """The newest text; revision 0 where nothing was ever saved."""
        with self._database.read() as session:
            return _newest(session)

    def revision(self) -> int:
        """Of the newest text, 0 for none: cheap, for who looks often."""
        with self._database.read() as session:
            row = session.one("SELECT max(revision) FROM rule_book")
        return 0 if row is None or row[0] is None else integer(row[0])

    def save(self, content: str, revision: int, now: float, origin: str = "user") -> Book:
        """Saves a text in place of that of `revision`. What is in the inboxes of accounts at this moment
        counts as there before, if no rules were there yet. NotAllowed `rules.changed_meanwhile` where
        another text was saved since; Misused `rules.too_long`."""
        if len(content) > LARGEST:
            raise Misused("rules.too_long", limit=LARGEST)
        with self._database.write() as session:
            before = _newest(session)
            if before.revision != revision:
                raise NotAllowed("rules.changed_meanwhile", revision=before.revision)
            if before.text == content and revision:
                return before
            book = Book(revision + 1, clean(content), now, origin)
            session.run(
                f"INSERT INTO rule_book ({_COLUMNS}) VALUES (?, ?, ?, ?)",
                (book.revision, book.text, book.saved, book.origin),
            )
            session.run("DELETE FROM rule_book WHERE revision <= ?", (book.revision - _KEPT,))
            rule_marks.begin_all(session, now)
            return book

    def past(self, limit: int = _KEPT) -> list[Book]:
        """The last texts, the newest first."""
        with self._database.read() as session:
            rows = session.rows(f"SELECT {_COLUMNS} FROM rule_book ORDER BY revision DESC LIMIT ?", (limit,))
        return [_book(row) for row in rows]

    def at(self, revision: int) -> Book:
        """Gone `rules.no_revision`, also where it is too long ago."""
        with self._database.read() as session:
            row = session.one(f"SELECT {_COLUMNS} FROM rule_book WHERE revision = ?", (revision,))
        if row is None:
            raise Gone("rules.no_revision", revision=revision)
        return _book(row)


def _newest(session: Session) -> Book:
    row = session.one(f"SELECT {_COLUMNS} FROM rule_book ORDER BY revision DESC LIMIT 1")
    return Book() if row is None else _book(row)


def _book(row: Row) -> Book:
    return Book(integer(row[0]), text(row[1]), real(row[2]), text(row[3]))
