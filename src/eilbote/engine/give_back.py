"""Gives memory that a pass has freed back to the system, where the C library would keep it for itself.

It must never change what the program does: where there is no glibc, nothing happens.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back_memory() -> None:
    """glibc keeps what large mails took and left free, a heap for each thread, and does not give it
    back by itself as long as something lies above it. Takes some milliseconds; blocks no other thread of
    Python."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; TypeError: Windows
        return None
