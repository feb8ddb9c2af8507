"""FETCH responses: every item this client asks for, read by one general reader and one fast path.

The fast path reads the plain line of a whole mail with one regular expression; whatever it does
not match goes to the general reader, and both give the same (a test compares them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from eilbote.errors import Garbled
from eilbote.mail import mutf7
from eilbote.mail.mailbox import MAX_UID, RECENT, Flags, ModSeq, Uid, canonical_flag
from eilbote.protocols.imap.dates import DateReader
from eilbote.protocols.imap.framing import Frame, Framer
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.types import FetchedFlags, FetchedMessage
from eilbote.protocols.imap.wire import Value, garbled, items, mod_sequence, number, read_values, text

if TYPE_CHECKING:
    from eilbote.protocols.imap.structure import BodyPart, ImapEnvelope

_ITEM = (
    rb"(?:UID (\d{1,10})|FLAGS \(([\\$\w .:+/-]*)\)|INTERNALDATE \"([^\"\r\n\\]{26})\""
    rb"|RFC822\.SIZE (\d{1,10})|MODSEQ \((\d{1,18})\)|EMAILID \(([\w-]{1,255})\))"
)
_WHOLE_MAIL = {
    section: re.compile(
        rb"\* \d{1,10} FETCH \((?:" + _ITEM + rb" )*+BODY\[" + section + rb"\] \{(\d{1,9})\}\r\n", re.ASCII
    )
    for section in (b"", b"HEADER")
}
# The same items without a body, or with one more section: answers about many messages at once.
_PLAIN = re.compile(
    rb"(?:" + _ITEM + rb"(?: |(?=\))))*+(?:\)|BODY\[([A-Z.]*(?: \([A-Z-]+\))?)\] \{\d{1,9}\})", re.ASCII
)
_REMEMBERED = 4096


class Fetch(Struct, frozen=True):
    """One FETCH response (RFC 9051 section 7.5.2). None or empty: the server did not tell.

    `flags` never hold `\\Recent`, which belongs to one session. `sections` maps what stands in the
    brackets of BODY[...], upper-case, to its bytes; None where the server said NIL.
    """

    number: int
    uid: Uid | None = None
    flags: Flags | None = None
    internal_date: float | None = None
    size: int | None = None
    modseq: ModSeq = 0
    email_id: str = ""
    thread_id: str = ""
    labels: tuple[str, ...] = ()
    sections: dict[str, bytes | None] = field(default_factory=dict)
    envelope: ImapEnvelope | None = None
    structure: BodyPart | None = None

    def as_flags(self) -> FetchedFlags | None:
        """Flags of a known message, None where the UID or the flags are missing."""
        if self.uid is None or self.flags is None:
            return None
        return FetchedFlags(self.uid, self.flags, self.modseq)

    def as_message(self, section: str) -> FetchedMessage | None:
        """The mail this tells of: None without UID or flags, or where it tells only flags (another
        client changed them). `raw` None where the server gave no body, or an empty one for a mail that
        has a size: an OK without a body is an error, not an empty mail."""
        if self.uid is None or self.flags is None or (self.size is None and not self.sections):
            return None
        raw = self.sections.get(section)
        if raw == b"" and self.size != 0:
            raw = None
        return FetchedMessage(
            self.uid,
            self.flags,
            self.internal_date or 0.0,
            self.size if self.size is not None else len(raw or b""),
            self.modseq,
            raw,
            self.email_id,
            self.labels,
            self.thread_id,
        )

    def as_excerpt(self, raw: bytes | None) -> FetchedMessage | None:
        """The mail with these bytes, a part of its own; None where the server left out what tells of
        it, or where they are no less than all."""
        if raw is None or self.uid is None or self.size is None or self.flags is None:
            return None
        if len(raw) >= self.size:
            return None
        arrived = self.internal_date or 0.0
        return FetchedMessage(
            self.uid,
            self.flags,
            arrived,
            self.size,
            self.modseq,
            raw,
            self.email_id,
            self.labels,
            self.thread_id,
        )


class FetchReader:
    """Reads FETCH responses; remembers repeated sets of flags and days."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._dates = DateReader()
        self._flags: dict[bytes, Flags] = {}
        self.utf8 = False
        """Labels come in UTF-8, else in modified UTF-7 as names of mailboxes do."""

    def read(self, frame: Frame, message: int, at: int) -> Fetch:
        """The general reader: any item, in any order. `at` is where the list begins. Garbled."""
        plain = _PLAIN.fullmatch(frame[0], at + 1)
        if plain is not None and frame[0][at : at + 1] == b"(":
            section = plain[7]
            if section is None and len(frame) == 1:
                return self._plain(message, plain, {})
            if section is not None and len(frame) == 3 and frame[2] == b")":
                return self._plain(message, plain, {section.decode("ascii"): frame[1]})
        values = read_values(frame, at, self._limits.depth)
        if len(values) != 1 or not isinstance(values[0], list):
            raise garbled(frame[0])
        told = values[0]
        found: dict[str, object] = {}
        sections: dict[str, bytes | None] = {}
        position = 0
        while position + 1 < len(told):
            name = text(told[position]).upper()
            self._item(name, told[position + 1], found, sections)
            position += 2
        if position != len(told):
            raise garbled(frame[0])
        return Fetch(message, sections=sections, **found)  # type: ignore[arg-type]

    def _plain(self, message: int, plain: re.Match[bytes], sections: dict[str, bytes | None]) -> Fetch:
        uid, flags, date, size, modseq, email_id, _ = plain.groups()
        return Fetch(
            message,
            _uid(int(uid)) if uid is not None else None,
            self.flags_of(flags) if flags is not None else None,
            self._date(date),
            int(size) if size is not None else None,
            int(modseq or 0),
            email_id.decode("ascii") if email_id else "",
            sections=sections,
        )

    def _item(
        self, name: str, value: Value, found: dict[str, object], sections: dict[str, bytes | None]
    ) -> None:
        match name:
            case "UID":
                found["uid"] = _uid(number(value))
            case "FLAGS":
                found["flags"] = frozenset(canonical_flag(text(flag)) for flag in items(value)) - {RECENT}
            case "INTERNALDATE":
                found["internal_date"] = self._date(value)
            case "RFC822.SIZE":
                found["size"] = number(value)
            case "MODSEQ":
                inner = items(value)
                found["modseq"] = mod_sequence(inner[0]) if inner else 0
            case "EMAILID" | "THREADID":
                inner = items(value)
                found["email_id" if name == "EMAILID" else "thread_id"] = text(inner[0]) if inner else ""
            case "X-GM-MSGID" | "X-GM-THRID":
                found["email_id" if name == "X-GM-MSGID" else "thread_id"] = text(value)
            case "X-GM-LABELS":
                found["labels"] = tuple(self._label(label) for label in items(value))
            case "ENVELOPE":
                from eilbote.protocols.imap.structure import read_envelope  # noqa: PLC0415  # seldom asked for

                found["envelope"] = read_envelope(value)
            case "BODYSTRUCTURE" | "BODY":
                from eilbote.protocols.imap.structure import read_structure  # noqa: PLC0415

                found["structure"] = read_structure(value)
            case "RFC822" | "RFC822.HEADER" | "RFC822.TEXT":
                sections[name[7:]] = _bytes(value)
            case _ if name.startswith(("BODY[", "BINARY[")):
                section = name[name.index("[") + 1 : name.rindex("]")]
                sections[section] = _bytes(value)
            case _:
                return  # an item that we did not ask for

    def _label(self, value: Value) -> str:
        if self.utf8 or not isinstance(value, bytes):
            return text(value)
        try:
            return mutf7.decode(value)
        except ValueError:
            return text(value)

    def _date(self, value: Value) -> float | None:
        try:
            return self._dates.seconds(value.rjust(26)) if isinstance(value, bytes) else None
        except ValueError:
            return None  # some servers have mails without a date

    def flags_of(self, raw: bytes) -> Flags:
        """`\\Seen $Forwarded` as a set; the same object for the same bytes."""
        known = self._flags.get(raw)
        if known is None:
            if len(self._flags) >= _REMEMBERED:
                self._flags.clear()
            known = frozenset(map(canonical_flag, raw.decode("ascii").split())) - {RECENT}
            self._flags[raw] = known
        return known

    def take_mails(self, framer: Framer, section: str, into: list[FetchedMessage]) -> None:
        """The fast path: reads whole mails from the front of the buffer until something else, or
        nothing whole, stands there. `section` is "" or "HEADER"; others never match."""
        # A whole line first: a head that trickles in is looked at once, not once a byte.
        if not framer.at_boundary or framer.line_end() < 0:
            return
        match, buffer, view = _WHOLE_MAIL[section.encode("ascii")].match, framer.buffer, framer.view
        end, inline = framer.end, framer.limits.inline
        flags_known, seconds = self._flags, self._dates.seconds
        position = framer.start
        while True:
            found = match(buffer, position, end)
            if found is None:
                break
            uid, flags, date, size, modseq, email_id, length = found.groups()
            begin = found.end()
            stop = begin + int(length)
            if stop - begin > inline:
                break  # gathered beside the buffer, by the general reader
            if stop + 3 > end:
                framer.await_position(stop + 3)
                break
            if buffer[stop : stop + 3] != b")\r\n" or uid is None or date is None or size is None:
                break
            known = flags_known.get(flags)
            try:
                arrived = seconds(date)
            except ValueError:
                break
            raw: bytes | None = bytes(view[begin:stop])
            numbers = int(uid), int(size)
            if not 0 < numbers[0] <= MAX_UID or (not raw and numbers[1]) or flags is None:
                break
            into.append(
                FetchedMessage(
                    numbers[0],
                    self.flags_of(flags) if known is None else known,
                    arrived,
                    numbers[1],
                    int(modseq) if modseq else 0,
                    raw,
                    email_id.decode("ascii") if email_id else "",
                )
            )
            position = stop + 3
        if position != framer.start:
            framer.skip_to(position)


def _uid(value: int) -> Uid:
    if not 0 < value <= MAX_UID:
        raise Garbled("imap.syntax", text="UID")
    return value


def _bytes(value: Value) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    raise Garbled("imap.not_a_string")
