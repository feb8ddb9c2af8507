"""The lines of a calendar (RFC 5545) that an invitation is read from, picked before any parser sees them: one
event's known properties, bounded in size and number, and the time zones beside it.

Linear, never raises.
"""

from __future__ import annotations

import re

from msgspec import Struct

from eilbote.mail.calendar_zone import CalendarZone, read_zone

MAX_CALENDAR = 512 * 1024
"""Characters of a calendar that are looked at."""

MAX_ATTENDEES = 200
MAX_EVENTS = 1000
MAX_ZONES = 20

_LONGEST_LINE = 8000
_FOLD = re.compile(r"\n[ \t]")
_NAME = re.compile(r"([A-Za-z-]{1,40})[;:]")
_ONCE = frozenset(
    ("UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "SUMMARY", "DESCRIPTION", "LOCATION",
     "RRULE", "RECURRENCE-ID", "ORGANIZER", "STATUS", "URL")
)  # fmt: skip


class CalendarLines(Struct, frozen=True):
    """`event`: the unfolded lines of the event that is meant; `events`: how many there are in all; `more`:
    attendees left out."""

    method: str
    event: tuple[str, ...]
    events: int
    zones: dict[str, CalendarZone]
    more: int = 0


class _Event:
    __slots__ = ("attendees", "lines", "names")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: set[str] = set()
        self.attendees = 0

    def take(self, line: str) -> None:
        named = _NAME.match(line)
        name = named[1].upper() if named else ""
        if name == "ATTENDEE":
            self.attendees += 1
            if self.attendees <= MAX_ATTENDEES and len(line) <= _LONGEST_LINE:
                self.lines.append(line)
        elif name in _ONCE and name not in self.names:
            self.names.add(name)
            self.lines.append(line[:_LONGEST_LINE])


def calendar_lines(text: str) -> CalendarLines | None:
    """None where there is no event. Of several, the one that is no exception of a series."""
    text = text[:MAX_CALENDAR].replace("\r\n", "\n").replace("\r", "\n")
    method = ""
    inside: list[str] = []
    events: list[_Event] = []
    chosen: _Event | None = None
    seasons: list[dict[str, str]] = []
    zone = ""
    zones: dict[str, CalendarZone] = {}
    for line in _FOLD.sub("", text).split("\n"):
        start = line[:40].upper()
        if start.startswith("BEGIN:"):
            inside.append(line[6:].strip().upper()[:40])
            if len(inside) > 10:
                break
            if inside[1:] == ["VEVENT"]:
                events.append(_Event())
                if len(events) > MAX_EVENTS:
                    break
            elif inside[1:] == ["VTIMEZONE"]:
                seasons, zone = [], ""
            elif inside[1:2] == ["VTIMEZONE"]:
                seasons.append({})
            continue
        if start.startswith("END:"):
            if inside and inside.pop() == "VTIMEZONE" and zone and len(zones) < MAX_ZONES:
                found = read_zone(seasons[-10:])
                if found is not None:
                    zones[zone] = found
            continue
        match inside[1:]:
            case []:
                if start.startswith("METHOD:"):
                    method = line[7:].strip().upper()[:20]
            case ["VEVENT"]:
                events[-1].take(line)
            case ["VTIMEZONE"] if start.startswith("TZID"):
                zone = line.partition(":")[2].strip()[:200]
            case ["VTIMEZONE", _] if seasons:
                name, _, value = line[:500].partition(":")
                seasons[-1][name.partition(";")[0].upper()] = value
    if events:
        chosen = next((one for one in events if "RECURRENCE-ID" not in one.names), events[0])
    if chosen is None:
        return None
    more = max(0, chosen.attendees - MAX_ATTENDEES)
    return CalendarLines(method, tuple(chosen.lines), len(events), zones, more)
