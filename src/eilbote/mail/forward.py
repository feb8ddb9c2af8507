"""Mail sent on: quoted, attached, or by a rule in a way that SPF, DKIM and DMARC let through.

What goes on is always a mail of one's own address: the servers of the first sender never allowed ours
to speak in its name. The original is within it, and an answer goes to its writer.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.address import read_addresses
from eilbote.mail.draft import Draft, File
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import is_writable_address
from eilbote.mail.identity import Identity
from eilbote.mail.loops import FIELD, MAX_FORWARDS, forwarded_by
from eilbote.mail.message import Message
from eilbote.mail.part import Part, safe_file_name
from eilbote.mail.quoting import QuoteWords, quoted_forward
from eilbote.mail.reply import references_of
from eilbote.mail.subject import forward_subject

MAX_FILES = 200
"""Attachments that go on with a quoted mail; one that has more is attached whole."""

MAX_ANSWERS = 20
"""Addresses of Reply-To that are kept."""

_EML = "message/rfc822"


def forward_inline(original: Message, identity: Identity, words: QuoteWords, offset: int = 0) -> Draft:
    """The text below a head of its fields, its attachments with it."""
    files = tuple(_file(part) for part in original.attachments[: MAX_FILES + 1])
    if len(files) > MAX_FILES:
        return forward_attached(original, identity)
    return Draft(
        identity=identity,
        subject=forward_subject(original.envelope.subject),
        quoted=quoted_forward(original, words, offset),
        files=files,
        references=references_of(original),
        language=words.language,
    )


def forward_attached(original: Message, identity: Identity) -> Draft:
    """The mail as it came, byte for byte, as an attachment: its signatures stay true."""
    return Draft(
        identity=identity,
        subject=forward_subject(original.envelope.subject),
        files=(_whole(original),),
        references=references_of(original),
    )


def forward_by_rule(
    original: Message,
    identity: Identity,
    to: Sequence[Address],
    words: QuoteWords,
    *,
    attached: bool,
    offset: int = 0,
) -> Draft:
    """What a rule sends on: From is the own address with the writer's name before it, Reply-To is the
    writer. Ask `loops.loop_when_forwarded` first."""
    writer = _answer_to(original)
    shown = next((each.name or each.spec for each in (*original.envelope.sender, *writer)), "")
    name = f"{shown} via {identity.name or identity.address}" if shown else identity.name
    by = (identity.address, *forwarded_by(original))[:MAX_FORWARDS]
    return Draft(
        identity=Identity(identity.address, name),
        to=tuple(to),
        reply_to=writer,
        subject=original.envelope.subject,
        quoted="" if attached else quoted_forward(original, words, offset),
        sign=False,
        files=(_whole(original),)
        if attached
        else tuple(_file(part) for part in original.attachments[:MAX_FILES]),
        references=references_of(original),
        language=words.language,
        fields=(("Auto-Submitted", "auto-generated"), *((FIELD, one) for one in by)),
    )


def _answer_to(original: Message) -> tuple[Address, ...]:
    """Whom an answer goes to, as far as a header can name them: a rule asks nobody."""
    stated = read_addresses(original.headers.source("Reply-To") or "")
    writers = [each for each in stated if is_writable_address(each.spec)][:MAX_ANSWERS]
    return tuple(writers or [each for each in original.envelope.sender if is_writable_address(each.spec)][:1])


def _whole(original: Message) -> File:
    name = safe_file_name(original.envelope.subject.replace("/", "-").replace("\\", "-"))[:100].strip(" .")
    return File(f"{name or 'mail'}.eml", original.raw, _EML)


def _file(part: Part) -> File:
    if part.is_message:
        return File(part.file_name or "mail.eml", part.body(), _EML)
    kind = part.content_type
    return File(
        part.file_name, part.content(), "application/octet-stream" if kind.startswith("multipart/") else kind
    )
