"""A lock of the operating system on a file: one holder on this machine, free the moment its process dies."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eilbote.errors import Unreachable
from eilbote.store.failures import files_at

_LOOKS, _BETWEEN = 1800, 0.05  # a minute and a half


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the lock and holds it inside of the block. The file stays: one that is removed could be
    locked by somebody who has it open still. Unreachable `store.busy`."""
    with files_at(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    pause = threading.Event()
    for _ in range(_LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(_BETWEEN)
        else:
            return
    raise Unreachable("store.busy", 60.0, path=path)
