from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.protocols.imap.dates import DateReader, internal_date

_ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_every_date_is_read_as_the_calendar_says(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    sign = "-" if minutes < 0 else "+"
    text = (
        f"{moment.day:2d}-{_ENGLISH[moment.month - 1]}-{moment.year:04d} {moment:%H:%M:%S} "
        f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    )
    reader = DateReader()
    assert reader.seconds(text.encode()) == moment.timestamp()
    assert reader.seconds(text.encode()) == moment.timestamp(), "remembered wrongly"


@given(st.integers(-(10**9), 4 * 10**9))
def test_what_is_written_is_read_again(seconds: int) -> None:
    assert DateReader().seconds(internal_date(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x" * 26,
        b"17-Foo-1996 02:44:25 -0700",
        b"31-Feb-1996 02:44:25 -0700",
        b"17-Jul-1996 02:44:25 PST  ",
    ],
)
def test_what_is_no_date_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        DateReader().seconds(text)
