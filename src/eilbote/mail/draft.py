"""A mail before it is bytes: what its writer decided. Values without logic."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity


class Priority(StrEnum):
    """How urgent the writer says it is; NORMAL writes no field."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class File(Struct, frozen=True):
    """An attachment: the name that the reader sees, `type/subtype` (parameters may
    follow), the exact bytes. `media_type.py` knows the type by the name."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


class Image(Struct, frozen=True):
    """A picture that the Markdown shows as `![words](cid:CONTENT_ID)`."""

    content_id: str
    content: bytes
    type: str
    name: str = ""


class Draft(Struct, frozen=True):
    """A mail as it is written. Everything here comes from the writer but `fields`.

    `text` is what was written, `quoted` what it answers or forwards, as plain text with `>` marks:
    it stands below the text and the signature, or above them where `answers_below`. With `markdown`
    the text is Markdown: it goes out as written, and once more as HTML. `in_reply_to` and
    `references` (oldest first) are Message-IDs without brackets. `fields` are further header fields
    of ours (`Auto-Submitted`), never one that the other values make. `language` is the text's, as
    RFC 5646 names it, empty if unknown.
    """

    identity: Identity
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    markdown: bool = False
    quoted: str = ""
    answers_below: bool = False
    sign: bool = True
    files: tuple[File, ...] = ()
    images: tuple[Image, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    language: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    calendar: str = ""
    """An iCalendar object that says the same for calendars (RFC 6047), with METHOD:REPLY."""


class Stamp(Struct, frozen=True):
    """What makes one mail this mail: given by the caller, kept with the outbox's entry, so that
    composing again gives the same bytes. `date` in seconds since 1970, `offset` in minutes east of
    UTC, `message_id` without brackets, `boundary` letters and digits that nobody can foresee."""

    date: float
    message_id: str
    boundary: str
    offset: int = 0


class Composed(Struct, frozen=True):
    """A mail ready to send: its exact bytes with CRLF, without Bcc, and its envelope. `recipients`
    name each once. `needs_utf8`: an address has letters beyond ASCII before its `@`, the server has
    to offer SMTPUTF8 (RFC 6531). `needs_8bit`: there are bytes above 127 (RFC 6152)."""

    raw: bytes
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    needs_utf8: bool = False
    needs_8bit: bool = False
