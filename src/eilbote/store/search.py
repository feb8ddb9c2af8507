"""Full-text search over everything stored: one interface over FTS5 and PostgreSQL.

The index is derived data: it may be thrown away and built anew from the store. Its watermark is
committed with the rows that it covers, so that a kill at any point leaves nothing out and puts
nothing in twice. It never decides what a query means: it is given a tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from eilbote.mail.envelope import Envelope
from eilbote.search.values import Document, Node
from eilbote.store.database import Database, Observer, Row, Session, integer, real
from eilbote.store.envelopes import ENVELOPE_COLUMNS, from_columns

SEARCH_FILE = "search.sqlite"


class Covered(Struct, frozen=True):
    """How far the index is: every message up to `message` is in it (or gone), with its content of
    the time when `content` was the newest."""

    message: int = 0
    content: int = 0


class Hit(Struct, frozen=True):
    """A message that was found, with its date: a place in what a search finds."""

    date: int
    message: int


class Pending(Struct, frozen=True):
    """A message to be indexed: what its row says. Its text comes from its bytes."""

    message: int
    account: int
    date: int
    size: int
    columns: Row

    @property
    def envelope(self) -> Envelope:
        """Its envelope, decoded at every call."""
        return from_columns(self.columns)


class Index(Protocol):
    """One database's full-text index."""

    def covered(self) -> Covered:
        """How far it is."""
        ...

    def add(self, documents: Sequence[Document], covered: Covered) -> None:
        """Puts documents in, in place of older ones of the same messages, and remembers how far it
        is then: all of it or nothing. Messages that are gone meanwhile are left out."""
        ...

    def find(self, node: Node, account: int | None, limit: int, offset: int) -> list[int]:
        """Messages that lie somewhere, newest first."""
        ...

    def page(self, node: Node, accounts: Sequence[int] | None, after: Hit | None, limit: int) -> list[Hit]:
        """Up to `limit` messages behind `after`, in the index's own order, newest first: one page after
        the other shows everything once. `accounts` None: all."""
        ...

    def count(self, node: Node, accounts: Sequence[int] | None, limit: int) -> int:
        """How many messages there are; `limit` where there are as many or more."""
        ...

    def forget(self, messages: Sequence[int], *, for_good: bool) -> None:
        """Takes messages out; `for_good`: nothing of their words stays in the files."""
        ...

    def clear(self) -> None:
        """Empties the index, to be built anew."""
        ...

    def many_to_come(self, coming: bool) -> None:
        """Whether a first sync is under way: merging waits until it is over."""
        ...

    def close(self) -> None: ...


class Search:
    """The index of a home. Safe to use from any thread."""

    def __init__(self, database: Database, home: Path, observer: Observer | None = None) -> None:
        """Opens the index of the store that `database` holds, or makes an empty one. One that is
        damaged or of another version is thrown away and will be built anew."""
        self._database = database
        self._index: Index
        if database.dialect == "sqlite":
            from eilbote.store.search_sqlite import SqliteIndex  # noqa: PLC0415

            self._index = SqliteIndex(home, home / SEARCH_FILE, observer)
        else:
            from eilbote.store.search_postgres import PostgresIndex  # noqa: PLC0415

            self._index = PostgresIndex(database)
        self.covered = self._index.covered
        self.add = self._index.add
        self.clear = self._index.clear
        self.page = self._index.page
        self.count = self._index.count
        self.many_to_come = self._index.many_to_come

    def find(self, node: Node, account: int | None = None, limit: int = 50, offset: int = 0) -> list[int]:
        """The ids of messages that `node` describes and that lie in some mailbox, newest first."""
        return self._index.find(node, account, limit, offset)

    def forget(self, messages: Sequence[int], *, for_good: bool = True) -> None:
        """Takes messages out of the index, after their rows are gone. `for_good` (an erasure) rewrites
        the index, so that nothing of their words stays in its files: some seconds for 100,000 mails."""
        if messages:
            self._index.forget(messages, for_good=for_good)

    def pending(self, covered: Covered, limit: int) -> tuple[list[Pending], Covered]:
        """The next messages to be indexed, oldest number first and at most `limit`, and how far the
        index is with them. Messages whose content was replaced come first."""
        with self._database.read() as session:
            newest = _newest(session)
            found: list[Row] = []
            if newest.content > covered.content:
                found = session.rows(
                    f"{_SELECT} WHERE content > ? AND content <= ? AND id <= ?",
                    (covered.content, newest.content, covered.message),
                )
            rows = session.rows(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?", (covered.message, limit))
        last = integer(rows[-1][0]) if len(rows) == limit else newest.message
        reached = Covered(max(last, covered.message), newest.content)
        return [_pending(row) for row in (*found, *rows)], reached

    def behind(self, covered: Covered) -> int:
        """About how many messages wait to be indexed."""
        with self._database.read() as session:
            newest = _newest(session)
        waiting = newest.message - covered.message
        return waiting or int(newest.content > covered.content)

    def close(self) -> None:
        self._index.close()


_SELECT = "SELECT id, account, internal_date, size, " + ", ".join(ENVELOPE_COLUMNS) + " FROM message"


def _newest(session: Session) -> Covered:
    rows = session.rows("SELECT name, value FROM counter WHERE name IN ('message', 'content')")
    counts = {name: integer(value) for name, value in rows}
    return Covered(counts["message"], counts["content"])


def _pending(row: Row) -> Pending:
    return Pending(
        message=integer(row[0]),
        account=integer(row[1]),
        date=int(real(row[2])),
        size=integer(row[3]),
        columns=row[4:],
    )


def without_gone(session: Session, table: str, documents: Iterable[Document]) -> list[Document]:
    """Those whose message still has a row in `table`."""
    wanted = sorted(documents, key=lambda document: document.message)
    if not wanted:
        return []
    sql = f"SELECT id FROM {table} WHERE id BETWEEN ? AND ?"
    there = {row[0] for row in session.stream(sql, (wanted[0].message, wanted[-1].message))}
    return [document for document in wanted if document.message in there]
