"""Failures of one cause and one text are one group, however often they come and whomever they are about.

Bounded: however large a log is, no more than `MOST_GROUPS` are kept; what comes after is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from eilbote.diagnosis.logs import dialogue, dovecot, exim, journal, postfix
from eilbote.diagnosis.logs.causes import Why, judge
from eilbote.diagnosis.logs.values import Event, Explained, Group, Program

MOST_GROUPS = 500
_Reader = tuple[Program, tuple[bytes, ...], tuple[bytes, ...], Callable[[str], Event | None]]
"""A program, words that its lines have, words that its failures have, and who reads one."""

_MOST_HOSTS = 200
_MOST_CAUSES = 5000
_LONGEST_TEXT = 300
_LONGEST_EXAMPLE = 400
_LONGEST_LINE = 8000

_READERS: tuple[_Reader, ...] = (
    (Program.POSTFIX, postfix.WORDS, postfix.FAILURES, postfix.read),
    (Program.DOVECOT, dovecot.WORDS, dovecot.FAILURES, dovecot.read),
    (Program.EXIM, exim.WORDS, exim.FAILURES, exim.read),
    (Program.EILBOTE, dialogue.WORDS, dialogue.FAILURES, dialogue.read),
)
_ADDRESS = re.compile(r"[\w.+#%&'*/^`{|}~!-]{1,64}@(?:[\w-]{1,63}\.)*[\w-]{1,63}")
_USER = re.compile(r"\b(user=<?|sasl_username=|login=|set_id=)([^>,;\s)]+)", re.IGNORECASE)
_IN_BRACKETS = re.compile(
    r"\b(imap|pop3|lmtp|auth|sieve|managesieve|submission|pam|passwd-file|passwd|sql|ldap|auth-worker)\(([^),]+)"
)
_VARYING = re.compile(
    r"<[^>]*>|\[[^\]]*\]|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|https?://\S+"
    r"|\b(?=[\w.-]*\d)[\w-]+(?:\.[\w-]+){2,}\b|\"[^\"]*\"|\b(?=\w*\d)\w{8,}\b|\b\d+\b",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")


class _Found:
    """A group as it grows."""

    __slots__ = ("count", "event", "example", "first", "hosts", "last", "text", "why")

    def __init__(self, event: Event, why: Why, text: str, example: str) -> None:
        self.event, self.why, self.text, self.example = event, why, text, example
        self.count, self.first, self.last = 0, event.time, event.time
        self.hosts: set[str] = set()

    def add(self, event: Event) -> None:
        self.count += 1
        if event.time:
            self.last = event.time
            self.first = self.first or event.time
        if event.host and len(self.hosts) < _MOST_HOSTS:
            self.hosts.add(event.host.lower())


class Grouping:
    """Takes one line after the other; `explained` says what they came to."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Program, str, str], _Found] = {}
        self._causes: dict[tuple[str, str, bool, str], Why] = {}
        self._lines = self._failures = self._other = self._unknown = self._ungrouped = 0
        self._seen: dict[Program, int] = {}
        self._latest = 0

    def add(self, line: bytes) -> None:
        """One line, without its end; of a longer one than is read only the beginning counts."""
        self._lines += 1
        if line.startswith(journal.MARKS):
            line = journal.as_line(line) or b""
        latest = _READERS[self._latest]
        if not _has(line, latest[1]):
            for at, reader in enumerate(_READERS):
                if _has(line, reader[1]):
                    self._latest, latest = at, reader
                    break
            else:
                self._unknown += 1
                return
        if not _has(line, latest[2]):
            self._other += 1
            self._seen[latest[0]] = self._seen.get(latest[0], 0) + 1
            return
        self._read(line[:_LONGEST_LINE].decode("utf-8", "replace"), line)

    def _read(self, text: str, line: bytes) -> None:
        readers = [one for one in _READERS if _has(line, one[1])]
        for program, _, _, read in readers:
            event = read(text)
            if event is not None:
                self._seen[program] = self._seen.get(program, 0) + 1
                self._note(event, text)
                return
        self._other += 1
        self._seen[readers[0][0]] = self._seen.get(readers[0][0], 0) + 1

    def _note(self, event: Event, line: str) -> None:
        self._failures += 1
        text = normalised(event.text)
        key = (event.program, event.status, text)
        found = self._groups.get(key)
        if found is None:
            if len(self._groups) >= MOST_GROUPS:
                self._ungrouped += 1
                return
            found = self._groups[key] = _Found(event, self._why(event, text), text, shortened(line))
        found.add(event)

    def _why(self, event: Event, text: str) -> Why:
        key = (text, event.status, event.own, event.protocol)
        why = self._causes.get(key)
        if why is None:
            why = judge(event)
            if len(self._causes) < _MOST_CAUSES:
                self._causes[key] = why
        return why

    def explained(self, problem: str = "") -> Explained:
        """The groups, the most frequent first; `problem`: why the log could not be read to its end."""
        groups = sorted(self._groups.values(), key=lambda one: (-one.count, one.text))
        return Explained(
            self._lines,
            self._failures,
            self._other,
            self._unknown,
            self._ungrouped,
            tuple(sorted(self._seen, key=lambda one: -self._seen[one])),
            tuple(_group(one) for one in groups),
            problem,
        )


def _has(line: bytes, words: tuple[bytes, ...]) -> bool:
    for word in words:  # noqa: SIM110  # `any` costs twice as much, for each line of a log
        if word in line:
            return True
    return False


def normalised(text: str) -> str:
    """The text without what differs from mail to mail: addresses, numbers, names, links."""
    text = _ADDRESS.sub("…", " ".join(text[:1000].split()))
    kept = _STATUS.findall(text)
    text = _VARYING.sub("…", _STATUS.sub("\0", text))
    for status in kept:
        text = text.replace("\0", status, 1)
    return text[:_LONGEST_TEXT]


def shortened(line: str) -> str:
    """A line that may be shown: of an address only its first letter and its domain."""
    line = " ".join(line[:2000].split())
    line = _ADDRESS.sub(lambda found: _hidden(found[0]), line)
    line = _USER.sub(lambda found: found[1] + _hidden(found[2]), line)
    line = _IN_BRACKETS.sub(lambda found: f"{found[1]}({_hidden(found[2])}", line)
    return line[:_LONGEST_EXAMPLE]


def _hidden(address: str) -> str:
    if address.startswith("…") or "…" in address:
        return address
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else f"{address[:1]}…"


def _group(one: _Found) -> Group:
    event = one.event
    return Group(
        event.program,
        one.why.cause,
        one.why.code,
        one.text,
        event.status,
        event.host,
        one.count,
        one.first,
        one.last,
        one.example,
        len(one.hosts),
    )
