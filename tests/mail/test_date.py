"""The Date field in the forms that mail holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.date import read_date


def at(*parts: int, offset: int = 0) -> float:
    return datetime(*parts, tzinfo=timezone(timedelta(minutes=offset))).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 23 Nov 2026 09:59:58 +0100", at(2026, 11, 23, 9, 59, 58, offset=60)),
        ("23 Nov 2026 09:59 -0330", at(2026, 11, 23, 9, 59, offset=-210)),
        ("Mon, 23 Nov 2026 09:59:58 +0100 (CET)\r", at(2026, 11, 23, 9, 59, 58, offset=60)),
        ("Mon,\r\n 3 Nov 2026 09:59:58 GMT", at(2026, 11, 3, 9, 59, 58)),
        ("Mon, 23 Nov 26 09:59:58 EST", at(2026, 11, 23, 9, 59, 58, offset=-300)),
        ("23 Nov 99 09:59:58 MESZ", at(1999, 11, 23, 9, 59, 58, offset=120)),
        ("Mon Nov 23 09:59:58 2026", at(2026, 11, 23, 9, 59, 58)),
        ("Mon Nov  3 09:59:58 2026 +0100", at(2026, 11, 3, 9, 59, 58, offset=60)),
        ("Monday, 23-Nov-26 09:59:58 GMT", at(2026, 11, 23, 9, 59, 58)),
        ("2026-11-23T09:59:58+01:00", at(2026, 11, 23, 9, 59, 58, offset=60)),
        ("2026-11-23 09:59:58", at(2026, 11, 23, 9, 59, 58)),
        ("Mo, 23 Dez 2026 09:59:58 +0100", at(2026, 12, 23, 9, 59, 58, offset=60)),
        ("23. März 2026 10:00", at(2026, 3, 23, 10)),
        ("Fri, 31 Dec 1999 11:59:60 +0000", at(2000, 1, 1) - 43200),
        ("Nov 23, 2026 9:05 PM", at(2026, 11, 23, 21, 5)),
        ("Thu, 29 Feb 2024 00:00:00 +0000", at(2024, 2, 29)),
        ("Mon, 23 Nov 2026 09:59:58 +9999", at(2026, 11, 23, 9, 59, 58)),
        ("Mon, 23 Nov 2026 09:59:58", at(2026, 11, 23, 9, 59, 58)),
    ],
)
def test_what_is_read(text: str, expected: float) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "31 Feb 2026 10:00:00 +0000",
        "29 Feb 2023 10:00 GMT",
        "32 Jan 2026 00:00:00 +0000",
        "1 Foo 2026 00:00:00 +0000",
        "1 Jan 2026 25:00:00 +0000",
        "1 Jan 0001 00:00:00 +0000",
        "2026-13-01",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert read_date(text) is None


@given(st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 31)), st.integers(-12 * 60, 14 * 60))
def test_what_the_library_writes_is_read(moment: datetime, offset: int) -> None:
    stamped = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    assert read_date(format_datetime(stamped)) == stamped.timestamp()
    assert read_date(stamped.isoformat()) == stamped.timestamp()
    utc = stamped.astimezone(UTC)
    assert read_date(utc.strftime("%a %b %d %H:%M:%S %Y")) == stamped.timestamp()


@given(st.text(max_size=80))
def test_any_text_is_a_date_or_none(text: str) -> None:
    read_date(text)
