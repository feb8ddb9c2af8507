"""Translates what the file system and the databases throw into problems that name a remedy.

One place, so that a full disk is the same problem whether a pack or the database met it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eilbote.errors import EilboteError, NotAllowed, Unreachable

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RETRY_FULL = 300.0
"""Seconds until writing is worth another try after the disk was full."""


def from_os(error: OSError, path: Path) -> EilboteError:
    """The problem behind an OSError met at `path`: `store.full`, or `store.unreadable`."""
    if error.errno in _NO_ROOM:
        return Unreachable("store.full", RETRY_FULL, path=path)
    return NotAllowed("store.unreadable", path=path, reason=error.strerror or type(error).__name__)


@contextmanager
def files_at(path: Path) -> Iterator[None]:
    """Translates any OSError inside the block."""
    try:
        yield
    except OSError as error:
        raise from_os(error, path) from error
