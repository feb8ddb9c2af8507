"""Exim: `2026-11-27 13:35:17 1tGxyz-0001-AB == a@b R=… T=… defer (-53): …`, `** … : …`, `rejected …`.

Formats as in the Exim specification, chapter 53 (log files); a line that tells of no failure is None.
"""

from __future__ import annotations

import re

from eilbote.diagnosis.logs.stamp import split_stamp
from eilbote.diagnosis.logs.values import Event, Program

WORDS = (
    b"exim",
    b" ** ",
    b" == ",
    b" rejected ",
    b" H=",
    b" R=",
    b"authenticator failed",
    b"no host name found",
)
FAILURES = (
    b" ** ",
    b" == ",
    b"rejected",
    b"authenticator failed",
    b"TLS error",
    b"SMTP error",
    b"SMTP timeout",
    b"SMTP protocol",
    b"retry timeout exceeded",
    b"refused",
    b"lost",
    b"unexpected disconnection",
    b"Connection timed out",
    b"panic",
    b"failed",
)
_ID = re.compile(r"(?:\[\d+\] )?(?:\w{6}-\w{6,11}-\w{2,4} )?")
_SYSLOG = re.compile(r"\S+ exim(?:4)?(?:\[\d+\])?: (.*)", re.DOTALL)
_ADDRESS = re.compile(
    r"(\*\*|==) \S+(?: <[^>]*>)?(?: \([^)]*\))?(?: (?:F|P|S|R|T|H|X|CV|A|DN|K|C|QT|DT)=(?:\"[^\"]*\"|\S+)"
    r"(?: \[[^\]]*\](?::\d+)?)?)*(?: defer \((-?\d+)\))?(?: DT=\S+)?:? ?(.*)",
    re.DOTALL,
)
_HOST = re.compile(r" H=(\S+)")
_REMOTE = re.compile(
    r"(?:SMTP error from remote (?:mail )?server|host \S+ \[[^\]]*\])[^:]*: (?:host (\S+) \[[^\]]*\]: )?(.*)",
    re.DOTALL,
)
_REJECTED = re.compile(
    r"(?:.* )?(rejected (?:RCPT|EHLO|HELO|MAIL|connection|after DATA|VRFY)\b.*)", re.DOTALL
)
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


def read(line: str) -> Event | None:
    """The failure that a line tells of."""
    time, rest = split_stamp(line)
    if not time:
        return None
    if syslog := _SYSLOG.match(rest):
        inner, rest = split_stamp(syslog[1])
        time = inner or time
    rest = rest[found.end() :] if (found := _ID.match(rest)) else rest
    host = _HOST.search(" " + rest)
    name = host[1] if host is not None else ""
    if address := _ADDRESS.match(rest):
        text = address[3]
        if remote := _REMOTE.match(text):
            return _event(time, remote[2], remote[1] or name)
        return _event(time, text or rest, name, own=True)
    if rejected := _REJECTED.match(rest):
        text = rejected[1]
        return _event(time, text.partition(": ")[2] or text, "")
    if "authenticator failed" in rest:
        return _event(time, "authenticator failed " + rest.rpartition("]: ")[2], "", own=True)
    if re.search(
        r"TLS error|SMTP (?:error|timeout|protocol)|retry timeout exceeded|unexpected disconnection|refused|"
        r"lost|Connection timed out|panic|failed",
        rest,
    ) and not rest.startswith(("Completed", "<=", "=>", "->")):
        return _event(time, rest, name, own=True)
    return None


def _event(time: str, text: str, host: str, *, own: bool = False) -> Event:
    found = _ENHANCED.search(text[:200])
    return Event(Program.EXIM, text, time, found[1] if found else "", host, own)
