"""The program itself, serving beside a test: as many processes as it wants."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serve(
    home: Path, url: str, lease_seconds: float = 3.0, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`eilbote serve` beside us, killed at the end if it still runs. `settings` by their names. What it
    complains of is added to serve.log beside the home."""
    environment = os.environ | {
        "EILBOTE_HOME": str(home),
        "EILBOTE_KEY_FILE": str(home.parent / "key"),
        "EILBOTE_LANGUAGE": "en",
        "EILBOTE_STORE": url,
        "EILBOTE_LEASE_SECONDS": f"{lease_seconds:g}",
        **{f"EILBOTE_{name.upper()}": value for name, value in settings.items()},
    }
    command = [str(Path(sys.executable).with_name("eilbote")), "serve"]
    with (home.parent / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def within(seconds: float, true: Callable[[], bool]) -> float:
    """Waits until it is true, at most so long; returns how long that was."""
    begun = time.monotonic()
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  # what other processes do has no event of ours
            await asyncio.sleep(0.05)
    return time.monotonic() - begun
