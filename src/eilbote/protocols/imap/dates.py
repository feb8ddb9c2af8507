"""INTERNALDATE and SEARCH dates, read and written by hand (RFC 9051 section 9, `date-time`).

English month names whatever the locale. Never the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH_NUMBER = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
_DAY = re.compile(rb"[ 0]?(\d{1,2})-([A-Za-z]{3})-(\d{4}) ")
_ZONE = re.compile(rb" ([+-])(\d\d)(\d\d)")
_EPOCH = date(1970, 1, 1).toordinal()
_REMEMBERED = 4096


class DateReader:
    """Reads INTERNALDATEs; remembers each day and zone, since mailboxes repeat them."""

    def __init__(self) -> None:
        self._days: dict[bytes, int] = {}
        self._zones: dict[bytes, int] = {}

    def seconds(self, text: bytes) -> float:
        """`17-Jul-1996 02:44:25 -0700` as seconds since 1970 UTC. ValueError where it is none."""
        day = text[:12]
        midnight = self._days.get(day)
        if midnight is None:
            midnight = self._remember(self._days, day, _midnight(day))
        zone = text[20:]
        offset = self._zones.get(zone)
        if offset is None:
            offset = self._remember(self._zones, zone, _offset(zone))
        if len(text) != 26 or text[14] != 58 or text[17] != 58:
            raise ValueError("not an INTERNALDATE")
        return float(midnight + int(text[12:14]) * 3600 + int(text[15:17]) * 60 + int(text[18:20]) - offset)

    def _remember(self, known: dict[bytes, int], text: bytes, value: int) -> int:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[text] = value
        return value


def _midnight(text: bytes) -> int:
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError("not an INTERNALDATE")
    month = _MONTH_NUMBER.get(found[2].lower())
    if month is None:
        raise ValueError("not a month")
    return (date(int(found[3]), month, int(found[1])).toordinal() - _EPOCH) * 86400


def _offset(text: bytes) -> int:
    found = _ZONE.fullmatch(text)
    if found is None:
        raise ValueError("not a zone")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60
    return -seconds if found[1] == b"-" else seconds


def internal_date(seconds: float) -> bytes:
    """For APPEND, in UTC: `17-Jul-1996 09:44:25 +0000`. Years outside 1 to 9999 raise ValueError."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    except OverflowError:
        raise ValueError("no such date") from None
    return _day(moment.date()) + moment.strftime(" %H:%M:%S +0000").encode("ascii")


def _day(day: date) -> bytes:
    """`17-Jul-1996`, in English whatever the locale."""
    return b"%02d-%s-%04d" % (day.day, _MONTHS[day.month - 1], day.year)
