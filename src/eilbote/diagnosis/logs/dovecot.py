"""Dovecot: `dovecot: imap-login: Disconnected: … (auth failed, 1 attempts in 2 secs): user=<…>, …`, errors.

Formats as in Dovecot 2.3 and 2.4; a line that tells of no failure is None.
"""

from __future__ import annotations

import re

from eilbote.diagnosis.logs.stamp import split_stamp
from eilbote.diagnosis.logs.values import Event, Program

WORDS = (
    b"dovecot",
    b"imap-login",
    b"pop3-login",
    b" auth: ",
    b" lmtp(",
    b" imap(",
    b"auth-worker",
    b"managesieve",
    b": Info: ",
    b": Error: ",
    b": Warning: ",
    b": Fatal: ",
)
FAILURES = (
    b"Error: ",
    b"Fatal: ",
    b"Panic: ",
    b"Warning: ",
    b"auth failed",
    b"no auth attempts",
    b"Aborted login",
    b"Login aborted",
    b"Disconnected",
    b"Connection closed",
    b"Maximum number of connections",
    b"assword mismatch",
    b"nknown user",
    b"unknown user",
    b"Login failed",
    b"authenticator failed",  # of Exim, whose authenticators are often called after Dovecot
)
_HEAD = re.compile(r"(?:\S+ )?dovecot(?:\[\d+\])?: (.*)", re.DOTALL)
_OWN_FILE = re.compile(r"((?:[\w-]+)(?:\([^)]*\))?(?:<[^>]*>)*: .*)", re.DOTALL)
_SERVICE = re.compile(r"([\w-]+)(?:\([^)]*\))?(?:<[^>]*>)*(?:\[[^\]]*\])?: (.*)", re.DOTALL)
_LEVEL = re.compile(r"(?:Info|Error|Fatal|Panic|Warning|Debug): ")
_TAIL = re.compile(
    r"(?:: |, )?(?:user=<[^>]*>|method=\S+|rip=\S+|lip=\S+|mpid=\d+|session=<[^>]*>|rport=\d+|lport=\d+)[, ]*"
)
_GOOD = re.compile(
    r"(?:Disconnected: )?(?:Logged out|Logged out in="
    r"|Connection closed(?: \((?:LOGOUT|IDLE|UID \w+|\w+ finished)|: *$| in=)"
    r"|Disconnected in=|Connection closed:? *(?:\(.*(?:finished|IDLE|LOGOUT).*)?$)"
)


def read(line: str) -> Event | None:
    """The failure that a line tells of."""
    time, rest = split_stamp(line)
    head = _HEAD.match(rest) or (_OWN_FILE.match(rest) if time else None)
    service = _SERVICE.match(head[1]) if head is not None else None
    if service is None:
        return None
    name, text = service[1], service[2]
    protocol = "pop3" if name.startswith("pop3") else "smtp" if name in ("lmtp", "submission") else "imap"
    level = _LEVEL.match(text)
    told = text[level.end() :] if level else text
    if level and level[0] in ("Debug: ",):
        return None
    if level and level[0] != "Info: ":
        return Event(Program.DOVECOT, _shortened(told), time, own=True, protocol=protocol)
    if "auth failed" in told or "assword mismatch" in told or re.search(r"[Uu]nknown user", told):
        return Event(Program.DOVECOT, _shortened(told), time, own=True, protocol=protocol)
    if _GOOD.match(told) or not re.search(
        r"Disconnected|Aborted|aborted|Maximum number|Login failed|closed", told
    ):
        return None
    return Event(Program.DOVECOT, _shortened(told), time, own=True, protocol=protocol)


def _shortened(text: str) -> str:
    return _TAIL.sub("", text).rstrip(" ,:")
