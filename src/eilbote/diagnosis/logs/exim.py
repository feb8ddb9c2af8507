"""Exim: `2026-11-27 13:35:17 1tGxyz-0001-AB == a@b R=… T=… defer (-53): …`, `** … : …`, `rejected …`.

Formats as in the Exim specification, chapter 53 (log files), and as Exim 4.96 writes them; a line that tells
of no failure is None. A host that was tried in vain has a line of its own before the line of the outcome
(`H=mx.example [192.0.2.1] Connection refused`): only the outcome counts.
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
    b" Completed",
    b" queue run: pid=",
    b"authenticator failed",
    b"no host name found",
    b" TLS error on connection ",
    b" SMTP c",  # command timeout, call from, connection from
    b" SMTP data timeout",
    b" SMTP protocol ",
    b" Connection from ",
    b" unexpected disconnection while reading ",
    b" Message is frozen",
    b" Frozen (",
    b" Unfrozen by ",
)
FAILURES = (
    b" ** ",
    b" == ",
    b"rejected",
    b"authenticator failed",
    b"TLS error",
    b"SMTP error",
    b" timeout ",
    b"SMTP protocol",
    b"retry timeout exceeded",
    b"refused",
    b" lost",
    b" dropped",
    b"unexpected disconnection",
    b"panic",
    b"failed",
    b"rozen",
)
_ID = re.compile(r"(?:\[\d+\] )?(?:\w{6}-\w{6,11}-\w{2,4} )?")
_SYSLOG = re.compile(r"\S+ exim(?:4)?(?:\[\d+\])?: (.*)", re.DOTALL)
_FIELDS = (
    r"(?: (?:F|P|S|R|T|H|X|CV|A|DN|K|C|QT|DT|L|M8S|PRX|I)=(?:\"[^\"]*\"|\S+)(?: \[[^\]]*\](?::\d+)?\*?)?)*"
)
_ADDRESS = re.compile(
    rf"(?:\*\*|==) (\S+)(?: <[^>]*>)?(?: \([^)]*\))?{_FIELDS}(?: routing)?(?: defer \(-?\d+\))?"
    rf"{_FIELDS}:? ?(.*)",
    re.DOTALL,
)
_HOST = re.compile(r" H=(\S+)")
_HOST_WITHIN = re.compile(r" H=\S+ \[[^\]]*\](?::\d+)?:")
_REMOTE = re.compile(
    r"(?:SMTP error from remote (?:mail )?server|host \S+ \[[^\]]*\]).*?: (?:host (\S+) \[[^\]]*\]: )?"
    r"(\d{3}.*)",
    re.DOTALL,
)
_REJECTED = re.compile(r"(?:.* )?(rejected (?:[A-Z]{4,8}|connection|after DATA|during \w+)\b.*)", re.DOTALL)
_FROZEN = re.compile(r"Message is frozen|Frozen \(|.*\((?:message )?frozen\)")
_BROKEN = re.compile(
    r"TLS error|SMTP (?:error|protocol)|SMTP \w+ timeout|retry timeout exceeded|unexpected disconnection"
    r"|Connection from .* refused|SMTP (?:connection|call) from .* (?:lost|dropped)"
    r"|lost (?:input )?connection|.*\b(?:panic|failed)"
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
    if address := _ADDRESS.match(rest):
        return _of_outcome(time, rest, address[1], address[2])
    if rejected := _REJECTED.match(rest):
        text = rejected[1]
        return _event(time, text.partition(": ")[2] or text, "")
    if "authenticator failed" in rest:
        return _event(time, "authenticator failed " + rest.rpartition("]: ")[2], "", own=True)
    if rest.startswith(("Completed", "<=", "=>", "->", "H=", "Unfrozen")):
        return None
    if _FROZEN.match(rest):
        return _event(time, "frozen: " + rest, "", own=True)
    if _BROKEN.match(rest):
        return _event(time, rest, "", own=True)
    return None


def _of_outcome(time: str, rest: str, address: str, text: str) -> Event:
    """A delivery that failed or waits. The host is the one that was tried, else the recipient's domain."""
    host = _HOST.search(rest)
    name = host[1] if host is not None else address.rpartition("@")[2].rstrip(":")
    if remote := _REMOTE.match(text):
        return _event(time, remote[2], remote[1] or name)
    return _event(time, _HOST_WITHIN.sub(":", text) or rest, name, own=True)


def _event(time: str, text: str, host: str, *, own: bool = False) -> Event:
    found = _ENHANCED.search(text[:200])
    return Event(Program.EXIM, text, time, found[1] if found else "", host, own)
