"""Connections for reading: every thread has one of its own, until the thread ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """A connection of either database."""

    def close(self) -> None: ...


Connection = TypeVar("Connection", bound=Closable)


class Readers(Generic[Connection]):
    """The reading connections of one database. Safe to use from any thread."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._open: list[tuple[threading.Thread, Connection]] = []
        self._lock = threading.Lock()

    def mine(self) -> Connection:
        """The connection of the calling thread, which is made when it first asks."""
        found: Connection | None = getattr(self._mine, "connection", None)
        return self.anew() if found is None else found

    def anew(self) -> Connection:
        """A new connection for the calling thread. Those of threads that have ended are closed."""
        connection = self._mine.connection = self._connect()
        with self._lock:
            ended = [one for thread, one in self._open if not thread.is_alive()]
            self._open = [(thread, one) for thread, one in self._open if thread.is_alive()]
            self._open.append((threading.current_thread(), connection))
        for one in ended:
            one.close()
        return connection

    def close(self) -> None:
        """Closes them all; no thread may be using one."""
        with self._lock:
            for _, connection in self._open:
                connection.close()
            self._open.clear()
