"""Bytes of a mail to what it says: its envelope, its fields, its parts, its text.

Reads any bytes and never raises; what is wrong with a mail stands in its defects. `read_source` is
the hot path of a first sync and decodes nothing.
"""

from __future__ import annotations

import re
from html import escape

from eilbote.mail.attachments import attachments_of
from eilbote.mail.body import body_parts, plain_text_of
from eilbote.mail.date import read_date
from eilbote.mail.envelope import Envelope
from eilbote.mail.headers import MAX_FIELDS, Headers, field_text, split_headers
from eilbote.mail.part import Offsets, Part, read_parts
from eilbote.mail.source import EnvelopeSource
from eilbote.mail.words import clean

MAX_REFERENCES = 200
"""Newest references kept; a thread's place is known from far fewer."""

MAX_ID = 998
"""Characters of one message id: a line, as RFC 5322 section 2.1.1 bounds it."""

_ENVELOPE_FIELD = re.compile(
    r"\n(?=[cdfimrst])(subject|from|to|cc|date|message-id|references|in-reply-to|sender"
    r"|content-(?:type|disposition|transfer-encoding|id|location))"
    r"[ \t]*+:[ \t]*+([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE | re.ASCII,
)
_RESENT_ID = re.compile(rb"^Resent-Message-ID[ \t]*+:\s*+<([^<>]{1,998})>", re.IGNORECASE | re.MULTILINE)
_BRACKETED = re.compile(r"<([^<>]*)>")
# Outlook and Exchange write `<[...]>`-like ids and ids with spaces; all that stands in brackets counts.
_SPACE = re.compile(r"\s+")


def read_source(raw: bytes | memoryview) -> EnvelopeSource:
    """What a list shows of a mail, still to be decoded. `raw` may be a whole message or its header
    block alone."""
    data = with_line_feeds(bytes(raw))
    offsets, fields = read_fields(data)
    return source_of(data, offsets, fields)


def resent_id(raw: bytes) -> str:
    """The Resent-Message-ID, by which a mail that is sent once more is told from what it was before (RFC
    5322 section 3.6.6); the newest where there are several, empty without one."""
    start, end, _ = split_headers(raw, 0, len(raw))
    found = _RESENT_ID.search(raw, start, end)
    return _bare_id(found[1].decode("utf-8", "replace")) if found else ""


def read_envelope(raw: bytes | memoryview) -> Envelope:
    """What a list shows of a mail. `raw` may be a whole message or its header block alone."""
    return read_source(raw).decoded()


def with_line_feeds(raw: bytes) -> bytes:
    """The same bytes, or, where lone CR ends every line, LF in its place: offsets stay true."""
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def read_fields(raw: bytes) -> tuple[Offsets, dict[str, str]]:
    """The one scan that envelope and full text share: offsets of header and body, and the text of
    the fields either needs by lower-case name."""
    start, header_end, body = split_headers(raw, 0, len(raw))
    fields: dict[str, str] = {}
    for name, value in _ENVELOPE_FIELD.findall("\n" + field_text(raw, start, header_end))[:MAX_FIELDS]:
        known = name.lower()
        if known not in fields:
            fields[known] = value
        elif known in ("to", "cc"):
            fields[known] += "," + value
    return (start, header_end, body, len(raw)), fields


def source_of(
    raw: bytes, offsets: Offsets, fields: dict[str, str], *, count_attachments: bool = True
) -> EnvelopeSource:
    """The envelope from what `read_fields` found."""
    get = fields.get
    references = get("references")
    replied_to = get("in-reply-to")
    date = get("date")
    return EnvelopeSource(
        _one_id(get("message-id", "")),
        get("subject", ""),
        get("from") or get("sender", ""),
        get("to", ""),
        get("cc", ""),
        read_date(date) if date else None,
        _references(references, replied_to) if references or replied_to else (),
        _count_attachments(raw, offsets, fields)
        if count_attachments and _may_attach(get("content-type"), fields)
        else 0,
    )


def _one_id(text: str) -> str:
    """A message id without brackets, whatever stands in them; RFC 5322 section 3.6.4 and beyond."""
    found = _BRACKETED.search(text)
    return _bare_id(found[1] if found else text)


def _bare_id(text: str) -> str:
    if not text.isprintable() or " " in text:
        text = _SPACE.sub("", clean(text))
    return text.strip()[:MAX_ID]


def _references(references: str | None, replied_to: str | None) -> tuple[str, ...]:
    """Oldest first, In-Reply-To last unless already among them; each once."""
    ids: dict[str, None] = {}
    if references:
        for one in _BRACKETED.findall(references) or references.split():
            ids[_bare_id(one)] = None
    if replied_to:
        # Old mailers write a phrase here; only ids in brackets, or one bare id, are ids.
        found = _BRACKETED.findall(replied_to)
        if not found and "@" in replied_to and len(replied_to.split()) == 1:
            found = [replied_to]
        for one in found:
            ids.setdefault(_bare_id(one))
    ids.pop("", None)
    return tuple(ids)[-MAX_REFERENCES:]


def _may_attach(kind: str | None, fields: dict[str, str]) -> bool:
    """A text that is not marked as an attachment needs no look at the parts."""
    if kind is None or kind[:5].lower() == "text/":
        return "attachment" in fields.get("content-disposition", "").lower()
    return True


def _count_attachments(raw: bytes, offsets: Offsets, fields: dict[str, str]) -> int:
    return sum(1 for _ in attachments_of(read_parts(raw, offsets, content_of(fields))))


def content_of(fields: dict[str, str]) -> dict[str, str]:
    """The content fields among what `read_fields` found, named as `part` names them."""
    return {name[8:]: value for name, value in fields.items() if name.startswith("content-")}


class Message:
    """One mail, read as far as it is asked. Make it with `parse_message`."""

    __slots__ = ("_fields", "_offsets", "_root", "_scanned", "raw")

    def __init__(self, raw: bytes) -> None:
        """Finds the header block; parts are found when first asked for."""
        self.raw = raw
        self._scanned = with_line_feeds(raw)
        self._offsets, self._fields = read_fields(self._scanned)
        self._root: Part | None = None

    @property
    def headers(self) -> Headers:
        """The message's own fields."""
        return Headers(self._scanned, self._offsets[0], self._offsets[1])

    @property
    def envelope(self) -> Envelope:
        """The same as `read_envelope` gives."""
        return source_of(self._scanned, self._offsets, self._fields).decoded()

    @property
    def root(self) -> Part:
        """The tree of parts: a leaf `1` or a multipart `TEXT`."""
        if self._root is None:
            self._root = read_parts(self._scanned, self._offsets, content_of(self._fields))
        return self._root

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts in order, multiparts before their parts, embedded messages' included."""
        return tuple(self.root.walk())

    def part(self, number: str) -> Part | None:
        """The part that IMAP calls `BODY[number]`."""
        return next((part for part in self.root.walk() if part.number == number), None)

    @property
    def attachments(self) -> tuple[Part, ...]:
        """What a reader would call attachments, in order."""
        return tuple(attachments_of(self.root))

    @property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with this mail: stable words, `number:word` for a part's."""
        of_parts = (f"{part.number}:{word}" for part in self.root.walk() for word in part.defects)
        return (*self.headers.defects, *of_parts)

    def body_text(self) -> str:
        """What to read as plain text: the plain alternative, else the HTML as text."""
        return "\n".join(plain_text_of(part) for part in body_parts(self.root, html=False))

    def body_html(self) -> str:
        """What to show as HTML: the HTML alternative with plain parts around it as `<pre>`; empty if
        the mail has no HTML. Unfiltered: never show it without a sanitiser."""
        parts = body_parts(self.root, html=True)
        if not any(part.content_type == "text/html" for part in parts):
            return ""
        return "\n".join(
            part.text() if part.content_type == "text/html" else f"<pre>{escape(part.text())}</pre>"
            for part in parts
        )


def parse_message(raw: bytes | memoryview) -> Message:
    """Reads a mail. Never raises, whatever the bytes."""
    return Message(bytes(raw))
