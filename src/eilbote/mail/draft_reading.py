"""A draft that lies on a server, read back so that writing can go on.

Whatever program saved it: its words, people and files are kept. What cannot be kept is said. Never
raises but where there is nothing to read.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.mail.address import read_addresses
from eilbote.mail.compose import MARKDOWN_FIELD
from eilbote.mail.draft import Draft, File, Image, Priority
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import is_writable_id
from eilbote.mail.identity import Identity
from eilbote.mail.message import Message
from eilbote.mail.part import Part
from eilbote.mail.part_writing import is_file_type


class SavedDraft(Struct, frozen=True):
    """What was read. `loses_layout`: another program saved HTML, of which only the text is kept."""

    draft: Draft
    loses_layout: bool = False


def read_draft(message: Message, identities: Sequence[Identity]) -> SavedDraft:
    """The draft, with signature and quote as parts of its text, as they stand there. `identities` has the
    user's own, the usual one first, at least one."""
    envelope = message.envelope
    kinds = {part.content_type for part in message.parts}
    markdown = message.headers.get(MARKDOWN_FIELD).strip().lower() == "yes"
    images = tuple(_image(part) for part in message.parts if _is_shown(part, message))
    replied = message.headers.get("In-Reply-To").strip("<> ")
    return SavedDraft(
        Draft(
            identity=_identity(envelope.sender, identities),
            to=envelope.to,
            cc=envelope.cc,
            bcc=_people(message, "Bcc"),
            reply_to=_people(message, "Reply-To"),
            subject=envelope.subject,
            text=message.body_text().rstrip("\n"),
            markdown=markdown,
            sign=False,
            files=tuple(_file(part) for part in message.attachments),
            images=images,
            in_reply_to=replied if is_writable_id(replied) else "",
            references=tuple(one for one in envelope.references if is_writable_id(one)),
            priority=_priority(message),
        ),
        loses_layout="text/html" in kinds and not markdown,
    )


def _identity(sender: Sequence[Address], identities: Sequence[Identity]) -> Identity:
    """The one that is named in From, under the address that is named there."""
    for address in sender:
        for identity in identities:
            if address.spec and identity.owns(address.spec):
                return identity
    return identities[0]


def _people(message: Message, field: str) -> tuple[Address, ...]:
    return tuple(each for value in message.headers.sources(field) for each in read_addresses(value))


def _priority(message: Message) -> Priority:
    stated = message.headers.get("Importance").strip().lower()
    urgent = message.headers.get("X-Priority").strip()[:1]
    if stated == "high" or urgent in ("1", "2"):
        return Priority.HIGH
    return Priority.LOW if stated == "low" or urgent in ("4", "5") else Priority.NORMAL


def _is_shown(part: Part, message: Message) -> bool:
    """Whether it is a picture that the HTML shows, so that it is no attachment."""
    return (
        part.content_type.startswith("image/")
        and is_writable_id(part.content_id)
        and all(part.number != attached.number for attached in message.attachments)
    )


def _image(part: Part) -> Image:
    return Image(part.content_id, part.content(), part.content_type, part.file_name)


def _file(part: Part) -> File:
    if part.is_message:
        return File(part.file_name or "mail.eml", part.body(), "message/rfc822")
    stated = part.headers.get("Content-Type")
    kind = stated if is_file_type(stated) else part.content_type
    return File(part.file_name, part.content(), kind)
