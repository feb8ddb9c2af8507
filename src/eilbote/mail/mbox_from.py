"""The line that begins every mail of an mbox file: `From SENDER DATE`, the date as asctime wrote it.

RFC 4155 asks for the sender's address and the date in UTC. Programs write much else; what has no day,
time and year is text of a mail that somebody forgot to quote.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from eilbote.mail.date import read_date


class From(Struct, frozen=True):
    """Who sent the mail (its envelope's sender), and when it was put into the file (seconds since
    1970, None where the line does not say)."""

    sender: str
    date: float | None


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOBODY = "MAILER-DAEMON"
_LONGEST_SENDER = 320
_UNWRITABLE = re.compile(r"[^\x21-\x7e]+")
# `From anna@example.org Mon Nov 23 19:53:40 2026`, with a zone before or after the year (Gmail's
# export), and the order of RFC 5322, which some programs write. The year is last, but for a zone and
# the `remote from` of old.
_DATED = re.compile(
    rb"From (?P<sender>.{0,400}?) ?(?P<date>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?[ \t]+"
    rb"(?:[A-Z][a-z]{2}[ \t]+\d{1,2}|\d{1,2}[ \t-][A-Z][a-z]{2}[ \t-]\d{4})[ \t]+"
    rb"\d{1,2}:\d{2}(?::\d{2})?(?:[ \t]+[+-]\d{4}|[ \t]+[A-Z]{1,5}){0,2}(?:[ \t]+\d{4})?"
    rb"(?:[ \t]+[+-]\d{4}|[ \t]+[A-Z]{1,5})?)(?:[ \t]+remote from [\x21-\x7e]{1,200})?\s*",
)
_YEAR = re.compile(rb"\b\d{4}\b")


def write_from(line: From) -> bytes:
    """The line without its end. What cannot stand in it is left out; a date that no calendar has
    becomes 1970."""
    sender = _UNWRITABLE.sub("", line.sender)[:_LONGEST_SENDER] or _NOBODY
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(line.date or 0.0))
    except (OverflowError, ValueError):
        moment = datetime(1970, 1, 1, tzinfo=UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"From {sender} {day} {month} {moment.day:2} {clock} {moment.year:04}".encode("ascii")


def is_from_line(line: bytes, *, after_blank: bool) -> bool:
    """Whether the line begins a mail. After a blank line it may also be the bare `From ` or
    `From - ` of programs that write no more."""
    if not line.startswith(b"From "):
        return False
    dated = _DATED.fullmatch(line)
    if dated is not None:
        return _YEAR.search(dated["date"]) is not None
    return after_blank and line[5:].strip() in (b"", b"-")


def read_from(line: bytes) -> From:
    """What such a line says."""
    dated = _DATED.fullmatch(line)
    if dated is None:
        return From("", None)
    sender = dated["sender"].strip().decode("utf-8", "replace")
    return From("" if sender == "-" else sender, read_date(dated["date"].decode("ascii")))
