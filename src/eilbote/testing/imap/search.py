"""SEARCH: criteria read into a predicate over messages (RFC 9051 section 6.4.4).

It must never change a message, and knows sequence numbers only through the caller's view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

from msgspec import Struct

from eilbote.mail.mailbox import UidSet
from eilbote.testing.imap.mailstore import Mailbox, Message
from eilbote.testing.imap.structure import parse, text_of
from eilbote.testing.imap.wire import Arguments, Rejected, String, parse_date, sequence

_DAY = 86400
_MAX_DEPTH = 25

_FLAG_KEYS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
}
_HEADER_KEYS = {"BCC": "bcc", "CC": "cc", "FROM": "from", "SUBJECT": "subject", "TO": "to"}

Test = Callable[[Message], bool]


class Searched(Struct, frozen=True):
    """What criteria may speak of: the view's UIDs in order of their numbers, and the time."""

    mailbox: Mailbox
    numbered: list[int]
    now: float


class Criteria:
    """Reads search keys from arguments. `uses_modseq` tells whether MODSEQ was among them."""

    def __init__(self, scope: Searched) -> None:
        self._scope = scope
        self.uses_modseq = False

    def all_of(self, arguments: Arguments, depth: int = 0) -> Test:
        """Every key up to the end of the arguments, together."""
        if depth > _MAX_DEPTH:
            raise Rejected("BAD", "Nested too deeply")
        tests = [self._key(arguments, depth)]
        while arguments:
            tests.append(self._key(arguments, depth))
        return lambda message: all(test(message) for test in tests)

    def _key(self, arguments: Arguments, depth: int) -> Test:
        if depth > _MAX_DEPTH:
            raise Rejected("BAD", "Nested too deeply")
        word = arguments.token()
        if isinstance(word, list):
            return self.all_of(Arguments(word), depth + 1)
        if isinstance(word, String):
            raise Rejected("BAD", "Unknown search argument")
        name = word.upper()
        match name:
            case "ALL":
                return lambda message: True
            case "ANSWERED" | "DELETED" | "DRAFT" | "FLAGGED" | "SEEN":
                return _has_flag(_FLAG_KEYS[name])
            case "UNANSWERED" | "UNDELETED" | "UNDRAFT" | "UNFLAGGED" | "UNSEEN":
                return _not(_has_flag(_FLAG_KEYS[name.removeprefix("UN")]))
            case "NEW" | "RECENT":
                return lambda message: False
            case "OLD":
                return lambda message: True
            case "KEYWORD":
                return _has_keyword(arguments.atom())
            case "UNKEYWORD":
                return _not(_has_keyword(arguments.atom()))
            case "NOT":
                return _not(self._key(arguments, depth + 1))
            case "OR":
                first, second = self._key(arguments, depth + 1), self._key(arguments, depth + 1)
                return lambda message: first(message) or second(message)
            case "BCC" | "CC" | "FROM" | "SUBJECT" | "TO":
                return _header_contains(_HEADER_KEYS[name], arguments.text())
            case "HEADER":
                return _header_contains(arguments.text().lower(), arguments.text())
            case "BODY":
                return _text_contains(arguments.text(), headers=False)
            case "TEXT":
                return _text_contains(arguments.text(), headers=True)
            case "LARGER":
                return _size_over(arguments.number())
            case "SMALLER":
                least = arguments.number()
                return lambda message: len(message.raw) < least
            case "BEFORE" | "ON" | "SINCE" | "SENTBEFORE" | "SENTON" | "SENTSINCE":
                return _dated(name, parse_date(arguments.text()))
            case "OLDER" | "YOUNGER":
                return self._within(name, arguments.number())
            case "UID":
                return _uid_in(sequence(arguments.atom(), self._scope.mailbox.uidnext - 1))
            case "MODSEQ":
                return self._modseq(arguments)
            case "EMAILID":
                email_id = arguments.text()
                return lambda message: message.email_id == email_id
            case "THREADID":
                thread_id = arguments.text()
                return lambda message: message.thread_id == thread_id
            case _ if re.fullmatch(r"[\d*][\d:,*]*", word):
                return self._numbered(word)
            case _:
                raise Rejected("BAD", f"Unknown argument {name[:40]}")

    def _numbered(self, text: str) -> Test:
        numbers = sequence(text, len(self._scope.numbered)) & UidSet.range(1, len(self._scope.numbered))
        chosen = {self._scope.numbered[number - 1] for number in numbers}
        return lambda message: message.uid in chosen

    def _within(self, name: str, seconds: int) -> Test:
        """OLDER and YOUNGER (RFC 5032)."""
        edge = self._scope.now - seconds
        if name == "OLDER":
            return lambda message: message.internal_date <= edge
        return lambda message: message.internal_date >= edge

    def _modseq(self, arguments: Arguments) -> Test:
        """MODSEQ [entry-name entry-type] value (RFC 7162 section 3.1.5); all entries are one to us."""
        self.uses_modseq = True
        if isinstance(arguments.peek(), String):
            arguments.string()
            arguments.atom()
        least = arguments.number()
        return lambda message: message.modseq >= least


def _not(test: Test) -> Test:
    return lambda message: not test(message)


def _has_flag(flag: str) -> Test:
    return lambda message: flag in message.flags


def _has_keyword(keyword: str) -> Test:
    wanted = keyword.lower()
    return lambda message: any(flag.lower() == wanted for flag in message.flags)


def _size_over(size: int) -> Test:
    return lambda message: len(message.raw) > size


def _uid_in(uids: UidSet) -> Test:
    return lambda message: message.uid in uids


def _header_contains(name: str, text: str) -> Test:
    wanted, key = text.casefold(), name.encode().lower()

    def test(message: Message) -> bool:
        value = parse(message.raw).get(key)
        return value is not None and wanted in _decoded(value).casefold()

    return test


def _text_contains(text: str, *, headers: bool) -> Test:
    """Looks into the decoded text parts and, with `headers`, into the decoded main header."""
    wanted = text.casefold()

    def test(message: Message) -> bool:
        part = parse(message.raw)
        if wanted in text_of(part).casefold():
            return True
        return headers and wanted in _decoded(part.header).casefold()

    return test


def _dated(name: str, day: float) -> Test:
    def when(message: Message) -> float:
        if not name.startswith("SENT"):
            return message.internal_date
        value = parse(message.raw).get(b"date")
        try:
            return parsedate_to_datetime((value or b"").decode("latin-1")).timestamp()
        except (ValueError, OverflowError):
            return 0.0  # without a readable date it was sent long ago, says Dovecot

    def test(message: Message) -> bool:
        date = when(message)
        match name.removeprefix("SENT"):
            case "BEFORE":
                return date < day
            case "SINCE":
                return date >= day
            case _:
                return day <= date < day + _DAY

    return test


def _decoded(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(text)))
    except (ValueError, LookupError):
        return text
