"""Response codes: the words in brackets of a status response (RFC 9051 section 7.1, RFC 5530).

Reading them must never fail on a code this client does not know, nor on words in brackets that are
no code at all.
"""

from __future__ import annotations

import re

from msgspec import Struct

from eilbote.errors import Garbled
from eilbote.mail.mailbox import MAX_UID, UidSet, canonical_flag
from eilbote.protocols.imap.types import AppendUid, CopyUid
from eilbote.protocols.imap.wire import Value, read_values, text

_CODE = re.compile(rb'\[([A-Za-z0-9._/-]++)(?: ((?:[^\]"]++|"(?:[^"\\]|\\.)*+")*+))?\] ?')
_MOST_PAIRS = 2_000_000


class Code(Struct, frozen=True):
    """`name` upper-case; `argument` as the server wrote it, "" if there was none."""

    name: str
    argument: bytes = b""

    @property
    def number(self) -> int:
        """Of UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ, APPENDLIMIT...: 0 where no number came,
        or one of more than 63 bits."""
        told = self.argument.strip()
        value = int(told) if told.isdigit() and len(told) <= 19 else 0
        return value if value < 2**63 else 0

    @property
    def words(self) -> frozenset[str]:
        """Of CAPABILITY: names, upper-case."""
        return frozenset(self.argument.decode("ascii", "replace").upper().split())

    @property
    def flags(self) -> frozenset[str]:
        """Of PERMANENTFLAGS."""
        told = self.argument.strip().removeprefix(b"(").removesuffix(b")")
        return frozenset(canonical_flag(one.decode("utf-8", "replace")) for one in told.split())

    @property
    def uids(self) -> UidSet:
        """Of MODIFIED. Garbled where it is no set of numbers."""
        return _set(self.argument)

    @property
    def first(self) -> str:
        """The first word of a list, as in `[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)]`."""
        value: Value = read_values([self.argument], 0, 3)
        while isinstance(value, list):
            value = value[0] if value else None
        return text(value)

    @property
    def copied(self) -> CopyUid | None:
        """Of COPYUID (RFC 4315 section 3), None where its sets do not fit each other."""
        words = self.argument.split()
        if len(words) != 3:
            return None
        source, target = (_ordered(word) for word in words[1:])
        if len(source) != len(target) or not words[0].isdigit():
            return None
        return CopyUid(int(words[0]), tuple(zip(source, target, strict=True)))

    @property
    def appended(self) -> AppendUid | None:
        """Of APPENDUID with one message, else None."""
        words = self.argument.split()
        if len(words) != 2 or not all(word.isdigit() and len(word) <= 10 for word in words):
            return None
        uidvalidity, uid = int(words[0]), int(words[1])
        return AppendUid(uidvalidity, uid) if uidvalidity and 0 < uid <= MAX_UID else None


def read_code(told: bytes) -> tuple[Code | None, bytes]:
    """The code that begins a status text, and the text after it."""
    found = _CODE.match(told)
    if found is None:
        return None, told
    return Code(found[1].decode("ascii").upper(), found[2] or b""), told[found.end() :]


def _set(raw: bytes) -> UidSet:
    try:
        return UidSet.parse(raw.strip().decode("ascii", "replace"))
    except ValueError:
        raise Garbled("imap.syntax", text="a set of UIDs") from None


def _ordered(raw: bytes) -> list[int]:
    """UIDs in the order written: COPYUID pairs them by it, and not every server sorts them."""
    found: list[int] = []
    for part in raw.split(b","):
        low, colon, high = part.partition(b":")
        ends = (low, high) if colon else (low, low)
        if not all(end.isdigit() and 0 < int(end[:11]) <= MAX_UID for end in ends):
            raise Garbled("imap.syntax", text="COPYUID")
        first, last = int(ends[0]), int(ends[1])
        if abs(last - first) + len(found) >= _MOST_PAIRS:
            raise Garbled("imap.syntax", text="COPYUID")
        found += range(first, last + 1) if first <= last else range(last, first + 1)
    return found
