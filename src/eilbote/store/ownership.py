"""Who may hold an account's connections and deliver its mail.

On SQLite one process holds the whole home by an operating-system lock on a file, which is free the
moment its holder dies; the text inside the file only informs, it never decides. On PostgreSQL several
processes share the accounts by leases (see `postgres_ownership`).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Protocol

from msgspec.structs import asdict

from eilbote.clock import Clock
from eilbote.errors import NotAllowed
from eilbote.store.failures import files_at
from eilbote.store.fencing import Lease
from eilbote.store.values import Holder

UNKNOWN = Holder(0, "", 0.0, "")


class Tenure(Protocol):
    """What one process holds of a home. Any thread may call it."""

    beat: float | None
    """`renew` is to be called so often, in seconds; None: what is held stays held until `release`."""

    whole: bool
    """It holds the whole home: every account, and every wish is for it."""

    def part(self, accounts: Collection[int]) -> int:
        """How many of these accounts this process should hold so that all processes that serve have
        their fair part."""
        ...

    def claim(self, accounts: Collection[int], most: int | None = None) -> list[int]:
        """Takes those that nobody holds, at most so many; returns those it has gained."""
        ...

    def holds(self, account: int) -> bool:
        """Whether it holds the account now, by this process's own clock. Asks nobody."""
        ...

    def lease(self, account: int) -> Lease | None:
        """What the work of an account that was claimed is to be done under; None: no lease is
        needed. NotAllowed `store.fenced` where the account is not held any more."""
        ...

    def renew(self) -> None:
        """Makes what is held last longer. What another has taken over meanwhile is held no more."""
        ...

    def give_back(self, accounts: Collection[int]) -> None:
        """Others may have these now. No work under their leases may be begun any more."""
        ...

    def release(self) -> None:
        """Gives everything back and leaves; again is harmless."""
        ...

    def __enter__(self) -> Tenure: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Ownership(Protocol):
    """How a process comes to hold accounts, and how others see who does."""

    def join(self, clock: Clock, purpose: str) -> Tenure:
        """Begins to hold. NotAllowed `store.owned` (pid, host, since, purpose) where one process
        alone may, and another does."""
        ...

    def holder(self, account: int | None = None) -> Holder | None:
        """Who holds the account now; without one, who holds anything of the home, the eldest first;
        None if nobody does."""
        ...

    def holders(self) -> dict[int, Holder]:
        """Who holds which account, where accounts are held one by one."""
        ...


def me(now: float, purpose: str) -> Holder:
    """This process as a holder."""
    return Holder(os.getpid(), socket.gethostname(), now, purpose, _process_table())


def _process_table() -> str:
    """The running kernel and the namespace of process ids: the host's name says too little, because
    containers and cloned machines share it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux, or a /proc that tells nothing
        return ""


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
                **others,
            }:
                return Holder(pid, host, float(since), purpose, str(others.get("table", "")))
            case _:
                return UNKNOWN
    except (ValueError, RecursionError):
        return UNKNOWN


class FileOwnership:
    """`owner.lock` in the home, locked with flock: the kernel frees it with its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def join(self, clock: Clock, purpose: str) -> Tenure:
        """See `Ownership.join`."""
        with files_at(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                written = holder_to_text(me(clock.now(), purpose)).encode()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, written, 0)
            except BaseException as failure:
                found = os.pread(descriptor, 4096, 0).decode("utf-8", "replace")
                os.close(descriptor)
                if isinstance(failure, BlockingIOError):
                    raise owned(holder_from_text(found)) from None
                raise
        return HomeTenure(descriptor)

    def holder(self, account: int | None = None) -> Holder | None:
        """See `Ownership.holder`: who holds the home holds every account."""
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

    def holders(self) -> dict[int, Holder]:
        """None is held by itself."""
        return {}


class HomeTenure:
    """The whole home, until it is given free."""

    whole = True

    def __init__(self, descriptor: int) -> None:
        """`descriptor` is that of the locked file."""
        self.beat: float | None = None
        self._locked: int | None = descriptor

    def part(self, accounts: Collection[int]) -> int:
        return len(accounts)

    def claim(self, accounts: Collection[int], most: int | None = None) -> list[int]:
        return list(accounts)[:most]

    def holds(self, account: int) -> bool:
        return True

    def lease(self, account: int) -> None:
        """The lock on the home is enough."""

    def renew(self) -> None:
        """A lock does not run out."""

    def give_back(self, accounts: Collection[int]) -> None:
        """Accounts are not given back one by one."""

    def release(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def __enter__(self) -> HomeTenure:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
