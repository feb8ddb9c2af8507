"""Eilbote's own transcripts (`--trace`, `outbox show --transcript`): `TIME PEER < 550 5.1.1 …`.

A line that tells of no failure is None.
"""

from __future__ import annotations

import re

from eilbote.diagnosis.logs.values import Event, Program

_BARE = (b"< 2", b"< 3", b"< 4", b"< 5", b"< * ", b"< -ERR", b"< +OK")
"""Lines of `outbox show`, whose time and peer stand above them."""

WORDS = (b" < ", b" - ", b" > ", *_BARE)
FAILURES = (b" < ", b" - ", *_BARE)
_LINE = re.compile(
    r"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (\S+) )?([<>-]) (.*)", re.DOTALL
)
_REFUSED = re.compile(r"(?:[45]\d\d[ -]|-ERR|\S+ (?:NO|BAD)\b|\* BYE\b)")
_NOTED = re.compile(r".*(?:fail|refus|timed? ?out|lost|error|reset|certificate|unreachable)", re.IGNORECASE)
_ENHANCED = re.compile(r"^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b")


def read(line: str) -> Event | None:
    """The failure that a line tells of."""
    found = _LINE.match(line)
    if found is None:
        return None
    time, peer, direction, text = found[1] or "", found[2] or "", found[3], found[4]
    host = peer.rpartition(":")[0] or peer
    if direction == "<" and _REFUSED.match(text):
        if re.match(r"\* BYE .*(?:logging out|LOGOUT|Logged out)", text, re.IGNORECASE):
            return None
        status = _ENHANCED.match(text)
        protocol = "smtp" if text[:1].isdigit() else "pop3" if text.startswith("-ERR") else "imap"
        told = re.sub(r"^\S+ (?=NO|BAD)", "", text) if protocol == "imap" else text
        return Event(Program.EILBOTE, told, time, status[1] if status else "", host, protocol=protocol)
    if direction == "-" and _NOTED.match(text):
        return Event(Program.EILBOTE, text, time, "", host, own=True)
    return None
