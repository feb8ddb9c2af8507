"""What a person would read of a mail: for the index, for a preview line, for the screen.

Attachments are named, never decoded. Bounded by the limits given; never raises.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.attachments import attachments_of
from eilbote.mail.body import body_parts, name_uuencoded, plain_text_of
from eilbote.mail.charset import decode
from eilbote.mail.encoding import decode_transfer
from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.message import Message, content_of, read_fields, source_of, with_line_feeds
from eilbote.mail.part import Offsets, Part, read_parts
from eilbote.mail.quotes import new_text

__all__ = ["SearchText", "new_text", "preview", "readable_text", "searchable_text"]

_SHORT_PLAIN = 200
"""A plain alternative shorter than this may only say that the mail is HTML: the HTML is read too."""

_MAX_EMBEDDED = 20
"""Embedded messages that are read along with a mail."""


class SearchText(Struct, frozen=True):
    """What full-text search looks at: each field plain text, lines and names separated by `\\n`."""

    subject: str
    people: str
    body: str
    attachments: str


def searchable_text(
    raw: bytes | memoryview, limit: int = 262_144, envelope: Envelope | None = None
) -> SearchText:
    """Reads a mail for the index. `limit` bounds the characters of `body` (and the encoded bytes
    read for it); an `envelope` known already spares reading it again."""
    data = with_line_feeds(bytes(raw))
    offsets, fields = read_fields(data)
    if envelope is None:
        envelope = source_of(data, offsets, fields, count_attachments=False).decoded()
    people = "\n".join(_person(one) for one in (*envelope.sender, *envelope.to, *envelope.cc))
    kind = fields.get("content-type", "text/plain")
    if kind[:10].lower() == "text/plain" and "content-disposition" not in fields:
        body = _plain_body(data, offsets, fields, limit)
        if "begin " not in body:
            return SearchText(envelope.subject, people, body, "")
        body, names = name_uuencoded(body.replace("\r\n", "\n"))
        return SearchText(envelope.subject, people, body, "\n".join(names))
    root = read_parts(data, offsets, content_of(fields))
    body, attached = _parts_text(root, limit)
    return SearchText(envelope.subject, people, body, "\n".join(attached))


def _person(address: Address) -> str:
    return f"{address.name} {address.spec}" if address.name else address.spec


def _plain_body(data: bytes, offsets: Offsets, fields: dict[str, str], limit: int) -> str:
    """The text of a mail that is one plain text: most mail, so without a tree."""
    body = data[offsets[2] : min(offsets[3], offsets[2] + limit)]
    encoding = fields.get("content-transfer-encoding", "").strip().lower()
    if encoding and encoding not in ("7bit", "8bit"):
        body = decode_transfer(body, encoding)
    if body.isascii() and b"\x1b" not in body and b"+" not in body:
        return body.decode("ascii")
    part = Part(data, offsets, content_of(fields), "1", "text/plain")
    return decode(body, part.charset)


def _parts_text(root: Part, limit: int) -> tuple[str, list[str]]:
    """Body text and attachment names, those of embedded messages included."""
    texts: list[str] = []
    names: list[str] = []
    room = limit
    waiting = [root]
    embedded = 0
    while waiting:
        message = waiting.pop()
        for part in _searched(message):
            if room <= 0:
                break
            text = plain_text_of(part, room * 2)[:room]
            texts.append(text)
            room -= len(text) + 1
        for part in attachments_of(message):
            if part.file_name:
                names.append(part.file_name)
            if part.is_message and embedded < _MAX_EMBEDDED:
                embedded += 1
                child = part.children[0]
                texts.append(child.headers.get("Subject"))
                waiting.append(child)
    return "\n".join(texts), names


def _searched(root: Part) -> list[Part]:
    """The plain body; where that is next to nothing, the HTML as well."""
    plain = body_parts(root, html=False)
    if sum(part.size for part in plain) < _SHORT_PLAIN:
        return plain + [part for part in body_parts(root, html=True) if part not in plain]
    return plain


def preview(text: str, n: int = 160) -> str:
    """One line of at most `n` characters for a list: the writer's own words, cut at a word."""
    words = " ".join(new_text(text[: n * 20 + 2000]).split())
    if len(words) <= n:
        return words
    cut = words[: n - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > n // 2 else cut).rstrip(" ,;:-") + "…"


def readable_text(message: Message) -> str:
    """The body as a person reads it in a terminal, embedded messages after it with their heads."""
    texts = [message.body_text().strip("\n")]
    embedded = [part for part in message.attachments if part.is_message][:_MAX_EMBEDDED]
    for part in embedded:
        inner = part.children[0]
        head = [
            f"{name}: {value}"
            for name in ("From", "To", "Date", "Subject")
            if (value := inner.headers.get(name))
        ]
        body = "\n".join(plain_text_of(each) for each in body_parts(inner, html=False))
        texts.append("\n".join(("-" * 40, *head, "", body.strip("\n"))))
    return "\n\n".join(texts)
