"""Dates as the tests `date` and `currentdate` compare them (RFC 5260 section 4). Asks no clock.

Years are those of our calendar however far away; a moment has no part that depends on a language.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, assert_never

from msgspec import Struct

from eilbote.mail.date import read_date, read_offset

_DAY = 86_400
_DAYS_TO_1970 = 719_468
"""From 1 March of the year 0."""

_MJD_OF_1970 = 40_587
_NAMES = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONE = re.compile(r"([+-])(\d{2})([0-5]\d)", re.ASCII)


class DatePart(StrEnum):
    """RFC 5260 section 4.2."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    DATE = "date"
    JULIAN = "julian"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    TIME = "time"
    ISO8601 = "iso8601"
    STD11 = "std11"
    ZONE = "zone"
    WEEKDAY = "weekday"


class Moment(Struct, frozen=True):
    """A moment in seconds since 1970 UTC, and the minutes east of UTC of the clock that it is told by."""

    seconds: float
    offset: int = 0

    def at(self, offset: int) -> Moment:
        """The same moment as another clock tells it (`:zone`)."""
        return Moment(self.seconds, offset)


def moment_of_field(value: str) -> Moment | None:
    """The date of a header's value with the zone that stands there (`:originalzone`); what follows the last
    semicolon where there is one, as in `Received` (RFC 5260 section 4). None: it holds no date."""
    text = value.rpartition(";")[2]
    seconds = read_date(text)
    return None if seconds is None else Moment(seconds, read_offset(text))


def read_zone(text: str) -> int | None:
    """Minutes east of UTC of `+hhmm` or `-hhmm`; None where it is no zone."""
    found = _ZONE.fullmatch(text)
    if found is None or int(found[2]) > 23:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


def date_part(moment: Moment, part: DatePart) -> str:
    """What is compared with the keys."""
    seconds = int(moment.seconds // 1) + moment.offset * 60
    days, rest = divmod(seconds, _DAY)
    match part:
        case DatePart.JULIAN:
            # The modified Julian day, RFC 5260 section 4.2 and appendix A: 0 is 17 November 1858.
            return str(days + _MJD_OF_1970)
        case DatePart.WEEKDAY:
            return str(_weekday(days))
        case DatePart.ZONE:
            return _zone(moment.offset)
        case DatePart.HOUR:
            return f"{rest // 3600:02d}"
        case DatePart.MINUTE:
            return f"{rest // 60 % 60:02d}"
        case DatePart.SECOND:
            return f"{rest % 60:02d}"
        case DatePart.TIME:
            return _time(rest)
        case (
            DatePart.YEAR | DatePart.MONTH | DatePart.DAY | DatePart.DATE | DatePart.ISO8601 | DatePart.STD11
        ):
            return _of_calendar(part, days, rest, moment.offset)
        case _:
            assert_never(part)


_OfCalendar = Literal[
    DatePart.YEAR, DatePart.MONTH, DatePart.DAY, DatePart.DATE, DatePart.ISO8601, DatePart.STD11
]


def _of_calendar(part: _OfCalendar, days: int, rest: int, offset: int) -> str:
    year, month, day = _calendar(days)
    match part:
        case DatePart.YEAR:
            return f"{year:04d}"
        case DatePart.MONTH:
            return f"{month:02d}"
        case DatePart.DAY:
            return f"{day:02d}"
        case DatePart.DATE:
            return f"{year:04d}-{month:02d}-{day:02d}"
        case DatePart.ISO8601:
            zone = _zone(offset)
            shown = f"{zone[:3]}:{zone[3:]}" if offset else "Z"  # RFC 3339 section 4.2
            return f"{year:04d}-{month:02d}-{day:02d}T{_time(rest)}{shown}"
        case DatePart.STD11:
            name = f"{_NAMES[_weekday(days)]}, {day:02d} {_MONTHS[month - 1]} {year:04d}"
            return f"{name} {_time(rest)} {_zone(offset)}"
        case _:
            assert_never(part)


def _weekday(days: int) -> int:
    """0 is Sunday; 1 January 1970 was a Thursday."""
    return (days + 4) % 7


def _time(rest: int) -> str:
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def _zone(offset: int) -> str:
    minutes = abs(offset)
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


def _calendar(days: int) -> tuple[int, int, int]:
    """Year, month and day by the rules of Gregory. The library's dates end with the year 9999, which a zone
    may pass. Eras of 400 years that begin on 1 March, so that the leap day is the last."""
    era, day_of_era = divmod(days + _DAYS_TO_1970, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    turned = (5 * day_of_year + 2) // 153
    month = turned + 3 if turned < 10 else turned - 9
    return year + era * 400 + (month <= 2), month, day_of_year - (153 * turned + 2) // 5 + 1
