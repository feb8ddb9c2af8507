"""Time zones that a calendar brings along (VTIMEZONE, RFC 5545 section 3.6.5), as far as mail needs them: the
offset that holds at one moment. Their rules are read and never expanded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(?:\d{2})?")
_BY_DAY = re.compile(r"(-1|[1-5])(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[0-9]{1,2}")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class _Season(Struct, frozen=True):
    """From when on in a year an offset (minutes east of UTC) holds; month 0: always."""

    minutes: int
    month: int = 0
    place: int = 0
    weekday: int = 0
    hour: int = 0


class CalendarZone(Struct, frozen=True):
    """Standard time, and where there is one, daylight saving time."""

    seasons: tuple[_Season, ...]

    def minutes_at(self, local: datetime) -> int:
        """Minutes east of UTC, by the calendar's own clock."""
        yearly = [one for one in self.seasons if one.month]
        if len(yearly) < 2:
            return self.seasons[-1].minutes
        begun = sorted((_begin(one, local.year), one.minutes) for one in yearly)
        passed = [minutes for start, minutes in begun if start <= local]
        return passed[-1] if passed else begun[-1][1]


def read_zone(parts: Sequence[Mapping[str, str]]) -> CalendarZone | None:
    """`parts`: the values by name of each STANDARD and DAYLIGHT; None where they tell no offset."""
    found = [one for one in map(_season, parts) if one is not None]
    # The last of several of one kind is the one that holds today.
    return CalendarZone(tuple(found[-2:])) if found else None


def _season(part: Mapping[str, str]) -> _Season | None:
    offset = _OFFSET.fullmatch(part.get("TZOFFSETTO", "").strip())
    if offset is None:
        return None
    minutes = (int(offset[2]) * 60 + int(offset[3])) * (-1 if offset[1] == "-" else 1)
    if abs(minutes) > 16 * 60:
        return None
    rule = dict(piece.split("=", 1) for piece in part.get("RRULE", "").upper().split(";") if "=" in piece)
    day = _BY_DAY.fullmatch(rule.get("BYDAY", ""))
    month = rule.get("BYMONTH", "")
    if (
        rule.get("FREQ") != "YEARLY"
        or day is None
        or not _NUMBER.fullmatch(month)
        or not 1 <= int(month) <= 12
    ):
        return _Season(minutes)
    start = part.get("DTSTART", "")
    hour = int(start[9:11]) if _NUMBER.fullmatch(start[9:11]) and int(start[9:11]) < 24 else 2
    return _Season(minutes, int(month), int(day[1]), _DAYS.index(day[2]), hour)


def _begin(season: _Season, year: int) -> datetime:
    """The nth weekday of the month, -1 for the last."""
    if season.place > 0:
        first = datetime(year, season.month, 1, season.hour)  # the calendar's own clock
        ahead = (season.weekday - first.weekday()) % 7 + 7 * (season.place - 1)
        return first + timedelta(days=ahead)
    following = (year + season.month // 12, season.month % 12 + 1)
    last = datetime(min(following[0], 9999), following[1], 1, season.hour) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - season.weekday) % 7)
