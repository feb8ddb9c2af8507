"""INTERNALDATE to seconds since 1970, fast: mails of one day share their calendar arithmetic."""

from __future__ import annotations

import re
from functools import lru_cache

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_DATE_TIME = re.compile(rb" ?(\d{1,2})-(\w{3})-(\d{4}) (\d{1,2}):(\d\d):(\d\d)(?: ([+-])(\d\d)(\d\d))?")


def internal_date(text: bytes) -> float:
    """A `date-time` (RFC 9051 section 9) as seconds since 1970 UTC; 0.0 where it is none.

    Exactly the common shape of 26 characters is read by its places; others by the grammar.
    """
    try:
        if len(text) == 26:
            sign = -60 if text[21] == 45 else 60  # "-"
            return (
                _midnight(text[:11])
                + int(text[12:14]) * 3600
                + int(text[15:17]) * 60
                + int(text[18:20])
                - sign * (int(text[22:24]) * 60 + int(text[24:26]))
            )
        return _by_grammar(text)
    except (ValueError, KeyError):
        return 0.0


@lru_cache(maxsize=4096)
def _midnight(day: bytes) -> float:
    """Seconds at the start of a day given as `dd-Mon-yyyy`."""
    number, month, year = day.split(b"-")
    return float(_days(int(year), _MONTHS[month.lower()], int(number)) * 86_400)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar."""
    if not 1 <= day <= 31:
        raise ValueError(day)
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719_469


def _by_grammar(text: bytes) -> float:
    found = _DATE_TIME.match(text)
    if found is None:
        return 0.0
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    zone = 0
    if sign:
        zone = (int(zone_hours) * 60 + int(zone_minutes)) * (-60 if sign == b"-" else 60)
    days = _days(int(year), _MONTHS[month.lower()], int(day))
    return float(days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second) - zone)
