"""How much is tried, and how a failure is tried again.

`make test` runs a sample of the fault tests; `make faults` sets EILBOTE_FAULTS=all and runs
everything. A trial is named by one number, its seed: the byte at which the line is cut, the command
at which it falls silent, or what a random generator starts from. EILBOTE_SEED runs that one alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

ALL = os.environ.get("EILBOTE_FAULTS", "") == "all"
_SEED = os.environ.get("EILBOTE_SEED", "")


def trials(everything: Iterable[int], sample: Iterable[int] | None = None) -> list[int]:
    """The seeds to try now: everything, the sample in a quick run, or the one that is asked for."""
    if _SEED:
        return [int(_SEED)]
    return list(everything if ALL or sample is None else sample)


def spread(first: int, last: int, count: int) -> list[int]:
    """`count` numbers from `first` to `last`, evenly apart, both ends among them."""
    if last - first < count:
        return list(range(first, last + 1))
    return sorted({first + (last - first) * at // max(1, count - 1) for at in range(count)})


@contextmanager
def replayable(seed: int) -> Iterator[None]:
    """A failure inside names its seed and the command that tries it again."""
    try:
        yield
    except BaseException as failure:
        # PYTEST_CURRENT_TEST is `tests/faults/test_x.py::test_y[z] (call)`.
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        failure.add_note(f"seed {seed}; again: make faults SEED={seed} ONLY='{test}'")
        raise
