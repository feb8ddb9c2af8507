"""The typed responses of a server, and the one place where their names are known.

Values and their reading; nothing here acts on them. What this client has no use for is `Other`;
what breaks the grammar is Garbled.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct, field

from eilbote.errors import Garbled
from eilbote.mail.mailbox import Flags, ModSeq, UidSet, canonical_flag
from eilbote.protocols.imap.codes import Code, read_code
from eilbote.protocols.imap.fetch import Fetch, FetchReader
from eilbote.protocols.imap.framing import Frame
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.types import MailboxStatus
from eilbote.protocols.imap.wire import (
    Value,
    garbled,
    items,
    mod_sequence,
    number,
    pairs,
    read_values,
    read_word,
    text,
)


class Status(Struct, frozen=True):
    """OK, NO, BAD, BYE or PREAUTH, tagged (`tag`) or not (RFC 9051 section 7.1)."""

    kind: str
    text: str
    code: Code | None = None
    tag: bytes = b""


class Continue(Struct, frozen=True):
    """`+`: the server waits for the rest of a command. `data` is a SASL challenge, still base64."""

    data: bytes


class Capabilities(Struct, frozen=True):
    names: frozenset[str]


class Enabled(Struct, frozen=True):
    names: frozenset[str]


class Listed(Struct, frozen=True):
    """LIST or LSUB (`subscribed_only`); `wire_name` as the server wrote it, attributes in lower case."""

    wire_name: bytes
    delimiter: str | None
    attributes: frozenset[str]
    subscribed_only: bool = False
    old_name: bytes | None = None


class StatusTold(Struct, frozen=True):
    wire_name: bytes
    status: MailboxStatus


class Found(Struct, frozen=True):
    """SEARCH, or ESEARCH (RFC 9051 section 7.3.4) with the tag of its command. Numbers are UIDs
    where the command was UID SEARCH."""

    numbers: UidSet
    tag: bytes | None = None
    count: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    modseq: ModSeq = 0


class Vanished(Struct, frozen=True):
    """`earlier`: before this session, the answer to QRESYNC (RFC 7162 section 3.2.10)."""

    uids: UidSet
    earlier: bool = False


class Exists(Struct, frozen=True):
    count: int


class Recent(Struct, frozen=True):
    count: int


class Expunged(Struct, frozen=True):
    number: int


class FlagsDefined(Struct, frozen=True):
    flags: Flags


class Namespaces(Struct, frozen=True):
    """Prefix and delimiter of each namespace (RFC 9051 section 7.3.5)."""

    personal: tuple[tuple[bytes, str | None], ...] = ()
    other: tuple[tuple[bytes, str | None], ...] = ()
    shared: tuple[tuple[bytes, str | None], ...] = ()


class ServerId(Struct, frozen=True):
    """What the server calls itself (RFC 2971); field names in lower case."""

    fields: dict[str, str] = field(default_factory=dict)


class Quota(Struct, frozen=True):
    """Usage and limit by resource name (RFC 9208); STORAGE counts units of 1024 bytes."""

    root: bytes
    resources: dict[str, tuple[int, int]] = field(default_factory=dict)


class QuotaRoots(Struct, frozen=True):
    wire_name: bytes
    roots: tuple[bytes, ...]


class Unreadable(Struct, frozen=True):
    """A FETCH or STATUS that could not be read. It is counted and skipped: one broken mail, or one
    mailbox that is described with broken words, holds up nothing."""

    reason: str


class Other(Struct, frozen=True):
    name: str


Untagged: TypeAlias = (
    Status
    | Capabilities
    | Enabled
    | Listed
    | StatusTold
    | Found
    | Vanished
    | Exists
    | Recent
    | Expunged
    | FlagsDefined
    | Namespaces
    | ServerId
    | Quota
    | QuotaRoots
    | Fetch
    | Unreadable
    | Other
)
Response: TypeAlias = Untagged | Continue

_STATUS = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})
_STATUS_ITEMS = {
    "MESSAGES": "messages",
    "UIDNEXT": "uidnext",
    "UIDVALIDITY": "uidvalidity",
    "UNSEEN": "unseen",
    "HIGHESTMODSEQ": "highestmodseq",
    "SIZE": "size",
}


class ResponseReader:
    """Frames in, responses out. Holds only caches of repeated values."""

    def __init__(self, limits: Limits) -> None:
        self._depth = limits.depth
        self.fetches = FetchReader(limits)

    def read(self, frame: Frame) -> Response:
        """One response. Garbled where it follows no grammar."""
        line = frame[0]
        if line.startswith(b"+"):
            return Continue(line[2:] if line[1:2] == b" " else line[1:])
        if not line.startswith(b"* "):
            return self._tagged(line)
        word, at = read_word(frame, 2)
        if word.isdigit():
            return self._numbered(frame, number(word), at)
        if word in _STATUS:
            return _status(word, line[at:])
        return self._named(frame, word, at)

    def _tagged(self, line: bytes) -> Status:
        tag, _, rest = line.partition(b" ")
        word, _, told = rest.partition(b" ")
        if not tag or word.upper() not in (b"OK", b"NO", b"BAD"):
            raise garbled(line)
        return _status(word.upper(), told, tag)

    def _numbered(self, frame: Frame, count: int, at: int) -> Untagged:
        word, at = read_word(frame, at)
        match word:
            case b"FETCH":
                try:
                    return self.fetches.read(frame, count, at)
                except Garbled as problem:
                    return Unreadable(str(problem)[:80])
            case b"EXISTS":
                return Exists(count)
            case b"EXPUNGE":
                return Expunged(count)
            case b"RECENT":
                return Recent(count)
            case _:
                return Other(text(word))

    def _named(self, frame: Frame, word: bytes, at: int) -> Untagged:
        match word:
            case b"SEARCH" | b"SORT":
                return _search(frame[0], at, self._depth)
            case b"VANISHED":
                return _vanished(frame[0][at:])
            case b"CAPABILITY":
                return Capabilities(names(frame[0][at:]))
            case b"ENABLED":
                return Enabled(names(frame[0][at:]))
            case b"STATUS":
                try:
                    return self._structured(word, read_values(frame, at, self._depth))
                except Garbled as problem:
                    return Unreadable(str(problem)[:80])
            case b"LIST" | b"LSUB" | b"ESEARCH" | b"FLAGS" | b"NAMESPACE" | b"ID":
                return self._structured(word, read_values(frame, at, self._depth))
            case b"QUOTA" | b"QUOTAROOT":
                return _quota(word, read_values(frame, at, self._depth))
            case _:
                return Other(text(word))

    def _structured(self, word: bytes, values: list[Value]) -> Untagged:
        # A mailbox may be called NIL: where a name stands, the word is a name (`astring`).
        place = {b"LIST": 2, b"LSUB": 2, b"STATUS": 0}.get(word, len(values))
        if place < len(values) and values[place] is None:
            values[place] = b"NIL"
        match word, values:
            case ((b"LIST" | b"LSUB"), [list() as attributes, delimiter, bytes() as name, *rest]):
                return _listed(word, attributes, delimiter, name, rest)
            case b"STATUS", [bytes() as name, list() as told]:
                return StatusTold(name, _mailbox_status(told))
            case b"STATUS", [bytes() as name]:  # some servers leave the empty list out
                return StatusTold(name, MailboxStatus())
            case b"ESEARCH", _:
                return _esearch(values)
            case b"FLAGS", [list() as flags]:
                return FlagsDefined(frozenset(canonical_flag(text(flag)) for flag in flags))
            case b"NAMESPACE", _:
                return Namespaces(*(_namespace(value) for value in values[:3]))
            case b"ID", [value]:
                return ServerId({name.lower(): text(told)[:500] for name, told in pairs(value)[:50]})
            case _:
                raise garbled(b"* " + word)


def names(line: bytes) -> frozenset[str]:
    """Capability names, upper-case."""
    return frozenset(line.decode("ascii", "replace").upper().split())


def number_set(raw: bytes) -> UidSet:
    """A sequence-set of numbers off the wire. Garbled where it is none."""
    try:
        return UidSet.parse(raw.decode("ascii", "replace"))
    except ValueError:
        raise garbled(b"a set of numbers") from None


def _status(word: bytes, told: bytes, tag: bytes = b"") -> Status:
    code, shown = read_code(told)
    return Status(word.decode("ascii"), shown.decode("utf-8", "replace"), code, tag)


def _search(line: bytes, at: int, depth: int) -> Found:
    modseq = 0
    told = line[at:]
    if b"(" in told:  # RFC 7162 section 3.1.5: `* SEARCH 2 5 (MODSEQ 917162500)`
        told, _, rest = told.partition(b"(")
        for name, value in pairs(read_values([b"(" + rest], 0, depth)[0]):
            modseq = mod_sequence(value) if name == "MODSEQ" else modseq
    try:
        found = UidSet.of(map(int, told.split()))
    except ValueError:
        raise garbled(b"* SEARCH") from None
    if found and (found.lowest < 1 or found.highest > 2**32 - 1):
        raise garbled(b"* SEARCH")
    return Found(found, modseq=modseq)


def _esearch(values: list[Value]) -> Found:
    tag: bytes | None = None
    if values and isinstance(values[0], list):
        tag = next(
            (value for name, value in pairs(values[0]) if name == "TAG" and isinstance(value, bytes)), None
        )
        values = values[1:]
    if values and text(values[0]).upper() == "UID":
        values = values[1:]
    told = dict(pairs(values))
    every = told.get("ALL")
    return Found(
        number_set(every) if isinstance(every, bytes) else UidSet(),
        tag or b"",
        **{
            field_name: number(told[name])
            for name, field_name in (("COUNT", "count"), ("MIN", "minimum"), ("MAX", "maximum"))
            if name in told
        },
        modseq=mod_sequence(told["MODSEQ"]) if "MODSEQ" in told else 0,
    )


def _vanished(told: bytes) -> Vanished:
    earlier = told.upper().startswith(b"(EARLIER)")
    if earlier:
        told = told[len(b"(EARLIER)") :]
    return Vanished(number_set(told.strip()), earlier)


def _listed(word: bytes, attributes: list[Value], delimiter: Value, name: bytes, rest: list[Value]) -> Listed:
    old_name: bytes | None = None
    if rest and isinstance(rest[0], list):  # RFC 5258 extended data; OLDNAME is RFC 9051 section 6.3.9.7
        for item, value in pairs(rest[0]):
            if item == "OLDNAME" and isinstance(value, list) and value and isinstance(value[0], bytes):
                old_name = bytes(value[0])
    return Listed(
        bytes(name),
        text(delimiter) or None,
        frozenset(text(one).lower() for one in attributes),
        word == b"LSUB",
        old_name,
    )


def _mailbox_status(told: list[Value]) -> MailboxStatus:
    numbers: dict[str, int] = {}
    mailbox_id: str | None = None
    for name, value in pairs(told):
        if name in _STATUS_ITEMS:
            read_number = mod_sequence if name == "HIGHESTMODSEQ" else number
            numbers[_STATUS_ITEMS[name]] = read_number(value)
        elif name == "MAILBOXID" and isinstance(value, list) and value:
            mailbox_id = text(value[0])
    return MailboxStatus(mailbox_id=mailbox_id, **numbers)


def _namespace(value: Value) -> tuple[tuple[bytes, str | None], ...]:
    found = []
    for one in items(value):
        entry = items(one)
        if len(entry) < 2 or not isinstance(entry[0], bytes):
            raise garbled(b"* NAMESPACE")
        found.append((bytes(entry[0]), text(entry[1]) or None))
    return tuple(found)


def _quota(word: bytes, values: list[Value]) -> Untagged:
    match word, values:
        case b"QUOTA", [bytes() as root, list() as told] if len(told) % 3 == 0:
            resources = {
                text(told[at]).upper(): (number(told[at + 1]), number(told[at + 2]))
                for at in range(0, len(told), 3)
            }
            return Quota(bytes(root), resources)
        case b"QUOTAROOT", [bytes() as name, *roots]:
            return QuotaRoots(bytes(name), tuple(bytes(one) for one in roots if isinstance(one, bytes)))
        case _:
            raise garbled(b"* " + word)
