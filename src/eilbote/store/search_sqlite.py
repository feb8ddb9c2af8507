"""The full-text index in SQLite: FTS5 without content, in a file of its own with its own writer.

Rows are numbered by their mail's date (`slot`), so that the newest hits are read first and a query
for a common word stops after a page. The file may be deleted at any time; it is then built anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import apsw

from eilbote.errors import Gone, NotAllowed
from eilbote.search.fold import plain, spellings
from eilbote.search.values import All, Dated, Document, Field, Node, Not, Some, Words
from eilbote.store.conditions import Condition, Conditions, Mailboxes, is_of_place, is_of_words, joined
from eilbote.store.database import Observer, Session, Value, chunked, in_list, integer
from eilbote.store.search import Covered, Hit, without_gone
from eilbote.store.sqlite import SqliteDatabase

_APPLICATION_ID = 0x45494C53  # "EILS"
_VERSION = 1
_LATEST = 2**40
_BEFORE_1970 = 10_000_000  # slots for mails without a date that are pushed back
_COLUMNS = ("subject", "sender", "recipient", "copied", "body", "file")
_FIELDS = {
    Field.SUBJECT: "subject",
    Field.SENDER: "sender",
    Field.RECIPIENT: "{recipient copied}",
    Field.COPIED: "copied",
    Field.BODY: "body",
    Field.FILE: "file",
}
# 16 MB of words are gathered before a segment is written, and a first sync merges none: 32 us a
# small mail, where the defaults (1 MB, merging at every fourth) take 65.
_HASH_BYTES = 16 * 1024 * 1024
_MERGE_NOW, _MERGE_LATER = (4, 16), (0, 100)

_SCHEMA = (
    "CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE document (slot INTEGER PRIMARY KEY, message INTEGER NOT NULL UNIQUE,"
    " account INTEGER NOT NULL, date INTEGER NOT NULL, size INTEGER NOT NULL,"
    " attachments INTEGER NOT NULL) STRICT",
    f"CREATE VIRTUAL TABLE words USING fts5({', '.join(_COLUMNS)}, content='', contentless_delete=1,"
    " tokenize='unicode61 remove_diacritics 2')",
    f"INSERT INTO words (words, rank) VALUES ('hashsize', {_HASH_BYTES})",
    f"INSERT INTO state VALUES ('version', {_VERSION}), ('message', 0), ('content', 0), ('drift', 0)",
)


class SearchFile(SqliteDatabase):
    """The index's file, with the store's beside it, for reading only, as `mail`."""

    def __init__(self, mail: Path, path: Path, observer: Observer | None) -> None:
        self._mail = mail
        super().__init__(path, observer=observer, application_id=_APPLICATION_ID)

    def _connect(self) -> apsw.Connection:
        if not self.path.exists():
            self.path.touch(mode=0o600)
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_timeout(60_000)
        # Derived data: a power failure may cost the last commits, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16000")
        # Read-only, or BEGIN IMMEDIATE here would hold the store's writing lock as well.
        connection.execute("ATTACH ? AS mail", (self._mail.absolute().as_uri() + "?mode=ro",))
        return connection

    def insert_words(self, rows: Iterable[tuple[int | str, ...]]) -> None:
        """Inside `write`: adds rows to the full-text table, a step for each. A statement of many
        rows would be a savepoint, at which FTS5 writes a segment: half as fast."""
        marks = ",".join("?" * (len(_COLUMNS) + 1))
        self._writer.executemany(f"INSERT INTO words (rowid, {', '.join(_COLUMNS)}) VALUES ({marks})", rows)


class SqliteIndex:
    """`Index` on FTS5."""

    def __init__(self, home: Path, path: Path, observer: Observer | None = None) -> None:
        self._path = path
        self._mail = home / "eilbote.sqlite"
        self._observer = observer
        self._file = self._open()

    def _open(self) -> SearchFile:
        try:
            file = SearchFile(self._mail, self._path, self._observer)
        except (Gone, NotAllowed) as problem:
            if problem.problem.code not in {"store.damaged", "store.not_a_home"}:
                raise
            self._throw_away()
            file = SearchFile(self._mail, self._path, self._observer)
        with file.read() as session:
            known = session.one("SELECT 1 FROM sqlite_master WHERE name = 'state'")
            version = session.one("SELECT value FROM state WHERE name = 'version'") if known else None
        if version == (_VERSION,):
            return file
        if known:
            file.close()
            self._throw_away()
            file = SearchFile(self._mail, self._path, self._observer)
        with file.write() as session:
            if session.one("SELECT 1 FROM sqlite_master WHERE name = 'state'") is None:
                for statement in _SCHEMA:
                    session.run(statement)
        return file

    def _throw_away(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def covered(self) -> Covered:
        with self._file.read() as session:
            return Covered(_state(session, "message"), _state(session, "content"))

    def add(self, documents: Sequence[Document], covered: Covered) -> None:
        with self._file.write() as session:
            reached = _state(session, "message")
            _delete(session, [one.message for one in documents if one.message <= reached])
            alive = without_gone(session, "mail.message", documents)
            alive.sort(key=lambda one: (one.date, one.message))
            slots = _free_slots(session, [_slot(one.date) for one in alive])
            self._file.insert_words((slot, *_text_of(one)) for slot, one in zip(slots, alive, strict=True))
            session.insert_many(
                "document",
                ("slot", "message", "account", "date", "size", "attachments"),
                [
                    (slot, one.message, one.account, one.date, one.size, one.attachments)
                    for slot, one in zip(slots, alive, strict=True)
                ],
            )
            drift = max(
                (abs(slot - _slot(one.date)) for slot, one in zip(slots, alive, strict=True)), default=0
            )
            for name, value in (("drift", drift), ("message", covered.message), ("content", covered.content)):
                session.run("UPDATE state SET value = max(value, ?) WHERE name = ?", (value, name))

    def find(self, node: Node, account: int | None, limit: int, offset: int) -> list[int]:
        with self._file.read() as session:
            sql, params = _asked(session, node, None if account is None else [account])
            rows = session.rows(f"{sql} LIMIT ? OFFSET ?", (*params, limit, offset))
            # Slots may lie a few mails off where an import has filled every second.
            rows.sort(key=lambda row: -integer(row[1]))
            return [integer(row[0]) for row in rows]

    def page(self, node: Node, accounts: Sequence[int] | None, after: Hit | None, limit: int) -> list[Hit]:
        with self._file.read() as session:
            below = _LATEST * 2
            if after is not None:
                row = session.one("SELECT slot FROM document WHERE message = ?", (after.message,))
                below = integer(row[0]) if row else _slot(after.date) + _state(session, "drift") + 1
            sql, params = _asked(session, node, accounts, below)
            rows = session.rows(f"{sql} LIMIT ?", (*params, limit))
            return [Hit(integer(date), integer(message)) for message, date in rows]

    def count(self, node: Node, accounts: Sequence[int] | None, limit: int) -> int:
        with self._file.read() as session:
            sql, params = _asked(session, node, accounts)
            row = session.one(f"SELECT count(*) FROM ({sql} LIMIT ?) AS found", (*params, limit))
            assert row is not None
            return integer(row[0])

    def forget(self, messages: Sequence[int], *, for_good: bool) -> None:
        with self._file.write() as session:
            found = _delete(session, messages)
            if found and for_good:
                # A deletion only marks the words; merging all segments leaves them out.
                session.run("INSERT INTO words (words) VALUES ('optimize')")
        if for_good:
            self._file.scrub()

    def clear(self) -> None:
        with self._file.write() as session:
            session.run("INSERT INTO words (words) VALUES ('delete-all')")
            session.run("DELETE FROM document")
            session.run("UPDATE state SET value = 0 WHERE name <> 'version'")

    def many_to_come(self, coming: bool) -> None:
        automerge, crisis = _MERGE_LATER if coming else _MERGE_NOW
        with self._file.write() as session:
            session.run("INSERT INTO words (words, rank) VALUES ('automerge', ?)", (automerge,))
            session.run("INSERT INTO words (words, rank) VALUES ('crisismerge', ?)", (crisis,))

    def close(self) -> None:
        self._file.close()


def _text_of(document: Document) -> tuple[str, ...]:
    return (
        plain(document.subject),
        plain(document.sender),
        plain(document.recipient),
        plain(document.copied),
        plain(document.body),
        plain(document.file),
    )


def _state(session: Session, name: str) -> int:
    row = session.one("SELECT value FROM state WHERE name = ?", (name,))
    assert row is not None
    return integer(row[0])


def _delete(session: Session, messages: Sequence[int]) -> int:
    """Takes messages out; returns how many were in."""
    count = 0
    for chunk in chunked(messages):
        of_these = f"message IN {in_list(len(chunk))}"
        session.run(f"DELETE FROM words WHERE rowid IN (SELECT slot FROM document WHERE {of_these})", chunk)
        count += session.run(f"DELETE FROM document WHERE {of_these}", chunk)
    return count


def _slot(date: int) -> int:
    """The row number wanted for a date: its second."""
    return min(max(date, 0), _LATEST) + _BEFORE_1970


def _free_slots(session: Session, wanted: Sequence[int]) -> list[int]:
    """Free row numbers, ascending, for those wanted (ascending): each itself where it is free.

    Many mails of one second, as an import leaves them, need more numbers than there are seconds.
    They move up, or down where later mails are there already: the order by date stays.
    """
    upwards: list[int] = []
    for slot in wanted:
        upwards.append(max(slot, upwards[-1] + 1) if upwards else slot)
    if not upwards or not _any_taken(session, upwards, beyond=wanted[-1]):
        return upwards
    later = session.one(
        "SELECT 1 FROM document WHERE slot BETWEEN ? AND ? AND date > ? LIMIT 1",
        (wanted[0], upwards[-1], wanted[-1] - _BEFORE_1970),
    )
    slots: list[int] = []
    if later is None:
        for slot in wanted:
            slots.append(_next_free(session, max(slot, slots[-1] + 1) if slots else slot))
        return slots
    for slot in reversed(wanted):
        slots.append(_next_free(session, min(slot, slots[-1] - 1) if slots else slot, down=True))
    return slots[::-1]


def _any_taken(session: Session, slots: Sequence[int], beyond: int) -> bool:
    """Whether one of `slots` is in use, or any number between `beyond` and their last."""
    for chunk in chunked(slots):
        if session.one(f"SELECT 1 FROM document WHERE slot IN {in_list(len(chunk))} LIMIT 1", chunk):
            return True
    sql = "SELECT 1 FROM document WHERE slot > ? AND slot <= ? LIMIT 1"
    return session.one(sql, (beyond, slots[-1])) is not None


def _next_free(session: Session, slot: int, *, down: bool = False) -> int:
    if session.one("SELECT 1 FROM document WHERE slot = ?", (slot,)) is None:
        return slot
    side, step, order = ("<=", -1, "DESC") if down else (">=", 1, "ASC")
    row = session.one(
        f"SELECT slot + ? FROM document d WHERE slot {side} ?"
        f" AND NOT EXISTS (SELECT 1 FROM document WHERE slot = d.slot + ?) ORDER BY slot {order} LIMIT 1",
        (step, slot, step),
    )
    assert row is not None
    return integer(row[0])


def _asked(
    session: Session, node: Node, accounts: Sequence[int] | None, below: int | None = None
) -> tuple[str, list[Value]]:
    conditions = Conditions(
        Mailboxes(session, "mail.mailbox"),
        lambda words: ("d.slot IN (SELECT rowid FROM words WHERE words MATCH ?)", [_match(words)]),
        position="instr",
        placement="mail.placement",
    )
    return _query(node, accounts, conditions, _state(session, "drift"), below)


def _query(
    node: Node,
    accounts: Sequence[int] | None,
    conditions: Conditions,
    drift: int,
    below: int | None,
) -> tuple[str, list[Value]]:
    """The query without its LIMIT. Words that every hit must have drive it, newest row first; dates
    bound its rows, and `below` those of a page."""
    parts = node.nodes if isinstance(node, All) else (node,)
    must = [one for one in parts if is_of_words(one)]
    without = [one.node for one in parts if must and isinstance(one, Not) and is_of_words(one.node)]
    rest = [one for one in parts if one not in must and not (isinstance(one, Not) and one.node in without)]
    places = [conditions.of_place(one) for one in rest if is_of_place(one)]
    found: list[Condition] = []
    source, slot = "document d", "d.slot"
    if must:
        # CROSS: the words are read first, in the order of their rows.
        source, slot = "words CROSS JOIN document d ON d.slot = words.rowid", "words.rowid"
        found.append(("words MATCH ?", [_all_but(must, without)]))
    for one in parts:
        if isinstance(one, Dated):
            if one.since is not None:
                found.append((f"{slot} >= ?", [_slot(int(one.since)) - drift]))
            if one.until is not None:
                found.append((f"{slot} <= ?", [_slot(int(one.until)) + drift]))
    if below is not None:
        found.append((f"{slot} < ?", [below]))
    if accounts is not None:
        found.append((f"d.account IN {in_list(len(accounts))}", [*accounts]))
    found += [conditions.of_mail(one) for one in rest if not is_of_place(one)]
    found.append(conditions.lies(joined(" AND ", places)) if places else conditions.lies())
    where, params = joined(" AND ", found)
    return f"SELECT d.message, d.date FROM {source} WHERE {where} ORDER BY {slot} DESC", params


def _match(node: Node) -> str:
    """A subtree of words (`is_of_words`) in FTS5's language."""
    match node:
        case Words(text=text, prefix=prefix, field=field):
            ways = " OR ".join(f'"{way}"{"*" if prefix else ""}' for way in spellings(text))
            return f"{_FIELDS[field]} : ({ways})" if field else f"({ways})"
        case Some(nodes=nodes):
            return "(" + " OR ".join(map(_match, nodes)) + ")"
        case All(nodes=nodes):
            return _all_but(
                [one for one in nodes if is_of_words(one)],
                [one.node for one in nodes if isinstance(one, Not)],
            )
        case _:
            raise AssertionError("no words")


def _all_but(positive: Sequence[Node], negative: Sequence[Node]) -> str:
    both = "(" + " AND ".join(map(_match, positive)) + ")"
    return f"({both} NOT ({' OR '.join(map(_match, negative))}))" if negative else both
