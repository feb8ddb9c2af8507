"""What a benchmark found: values beside goals, as a table for people and a line for machines."""

from __future__ import annotations

import platform
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from eilbote.clock import SystemClock, rfc3339


class Goal(msgspec.Struct, frozen=True):
    """A ratio or a figure to reach: `reached` against `needed`, and which side of it is good."""

    sentence: str
    reached: float
    needed: float
    good: Literal["at least", "at most"]

    @property
    def met(self) -> bool:
        return self.reached >= self.needed if self.good == "at least" else self.reached <= self.needed


class Line(msgspec.Struct, frozen=True):
    """One kind of work: what each program needed, in `unit`, and the goals that hang on it."""

    work: str
    unit: str
    values: dict[str, float]
    goals: tuple[Goal, ...] = ()
    note: str = ""


class Result(msgspec.Struct, frozen=True):
    """A whole run, as it is kept in `.cache/bench/results`."""

    when: str
    machine: str
    quick: bool
    lines: tuple[Line, ...]
    note: str = ""


def at_least_times(peer: str, others: list[float], own: list[float], needed: float) -> Goal:
    """The goal that we are `needed` times as fast as a peer, by the median of the rounds' ratios."""
    ratio = median(other / mine for other, mine in zip(others, own, strict=True))
    return Goal(f"at least {needed:g} x {peer}", ratio, needed, "at least")


def within_times(peer: str, others: list[float], own: list[float], needed: float) -> Goal:
    """The goal that we take at most `needed` times what a peer takes."""
    ratio = median(mine / other for other, mine in zip(others, own, strict=True))
    return Goal(f"within {needed:g} x {peer}", ratio, needed, "at most")


def table(lines: tuple[Line, ...]) -> str:
    """All lines as text: one block a kind of work, then whether everything was reached."""
    shown: list[str] = []
    for line in lines:
        shown.append(f"\n{line.work}" + (f"  ({line.note})" if line.note else ""))
        shown += [f"    {name:<34}{_figure(value):>10} {line.unit}" for name, value in line.values.items()]
        shown += [
            f"    {'reached' if goal.met else 'MISSED '}  {goal.sentence}: {goal.reached:.2f}"
            for goal in line.goals
        ]
    goals = [goal for line in lines for goal in line.goals]
    shown.append(f"\n{sum(goal.met for goal in goals)} of {len(goals)} goals reached")
    return "\n".join(shown)


def keep(lines: tuple[Line, ...], folder: Path, *, quick: bool, note: str = "") -> Path:
    """Append the run as one line of JSON to `results.jsonl`; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.jsonl"
    machine = (
        f"{platform.machine()} {platform.system()} {platform.release()} Python {platform.python_version()}"
    )
    result = Result(rfc3339(SystemClock().now()), machine, quick, lines, note)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")
    return path


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
