"""The beginning of a line in a log of syslog, journald or a file: time, host, program, and the rest."""

from __future__ import annotations

import re

_STAMPS = (
    # 2026-11-27T13:35:17.123456+01:00 host rest (RFC 5424's time, as rsyslog and journald write it)
    re.compile(
        r"(?:<\d{1,3}>)?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?) (.*)",
        re.DOTALL,
    ),
    # Nov 27 13:35:17 host rest (RFC 3164)
    re.compile(r"(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) (.*)", re.DOTALL),
)


def split_stamp(line: str) -> tuple[str, str]:
    """The time as the line has it, and all behind it; no time where there is none."""
    for pattern in _STAMPS:
        if found := pattern.match(line):
            return found[1], found[2]
    return "", line
