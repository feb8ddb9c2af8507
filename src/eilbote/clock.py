"""The only door to time and chance: now, monotonic, sleep, random bytes, new ids.

Pure code never imports this; it receives what it needs as arguments. Tests pass a `Clock` of
their own, so that no test sleeps.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_IMPORTED = time.monotonic()


class Clock(Protocol):
    """What the shells and the engine may ask of time and chance."""

    def now(self) -> float:
        """Wall clock, seconds since 1970 UTC: for display and for stored dates only."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards: for every timer."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def random_bytes(self, count: int) -> bytes: ...


class SystemClock:
    """The machine's own clock and random source."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # noqa: PLC0415  # who sleeps has it; commands that never do start sooner without

        await asyncio.sleep(seconds)

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 text in UTC, whole seconds (`2026-11-23T19:53:40Z`)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_day_and_hour(seconds: float) -> tuple[str, int]:
    """The day (`2026-11-23`) and the hour (0 to 23) of that moment in the system's time zone."""
    local = datetime.fromtimestamp(seconds)  # the night is where the machine stands
    return local.strftime("%Y-%m-%d"), local.hour


def process_seconds() -> float:
    """Seconds since this process was started (interpreter start-up included where the system tells)."""
    try:
        # Field 22 of stat: start time in clock ticks since boot; the command name may hold spaces.
        stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        ticks = int(stat.rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return time.monotonic() - _IMPORTED
