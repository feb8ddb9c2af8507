"""Time that a test moves by hand, for the event loop and the engine alike: ten minutes pass at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from eilbote.clock import SystemClock


class HandLoop(asyncio.SelectorEventLoop):
    """An event loop whose time runs on by itself and can be moved forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self.ahead

    def move(self, seconds: float) -> None:
        """So much later, now: timers that are due go off."""
        self.ahead += seconds
        self.call_soon_threadsafe(lambda: None)


class HandClock(SystemClock):
    """The engine's clock, moved together with the loop, or by itself between two loops."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def move(self, seconds: float) -> None:
        self.ahead += seconds
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if isinstance(loop, HandLoop):
            loop.move(seconds)


def run_by_hand(story: Coroutine[Any, Any, None]) -> None:
    """Runs a story whose time is moved by hand."""
    with asyncio.Runner(loop_factory=HandLoop) as runner:
        runner.run(story)
