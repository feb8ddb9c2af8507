"""Dates, sizes and numbers as people of each language write them."""

from __future__ import annotations

from datetime import datetime

from eilbote.catalogue import Language

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GERMAN_MONTHS = (
    *("Jan.", "Feb.", "März", "April", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
)
_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_GERMAN_MONTH_NAMES = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def number(value: int, language: Language) -> str:
    """A whole number with its thousands apart: `12.345` or `12,345`."""
    text = f"{value:,}"
    return text.replace(",", ".") if language == "de" else text


def decimal(value: float, digits: int, language: Language) -> str:
    """A number with `digits` places after the comma (or point)."""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "de" else text


def size(count: int, language: Language) -> str:
    """Bytes in the unit that leaves one to three digits before the comma (1 kB is 1,000 bytes)."""
    if count < 1000:
        return f"{count} B"
    value, at = count / 1000, 0
    while value >= 999.5 and at < len(_UNITS) - 1:
        value, at = value / 1000, at + 1
    return f"{decimal(value, 1 if value < 99.95 else 0, language)} {_UNITS[at]}"


def local_time(seconds: float) -> datetime | None:
    """The moment in the machine's own time zone; None where no calendar can say it."""
    try:
        return datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):
        return None


def day(moment: datetime, language: Language) -> str:
    """`23.11.2026` or `23 Nov 2026`."""
    if language == "de":
        return f"{moment.day:02}.{moment.month:02}.{moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def short_date(seconds: float | None, now: float, language: Language) -> str:
    """For a column: the time for today, else the day."""
    moment = None if seconds is None else local_time(seconds)
    today = local_time(now)
    if moment is None:
        return ""
    if today is not None and moment.date() == today.date():
        return f"{moment:%H:%M}"
    return day(moment, language)


def list_date(seconds: float, now: float, language: Language) -> str:
    """For a list that people run over: the time for today, the day without its year for this year, else
    the whole day."""
    moment, today = local_time(seconds), local_time(now)
    if moment is None or today is None or moment.year != today.year or moment.date() == today.date():
        return short_date(seconds, now, language)
    if language == "de":
        return f"{moment.day}. {_GERMAN_MONTHS[moment.month - 1]}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}"


def long_date(seconds: float | None, language: Language) -> str:
    """Day and time to the minute, in the machine's time zone."""
    moment = None if seconds is None else local_time(seconds)
    if moment is None:
        return ""
    joint = ", " if language == "en" else " um "
    return f"{day(moment, language)}{joint}{moment:%H:%M}" + (" Uhr" if language == "de" else "")


def duration(seconds: float, language: Language) -> str:
    """`40 ms`, `0,8 s`, `12 s`, `3 min 5 s`."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{decimal(seconds, 1, language)} s"
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def month_name(day: str, language: Language) -> str:
    """The month of a day (`2026-12-31`) in full: `Dezember 2026`."""
    year, month, _ = day.split("-")
    names = _GERMAN_MONTH_NAMES if language == "de" else _MONTH_NAMES
    return f"{names[int(month) - 1]} {year}"


def plain_day(day: str, language: Language) -> str:
    """A day (`2026-12-31`) as people write it."""
    year, month, number = day.split("-")
    if language == "de":
        return f"{number}.{month}.{year}"
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"
