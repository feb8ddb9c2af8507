"""The nightly check comes once a night, in its hour."""

from __future__ import annotations

from datetime import datetime

from eilbote.engine.nightly import Nights


def at(day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, day, hour, minute).timestamp()  # the machine's own time


def test_it_is_due_once_in_its_hour() -> None:
    nights = Nights(3)
    seen = [(day, hour) for day in (1, 2, 3) for hour in range(24) if nights.is_due(at(day, hour))]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert not nights.is_due(at(3, 3, 59))


def test_it_can_be_switched_off() -> None:
    nights = Nights(-1)
    assert not any(nights.is_due(at(1, hour)) for hour in range(24))
