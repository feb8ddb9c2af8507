"""Bytes of a mail to what it says: its envelope, its fields, its parts, its text.

Reads any bytes and never raises; what is wrong with a mail stands in its defects. `read_envelope`
is the hot path of a first sync and decodes nothing that a list does not show.
"""

from __future__ import annotations

import re

from eilbote.mail.address import read_addresses
from eilbote.mail.attachments import attachments_of
from eilbote.mail.date import read_date
from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.headers import MAX_FIELDS, field_text, split_headers
from eilbote.mail.part import Offsets, read_parts
from eilbote.mail.words import clean, decode_words

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
_BRACKETED = re.compile(r"<([^<>]*)>")
# Outlook and Exchange write `<[...]>`-like ids and ids with spaces; all that stands in brackets counts.
_SPACE = re.compile(r"\s+")


def read_envelope(raw: bytes | memoryview) -> Envelope:
    """What a list shows of a mail. `raw` may be a whole message or its header block alone."""
    data = with_line_feeds(bytes(raw))
    offsets, fields = read_fields(data)
    return envelope_of(data, offsets, fields)


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


def envelope_of(raw: bytes, offsets: Offsets, fields: dict[str, str]) -> Envelope:
    """The envelope from what `read_fields` found."""
    get = fields.get
    references = get("references")
    replied_to = get("in-reply-to")
    kind = get("content-type")
    date = get("date")
    return Envelope(
        message_id=_one_id(get("message-id", "")),
        subject=decode_words(get("subject", "")),
        sender=_addresses(get("from") or get("sender")),
        to=_addresses(get("to")),
        cc=_addresses(get("cc")),
        date=read_date(date) if date else None,
        references=_references(references, replied_to) if references or replied_to else (),
        attachments=_count_attachments(raw, offsets, fields) if _may_attach(kind, fields) else 0,
    )


def _addresses(text: str | None) -> tuple[Address, ...]:
    return read_addresses(text) if text else ()


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
    """Plain text and HTML without a disposition or a name need no look at the parts."""
    if "content-disposition" in fields:
        return True
    return kind is not None and (kind[:5].lower() != "text/" or "name" in kind.lower())


def _count_attachments(raw: bytes, offsets: Offsets, fields: dict[str, str]) -> int:
    return sum(1 for _ in attachments_of(read_parts(raw, offsets, _of_content(fields))))


def _of_content(fields: dict[str, str]) -> dict[str, str]:
    return {name[8:]: value for name, value in fields.items() if name.startswith("content-")}
