"""Postfix: `postfix/smtp[123]: QUEUEID: to=<…>, relay=…, dsn=…, status=deferred (…)`, rejections, warnings.

Formats as in Postfix 3.7 (src/*/: `msg_info`, `msg_warn`); a line that tells of no failure is None.
"""

from __future__ import annotations

import re

from eilbote.diagnosis.logs.stamp import split_stamp
from eilbote.diagnosis.logs.values import Event, Program

WORDS = (b"postfix", b"/smtpd[", b"/smtp[", b"/qmgr[", b"/cleanup[", b"postscreen")
FAILURES = (
    b"status=deferred",
    b"status=bounced",
    b"status=undeliverable",
    b"status=expired",
    b"status=force-expired",
    b"reject",
    b"warning: ",
    b"error",
    b"fatal: ",
    b"panic: ",
    b"lost connection",
    b"timeout after",
    b"refused to talk",
    b"verification failed",
    b"Untrusted TLS",
    b"connect to ",
    b"COMMAND ",
    b"improper command",
)
_HEAD = re.compile(r"(?:\S+ )?(?:[\w.-]+/)?([\w.-]+/)?(\w[\w.-]*)\[\d+\]: (.*)", re.DOTALL)
_ID = re.compile(r"(?:[0-9A-F]{5,20}|[0-9A-Za-z]{12,20}|NOQUEUE): ")
_STATUS = re.compile(
    r"(?:relay=(?P<relay>[^,\[ ]+)[^,]*, )?.*?(?:dsn=(?P<dsn>\d\.\d+\.\d+), )?"
    r"status=(?P<status>deferred|bounced|undeliverable|expired|force-expired),? ?\(?(?P<text>.*?)\)?$",
    re.DOTALL,
)
_REJECT = re.compile(
    r"(?:milter-|discard: |hold: )?(?:reject(?:_warning)?|reject-\w+): (?:\S+ from )?(?P<client>\S+?): "
    r"(?P<text>.*?)(?:; from=.*)?$",
    re.DOTALL,
)
_SAID = re.compile(
    r"^(?:host|lost connection with) (?P<host>\S+?)(?:\[[^\]]*\])? (?:said|refused to talk to me): "
    r"(?P<text>.*)$",
    re.DOTALL,
)
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_SMTP_STAGE = re.compile(r" \(in reply to [^)]*\)$")
_NOTHING = (
    "statistics:",
    "connect from",
    "disconnect from",
    "enabling PIX",
    "message-id=",
    "hostname ",
)


def read(line: str) -> Event | None:
    """The failure that a line tells of."""
    time, rest = split_stamp(line)
    head = _HEAD.match(rest)
    if head is None:
        return None
    text = head[3]
    text = text[found.end() :] if (found := _ID.match(text)) else text
    if "status=" in text and (status := _STATUS.search(text)):
        return _of_status(time, status)
    if rejected := _REJECT.match(text):
        return _event(time, rejected["text"], host="")
    return _of_warning(time, text)


def _of_status(time: str, found: re.Match[str]) -> Event:
    text = _SMTP_STAGE.sub("", found["text"].strip())
    host = found["relay"] or ""
    if said := _SAID.match(text):
        host, text = said["host"], _SMTP_STAGE.sub("", said["text"].rstrip(")"))
        return _event(time, text, found["dsn"] or "", host)
    if found["status"] in ("expired", "force-expired"):
        return _event(time, "message expired in the queue, returned to sender", own=True)
    if host == "none":
        tried = re.match(r"connect to ([\w.-]+)\[", text)
        host = tried[1] if tried is not None else ""
    return _event(time, text, found["dsn"] or "", host, own=True)


def _of_warning(time: str, text: str) -> Event | None:
    if text.startswith(_NOTHING):
        return None
    if said := _SAID.match(text):
        return _event(time, said["text"], host=said["host"])
    for lead in ("warning: ", "error: ", "fatal: ", "panic: "):
        if text.startswith(lead):
            told = text.removeprefix(lead)
            if told.startswith("hostname ") and "does not resolve" in told:
                return None  # of somebody else's address, and no failure
            return _event(time, told if lead == "warning: " else text, own=True)
    if re.match(
        r"(lost connection|timeout) after|SSL_(accept|connect) error|connect to \S+: |COMMAND "
        r"|improper command|.*certificate verification failed|Untrusted TLS|TLS library problem"
        r"|Cannot start TLS",
        text,
    ):
        return _event(time, text, own=True)
    return None


def _event(time: str, text: str, status: str = "", host: str = "", *, own: bool = False) -> Event:
    found = _ENHANCED.search(text[:200])
    return Event(Program.POSTFIX, text, time, status or (found[1] if found else ""), host, own)
