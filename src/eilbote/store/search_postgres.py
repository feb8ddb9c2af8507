"""The full-text index in PostgreSQL: words that we have folded ourselves, as `tsvector`, under GIN.

A word stands there as itself and once more with the letter of its field (`s:rechnung`): so a query
for a field needs no look at the row, as weights would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from eilbote.search.fold import spellings, words
from eilbote.search.values import All, Document, Field, Node, Not, Some, Words
from eilbote.store.conditions import Condition, Conditions, Mailboxes, is_of_words, joined
from eilbote.store.database import Database, Row, Session, chunked, in_list, integer
from eilbote.store.search import Covered, Hit, without_gone

_VERSION = 1
_LAST_POSITION = 16_383  # PostgreSQL keeps no greater ones
_MOST_POSITIONS = 255
_GAP = 3  # between two fields, so that no phrase reaches over
_MOST_WORDS = 30_000  # distinct ones; a tsvector holds less than a megabyte
_LETTERS = {
    Field.SUBJECT: ("s",),
    Field.SENDER: ("f",),
    Field.RECIPIENT: ("t", "c"),
    Field.COPIED: ("c",),
    Field.BODY: ("b",),
    Field.FILE: ("a",),
}
_NEWEST_FIRST = " ORDER BY d.date DESC, d.message DESC"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS search_state (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS search_document (message BIGINT PRIMARY KEY, account BIGINT NOT NULL,"
    " date BIGINT NOT NULL, size BIGINT NOT NULL, attachments BIGINT NOT NULL, words TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS search_words ON search_document USING GIN (words)",
    "CREATE INDEX IF NOT EXISTS search_date ON search_document (date DESC, message DESC)",
    f"INSERT INTO search_state VALUES ('version', {_VERSION}), ('message', 0), ('content', 0)"
    " ON CONFLICT DO NOTHING",
)


class PostgresIndex:
    """`Index` on PostgreSQL, in the store's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._many = False
        with database.read() as session:
            known = session.one("SELECT to_regclass('search_state') IS NOT NULL") == (True,)
            current = known and session.one(
                "SELECT 1 FROM search_state WHERE name = 'version' AND value = ?", (_VERSION,)
            )
        if not current:
            with database.write() as session:
                for table in ("search_state", "search_document"):
                    session.run(f"DROP TABLE IF EXISTS {table}")
                for statement in _SCHEMA:
                    session.run(statement)

    def covered(self) -> Covered:
        with self._database.read() as session:
            return _covered(session)

    def add(self, documents: Sequence[Document], covered: Covered) -> None:
        # Built before the writing transaction: the store has only one.
        rows: dict[int, Row] = {
            one.message: (one.message, one.account, one.date, one.size, one.attachments, vector(one))
            for one in documents
        }
        with self._database.write() as session:
            reached = _covered(session).message
            for chunk in chunked(message for message in rows if message <= reached):
                session.run(f"DELETE FROM search_document WHERE message IN {in_list(len(chunk))}", chunk)
            session.insert_many(
                "search_document",
                ("message", "account", "date", "size", "attachments", "words"),
                [rows[one.message] for one in without_gone(session, "message", documents)],
            )
            for name, value in (("message", covered.message), ("content", covered.content)):
                session.run(
                    "UPDATE search_state SET value = greatest(value, ?) WHERE name = ?", (value, name)
                )

    def find(self, node: Node, account: int | None, limit: int, offset: int) -> list[int]:
        with self._database.read() as session:
            where, params = _condition(session, node, None if account is None else [account])
            rows = session.rows(
                f"SELECT d.message FROM search_document d WHERE {where}{_NEWEST_FIRST} LIMIT ? OFFSET ?",
                (*params, limit, offset),
            )
            return [integer(message) for (message,) in rows]

    def page(self, node: Node, accounts: Sequence[int] | None, after: Hit | None, limit: int) -> list[Hit]:
        with self._database.read() as session:
            where, params = _condition(session, node, accounts)
            if after is not None:
                where, params = (
                    f"{where} AND (d.date, d.message) < (?, ?)",
                    [*params, after.date, after.message],
                )
            rows = session.rows(
                f"SELECT d.date, d.message FROM search_document d WHERE {where}{_NEWEST_FIRST} LIMIT ?",
                (*params, limit),
            )
            return [Hit(integer(date), integer(message)) for date, message in rows]

    def count(self, node: Node, accounts: Sequence[int] | None, limit: int) -> int:
        with self._database.read() as session:
            where, params = _condition(session, node, accounts)
            row = session.one(
                f"SELECT count(*) FROM (SELECT 1 FROM search_document d WHERE {where} LIMIT ?) AS found",
                (*params, limit),
            )
            assert row is not None
            return integer(row[0])

    def forget(self, messages: Sequence[int], *, for_good: bool) -> None:
        with self._database.write() as session:
            for chunk in chunked(messages):
                session.run(f"DELETE FROM search_document WHERE message IN {in_list(len(chunk))}", chunk)
        if for_good:  # rewrites the table and its indexes; the deletion must be committed before
            with self._database.write() as session:
                session.run("CLUSTER search_document USING search_document_pkey")

    def clear(self) -> None:
        with self._database.write() as session:
            session.run("DELETE FROM search_document")
            session.run("UPDATE search_state SET value = 0 WHERE name <> 'version'")

    def many_to_come(self, coming: bool) -> None:
        """At the end, new entries go from GIN's waiting list, which every query reads whole, into
        the index; without fresh statistics the planner would read every row instead of it."""
        if not coming:
            with self._database.write() as session:
                session.run("SELECT gin_clean_pending_list('search_words')")
        if self._many and not coming:
            with self._database.write() as session:
                for table in ("search_document", "placement", "message"):
                    session.run(f"ANALYZE {table}")
        self._many = coming

    def close(self) -> None:
        """The database is the store's."""


def _condition(session: Session, node: Node, accounts: Sequence[int] | None) -> Condition:
    conditions = Conditions(
        Mailboxes(session),
        lambda of_words: ("d.words @@ CAST(? AS tsquery)", [question(of_words)]),
        position="strpos",
    )
    found = [conditions.of_mail(node), conditions.lies()]
    if accounts is not None:
        found.append((f"d.account IN {in_list(len(accounts))}", [*accounts]))
    return joined(" AND ", found)


def _covered(session: Session) -> Covered:
    known = {name: integer(value) for name, value in session.rows("SELECT name, value FROM search_state")}
    return Covered(known["message"], known["content"])


def vector(document: Document) -> str:
    """A document as the text of a `tsvector`. Words are letters and digits: nothing to escape."""
    places: dict[str, list[str]] = defaultdict(list)
    at = 1
    for letter, text in (
        ("s", document.subject),
        ("f", document.sender),
        ("t", document.recipient),
        ("c", document.copied),
        ("a", document.file),
        ("b", document.body),
    ):
        for word in words(text):
            place = str(min(at, _LAST_POSITION))
            places[word].append(place)
            places[f"{letter}:{word}"].append(place)
            at += 1
        at += _GAP
    pairs = list(places.items())[:_MOST_WORDS]
    return " ".join(f"'{word}':{','.join(where[:_MOST_POSITIONS])}" for word, where in pairs)


def question(node: Node) -> str:
    """A subtree of words (`is_of_words`) as the text of a `tsquery`."""
    match node:
        case Words(text=text, prefix=prefix, field=field):
            letters = [f"{letter}:" for letter in _LETTERS[field]] if field else [""]
            ways = [
                " <-> ".join(f"'{letter}{word}'" for word in way.split()) + (":*" if prefix else "")
                for way in spellings(text)
                for letter in letters
            ]
            return "(" + " | ".join(f"({way})" for way in ways) + ")"
        case Some(nodes=nodes):
            return "(" + " | ".join(map(question, nodes)) + ")"
        case All(nodes=nodes):
            return "(" + " & ".join(map(question, nodes)) + ")"
        case Not(node=inner) if is_of_words(inner):
            return f"!{question(inner)}"
        case _:
            raise AssertionError("no words")
