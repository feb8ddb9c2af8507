"""Telling a sender that a mail was refused, as bytes (RFC 5429 section 2.1, RFC 8098), or why nobody is told.

A mail whose sender cannot be trusted to be its sender harms a third person by every answer: so the rules
of answering by program hold here too.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.mail.answering import Silence, who_answers
from eilbote.mail.compose import compose
from eilbote.mail.draft import Composed, Draft, Stamp
from eilbote.mail.field_writing import address_on_wire, folded, id_field, is_writable_id
from eilbote.mail.headers import split_headers
from eilbote.mail.identity import Identity
from eilbote.mail.message import Message
from eilbote.mail.part_writing import MAX_LINE, Written, multipart, quoted_printable, text_part
from eilbote.mail.reply import references_of

MAX_HEADER = 32 * 1024
"""Bytes of the refused mail's header that go back."""


class RejectionWords(Struct, frozen=True):
    """The words of one language. `lead` has the place `{address}`, `subject` the place `{subject}`."""

    language: str
    subject: str
    no_subject: str
    lead: str


GERMAN = RejectionWords(
    "de",
    "Abgelehnt: {subject}",
    "Abgelehnte Nachricht",
    "Ihre Nachricht an {address} wurde automatisch abgelehnt. Die Begründung lautet:",
)
ENGLISH = RejectionWords(
    "en",
    "Rejected: {subject}",
    "Rejected message",
    "Your message to {address} was automatically rejected for this reason:",
)


def rejection(
    original: Message,
    identities: Sequence[Identity],
    reason: str,
    words: RejectionWords,
    stamp: Stamp,
    *,
    envelope_from: str | None = None,
) -> Composed | Silence:
    """The notice: the reason for people, the same for programs, and the header of the refused mail. Its
    envelope has the null path (RFC 8098 section 3). Raises Misused `compose.character`."""
    found = who_answers(original, identities, envelope_from=envelope_from, only_addressed=False)
    if isinstance(found, Silence):
        return found
    address = address_on_wire("Final-Recipient", found.identity.address)
    subject = original.envelope.subject[:250].strip()
    message_id = original.envelope.message_id
    known = message_id if is_writable_id(message_id) else ""
    draft = Draft(
        identity=found.identity,
        to=(found.to,),
        subject=words.subject.replace("{subject}", subject) if subject else words.no_subject,
        in_reply_to=known,
        references=references_of(original),
        fields=(("Auto-Submitted", "auto-replied (rejected)"), ("X-Auto-Response-Suppress", "All")),
    )
    parts = [
        text_part(f"{words.lead.replace('{address}', address)}\n\n{reason.strip()}\n"),
        _for_programs(address, known),
        _header_of(original),
    ]
    kind = {"report-type": "disposition-notification"}
    content = multipart("report", parts, f"r{stamp.boundary}", kind)
    return replace(compose(draft, stamp, content=content), sender="")


def _for_programs(address: str, message_id: str) -> Written:
    """RFC 8098 section 3.1; of an address beyond ASCII RFC 6533 section 5."""
    plain = address.isascii()
    kind = f"message/{'' if plain else 'global-'}disposition-notification"
    fields = [
        folded("Reporting-UA", ["Eilbote"]),
        folded("Final-Recipient", ["rfc822;" if plain else "utf-8;", address]),
        id_field("Original-Message-ID", [message_id]) if message_id else "",
        folded("Disposition", ["automatic-action/MDN-sent-automatically;", "deleted"]),
    ]
    encoding = "7bit" if plain else "8bit"
    body = "".join(fields).encode()
    return Written(f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n", (body,))


def _header_of(original: Message) -> Written:
    start, end, _ = split_headers(original.raw, 0, len(original.raw))
    data = original.raw[start : min(end, start + MAX_HEADER)]
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    if end - start > MAX_HEADER:
        data = data[: data.rfind(b"\n") + 1]
    encoding = "7bit"
    if not data.isascii() or max(map(len, data.split(b"\n"))) > MAX_LINE:
        data, encoding = quoted_printable(data), "quoted-printable"
    fields = f"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Written(fields, (data.replace(b"\n", b"\r\n"),))
