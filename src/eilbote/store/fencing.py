"""Writing under a lease: every writing transaction first proves that the lease is still its own.

A process that was stopped for a minute does not know that another has taken over. Here it learns it,
in the very transaction that it wants to write, whatever it wants to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from eilbote.store.database import Database, Observer, Session, Soundness


class Lease(Protocol):
    """One account, held by this process under one epoch."""

    def check(self) -> None:
        """NotAllowed `store.fenced` where, by this process's own clock, the lease may have run out.
        Cheap: to be asked before every word to a server."""
        ...

    def hold(self, session: Session) -> None:
        """Inside a writing transaction: nobody takes the lease over before its end. NotAllowed
        `store.fenced` where somebody has."""
        ...


class FencedDatabase:
    """The same database for the work of one account; only `write` differs."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]:
        return self._database.dialect

    @property
    def observe(self) -> Observer:
        return self._database.observe

    def read(self) -> AbstractContextManager[Session]:
        return self._database.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """As `Database.write`; NotAllowed `store.fenced`, and nothing is written."""
        with self._database.write() as session:
            self._lease.hold(session)
            yield session

    def alone(self, number: int) -> AbstractContextManager[None]:
        return self._database.alone(number)

    def version(self) -> int:
        return self._database.version()

    def soundness(self, within: float) -> Soundness:
        return self._database.soundness(within)

    def scrub(self) -> None:
        self._database.scrub()

    def close(self) -> None:
        """The database is closed by whoever opened it."""
