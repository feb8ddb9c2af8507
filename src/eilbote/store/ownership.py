"""One owner of a home: who may hold connections and deliver. Free the moment its holder dies.

On SQLite it is an operating-system lock on a file; on PostgreSQL a session's advisory lock with a
fencing epoch (see `postgres_ownership`). The text inside the file only informs; it never decides.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from msgspec.structs import asdict

from eilbote.errors import NotAllowed
from eilbote.store.failures import files_at
from eilbote.store.values import Holder

UNKNOWN = Holder(0, "", 0.0, "")


class Owner:
    """Held ownership. `epoch` grows with every new owner: work of an older one is refused."""

    def __init__(self, holder: Holder, epoch: int, release: Callable[[], None]) -> None:
        self.holder = holder
        self.epoch = epoch
        self._release = release

    def release(self) -> None:
        """Gives the home free; again is harmless."""
        self._release()

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Ownership(Protocol):
    """How a process becomes the owner, and how others see who is."""

    def acquire(self, now: float, purpose: str) -> Owner:
        """Becomes the owner. NotAllowed `store.owned` (pid, host, since, purpose) if another is."""
        ...

    def holder(self) -> Holder | None:
        """Who owns the home now; None if nobody does."""
        ...


def me(now: float, purpose: str) -> Holder:
    """This process as a holder."""
    return Holder(os.getpid(), socket.gethostname(), now, purpose)


def owned(holder: Holder) -> NotAllowed:
    """The refusal that names who is the owner."""
    return NotAllowed(
        "store.owned", pid=holder.pid, host=holder.host, since=holder.since, purpose=holder.purpose
    )


def holder_to_text(holder: Holder) -> str:
    return json.dumps(asdict(holder))


def holder_from_text(words: str) -> Holder:
    """The inverse of `holder_to_text`; `UNKNOWN` for anything else (it may be half written)."""
    try:
        match json.loads(words):
            case {
                "pid": int(pid),
                "host": str(host),
                "since": int() | float() as since,
                "purpose": str(purpose),
            }:
                return Holder(pid, host, float(since), purpose)
            case _:
                return UNKNOWN
    except (ValueError, RecursionError):
        return UNKNOWN


class FileOwnership:
    """`owner.lock` in the home, locked with flock: the kernel frees it with its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def acquire(self, now: float, purpose: str) -> Owner:
        with files_at(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found = holder_from_text(os.pread(descriptor, 4096, 0).decode("utf-8", "replace"))
                os.close(descriptor)
                raise owned(found) from None
            holder = me(now, purpose)
            written = holder_to_text(holder).encode()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, written, 0)
        held = [descriptor]

        def release() -> None:
            if held:
                os.close(held.pop())

        return Owner(holder, 1, release)

    def holder(self) -> Holder | None:
        with files_at(self._path):
            try:
                descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                # A shared lock is refused while an exclusive one is held, and harms nobody else's.
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return holder_from_text(os.pread(descriptor, 4096, 0).decode("utf-8", "replace"))
            else:
                return None
            finally:
                os.close(descriptor)
