"""When a mail is to go, as people and scripts say it: RFC 3339, a clock time, a day and a clock time.

Knows no clock: what is now comes in, with the time zone in which people speak.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_CLOCK = re.compile(r"(?:at |um )?(\d{1,2})(?:[:.](\d{2}))?(?: ?(am|pm|uhr))?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?", re.ASCII)
_LATER = re.compile(
    r"(?:in |\+)(\d{1,5}) ?(m|min|minutes?|minuten?|h|hours?|stunden?|d|days?|tage?n?|w|weeks?|wochen?)",
    re.ASCII,
)
_UNITS = {"m": 60, "h": 3600, "s": 3600, "d": 86_400, "t": 86_400, "w": 604_800}
_NAMED = {"today": 0, "heute": 0, "tomorrow": 1, "morgen": 1, "übermorgen": 2}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon montag mo",
            "tuesday tue dienstag di",
            "wednesday wed mittwoch mi",
            "thursday thu donnerstag do",
            "friday fri freitag fr",
            "saturday sat samstag sonnabend sa",
            "sunday sun sonntag so",
        )
    )
    for name in names.split()
}


def moment(text: str, now: datetime) -> datetime | None:
    """The moment of `2026-11-28T08:00:00+01:00`, `2026-11-28 8:00`, `28.11. 8 Uhr`, `8:30` (the
    next one), `tomorrow 8:00`, `morgen um 8`, `Montag 9:00` (the next one, never today), `in 2 hours`.
    `now` is aware of its zone; a result without zone is a clock time in the same (whose offset may be
    another on that day). None where it is nothing of this kind."""
    said = " ".join(text.lower().replace(",", " ").split())
    if later := _LATER.fullmatch(said):
        return now + timedelta(seconds=int(later[1]) * _UNITS[later[2][0]])
    if found := _iso(text.strip()):
        return found
    clock = now.replace(tzinfo=None)
    if time := _time(said):
        return _next(clock, time)
    word, _, rest = said.partition(" ")
    time = _time(rest)
    if time is None:
        return None
    day = _day(word, clock)
    return None if day is None else _at(day, time)


def _iso(text: str) -> datetime | None:
    if len(text) < 16 or not _DAY.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> tuple[int, int] | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    match found[3]:
        case "am" | "pm":
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if found[3] == "pm" else 0)
        case None if found[2] is None and not text.startswith(("at ", "um ")):
            return None  # a number alone is no time
        case _:
            pass
    return (hour, minute) if hour < 24 and minute < 60 else None


def _day(word: str, now: datetime) -> datetime | None:
    if word in _NAMED:
        return now + timedelta(days=_NAMED[word])
    if word in _WEEKDAYS:
        return now + timedelta(days=(_WEEKDAYS[word] - now.weekday() - 1) % 7 + 1)
    try:
        if iso := _DAY.fullmatch(word):
            return now.replace(year=int(iso[1]), month=int(iso[2]), day=int(iso[3]))
        if german := _GERMAN_DAY.fullmatch(word):
            day = now.replace(year=int(german[3] or now.year), month=int(german[2]), day=int(german[1]))
            return day if german[3] or day.date() >= now.date() else day.replace(year=now.year + 1)
    except ValueError:  # no such day
        pass
    return None


def _next(now: datetime, time: tuple[int, int]) -> datetime:
    found = _at(now, time)
    return found if found > now else _at(now + timedelta(days=1), time)


def _at(day: datetime, time: tuple[int, int]) -> datetime:
    return day.replace(hour=time[0], minute=time[1], second=0, microsecond=0)
