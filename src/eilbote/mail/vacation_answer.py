"""The answer in somebody's absence as bytes (RFC 5230 section 5, RFC 3834 section 3), or why there is none.

Whether the sender had one lately already is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.address import read_addresses
from eilbote.mail.answering import Silence, who_answers
from eilbote.mail.compose import compose
from eilbote.mail.draft import Composed, Draft, Stamp
from eilbote.mail.field_writing import is_writable_id, parameter_field, text_field
from eilbote.mail.headers import Headers, split_headers
from eilbote.mail.identity import Identity
from eilbote.mail.message import Message
from eilbote.mail.parameters import is_media_type, read_parameters
from eilbote.mail.part_writing import MAX_LINE, Written
from eilbote.mail.reply import addressed_identity, references_of
from eilbote.mail.uploading import ready_to_send
from eilbote.mail.words import clean

MAX_SUBJECT = 250
"""Characters of the answered mail's subject that are repeated."""

WITHOUT_SUBJECT = "Automated reply"
"""The subject where the answered mail has none; it says what it is in many languages."""

_ENCODINGS = frozenset(("7bit", "8bit", "quoted-printable", "base64"))
_IN_ENTITY = ("Content-ID", "Content-Description", "Content-Language", "Content-Location")


class Absence(Struct, frozen=True):
    """What is said. `reason` is plain text, or a whole MIME entity, header and all, with `mime`. `subject`,
    if given, stands in the place of "Auto: " and the mail's. `sender` says as whom: it counts if it is an
    own address. `addresses`: more that are the owner's."""

    reason: str
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False


def vacation_answer(
    original: Message,
    identities: Sequence[Identity],
    absence: Absence,
    stamp: Stamp,
    *,
    envelope_from: str | None = None,
) -> Composed | Silence:
    """The answer, whose envelope has the null path so that nothing answers it (RFC 3834 section 3.3). Raises
    Misused `vacation.bad_entity` where `reason` is none, `compose.character`."""
    found = who_answers(
        original, identities, envelope_from=envelope_from, addresses=absence.addresses, only_addressed=True
    )
    if isinstance(found, Silence):
        return found
    message_id = original.envelope.message_id
    draft = Draft(
        identity=_as_whom(original, identities, absence),
        to=(found.to,),
        subject=_subject(original, absence),
        text=absence.reason,
        sign=False,
        in_reply_to=message_id if is_writable_id(message_id) else "",
        references=references_of(original),
        # RFC 3834 section 3.1.7; the second is what Exchange looks at.
        fields=(("Auto-Submitted", "auto-replied (vacation)"), ("X-Auto-Response-Suppress", "All")),
    )
    content = _entity(absence.reason) if absence.mime else None
    return replace(compose(draft, stamp, content=content), sender="")


def _as_whom(original: Message, identities: Sequence[Identity], absence: Absence) -> Identity:
    """RFC 5230 section 4.3: another address than an own one is not taken, whoever wrote the script."""
    for address in read_addresses(absence.sender[:1000])[:1]:
        for identity in identities:
            if address.spec and (identity.owns(address.spec) or _is_among(address.spec, absence)):
                return replace(identity, address=address.spec, name=address.name or identity.name)
    return addressed_identity(original, identities)


def _is_among(spec: str, absence: Absence) -> bool:
    return any(Identity(one).owns(spec) for one in absence.addresses)


def _subject(original: Message, absence: Absence) -> str:
    """RFC 5230 section 4.3. Controls of a mail's subject are gone already; a script's are refused later."""
    if absence.subject:
        return absence.subject
    subject = original.envelope.subject[:MAX_SUBJECT].strip()
    return f"Auto: {subject}" if subject else WITHOUT_SUBJECT


def _entity(text: str) -> Written:
    """A MIME entity (RFC 5230 section 4.4): of its header only what tells of the content, written anew."""
    raw = ready_to_send(text.encode("utf-8", "replace"))
    start, end, body_start = split_headers(raw, 0, len(raw))
    headers = Headers(raw, start, end)
    body = raw[body_start:]
    kind = read_parameters(headers.source("Content-Type") or "text/plain; charset=utf-8")
    encoding = clean(headers.source("Content-Transfer-Encoding") or "").lower()
    longest = max(map(len, body.split(b"\r\n")), default=0)
    if (
        headers.defects
        or not is_media_type(kind.value)
        or (encoding and encoding not in _ENCODINGS)
        or longest > MAX_LINE
    ):
        raise Misused("vacation.bad_entity")
    if not body.isascii():
        if encoding not in ("", "7bit", "8bit"):
            raise Misused("vacation.bad_entity")
        encoding = "8bit"
    fields = [parameter_field("Content-Type", kind.value, kind.parameters)]
    if encoding:
        fields.append(f"Content-Transfer-Encoding: {encoding}\r\n")
    if disposition := headers.source("Content-Disposition"):
        shown = read_parameters(disposition)
        fields.append(parameter_field("Content-Disposition", shown.value, shown.parameters))
    fields += [text_field(name, headers.get(name)) for name in _IN_ENTITY if name in headers]
    return Written("".join(fields), (body,))
