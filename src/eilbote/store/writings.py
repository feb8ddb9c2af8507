"""Mail that is being written, as rows: what was typed, the files that go with it, and the draft that lies in
a mailbox for it. What is typed must never be lost: a save that meets another one changes nothing.

Who may write, and what stands in `content`, is decided above.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from eilbote.errors import Gone, Problem
from eilbote.store.appending import append
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Row, Session, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.problems import problem_from_text, problem_to_text
from eilbote.store.superseding import supersede
from eilbote.store.update_values import Arrival

_COLUMNS = (
    "id, account, key, editor, version, content, saved, message, shown, shown_at, state, outgoing, sendings,"
    " ended, problem"
)


class WritingState(StrEnum):
    """What became of a mail that was written."""

    OPEN = "open"
    SENT = "sent"
    DISCARDED = "discarded"


class WrittenFile(Struct, frozen=True):
    """A file that goes with a mail. `file` is its name on disk; with `content_id` it is a picture that the
    text shows. `id` is 0 before it is kept."""

    name: str
    type: str
    size: int
    file: str
    content_id: str = ""
    id: int = 0


class Writing(Struct, frozen=True):
    """A mail that is being written. `version` grows with every change, `shown` is the one that the draft
    `message` shows (0: there is none); times are seconds since 1970. `editor`: the form that saved last."""

    id: int
    account: int
    key: str
    editor: str
    version: int
    content: str
    saved: float
    message: int = 0
    shown: int = 0
    shown_at: float = 0.0
    state: WritingState = WritingState.OPEN
    outgoing: int = 0
    sendings: int = 0
    ended: float = 0.0
    problem: Problem | None = None

    @property
    def is_open(self) -> bool:
        return self.state is WritingState.OPEN

    @property
    def is_sent(self) -> bool:
        return self.state is WritingState.SENT


class Writings:
    """Begins, saves, shows and ends what is written."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    def begin(
        self,
        account: int,
        key: str,
        editor: str,
        content: str,
        files: Sequence[WrittenFile],
        now: float,
        *,
        message: int = 0,
    ) -> tuple[Writing, bool]:
        """A new one; that which this key began already, if any. `message`: the draft that it goes on with,
        which shows it as it is. Returns it, and whether it is new."""
        with self._database.write() as session:
            row = session.one(
                "INSERT INTO writing (account, key, editor, content, saved, message, shown, shown_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING id",
                (account, key, editor, clean(content), now, message, int(message > 0), now),
            )
            if row is None:
                return _one(session, "key = ?", key), False
            _add_files(session, integer(row[0]), files)
            return _one(session, "id = ?", integer(row[0])), True

    def get(self, writing: int) -> Writing:
        """Gone `draft.unknown`."""
        with self._database.read() as session:
            return _one(session, "id = ?", writing)

    def find(self, *, key: str = "", message: int = 0, outgoing: int = 0) -> Writing | None:
        """The one that was begun under a key, whose draft this is, or that was sent as this mail."""
        name, value = ("key", key) if key else ("message", message) if message else ("outgoing", outgoing)
        with self._database.read() as session:
            row = session.one(
                f"SELECT {_COLUMNS} FROM writing WHERE {name} = ? ORDER BY id DESC LIMIT 1", (value,)
            )
        return _writing(row) if value and row is not None else None

    def save(self, before: Writing, account: int, editor: str, content: str, now: float) -> Writing | None:
        """What is typed now, if nobody has changed it since `before`; else None."""
        with self._database.write() as session:
            changed = session.run(
                "UPDATE writing SET account = ?, editor = ?, content = ?, saved = ?, version = version + 1,"
                " problem = NULL WHERE id = ? AND version = ? AND state = 'open'",
                (account, editor, clean(content), now, before.id, before.version),
            )
            return _one(session, "id = ?", before.id) if changed else None

    # Files

    def files(self, writing: int) -> list[WrittenFile]:
        """In the order of their coming."""
        with self._database.read() as session:
            return _files(session, writing)

    def add_files(self, writing: int, files: Sequence[WrittenFile], now: float) -> bool:
        """False where it is not being written any more."""
        with self._database.write() as session:
            if not _touch(session, writing, now):
                return False
            _add_files(session, writing, files)
        return True

    def remove_file(self, writing: int, number: int, now: float) -> WrittenFile | None:
        """Returns what was removed; None where there was nothing to remove."""
        with self._database.write() as session:
            found = [one for one in _files(session, writing) if one.id == number]
            if not found or not _touch(session, writing, now):
                return None
            session.run("DELETE FROM writing_file WHERE id = ?", (number,))
        return found[0]

    def files_on_disk(self) -> set[str]:
        """The names of all files that are still needed."""
        with self._database.read() as session:
            return {text(row[0]) for row in session.rows("SELECT file FROM writing_file")}

    # The draft in the mailbox

    def behind(self) -> list[Writing]:
        """What no draft shows yet as it is now."""
        with self._database.read() as session:
            rows = session.rows(
                f"SELECT {_COLUMNS} FROM writing WHERE state = 'open' AND version <> shown ORDER BY saved"
            )
        return [_writing(row) for row in rows]

    def show(
        self, writing: Writing, mailbox: int, arrival: Arrival, origin: str, now: float
    ) -> tuple[int, list[int]] | None:
        """Puts the draft into the mailbox in place of the one before: both or neither. Returns the new
        message and those that the index has to forget; None where it was changed or ended meanwhile."""
        with self._database.write() as session:
            current = _one(session, "id = ?", writing.id)
            is_shown = current.shown == current.version
            if current.state is not WritingState.OPEN or current.version != writing.version or is_shown:
                return None
            gone = _take_down(session, current, origin, now)
            (debt,) = append(session, self._bodies, mailbox, [arrival], origin, now)
            session.run(
                "UPDATE writing SET message = ?, shown = version, shown_at = ?, problem = NULL WHERE id = ?",
                (debt.message, now, writing.id),
            )
            return debt.message, gone

    def cannot_show(self, writing: Writing, problem: Problem) -> None:
        """Until it is changed again."""
        with self._database.write() as session:
            session.run(
                "UPDATE writing SET shown = version, problem = ? WHERE id = ? AND version = ?",
                (problem_to_text(problem), writing.id, writing.version),
            )

    # How it ends

    def end(
        self, writing: int, state: WritingState, origin: str, now: float, *, outgoing: int = 0
    ) -> list[int] | None:
        """It was sent, or is not wanted: its draft goes. Returns the messages that the index has to forget;
        None where it had ended already."""
        with self._database.write() as session:
            current = _one(session, "id = ?", writing)
            if current.state is not WritingState.OPEN:
                return None
            gone = _take_down(session, current, origin, now)
            session.run(
                "UPDATE writing SET state = ?, outgoing = ?, ended = ?, message = 0, shown = 0 WHERE id = ?",
                (state.value, outgoing, now, writing),
            )
            return gone

    def reopen(self, writing: int, state: WritingState, now: float) -> bool:
        """Goes on with one that ended so; False where it did not."""
        with self._database.write() as session:
            return bool(
                session.run(
                    "UPDATE writing SET state = 'open', outgoing = 0, sendings = sendings + 1, ended = 0,"
                    " saved = ?, shown_at = ?, version = version + 1 WHERE id = ? AND state = ?",
                    (now, now, writing, state.value),
                )
            )

    def ended(self, before: float) -> list[Writing]:
        """What was sent or discarded before that time."""
        with self._database.read() as session:
            rows = session.rows(
                f"SELECT {_COLUMNS} FROM writing WHERE state <> 'open' AND ended < ? ORDER BY id", (before,)
            )
        return [_writing(row) for row in rows]

    def left_alone(self, before: float) -> list[Writing]:
        """What is open but was not changed since that time, where a draft shows all of it."""
        with self._database.read() as session:
            rows = session.rows(
                f"SELECT {_COLUMNS} FROM writing WHERE state = 'open' AND saved < ? AND message <> 0"
                " AND shown = version AND problem IS NULL ORDER BY id",
                (before,),
            )
        return [_writing(row) for row in rows]

    def forget(self, writings: Sequence[Writing]) -> None:
        """Those that nobody has changed meanwhile."""
        with self._database.write() as session:
            for one in writings:
                session.run(
                    "DELETE FROM writing WHERE id = ? AND version = ? AND state = ?",
                    (one.id, one.version, one.state.value),
                )


def _take_down(session: Session, writing: Writing, origin: str, now: float) -> list[int]:
    if writing.message and supersede(session, writing.message, origin, now):
        return [writing.message]
    return []


def _touch(session: Session, writing: int, now: float) -> bool:
    sql = "UPDATE writing SET version = version + 1, saved = ? WHERE id = ? AND state = 'open'"
    return session.run(sql, (now, writing)) == 1


def _add_files(session: Session, writing: int, files: Sequence[WrittenFile]) -> None:
    columns = ("writing", "name", "type", "size", "content_id", "file")
    rows: list[Row] = [
        (writing, clean(one.name), clean(one.type), one.size, clean(one.content_id), one.file)
        for one in files
    ]
    session.insert_many("writing_file", columns, rows)


def _files(session: Session, writing: int) -> list[WrittenFile]:
    rows = session.rows(
        "SELECT id, name, type, size, content_id, file FROM writing_file WHERE writing = ? ORDER BY id",
        (writing,),
    )
    return [
        WrittenFile(text(row[1]), text(row[2]), integer(row[3]), text(row[5]), text(row[4]), integer(row[0]))
        for row in rows
    ]


def _one(session: Session, where: str, value: int | str) -> Writing:
    row = session.one(f"SELECT {_COLUMNS} FROM writing WHERE {where}", (value,))
    if row is None:
        raise Gone("draft.unknown")
    return _writing(row)


def _writing(row: Row) -> Writing:
    return Writing(
        id=integer(row[0]),
        account=integer(row[1]),
        key=text(row[2]),
        editor=text(row[3]),
        version=integer(row[4]),
        content=text(row[5]),
        saved=real(row[6]),
        message=integer(row[7]),
        shown=integer(row[8]),
        shown_at=real(row[9]),
        state=WritingState(text(row[10])),
        outgoing=integer(row[11]),
        sendings=integer(row[12]),
        ended=real(row[13]),
        problem=problem_from_text(row[14]),
    )
