"""The store on PostgreSQL: the same interface, one writer by an advisory lock.

Loaded only when a home is configured for it (the extra `postgres`). Arrivals go in by COPY.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

import psycopg
from psycopg import sql as composed

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Misused, NotAllowed, Unreachable
from eilbote.store.database import Observer, Row, Soundness, Value, integer, text, unobserved
from eilbote.store.failures import RETRY_FULL
from eilbote.store.readers import Readers

_ALONE_LOCK = 0x45494C42_00000000  # "EILB" and the number
_ALONE = "90s"
_WRITER_LOCK = 0x45494C42_57524954  # "EILBWRIT"; advisory locks are per database
_BUSY = "60s"
_LONGEST_PAUSE = "15s"
_ROWS_A_STEP = 1000
_RETRY_SECONDS = 10.0

Connection = psycopg.Connection[tuple[Any, ...]]


@lru_cache(maxsize=512)
def _translated(sql: str) -> bytes:
    """`?` becomes `%s`; no statement of ours holds either inside a literal."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


_MOST_FAULTS = 5


class PostgresSession:
    """One transaction on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._streams = 0

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        return self._connection.execute(_translated(sql), params).fetchall()

    def one(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        return self._connection.execute(_translated(sql), params).fetchone()

    def run(self, sql: str, params: Sequence[Value] = ()) -> int:
        return max(0, self._connection.execute(_translated(sql), params).rowcount)

    def stream(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        self._streams += 1
        with self._connection.cursor(name=f"stream_{self._streams}") as cursor:
            cursor.itersize = 2000
            cursor.execute(_translated(sql), params)
            yield from cursor

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row], suffix: str = "") -> None:
        if not rows:
            return
        with self._connection.cursor() as cursor:
            if not suffix:
                names = composed.SQL(",").join(map(composed.Identifier, columns))
                statement = composed.SQL("COPY {} ({}) FROM STDIN").format(composed.Identifier(table), names)
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
                return
            one = "(" + ",".join(["%s"] * len(columns)) + ")"
            for start in range(0, len(rows), _ROWS_A_STEP):
                part = rows[start : start + _ROWS_A_STEP]
                values = ",".join([one] * len(part))
                text = f"INSERT INTO {table} ({','.join(columns)}) VALUES {values} {suffix}"
                cursor.execute(text.encode(), [value for row in part for value in row])


class PostgresDatabase:
    """One PostgreSQL database (or one schema of it: `options=-csearch_path=...`)."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str, *, observer: Observer | None = None) -> None:
        """Connects once, so that a wrong address shows now: Unreachable `store.database_unreachable`."""
        self._url = url
        self.name = f"eilbote-{os.getpid()}-{SystemClock().random_bytes(4).hex()}"
        """What its connections are called in `pg_stat_activity`: no other process has the same."""
        self.observe: Observer = observer or unobserved
        self._lock = threading.Lock()
        self._writing: int | None = None
        self._local = threading.local()
        self._readers = Readers(lambda: connect(url, self.name))
        with translated_errors():
            self._writer = self._connect_to_write()

    @contextmanager
    def read(self) -> Iterator[PostgresSession]:
        """A snapshot on this thread's own connection; a nested `read` shares the outer one's."""
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is not None:
            yield session
            return
        with translated_errors():
            connection = self._begin_to_read()
            self._local.session = PostgresSession(connection)
            try:
                yield self._local.session
            finally:
                self._local.session = None
                if not connection.closed:
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[PostgresSession]:
        """One writing transaction; see `Database.write`."""
        if self._writing == threading.get_ident():
            raise Misused("store.nested_write")
        with self._lock, translated_errors():
            self._writing = threading.get_ident()
            try:
                self._begin_to_write()
                self._writer.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))
                yield PostgresSession(self._writer)
                self.observe("before:commit")
                self._writer.execute("COMMIT")
            except BaseException:
                if not self._writer.closed:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._writing = None
            self.observe("after:commit")

    @contextmanager
    def alone(self, number: int) -> Iterator[None]:
        """See `Database.alone`: an advisory lock on a connection of its own."""
        with translated_errors(), connect(self._url, self.name) as connection:
            connection.execute(composed.SQL("SET lock_timeout = {}").format(_ALONE))
            connection.execute("SELECT pg_advisory_lock(%s)", (_ALONE_LOCK + number,))
            # Closing gives it back. What the holder does outside raises problems of its own.
            yield

    def version(self) -> int:
        """See `Database.version`: the number of the next transaction of the whole server."""
        with self.read() as session:
            row = session.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return int(text(row[0])) if row is not None else 0

    def soundness(self, within: float) -> Soundness:
        """See `Database.soundness`. Pages are the server's affair (checksums); what we see of a fault is an
        index that is not valid."""
        with self.read() as session:
            session.one(
                "SELECT set_config('statement_timeout', ?, true)", (str(max(1, round(within * 1000))),)
            )
            row = session.one("SELECT version FROM schema_version")
            indexes = session.rows(
                "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)"
                " ORDER BY c.relname LIMIT ?",
                (_MOST_FAULTS,),
            )
        return Soundness(tuple(text(name) for (name,) in indexes), "catalogue", integer(row[0]) if row else 0)

    def scrub(self) -> None:
        """Rewrites the tables that held mail without their dead rows. The server's own log (WAL)
        and backups are beyond our reach."""
        with self._lock, translated_errors():
            self.observe("before:scrub")
            for table in ("message", "content", "tombstone", "label", "journal", "conflict", "placement"):
                self._writer.execute(composed.SQL("VACUUM FULL {}").format(composed.Identifier(table)))
            self.observe("after:scrub")

    def close(self) -> None:
        self._readers.close()
        with self._lock:
            self._writer.close()

    def _connect_to_write(self) -> Connection:
        connection = connect(self._url, self.name)
        # Whoever is stopped in the middle of a change must not hold up all others for ever.
        connection.execute(
            composed.SQL("SET idle_in_transaction_session_timeout = {}").format(_LONGEST_PAUSE)
        )
        return connection

    def _begin_to_read(self) -> Connection:
        """A transaction on this thread's connection, a new one where the database has ended it."""
        begin = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        connection = self._readers.mine()
        if not connection.closed:
            try:
                connection.execute(begin)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
            else:
                return connection
        connection = self._readers.anew()
        connection.execute(begin)
        return connection

    def _begin_to_write(self) -> None:
        if not self._writer.closed:
            try:
                self._writer.execute("BEGIN")
            except psycopg.OperationalError:
                if not self._writer.closed:
                    raise
            else:
                return
        self._writer = self._connect_to_write()
        self._writer.execute("BEGIN")


def connect(url: str, name: str = "eilbote") -> Connection:
    """A connection that waits at most a minute for a lock, confirms commits only when safe, and
    notices within half a minute that the database cannot be reached any more."""
    connection: Connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=10,
        application_name=name,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=25_000,
    )
    connection.execute("SET client_encoding = 'UTF8'")
    connection.execute(composed.SQL("SET lock_timeout = {}").format(_BUSY))
    connection.execute("SET synchronous_commit = on")
    connection.execute("SET jit = off")
    return connection


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns what psycopg throws into problems of ours."""
    try:
        yield
    except psycopg.Error as error:
        raise _problem(error) from error


def _problem(error: psycopg.Error) -> EilboteError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    match error:
        case psycopg.errors.DiskFull():
            return Unreachable("store.full", RETRY_FULL, path="PostgreSQL")
        case psycopg.errors.LockNotAvailable():
            return Unreachable("store.busy", 60.0, path="PostgreSQL")
        case psycopg.errors.InsufficientPrivilege():
            return NotAllowed("store.unreadable", path="PostgreSQL", reason=reason)
        case psycopg.ProgrammingError() if error.sqlstate is None:  # libpq cannot read the address
            return Misused("store.bad_address")
        case psycopg.OperationalError():
            return Unreachable("store.database_unreachable", _RETRY_SECONDS, reason=reason)
        case _:
            return Misused("store.failed", reason=f"{type(error).__name__}: {reason}")
