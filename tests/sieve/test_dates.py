"""Date parts, checked against Pigeonhole's answers and the library's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.date import read_date
from eilbote.sieve.dates import DatePart, Moment, date_part, moment_of_field, read_zone


def parts(moment: Moment) -> str:
    return "|".join(date_part(moment, part) for part in DatePart)


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        (
            "Sun, 02 Jan 2011 03:04:05 +0530",
            None,
            "2011|01|02|2011-01-02|55563|03|04|05|03:04:05|2011-01-02T03:04:05+05:30|"
            "Sun, 02 Jan 2011 03:04:05 +0530|+0530|0",
        ),
        (
            "Sun, 02 Jan 2011 03:04:05 +0530",
            "+0200",
            "2011|01|01|2011-01-01|55562|23|34|05|23:34:05|2011-01-01T23:34:05+02:00|"
            "Sat, 01 Jan 2011 23:34:05 +0200|+0200|6",
        ),
        (
            "7 Feb 20 23:59 EST",
            None,
            "2020|02|07|2020-02-07|58886|23|59|00|23:59:00|2020-02-07T23:59:00-05:00|"
            "Fri, 07 Feb 2020 23:59:00 -0500|-0500|5",
        ),
        (
            "by mx.example with ESMTP; note; Sat, 1 Mar 2008 00:00:00 GMT",
            "-0000",
            "2008|03|01|2008-03-01|54526|00|00|00|00:00:00|2008-03-01T00:00:00Z|"
            "Sat, 01 Mar 2008 00:00:00 +0000|+0000|6",
        ),
        (
            "Fri, 31 Dec 9999 23:59:59 -1200",
            "+0200",
            "10000|01|01|10000-01-01|2973484|13|59|59|13:59:59|10000-01-01T13:59:59+02:00|"
            "Sat, 01 Jan 10000 13:59:59 +0200|+0200|6",
        ),
    ],
)
def test_all_parts(value: str, zone: str | None, expected: str) -> None:
    moment = moment_of_field(value)
    assert moment is not None
    if zone is not None:
        offset = read_zone(zone)
        assert offset is not None
        moment = moment.at(offset)
    assert parts(moment) == expected


@pytest.mark.parametrize("value", ["", "nonsense", "31 Feb 2008 00:00:00 +0000", ";", "Sat, 1 Mar 2008;"])
def test_what_is_no_date_has_no_moment(value: str) -> None:
    assert moment_of_field(value) is None


def test_julian_is_the_modified_julian_day() -> None:
    assert date_part(Moment(0), DatePart.JULIAN) == "40587"
    noon = datetime(1858, 11, 17, 12, tzinfo=UTC).timestamp()
    assert date_part(Moment(noon), DatePart.JULIAN) == "0"
    assert date_part(Moment(noon - 86_400), DatePart.JULIAN) == "-1"


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [("+0100", 60), ("-0330", -210), ("+2359", 1439), ("+0000", 0), ("0100", None), ("+1", None),
     ("+0160", None), ("+2400", None), ("UTC", None), ("+٠١٠٠", None), ("", None)],
)  # fmt: skip
def test_zones(zone: str, minutes: int | None) -> None:
    assert read_zone(zone) == minutes


OFFSETS = st.integers(-1439, 1439)


@given(st.integers(-60_000_000_000, 250_000_000_000), OFFSETS)
def test_the_library_has_the_same_calendar(seconds: int, offset: int) -> None:
    shown = datetime(1970, 1, 1, tzinfo=timezone(timedelta(minutes=offset))) + timedelta(
        seconds=seconds + offset * 60
    )
    moment = Moment(seconds, offset)
    assert date_part(moment, DatePart.DATE) == shown.date().isoformat()
    assert date_part(moment, DatePart.TIME) == shown.time().isoformat()
    assert date_part(moment, DatePart.WEEKDAY) == str(shown.isoweekday() % 7)
    assert int(date_part(moment, DatePart.JULIAN)) == shown.date().toordinal() - 678_576


@given(st.integers(-2_000_000_000, 250_000_000_000), OFFSETS)
def test_std11_is_read_back(seconds: int, offset: int) -> None:
    written = date_part(Moment(seconds, offset), DatePart.STD11)
    assert moment_of_field(written) == Moment(float(seconds), offset)
    assert parsedate_to_datetime(written).timestamp() == seconds


@given(st.text(max_size=300))
def test_any_text_has_a_moment_or_none(text: str) -> None:
    moment = moment_of_field(text)
    if moment is not None:
        assert moment.seconds == read_date(text.rpartition(";")[2])
        assert parts(moment).count("|") == len(DatePart) - 1
