"""Envelopes as columns: what lists show of a message, written at arrival and read back.

Hostile text is cleaned here once: NUL and lone surrogates, which no database takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eilbote.mail.envelope import Address, Envelope
from eilbote.store.database import Row, Value, integer, text

ENVELOPE_COLUMNS = ("date", "attachments", "message_id", "subject", "sender", "people", "refs")
_MOST_REFERENCES = 100
_encoder = msgspec.json.Encoder()
_people = msgspec.json.Decoder(tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]])


def clean(words: str) -> str:
    """Text that both databases can hold."""
    if words.isascii() and "\0" not in words:
        return words
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def to_columns(envelope: Envelope) -> tuple[Value, ...]:
    """The values of `ENVELOPE_COLUMNS`."""
    sender = envelope.sender
    people = (_pairs(sender), _pairs(envelope.to), _pairs(envelope.cc))
    try:
        encoded = _encoder.encode(people).decode("utf-8")
    except UnicodeEncodeError:
        cleaned = [[(clean(name), clean(spec)) for name, spec in part] for part in people]
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
    sender, to, cc = _people.decode(text(people))
    return Envelope(
        message_id=text(message_id),
        subject=text(subject),
        sender=_addresses(sender),
        to=_addresses(to),
        cc=_addresses(cc),
        date=None if date is None else float(date),
        references=tuple(text(refs).split("\n")) if refs else (),
        attachments=integer(attachments),
    )


def _pairs(addresses: Sequence[Address]) -> list[tuple[str, str]]:
    return [(address.name, address.spec) for address in addresses]


def _addresses(pairs: Sequence[tuple[str, str]]) -> tuple[Address, ...]:
    return tuple([Address(name, spec) for name, spec in pairs])
