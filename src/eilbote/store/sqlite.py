"""The store on SQLite: one file in WAL mode, one writer, a reader connection for every thread.

`synchronous=FULL`: a commit that returned survives a power failure. `secure_delete`: what is
deleted is overwritten. It must never hold a write transaction while waiting for anything but disk.

Every statement step hands the interpreter lock to other threads and may wait 5 ms to get it back
from a busy one; `insert_many` therefore puts hundreds of rows into one step.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Literal

import apsw

from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Unreachable
from eilbote.store.database import Observer, Row, Soundness, Value, unobserved
from eilbote.store.failures import RETRY_FULL
from eilbote.store.locking import locked
from eilbote.store.readers import Readers

APPLICATION_ID = 0x45494C42  # "EILB" (PRAGMA application_id)
_BUSY_MS = 60_000
_SMALLEST_ROOM = 64 * 1024  # what SQLite needs free to open a file at all, with room to spare
_CACHED_SQL = 16_000  # apsw keeps prepared statements up to 16 KiB of text
_MOST_PARAMETERS = 32_000  # SQLITE_LIMIT_VARIABLE_NUMBER is 32,766
_MOST_FAULTS, _LONGEST_FAULT = 5, 300
_CHECKPOINT_PAGES = 8_000  # about 32 MB of WAL: half the commit cost of the default 1,000 at first sync


class SqliteSession:
    """One transaction on one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        return self._connection.execute(sql, params).fetchall()

    def one(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        found: Row | None = self._connection.execute(sql, params).fetchone()
        return found

    def run(self, sql: str, params: Sequence[Value] = ()) -> int:
        before = self._connection.total_changes()
        self._connection.execute(sql, params)
        return self._connection.total_changes() - before

    def stream(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        yield from self._connection.execute(sql, params)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row], suffix: str = "") -> None:
        if not rows:
            return
        one = "(" + ",".join("?" * len(columns)) + ")"
        chunk = max(1, min(_CACHED_SQL // (len(one) + 1) - 10, _MOST_PARAMETERS // len(columns)))
        head = f"INSERT INTO {table} ({','.join(columns)}) VALUES "  # names, not values
        for start in range(0, len(rows), chunk):
            part = rows[start : start + chunk]
            sql = head + ",".join([one] * len(part)) + " " + suffix
            self._connection.execute(sql, tuple(chain.from_iterable(part)))


class SqliteDatabase:
    """One SQLite file. Safe to use from any thread; `close` when no thread uses it any more."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(
        self, path: Path, *, observer: Observer | None = None, application_id: int = APPLICATION_ID
    ) -> None:
        """Opens or creates the file (0600). Gone `store.damaged`, NotAllowed `store.unreadable`
        or `store.not_a_home` where it is no database of ours (`application_id`)."""
        self.path = path
        self.observe: Observer = observer or unobserved
        self._lock = threading.Lock()
        self._writing: int | None = None
        self._readers = Readers(self._connect_to_read)
        self._was_there = path.exists()
        with self._translated():
            self._writer = self._connect()
            try:
                self._claim(application_id)
            except BaseException:
                self._writer.close()
                raise

    def _connect(self) -> apsw.Connection:
        if not self.path.exists():
            self.path.touch(mode=0o600)
        connection = apsw.Connection(str(self.path))
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    def _connect_to_read(self) -> apsw.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _claim(self, application_id: int) -> None:
        """Marks a new file as ours; refuses another program's."""
        found = self._writer.pragma("application_id")
        if found != application_id:
            if self._writer.execute("SELECT count(*) FROM sqlite_master").get:
                raise NotAllowed("store.not_a_home", path=self.path)
            if application_id == APPLICATION_ID and self._lies_in_a_home() and self._was_there:
                raise Gone("store.damaged", path=self.path)  # cut to nothing: an empty home would hide it
            self._writer.pragma("application_id", application_id)
        self._writer.pragma("journal_mode", "wal")
        self._writer.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        self._writer.pragma("journal_size_limit", 2 * 4096 * _CHECKPOINT_PAGES)

    @contextmanager
    def alone(self, number: int) -> Iterator[None]:
        """See `Database.alone`: a lock of the operating system on a file beside the database."""
        with locked(self.path.with_name(f"{self.path.name}-alone-{number}")):
            yield

    @contextmanager
    def read(self) -> Iterator[SqliteSession]:
        """A snapshot on this thread's own connection; a nested `read` shares the outer one's."""
        with self._translated():
            connection = self._readers.mine()
            if connection.in_transaction:
                yield SqliteSession(connection)
                return
            connection.execute("BEGIN")
            try:
                yield SqliteSession(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[SqliteSession]:
        """One writing transaction; see `Database.write`."""
        if self._writing == threading.get_ident():
            raise Misused("store.nested_write")
        with self._lock, self._translated():
            self._writing = threading.get_ident()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield SqliteSession(self._writer)
                self.observe("before:commit")
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._writing = None
            self.observe("after:commit")

    def version(self) -> int:
        """See `Database.version`."""
        with self._translated():
            return int(self._readers.mine().pragma("data_version"))

    def soundness(self, within: float) -> Soundness:
        """See `Database.soundness`. On a connection of its own, which alone is stopped when time runs out."""
        with self._translated():
            connection = self._connect_to_read()
            timer, schema = threading.Timer(within, connection.interrupt), 0
            timer.start()
            try:
                schema = connection.execute("SELECT version FROM schema_version").get
                found = connection.execute(f"PRAGMA quick_check({_MOST_FAULTS})").fetchall()
            except apsw.InterruptError:
                return Soundness((), "part", int(schema))
            except apsw.CorruptError as error:
                return Soundness((str(error)[:_LONGEST_FAULT],), "part", 0)
            finally:
                timer.cancel()
                timer.join()
                connection.close()
        faults = tuple(str(row[0])[:_LONGEST_FAULT] for row in found if row[0] != "ok")
        return Soundness(faults, "whole", int(schema))

    def scrub(self) -> None:
        """Rewrites the file without its free space and empties the WAL (erasure). It waits for
        readers, so it must not be called inside this thread's own `read`."""
        with self._lock, self._translated():
            if self._readers.mine().in_transaction:
                raise Misused("store.nested_write")
            self.observe("before:scrub")
            self._writer.execute("VACUUM")
            busy = self._writer.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchone()
            if busy is not None and busy[0]:
                raise Unreachable("store.busy", 60.0, path=self.path)
            self.observe("after:scrub")

    def close(self) -> None:
        self._readers.close()
        with self._lock:
            self._writer.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise self._problem(error) from error
        except PermissionError as error:
            raise NotAllowed("store.unreadable", path=self.path, reason=error.strerror) from error

    def _lies_in_a_home(self) -> bool:
        """Whether mail was stored beside the file: then it was ours once."""
        return any(self.path.parent.glob("packs/*.pack"))

    def _is_disk_full(self) -> bool:
        # SQLite cannot grow its shared memory on a full disk, and calls that an I/O error.
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize < _SMALLEST_ROOM

    def _problem(self, error: apsw.Error) -> EilboteError:
        match error:
            case apsw.FullError():
                return Unreachable("store.full", RETRY_FULL, path=self.path)
            case apsw.BusyError() | apsw.LockedError():
                return Unreachable("store.busy", 60.0, path=self.path)
            case apsw.NotADBError() if not self._lies_in_a_home():
                return NotAllowed("store.not_a_home", path=self.path)
            case apsw.CorruptError() | apsw.NotADBError():
                return Gone("store.damaged", path=self.path)
            case apsw.CantOpenError() | apsw.PermissionsError() | apsw.ReadOnlyError() | apsw.AuthError():
                return NotAllowed("store.unreadable", path=self.path, reason=str(error))
            case apsw.IOError() if self._is_disk_full():
                return Unreachable("store.full", RETRY_FULL, path=self.path)
            case apsw.IOError():
                return Unreachable("store.unreadable", 60.0, path=self.path, reason=str(error))
            case _:
                return Misused("store.failed", reason=f"{type(error).__name__}: {error}")
