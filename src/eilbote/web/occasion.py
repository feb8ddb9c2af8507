"""When something takes place, in words: days and times as the reader's clock shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eilbote import figures
from eilbote.catalogue import Catalogue, Language, mark
from eilbote.mail.invitation import Moment

_WEEKDAYS = (
    *(mark("Monday"), mark("Tuesday"), mark("Wednesday"), mark("Thursday")),
    *(mark("Friday"), mark("Saturday"), mark("Sunday")),
)


def when(start: Moment, end: Moment | None, language: Language) -> str:
    """`Thursday, 3 Dec 2026, 10:00–11:00`; days alone for what lasts whole days. Empty where no calendar can
    say it."""
    begun = _shown(start)
    if begun is None:
        return ""
    done = _shown(end) if end is not None else None
    if start.day:
        # An end is the day after; that of a day alone is the day itself.
        last = done - timedelta(days=1) if done is not None and done > begun else begun
        return _span(_day(begun, language), _day(last, language) if last > begun else "", language)
    if done is None or done == begun:
        said = f"{_day(begun, language)}, {_clock(f'{begun:%H:%M}', language)}"
    elif done.date() == begun.date():
        said = f"{_day(begun, language)}, {_clock(f'{begun:%H:%M}–{done:%H:%M}', language)}"
    else:
        first = f"{_day(begun, language)}, {_clock(f'{begun:%H:%M}', language)}"
        said = _span(first, f"{_day(done, language)}, {_clock(f'{done:%H:%M}', language)}", language)
    return said + (" " + Catalogue(language).text("(time of the place)") if start.floating else "")


def day_of(moment: Moment, language: Language) -> str:
    """Its day alone."""
    shown = _shown(moment)
    return _day(shown, language) if shown is not None else ""


def _shown(moment: Moment) -> datetime | None:
    if not (moment.day or moment.floating):
        return figures.local_time(moment.seconds)
    try:
        return datetime.fromtimestamp(moment.seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _day(moment: datetime, language: Language) -> str:
    return f"{Catalogue(language).text(_WEEKDAYS[moment.weekday()])}, {figures.day(moment, language)}"


def _clock(time: str, language: Language) -> str:
    return f"{time} Uhr" if language == "de" else time


def _span(first: str, last: str, language: Language) -> str:
    return f"{first} {Catalogue(language).text('until')} {last}" if last else first
