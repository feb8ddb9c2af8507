"""Dates, sizes and numbers in both languages."""

from __future__ import annotations

import pytest

from eilbote import figures
from eilbote.catalogue import Language


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


@pytest.mark.parametrize(
    ("count", "german", "english"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1,0 kB", "1.0 kB"),
        (12_345, "12,3 kB", "12.3 kB"),
        (99_960, "100 kB", "100 kB"),
        (999_499, "999 kB", "999 kB"),
        (999_500, "1,0 MB", "1.0 MB"),
        (5 * 10**12, "5,0 TB", "5.0 TB"),
        (10**20, "100000 PB", "100000 PB"),
    ],
)
def test_size(count: int, german: str, english: str) -> None:
    assert figures.size(count, "de") == german
    assert figures.size(count, "en") == english


def test_number() -> None:
    assert figures.number(1234567, "de") == "1.234.567"
    assert figures.number(1234567, "en") == "1,234,567"


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("de", "23.11.2026", "23.11.2026 um 20:53 Uhr"),
        ("en", "23 Nov 2026", "23 Nov 2026, 20:53"),
    ],
)
def test_dates(language: Language, short: str, long: str) -> None:
    moment = 1795463580.0  # 2026-11-23 19:53 UTC
    assert figures.short_date(moment, moment + 86400, language) == short
    assert figures.short_date(moment, moment + 60, language) == "20:53"
    assert figures.long_date(moment, language) == long


@pytest.mark.parametrize("seconds", [1e18, -1e18, None])
def test_dates_that_no_calendar_has_are_empty(seconds: float | None) -> None:
    assert figures.short_date(seconds, 0.0, "de") == ""
    assert figures.long_date(seconds, "de") == ""


@pytest.mark.parametrize(
    ("seconds", "german"),
    [(0.0384, "38 ms"), (0.84, "0,8 s"), (12.3, "12 s"), (185, "3 min 5 s"), (3725, "1 h 2 min")],
)
def test_duration(seconds: float, german: str) -> None:
    assert figures.duration(seconds, "de") == german
