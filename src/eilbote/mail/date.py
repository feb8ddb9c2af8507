"""The Date field to seconds since 1970 UTC and back: the common form by hand, the rest by its tokens.

Reading never raises; an impossible date is None, not a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan",
            "feb",
            "mar mär mrz",
            "apr",
            "may mai",
            "jun",
            "jul",
            "aug",
            "sep",
            "oct okt",
            "nov",
            "dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_BEFORE = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAYS_IN = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# RFC 5322 section 3.3, as nearly every mail writes it.
_COMMON = re.compile(
    r"\s*(?:[A-Za-z]{3},)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d{2}):(\d{2})(?::(\d{2}))?"
    r"\s*([+-])(\d{2})(\d{2})(?:\s*\([^()]*\))?\s*",
    re.ASCII,
)
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]|$)", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})\.?[ \t-]+([^\W\d_]{3,12})\.?,?[ \t-]+(\d{2,4})\b")
_MONTH_DAY = re.compile(r"\b([^\W\d_]{3,12})\.?[ \t]+(\d{1,2}),?[ \t]")  # asctime
_TIME = re.compile(
    r"(?<!\d)(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[.,]\d{1,9})?(?!\d)\s*([AaPp][Mm]\b)?", re.ASCII
)
_YEAR = re.compile(r"\b(\d{4})\b", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})\b", re.ASCII)
_ZONE_NAME = re.compile(r"\b([A-Z]{1,5})\b")

# RFC 5322 section 4.3; names beyond it are common in mail of the nineties, MESZ in German mail.
_ZONES = {
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480,
    "PDT": -420, "BST": 60, "CET": 60, "MET": 60, "MEZ": 60, "CEST": 120, "MEST": 120, "MESZ": 120,
    "EET": 120, "EEST": 180, "MSK": 180, "JST": 540, "KST": 540, "HKT": 480, "IST": 330,
}  # fmt: skip

_MAX_LENGTH = 256


def read_date(text: str) -> float | None:
    """Seconds since 1970 UTC; None if the text holds no date or an impossible one (31 February).

    A missing or unknown zone counts as UTC, as RFC 5322 section 4.3 asks for unknown names.
    """
    common = _COMMON.fullmatch(text)
    if common is None:
        return _read_odd(text[:_MAX_LENGTH])
    day, month_name, year, hour, minute, second, sign, zone_hours, zone_minutes = common.groups()
    month = _MONTHS.get(month_name.lower())
    if month is None:
        return None
    offset = int(zone_hours) * 60 + int(zone_minutes)
    return _seconds(
        int(year),
        month,
        int(day),
        int(hour),
        int(minute),
        int(second or 0),
        -offset if sign == "-" else offset,
    )


def read_offset(text: str) -> int:
    """Minutes east of UTC that the text of a date names, as `read_date` understands it; 0 without any."""
    common = _COMMON.fullmatch(text)
    if common is not None:
        minutes = int(common[8]) * 60 + int(common[9])
        minutes = -minutes if common[7] == "-" else minutes
    else:
        plain = _COMMENT.sub(" ", text[:_MAX_LENGTH]).strip()
        time = _TIME.search(plain)
        minutes = _zone_of(plain[time.end() :]) if time else 0
    return minutes if -1440 < minutes < 1440 else 0


def write_date(seconds: float, offset: int = 0) -> str:
    """A Date field's value (RFC 5322 section 3.3): that moment as a clock shows it that goes `offset`
    minutes before UTC."""
    shown = datetime.fromtimestamp(int(seconds), UTC) + timedelta(minutes=offset)
    sign, minutes = ("-", -offset) if offset < 0 else ("+", offset)
    day, month = _DAY_NAMES[shown.weekday()], _MONTH_NAMES[shown.month - 1]
    zone = f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
    return f"{day}, {shown.day} {month} {shown.year:04d} {shown:%H:%M:%S} {zone}"


def _seconds(
    year: int, month: int, day: int, hour: int, minute: int, second: int, offset: int
) -> float | None:
    """`offset` in minutes east of UTC; an absurd one counts as none."""
    if not (1900 <= year <= 9999 and 0 < day <= _DAYS_IN[month]) or hour > 24 or minute > 59 or second > 60:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day == 29 and month == 2 and not leap:
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 + _DAYS_BEFORE[month] + day - 719163
    if leap and month > 2:
        days += 1
    if not -1440 < offset < 1440:
        offset = 0
    return float(days * 86400 + hour * 3600 + minute * 60 + second - offset * 60)


def _read_odd(text: str) -> float | None:
    """Two-digit years, named zones, comments, asctime, ISO 8601, German and full month names."""
    text = _COMMENT.sub(" ", text).strip()
    time = _TIME.search(text)
    rest = text[time.end() :] if time else ""
    day = _day_of(text, rest)
    if day is None:
        return None
    hour, minute, second = (int(time[1]), int(time[2]), int(time[3] or 0)) if time else (0, 0, 0)
    if time and time[4]:
        hour = hour % 12 + (12 if time[4].lower() == "pm" else 0)
    return _seconds(*day, hour, minute, second, _zone_of(rest))


def _day_of(text: str, after_time: str) -> tuple[int, int, int] | None:
    if iso := _ISO.search(text):
        month = int(iso[2])
        return (int(iso[1]), month, int(iso[3])) if 1 <= month <= 12 else None
    for found in _DAY_MONTH.finditer(text):
        month = _MONTHS.get(found[2][:3].lower(), 0)
        if month:  # else the seconds before a zone: `19:53:40 EST 2026`
            return _full_year(found[3]), month, int(found[1])
    for found in _MONTH_DAY.finditer(text):
        month = _MONTHS.get(found[1][:3].lower(), 0)
        year = _YEAR.search(_OFFSET.sub(" ", after_time)) or _YEAR.search(text, found.end())
        if month and year:
            return int(year[1]), month, int(found[2])
    return None


def _full_year(digits: str) -> int:
    """RFC 5322 section 4.3: 00 to 49 are this century, 50 to 99 and three digits count from 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone_of(text: str) -> int:
    if offset := _OFFSET.search(text):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return -minutes if offset[1] == "-" else minutes
    name = _ZONE_NAME.search(text)
    return _ZONES.get(name[1], 0) if name else 0
