"""How a pass shares the machine: cores, and settings of the interpreter for storing much mail quickly.

Nothing here changes what is stored.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCH_SECONDS = 0.0005
_THRESHOLDS = (50_000, 20, 100)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def storing_pace() -> Iterator[None]:
    """Sets the pace for the time of a pass, and the old one again afterwards.

    Every step of SQLite lets go of the interpreter and waits for its turn beside the thread that
    receives: ten times shorter turns make that wait short. And a batch of arrivals makes some ten
    thousand tuples that all die together, none of them in a cycle: looking for garbage at every
    700 of them, as Python does, costs a tenth of the pass.
    """
    switching, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(switching)
