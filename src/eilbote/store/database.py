"""One small interface over two databases: transactions, rows, and steps that tests can watch.

SQL is written once, in the dialect that SQLite and PostgreSQL share, with `?` for parameters.
Nothing here knows a table. Foreign exceptions never leave the two implementations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
Observer: TypeAlias = Callable[[str], None]
"""Told `before:STEP` and `after:STEP` around every step that makes something last (`commit`,
`pack-write`, `pack-sync`, `pack-erase`), so that a test can kill the process at each of them."""

MOST_IN_LIST = 5000
"""How many values one `IN (...)` list may hold; PostgreSQL allows 65,535 parameters, SQLite 32,766."""


class Soundness(NamedTuple):
    """What a look at a database has shown. `faults`: in the database's own words, a few of them. `read`:
    `whole`; `part` where time ran out; `catalogue` where the database itself keeps its pages sound, and only
    its list of indexes was looked at. `schema`: the number of the schema."""

    faults: tuple[str, ...]
    read: str
    schema: int


class Session(Protocol):
    """One transaction. Rows come as plain tuples; blobs as bytes."""

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        """All rows of a query, or of a change with RETURNING."""
        ...

    def one(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        """The first row, None if there is none."""
        ...

    def run(self, sql: str, params: Sequence[Value] = ()) -> int:
        """Changes something; returns how many rows it changed."""
        ...

    def stream(self, sql: str, params: Sequence[Value] = ()) -> Iterator[Row]:
        """Rows one by one, memory bounded; read them before the transaction ends."""
        ...

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row], suffix: str = "") -> None:
        """Inserts rows with as few statement steps as possible. `suffix` is an ON CONFLICT clause."""
        ...


class Database(Protocol):
    """Opens transactions. Any thread may call it; there is one writer at a time, in all processes."""

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]: ...

    @property
    def observe(self) -> Observer:
        """Call with `before:STEP`, then `after:STEP`, around a step that makes something last."""
        ...

    def read(self) -> AbstractContextManager[Session]:
        """A consistent snapshot, on the calling thread's own connection."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """The one writing transaction: committed power-loss-safe at the end of the block, rolled
        back on any exception. Not nestable. Waits for other writers; Unreachable `store.busy`
        after a minute, `store.full` without room."""
        ...

    def alone(self, number: int) -> AbstractContextManager[None]:
        """One holder of this number at a time, of all threads and processes; free the moment its process
        dies. For work on others that no transaction can hold. Not nestable. Unreachable `store.busy` after
        a minute and a half."""
        ...

    def version(self) -> int:
        """A number that is another one after anybody has changed anything; cheap, for who looks often.
        Only numbers given to the same thread can be compared."""
        ...

    def soundness(self, within: float) -> Soundness:
        """Reads the database through for faults, for at most `within` seconds."""
        ...

    def scrub(self) -> None:
        """Makes deleted content unreadable in the database's own files (WAL, free pages)."""
        ...

    def close(self) -> None: ...


def unobserved(step: str) -> None:
    """The observer of a normal run: nobody watches `step`."""


def in_list(count: int) -> str:
    """`(?,?,?)` for `count` values; `(NULL)`, which nothing equals, for none."""
    return "(" + ",".join("?" * count) + ")" if count else "(NULL)"


def chunked(values: Iterable[int], size: int = MOST_IN_LIST) -> Iterator[list[int]]:
    """Splits ids into lists that fit one `IN (...)`."""
    chunk: list[int] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def integer(value: Value) -> int:
    """A column that holds whole numbers and is never NULL."""
    assert isinstance(value, int)
    return value


def text(value: Value) -> str:
    """A column that holds text and is never NULL."""
    assert isinstance(value, str)
    return value


def real(value: Value) -> float:
    """A column that holds a number and is never NULL."""
    assert isinstance(value, float | int)
    return float(value)


def blob(value: Value) -> bytes:
    """A column that holds bytes and is never NULL."""
    assert isinstance(value, bytes)
    return value


def values_list(width: int, count: int) -> str:
    """`(?,?),(?,?)`: `count` rows of `width` values for VALUES; its columns are column1, column2, ..."""
    return ",".join(["(" + ",".join("?" * width) + ")"] * count)
