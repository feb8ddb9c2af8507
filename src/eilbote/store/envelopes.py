"""Envelopes as columns: what lists show of a message, written at arrival and read back.

Hostile text is cleaned here once: NUL and lone surrogates, which no database takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eilbote.mail.envelope import Address, Envelope
from eilbote.store.database import Row, Value, integer, real, text

ENVELOPE_COLUMNS = ("date", "attachments", "message_id", "subject", "sender", "people", "refs")
_MOST_REFERENCES = 100
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[tuple[Address, ...], tuple[Address, ...], tuple[Address, ...]])


def clean(words: str) -> str:
    """Text that both databases can hold."""
    if words.isascii() and "\0" not in words:
        return words
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def to_columns(envelope: Envelope) -> tuple[Value, ...]:
    """The values of `ENVELOPE_COLUMNS`."""
    sender = envelope.sender
    people = (sender, envelope.to, envelope.cc)
    try:
        encoded = _encoder.encode(people).decode("utf-8")
    except UnicodeEncodeError:  # lone surrogates
        cleaned = [[Address(clean(one.name), clean(one.spec)) for one in part] for part in people]
        encoded = _encoder.encode(cleaned).decode("utf-8")
    refs = envelope.references
    if len(refs) > _MOST_REFERENCES:  # the root and the nearest ancestors decide the thread
        refs = (refs[0], *refs[1 - _MOST_REFERENCES :])
    return (
        envelope.date,
        envelope.attachments,
        clean(envelope.message_id),
        clean(envelope.subject),
        clean(sender[0].spec.lower()) if sender else "",
        encoded,
        clean("\n".join(refs)) if refs else "",
    )


def from_columns(row: Row | Sequence[Value]) -> Envelope:
    """The inverse of `to_columns`."""
    date, attachments, message_id, subject, _, people, refs = row
    sender, to, cc = _decoder.decode(text(people))
    return Envelope(
        message_id=text(message_id),
        subject=text(subject),
        sender=sender,
        to=to,
        cc=cc,
        date=None if date is None else real(date),
        references=tuple(text(refs).split("\n")) if refs else (),
        attachments=integer(attachments),
    )
