"""A draft to the bytes that are sent: fields, text, HTML, attachments, envelope.

The same draft and stamp always give the same bytes. No value of a draft can add a field or a line:
all pass `field_writing`. Knows no clock, no chance, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eilbote.errors import Misused
from eilbote.mail.date import write_date
from eilbote.mail.draft import Composed, Draft, File, Image, Priority, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import (
    address_field,
    address_on_wire,
    checked,
    id_field,
    is_writable_id,
    text_field,
)
from eilbote.mail.flowed import flow
from eilbote.mail.headers import MAX_BYTES, MAX_FIELDS
from eilbote.mail.identity import same_address
from eilbote.mail.markdown import html_document, markdown_to_html, plain_to_html
from eilbote.mail.part_writing import Written, file_part, message_part, multipart, text_part

MAX_RECIPIENTS = 10_000
"""Of one mail, in all its fields."""

MARKDOWN_FIELD = "X-Eilbote-Markdown"
"""Says of a draft on a server that its text is Markdown; mail that is sent does not have it."""

_BOUNDARY = re.compile(r"[0-9A-Za-z]{8,40}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_MADE_HERE = frozenset(
    ("from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to",
     "references", "mime-version", "organization", "importance", "x-priority", "received", "return-path",
     "dkim-signature")
)  # fmt: skip


def compose(
    draft: Draft,
    stamp: Stamp,
    *,
    eight_bit: bool = False,
    seven_bit: bool = False,
    keep_bcc: bool = False,
    content: Written | None = None,
) -> Composed:
    """The mail. Text goes out in seven bits unless `eight_bit`; a mail attached as it came may still
    hold eight unless `seven_bit`. `keep_bcc` is for drafts that are kept on a server (`draft_reading`
    reads them), never for mail that is sent. `content` stands in the place of the draft's text and files.
    Raises Misused with a problem that names the field, `compose.no_recipients` where nobody would get it."""
    recipients = envelope_recipients(draft.to, draft.cc, draft.bcc)
    if not recipients and not keep_bcc:
        raise Misused("compose.no_recipients")
    sender = address_on_wire("From", draft.identity.address)
    if content is None:
        content = _content(draft, stamp, eight_bit=eight_bit, seven_bit=seven_bit)
    head = "".join([*_fields(draft, stamp, keep_bcc), "MIME-Version: 1.0\r\n", content.fields, "\r\n"])
    if len(head) > MAX_BYTES:
        raise Misused("compose.header_too_large", fields=MAX_FIELDS, size=f"{MAX_BYTES // 1024} KiB")
    raw = b"".join([head.encode(), *content.body])
    return Composed(
        raw=raw,
        message_id=stamp.message_id,
        sender=sender,
        recipients=recipients,
        needs_utf8=not head.isascii() or not all(map(str.isascii, (sender, *recipients))),
        needs_8bit=not raw.isascii(),
    )


def envelope_recipients(*fields: Iterable[Address]) -> tuple[str, ...]:
    """Everybody once, in order, as the wire has them. Raises Misused `compose.too_many_recipients`."""
    found: dict[str, str] = {}
    for field in fields:
        for address in field:
            found.setdefault(same_address(address.spec), address_on_wire("To", address.spec))
    if len(found) > MAX_RECIPIENTS:
        raise Misused("compose.too_many_recipients", count=len(found), limit=MAX_RECIPIENTS)
    return tuple(found.values())


def _fields(draft: Draft, stamp: Stamp, keep_bcc: bool) -> Iterator[str]:
    """The header in the order in which people like to read it."""
    identity = draft.identity
    yield f"Date: {write_date(stamp.date, stamp.offset)}\r\n"
    yield address_field("From", [identity.sender])
    if answers := draft.reply_to or identity.reply_to:
        yield address_field("Reply-To", answers)
    if draft.to:
        yield address_field("To", draft.to)
    elif draft.bcc and not draft.cc and not keep_bcc:
        yield "To: undisclosed-recipients:;\r\n"  # RFC 5322 section 3.4: a group of nobody
    if draft.cc:
        yield address_field("Cc", draft.cc)
    if draft.bcc and keep_bcc:
        yield address_field("Bcc", draft.bcc)
    if draft.subject:
        yield text_field("Subject", draft.subject)
    yield id_field("Message-ID", [stamp.message_id])
    if draft.in_reply_to:
        yield id_field("In-Reply-To", [draft.in_reply_to])
    if draft.references:
        yield id_field("References", draft.references)
    if identity.organization:
        yield text_field("Organization", identity.organization)
    match draft.priority:
        case Priority.HIGH:
            yield "Importance: high\r\nX-Priority: 1\r\n"
        case Priority.LOW:
            yield "Importance: low\r\nX-Priority: 5\r\n"
        case Priority.NORMAL:
            pass
    if keep_bcc and draft.markdown:
        yield f"{MARKDOWN_FIELD}: yes\r\n"
    for name, value in draft.fields:
        if name.lower() in _MADE_HERE or name.lower().startswith("content-"):
            raise Misused("compose.bad_field", field=name[:80])
        yield text_field(name, value)


def _content(draft: Draft, stamp: Stamp, *, eight_bit: bool, seven_bit: bool) -> Written:
    """The text, its HTML and the files, one within the other (RFC 2046 section 5.1, RFC 2387)."""
    if not _BOUNDARY.fullmatch(stamp.boundary):
        raise Misused("compose.bad_field", field="boundary")
    text = _text_part(draft, eight_bit)
    loose: list[Written] = []
    others = [_html_part(draft, stamp, eight_bit)] if draft.markdown else []
    if draft.calendar:
        others.append(text_part(draft.calendar, "text/calendar", {"method": "REPLY"}, eight_bit=eight_bit))
    if others:
        text = multipart("alternative", [text, *others], f"a{stamp.boundary}")
    if not draft.markdown:
        loose = [_image_part(image) for image in draft.images]
    files = loose + [_file_part(file, seven_bit) for file in draft.files]
    return multipart("mixed", [text, *files], f"m{stamp.boundary}") if files else text


def _text_part(draft: Draft, eight_bit: bool) -> Written:
    text = body_text(draft)
    # Two spaces at a line's end mean a line break in Markdown; flowed text cannot keep them.
    if draft.markdown and "  \n" in text:
        return text_part(text, eight_bit=eight_bit)
    return text_part(flow(text), "text/plain", {"format": "flowed"}, eight_bit=eight_bit)


def _html_part(draft: Draft, stamp: Stamp, eight_bit: bool) -> Written:
    language = draft.language if _LANGUAGE.fullmatch(draft.language) else ""
    html = text_part(html_document(body_html(draft), language), "text/html", eight_bit=eight_bit)
    if not draft.images:
        return html
    images = [_image_part(image) for image in draft.images]
    return multipart("related", [html, *images], f"r{stamp.boundary}", {"type": "text/html"})


def body_text(draft: Draft) -> str:
    """What the plain part says, before it is wrapped: text, signature, what was quoted."""
    signature = f"-- \n{_lines(draft.identity.signature)}" if _signs(draft) else ""
    own = [_lines(draft.text).rstrip("\n"), signature]
    quoted = _lines(draft.quoted).strip("\n")
    blocks = [quoted, *own] if draft.answers_below else [*own, quoted]
    return "\n\n".join(block for block in blocks if block) + "\n"


def body_html(draft: Draft) -> str:
    """The same as HTML, where the text is Markdown."""
    signature = f"<p>-- <br>{plain_to_html(_lines(draft.identity.signature))}</p>" if _signs(draft) else ""
    own = [markdown_to_html(_lines(draft.text)), signature]
    quoted = plain_to_html(_lines(draft.quoted).strip("\n")) if draft.quoted else ""
    blocks = [quoted, *own] if draft.answers_below else [*own, quoted]
    return "\n".join(block for block in blocks if block)


def _signs(draft: Draft) -> bool:
    return draft.sign and bool(draft.identity.signature.strip())


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _image_part(image: Image) -> Written:
    if not is_writable_id(checked("Content-ID", image.content_id)):
        raise Misused("compose.bad_id", field="Content-ID", id=image.content_id[:200])
    return file_part(image.content, image.type, image.name, disposition="inline", content_id=image.content_id)


def _file_part(file: File, seven_bit: bool) -> Written:
    if file.type.strip().lower() == "message/rfc822":
        return message_part(file.content, file.name, seven_bit=seven_bit)
    return file_part(file.content, file.type, file.name)
