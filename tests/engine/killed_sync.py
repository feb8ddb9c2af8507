"""One pass over a home, killed at a chosen persistence step: `python -m tests.engine.killed_sync HOME STEP`.
With step 0 it goes to its end and prints how many steps there were."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import open_app
from eilbote.engine.owner import sync_accounts


def passed(home: Path, step: int) -> int:
    """The steps of the pass; never returns where it is killed."""
    seen = 0

    def observe(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    config = Config(home, key_file=str(home.parent / "key"), check_hour=-1)
    with open_app(config, observer=observe) as app:
        asyncio.run(sync_accounts(app))
    return seen


if __name__ == "__main__":
    print(passed(Path(sys.argv[1]), int(sys.argv[2])))
