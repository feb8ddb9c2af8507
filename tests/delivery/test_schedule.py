"""When a mail is to go, as people say it: German and English, days, clock times, spans."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.delivery.schedule import moment

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 27, 10, 30, 15, tzinfo=ZONE)  # a Friday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T08:00:00+02:00", "2026-11-28T08:00:00+02:00"),
        ("2026-11-28T08:00:00Z", "2026-11-28T08:00:00+00:00"),
        ("2026-11-28T08:00", "2026-11-28T08:00:00"),
        ("2026-11-28 8:00", "2026-11-28T08:00:00"),
        ("2026-12-01 08:05", "2026-12-01T08:05:00"),
        ("11:00", "2026-11-27T11:00:00"),
        ("10:30", "2026-11-28T10:30:00"),  # over for today
        ("8 uhr", "2026-11-28T08:00:00"),
        ("um 8", "2026-11-28T08:00:00"),
        ("at 11", "2026-11-27T11:00:00"),
        ("8pm", "2026-11-27T20:00:00"),
        ("12am", "2026-11-28T00:00:00"),
        ("tomorrow 8:00", "2026-11-28T08:00:00"),
        ("Morgen um 8", "2026-11-28T08:00:00"),
        ("übermorgen 7.15 Uhr", "2026-11-29T07:15:00"),
        ("heute 18:00", "2026-11-27T18:00:00"),
        ("today 18:00", "2026-11-27T18:00:00"),
        ("Montag 9:00", "2026-11-30T09:00:00"),
        ("friday 9:00", "2026-12-04T09:00:00"),  # never today
        ("sa 9:00", "2026-11-28T09:00:00"),
        ("28.11. 8 Uhr", "2026-11-28T08:00:00"),
        ("1.2. 8:00", "2027-02-01T08:00:00"),
        ("1.2.2027 8:00", "2027-02-01T08:00:00"),
        ("in 2 hours", "2026-11-27T12:30:15+01:00"),
        ("in 30 Minuten", "2026-11-27T11:00:15+01:00"),
        ("+1h", "2026-11-27T11:30:15+01:00"),
        ("in 3 Tagen", "2026-11-30T10:30:15+01:00"),
        ("in 1 woche", "2026-12-04T10:30:15+01:00"),
    ],
)
def test_what_people_say(text: str, expected: str) -> None:
    found = moment(text, NOW)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["", "bald", "8", "25:00", "8:61", "13pm", "0am", "morgen", "morgen bald", "31.2. 8:00",
     "2026-13-01 8:00", "2026-11-28", "in zwei Stunden", "in -1 hours", "yesterday 8:00", "8:00 8:00",
     "tomorrow", "１:００"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert moment(text, NOW) is None


@given(st.text(max_size=40))
def test_never_raises(text: str) -> None:
    found = moment(text, NOW)
    assert found is None or isinstance(found, datetime)
