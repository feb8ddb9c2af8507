"""What a server's responses mean: pieces off the wire to typed values.

Pure and tolerant where real servers are loose; what cannot be understood at all is `Garbled`, and
a single unreadable FETCH is `Unreadable`, so that one bad mail never ends a sync (museum M5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from eilbote.errors import Garbled
from eilbote.mail.mailbox import (
    MAX_UID,
    Flags,
    MailboxName,
    ModSeq,
    Uid,
    UidSet,
    canonical_flag,
)
from eilbote.protocols.imap.dates import internal_date
from eilbote.protocols.imap.mutf7 import decode_mutf7
from eilbote.protocols.imap.types import FetchedFlags, FetchedMessage, MailboxStatus
from eilbote.protocols.imap.wire import Token, WireLimits, shown, tokens_of


@dataclass(frozen=True, slots=True)
class Code:
    """A response code (RFC 9051 section 7.1): its name in capitals and its arguments as tokens."""

    name: str = ""
    arguments: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, PREAUTH or BYE; `tag` empty for an untagged one."""

    tag: str
    kind: str
    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+`: go on. `text` is the challenge during a login."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Capability:
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Enabled:
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Exists:
    count: int


@dataclass(frozen=True, slots=True)
class Expunge:
    sequence: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """VANISHED (RFC 7162 section 3.2.10); `earlier`: an answer, not news."""

    uids: UidSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class ListedName:
    """LIST, LSUB or XLIST. The name's exact form is what later commands must say again."""

    command: str
    attributes: frozenset[str]
    delimiter: str | None
    name: MailboxName


@dataclass(frozen=True, slots=True)
class MailboxStatusOf:
    name: MailboxName
    status: MailboxStatus


@dataclass(frozen=True, slots=True)
class Found:
    """SEARCH or ESEARCH: the numbers, and the extended items by name (RFC 9051 section 7.3.4)."""

    numbers: UidSet
    items: dict[str, Token] = field(default_factory=dict)
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH with whatever items came, by name in capitals."""

    sequence: int
    items: dict[str, Token]

    @property
    def uid(self) -> Uid | None:
        value = self.items.get("UID")
        return (
            int(value) if isinstance(value, str) and value.isdigit() and 0 < int(value) <= MAX_UID else None
        )

    @property
    def flags(self) -> Flags | None:
        value = self.items.get("FLAGS")
        return flags_of(value) if isinstance(value, list) else None

    @property
    def modseq(self) -> ModSeq:
        value = self.items.get("MODSEQ")
        return number_of(value[0]) if isinstance(value, list) and value else 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A FETCH that could not be understood."""

    line: str


@dataclass(frozen=True, slots=True)
class Other:
    """Any other untagged response: FLAGS, NAMESPACE, ID, QUOTA, RECENT, ... by name, as tokens."""

    name: str
    arguments: tuple[Token, ...]


Response: TypeAlias = (
    Status
    | Continuation
    | Capability
    | Enabled
    | Exists
    | Expunge
    | Vanished
    | ListedName
    | MailboxStatusOf
    | Found
    | Fetch
    | FetchedFlags
    | FetchedMessage
    | Unreadable
    | Other
)

_STATUS_LINE = re.compile(
    rb"(?P<kind>OK|NO|BAD|PREAUTH|BYE)(?: +|$)(?:\[(?P<code>[^\]\r\n]*)\] ?)?", re.IGNORECASE
)


def response_of(pieces: list[bytes], limits: WireLimits, *, utf8: bool = False) -> Response:
    """One whole response as a value. `utf8`: mailbox names are UTF-8, not modified UTF-7."""
    first = pieces[0]
    if first.startswith(b"+"):
        return Continuation(first[2:] if first[1:2] == b" " else first[1:])
    tag, space, rest = first.partition(b" ")
    if not space or not tag:
        raise Garbled("imap.syntax", line=shown(first))
    skip = len(tag) + 1
    found = _STATUS_LINE.match(rest)
    if found is not None:
        return _status(tag, pieces, skip, found)
    if tag != b"*":
        raise Garbled("imap.syntax", line=shown(first))
    return _untagged(pieces, skip, limits, utf8=utf8)


def _status(tag: bytes, pieces: list[bytes], skip: int, found: re.Match[bytes]) -> Status:
    text = pieces[0][skip + found.end() :] + b"".join(pieces[1:])
    code = Code()
    if found["code"] is not None:
        try:
            words = tokens_of([found["code"]])
        except Garbled:
            words = [found["code"].split(b" ")[0].decode("ascii", "replace")]
        name = words[0] if words and isinstance(words[0], str) else ""
        code = Code(name.upper(), tuple(words[1:]))
    shown_tag = "" if tag == b"*" else tag.decode("ascii", "replace")
    return Status(shown_tag, found["kind"].decode().upper(), code, text.decode("utf-8", "replace").strip())


def _untagged(pieces: list[bytes], skip: int, limits: WireLimits, *, utf8: bool) -> Response:
    try:
        tokens = tokens_of(pieces, skip, limits)
    except Garbled:
        if re.match(rb"\* \d+ FETCH ", pieces[0], re.IGNORECASE):
            return Unreadable(shown(pieces[0]))
        raise
    if not tokens or not isinstance(tokens[0], str):
        raise Garbled("imap.syntax", line=shown(pieces[0]))
    word = tokens[0].upper()
    if word.isdigit():
        return _numbered(int(word), tokens[1:], pieces)
    arguments = tokens[1:]
    if word == "CAPABILITY":
        return Capability(frozenset(text.upper() for text in arguments if isinstance(text, str)))
    if word == "ENABLED":
        return Enabled(frozenset(text.upper() for text in arguments if isinstance(text, str)))
    if word in ("LIST", "LSUB", "XLIST"):
        return _listed(word, arguments, pieces, utf8=utf8)
    if word == "STATUS":
        return _mailbox_status(arguments, pieces, utf8=utf8)
    if word == "SEARCH":
        return Found(UidSet.of(_numbers_of(arguments)))
    if word == "ESEARCH":
        return _esearch(arguments)
    if word == "VANISHED":
        return _vanished(arguments, pieces)
    return Other(word, tuple(arguments))


def _numbered(number: int, tokens: list[Token], pieces: list[bytes]) -> Response:
    word = tokens[0].upper() if tokens and isinstance(tokens[0], str) else ""
    if word == "EXISTS":
        return Exists(number)
    if word == "EXPUNGE":
        return Expunge(number)
    if word == "FETCH":
        body = tokens[1] if len(tokens) > 1 else None
        if not isinstance(body, list) or len(body) % 2:
            return Unreadable(shown(pieces[0]))
        return Fetch(number, {_item_name(key): body[at + 1] for at, key in enumerate(body) if not at % 2})
    return Other(word or "?", (str(number), *tokens[1:]))


def _item_name(token: Token) -> str:
    # `BODY[]<0>` names the origin of a partial fetch; the asker knows it.
    return re.sub(r"<\d+>$", "", token.upper()) if isinstance(token, str) else ""


def _listed(word: str, arguments: list[Token], pieces: list[bytes], *, utf8: bool) -> ListedName:
    if len(arguments) < 3 or not isinstance(arguments[0], list):
        raise Garbled("imap.syntax", line=shown(pieces[0]))
    delimiter = None if arguments[1] is None else text_of(arguments[1])
    attributes = frozenset(text_of(one).lower() for one in arguments[0])
    return ListedName(word, attributes, delimiter or None, mailbox_name(arguments[2], utf8=utf8))


def _mailbox_status(arguments: list[Token], pieces: list[bytes], *, utf8: bool) -> Response:
    items = arguments[-1] if arguments else None
    if len(arguments) < 2 or not isinstance(items, list):
        return Other("STATUS", tuple(arguments))
    told = {text_of(key).upper(): items[at + 1] for at, key in enumerate(items[:-1]) if not at % 2}

    def told_number(name: str) -> int | None:
        return number_of(told[name]) if name in told else None

    mailbox_id = told.get("MAILBOXID")
    status = MailboxStatus(
        messages=told_number("MESSAGES"),
        uidnext=told_number("UIDNEXT"),
        uidvalidity=told_number("UIDVALIDITY"),
        unseen=told_number("UNSEEN"),
        highestmodseq=told_number("HIGHESTMODSEQ"),
        size=told_number("SIZE"),
        mailbox_id=text_of(mailbox_id[0]) if isinstance(mailbox_id, list) and mailbox_id else None,
    )
    return MailboxStatusOf(mailbox_name(arguments[0], utf8=utf8), status)


def _esearch(arguments: list[Token]) -> Found:
    tag = ""
    rest = list(arguments)
    if rest and isinstance(rest[0], list):
        pair = rest.pop(0)
        if isinstance(pair, list) and len(pair) == 2:
            tag = text_of(pair[1])
    if rest and isinstance(rest[0], str) and rest[0].upper() == "UID":
        rest.pop(0)
    items: dict[str, Token] = {}
    for at in range(0, len(rest) - 1, 2):
        items[text_of(rest[at]).upper()] = rest[at + 1]
    every = items.get("ALL")
    return Found(_set_of(every) if isinstance(every, str) else UidSet(), items, tag)


def _vanished(arguments: list[Token], pieces: list[bytes]) -> Vanished:
    earlier = bool(arguments) and isinstance(arguments[0], list)
    uids = arguments[-1] if arguments else None
    if not isinstance(uids, str):
        raise Garbled("imap.syntax", line=shown(pieces[0]))
    return Vanished(_set_of(uids), earlier)


def _set_of(text: str) -> UidSet:
    try:
        return UidSet.parse(text)
    except ValueError:
        raise Garbled("imap.syntax", line=text[:80]) from None


def _numbers_of(tokens: list[Token]) -> list[int]:
    # With CONDSTORE the list ends in (MODSEQ n), RFC 7162 section 3.1.5.
    numbers = [int(token) for token in tokens if isinstance(token, str) and token.isdigit()]
    if any(not 0 < number <= MAX_UID for number in numbers):
        raise Garbled("imap.syntax", line="SEARCH with a number out of range")
    return numbers


def mailbox_name(token: Token, *, utf8: bool) -> MailboxName:
    """A mailbox's name as Unicode; INBOX in any case is INBOX (RFC 9051 section 5.1)."""
    text = text_of(token)
    name = text if utf8 else decode_mutf7(text)
    return MailboxName("INBOX" if name.upper() == "INBOX" else name)


def text_of(token: Token) -> str:
    """A token as text; a list, which has none, is the empty text."""
    if isinstance(token, bytes):
        return token.decode("utf-8", "surrogateescape")
    return token if isinstance(token, str) else ""


def number_of(token: Token) -> int:
    """A number of up to 63 bits; anything else is 0, which no caller believes."""
    return int(token) if isinstance(token, str) and token.isdigit() and len(token) < 20 else 0


def flags_of(tokens: list[Token]) -> Flags:
    return frozenset(canonical_flag(text_of(token)) for token in tokens)


# The two shapes of FETCH that come by the hundred thousand, in the order in which we ask for their
# items. Anything else takes the general way; a test holds both ways against each other.
_MESSAGE = re.compile(
    rb"\* (\d+) FETCH \(UID (\d{1,10}) FLAGS \(([^()\r\n]*)\) INTERNALDATE \"([^\"\r\n]{26})\""
    rb" RFC822\.SIZE (\d{1,12})(?: MODSEQ \((\d{1,19})\))?(?: EMAILID \(([^()\r\n]*)\))?"
    rb" BODY\[(?:HEADER)?\] \{(\d{1,10})\}\r\n"
)
_FLAGS = re.compile(
    rb"\* (\d+) FETCH \(UID (\d{1,10}) FLAGS \(([^()\r\n]*)\)(?: MODSEQ \((\d{1,19})\))?\)\r\n"
)


class FastFetch:
    """Reads runs of the common FETCH responses straight off the buffer."""

    __slots__ = ("_flags",)

    def __init__(self) -> None:
        self._flags: dict[bytes, Flags] = {}

    def messages(self, data: bytes, position: int, most: int) -> tuple[list[FetchedMessage], int]:
        """Whole messages from `position` on, as far as they have wholly arrived and have the common
        shape, at most `most`; and the place where it stopped."""
        found: list[FetchedMessage] = []
        match = _MESSAGE.match
        flags_cache = self._flags
        while len(found) < most and (one := match(data, position)) is not None:
            _, uid, flags, date, size, modseq, email_id, length = one.groups()
            start = one.end()
            end = start + int(length)
            if data[end : end + 3] != b")\r\n":
                break
            known = flags_cache.get(flags)
            if known is None:
                known = self._remember(flags)
            found.append(
                FetchedMessage(
                    int(uid),
                    known,
                    internal_date(date),
                    int(size),
                    int(modseq) if modseq else 0,
                    data[start:end],
                    email_id.decode("ascii", "replace") if email_id else "",
                )
            )
            position = end + 3
        return found, position

    def flags(self, data: bytes, position: int) -> tuple[list[FetchedFlags], int]:
        """The same for answers that hold UID and FLAGS (and MODSEQ) alone."""
        found: list[FetchedFlags] = []
        match = _FLAGS.match
        flags_cache = self._flags
        while (one := match(data, position)) is not None:
            known = flags_cache.get(one[3])
            if known is None:
                known = self._remember(one[3])
            found.append(FetchedFlags(int(one[2]), known, int(one[4] or 0)))
            position = one.end()
        return found, position

    def _remember(self, text: bytes) -> Flags:
        flags = frozenset(
            canonical_flag(word) for word in text.decode("utf-8", "surrogateescape").split(" ") if word
        )
        if len(self._flags) < 10_000:
            self._flags[text] = flags
        return flags
