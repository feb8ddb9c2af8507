"""An invitation to a meeting (iTIP, RFC 5546; in mail RFC 6047): what, when, where, who, what is asked.

Read with the library `icalendar` from lines that `calendar_lines` picked; series are described, never
expanded. Never raises: what cannot be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from eilbote.mail.calendar_lines import CalendarLines, calendar_lines
from eilbote.mail.calendar_zone import CalendarZone
from eilbote.mail.envelope import Address
from eilbote.mail.message import Message
from eilbote.mail.part import Part
from eilbote.mail.words import clean

Answer = Literal["accepted", "tentative", "declined"]
ANSWERS: tuple[Answer, ...] = ("accepted", "tentative", "declined")

_ANSWERED = ("accepted", "tentative", "declined", "delegated")
_TYPES = frozenset(("text/calendar", "application/ics", "application/x-ical"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 2000
_BY_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


class Moment(Struct, frozen=True):
    """Seconds since 1970. A whole `day` begins at midnight, a `floating` time shows the same on every
    clock: both stand as if the clock were that of UTC."""

    seconds: float
    day: bool = False
    floating: bool = False


class Attendee(Struct, frozen=True):
    """`answer`: one of `Answer`, `delegated`, or empty while there is none."""

    who: Address
    answer: str = ""
    optional: bool = False


class Repeats(Struct, frozen=True):
    """A series that can be said in words: every `interval` days, weeks, months or years (`every`), on
    weekdays (with their place in the month, -1 the last, 0 for each), on a day of the month. `every` is
    empty for any other."""

    every: str = ""
    interval: int = 1
    weekdays: tuple[tuple[int, str], ...] = ()
    month_day: int = 0
    count: int = 0
    until: Moment | None = None


class Invitation(Struct, frozen=True):
    """`method`: what is asked or told (RFC 5546 section 1.4). `sequence`: above 0 for a change. `occasion`:
    the one of a series that is meant. `others`: events beside it; `more`: attendees left out."""

    method: str
    uid: str
    sequence: int
    title: str
    start: Moment | None
    end: Moment | None
    where: str = ""
    text: str = ""
    organizer: Address | None = None
    attendees: tuple[Attendee, ...] = ()
    repeats: Repeats | None = None
    occasion: Moment | None = None
    cancelled: bool = False
    others: int = 0
    more: int = 0

    @property
    def event(self) -> str:
        """The same for every mail about it."""
        return self.uid if self.occasion is None else f"{self.uid}\n{self.occasion.seconds:.0f}"


def calendar_part(message: Message) -> Part | None:
    """The part with the calendar: the one for programs before an attached file."""
    found = [one for one in message.parts if one.content_type in _TYPES and not one.children]
    return next((one for one in found if one.parameter("method")), found[0] if found else None)


def invitation_in(message: Message) -> Invitation | None:
    """None where the mail brings none that can be read."""
    part = calendar_part(message)
    return read_invitation(part.text(1024 * 1024)) if part is not None else None


def read_invitation(text: str) -> Invitation | None:
    """One calendar. None without an event that has a name of its own (UID)."""
    lines = calendar_lines(text)
    event = _parsed(lines) if lines is not None else None
    if lines is None or event is None:
        return None
    uid = _text(event, "UID")
    if not uid:
        return None
    start = _moment(event.get("DTSTART"), lines.zones)
    return Invitation(
        method=lines.method or "PUBLISH",
        uid=uid,
        sequence=_whole(event.get("SEQUENCE")),
        title=_line(event, "SUMMARY"),
        start=start,
        end=_end(event, start, lines.zones),
        where=_line(event, "LOCATION"),
        text=_text(event, "DESCRIPTION"),
        organizer=_person(event.get("ORGANIZER")),
        attendees=tuple(_attendees(event)),
        repeats=_repeats(event.get("RRULE"), lines.zones),
        occasion=_moment(event.get("RECURRENCE-ID"), lines.zones),
        cancelled=lines.method == "CANCEL" or _line(event, "STATUS").upper() == "CANCELLED",
        others=lines.events - 1,
        more=lines.more,
    )


def _parsed(lines: CalendarLines) -> Any:
    from icalendar import Event  # noqa: PLC0415  # heavy, and few mails are invitations

    try:
        event = Event.from_ical("\r\n".join(("BEGIN:VEVENT", *lines.event, "END:VEVENT", "")))
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, OSError):
        return None  # OSError: a zone is looked for as a file of that name
    for name, _ in event.errors:
        if name:
            event.pop(name, None)
    return event


def _text(event: Any, name: str) -> str:
    value = event.get(name)
    text = str(value)[:_LONGEST] if isinstance(value, str) else ""
    return "\n".join(clean(line) for line in text.replace("\r", "").split("\n")).strip()


def _line(event: Any, name: str) -> str:
    return " ".join(_text(event, name).split())[:300]


def _whole(value: object) -> int:
    return min(max(int(value), 0), 2**31) if isinstance(value, int) else 0


def _moment(value: Any, zones: Mapping[str, CalendarZone]) -> Moment | None:
    given = getattr(value, "dt", value)
    try:
        if isinstance(given, datetime):
            if given.tzinfo is not None:
                return Moment((given - _EPOCH).total_seconds())
            as_utc = (given.replace(tzinfo=UTC) - _EPOCH).total_seconds()
            zone = zones.get(str(getattr(value, "params", {}).get("TZID", "")))
            if zone is None:
                return Moment(as_utc, floating=True)
            return Moment(as_utc - 60 * zone.minutes_at(given))
        if isinstance(given, date):
            midnight = datetime(given.year, given.month, given.day, tzinfo=UTC)
            return Moment((midnight - _EPOCH).total_seconds(), day=True)
    except (OverflowError, ValueError):
        return None
    return None


def _end(event: Any, start: Moment | None, zones: Mapping[str, CalendarZone]) -> Moment | None:
    end = _moment(event.get("DTEND"), zones)
    if end is None and start is not None:
        length = getattr(event.get("DURATION"), "dt", None)
        if isinstance(length, timedelta) and timedelta() <= length < timedelta(days=3660):
            end = Moment(start.seconds + length.total_seconds(), start.day, start.floating)
    # An end of another kind, or before the beginning, is none.
    if end is None or start is None or end.day != start.day or end.seconds < start.seconds:
        return None
    return end


def _person(value: object) -> Address | None:
    if not isinstance(value, str):
        return None
    address = str(value).strip()
    spec = address[7:] if address[:7].lower() == "mailto:" else ""
    name = clean(str(getattr(value, "params", {}).get("CN", "")))[:200]
    if not (spec or name):
        return None
    return Address("" if name == spec else name, clean(spec)[:320])


def _attendees(event: Any) -> list[Attendee]:
    given = event.get("ATTENDEE")
    found = []
    for one in given if isinstance(given, list) else [given]:
        who = _person(one)
        if who is not None:
            params = one.params
            answer = str(params.get("PARTSTAT", "")).lower()
            optional = str(params.get("ROLE", "")).upper() in ("OPT-PARTICIPANT", "NON-PARTICIPANT")
            found.append(Attendee(who, answer if answer in _ANSWERED else "", optional))
    return found


def _repeats(value: Any, zones: Mapping[str, CalendarZone]) -> Repeats | None:
    if not isinstance(value, dict):
        return None if value is None else Repeats()
    rule = {str(name).upper(): list(given) for name, given in value.items()}
    every = str(rule.pop("FREQ", [""])[0]).upper()
    rule.pop("WKST", None)
    interval = _whole(rule.pop("INTERVAL", [1])[0])
    count = _whole(rule.pop("COUNT", [0])[0])
    until = rule.pop("UNTIL", [None])[0]
    days = [_BY_DAY.fullmatch(str(one).upper()) for one in rule.pop("BYDAY", [])]
    month_days = rule.pop("BYMONTHDAY", [])
    months = rule.pop("BYMONTH", [])
    placed = any(one and one[1] for one in days)
    simple = (
        every in _FREQUENCIES
        and 1 <= interval <= 999
        and all(days)
        and len(days) <= 7
        and len(month_days) <= 1
        and not rule
        and (not months or (every == "YEARLY" and len(months) == 1 and not days))
        and (not month_days or (every in ("MONTHLY", "YEARLY") and 1 <= _whole(month_days[0]) <= 31))
        and (every != "YEARLY" or not days)
        and not (every in ("DAILY", "WEEKLY") and placed)
        and not (
            every == "MONTHLY" and days and (len(days) > 1 or month_days or not (days[0] and days[0][1]))
        )
    )
    ends = _moment(until, zones) if until is not None else None
    if not simple:
        return Repeats(count=count, until=ends)
    weekdays = tuple((int(one[1] or 0), one[2]) for one in days if one)
    return Repeats(every.lower(), interval, weekdays, _whole(month_days[0]) if month_days else 0, count, ends)
