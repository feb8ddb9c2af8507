"""One whole process measured from outside: wall time, processor time, peak memory.

The clock runs from before the process is started until it has ended, so that every client pays for
its own start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

import eilbote

_COMPILED = Path(".cache/bench/compiled")
_LONGEST_SECONDS = 600
_SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
_LAUNCHER = Path(__file__).with_name("launch.py")


class RunFailed(Exception):
    """The measured program ended with an error; the message holds what it said last."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took; `peak_bytes` is the most resident memory it ever had."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    code: int


@dataclass(frozen=True, slots=True)
class Run:
    """A finished process: its cost and all that it printed."""

    cost: Cost
    output: str
    errors: str


def surroundings() -> dict[str, str]:
    """The environment of every measured program: that of the user, but compiled modules are kept
    (a developer's machine may forbid it, an installed program has them)."""
    kept = {name: value for name, value in os.environ.items() if name not in _SLOWING}
    return {**kept, "PYTHONPYCACHEPREFIX": str(_COMPILED.resolve())}


def compile_product() -> None:
    """Compile our modules, as installing a package does."""
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", *eilbote.__path__], env=surroundings(), check=True
    )


def measure(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, accept: tuple[int, ...] = (0,)
) -> Run:
    """Run a command to its end; an exit code that is not in `accept` raises RunFailed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_LAUNCHER), str(report), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**surroundings(), **(environment or {})},
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=_LONGEST_SECONDS)
        except BaseException as interruption:
            os.killpg(process.pid, signal.SIGKILL)  # the launcher leads a group of its own
            process.wait()
            if isinstance(interruption, subprocess.TimeoutExpired):
                raise RunFailed(f"{Path(command[0]).name} took more than {_LONGEST_SECONDS} s") from None
            raise
        cost = msgspec.json.decode(report.read_bytes(), type=Cost)
    if cost.code not in accept:
        said = (output + errors)[-1500:]
        raise RunFailed(f"{Path(command[0]).name} ended with {cost.code}: {said}")
    return Run(cost, output, errors)
