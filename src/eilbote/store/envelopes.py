"""Envelopes as columns: what lists show of a message, written at arrival as it stands in the header
and decoded when it is read.

Header bytes are kept as bytes: no database takes NUL or lone surrogates as text.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.envelope import Envelope
from eilbote.mail.source import EnvelopeSource
from eilbote.mail.words import bytes_of, text_of
from eilbote.store.database import Row, Value, blob, integer, real, text
from eilbote.store.update_values import EnvelopeColumns

ENVELOPE_COLUMNS = (
    "date",
    "attachments",
    "message_id",
    "refs",
    "subject",
    "sender",
    "recipient",
    "copied",
)
_MOST_REFERENCES = 100


def clean(words: str) -> str:
    """Text that both databases can hold."""
    if words.isascii() and "\0" not in words:
        return words
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def to_columns(source: EnvelopeSource) -> EnvelopeColumns:
    """The values of `ENVELOPE_COLUMNS`."""
    message_id, subject, sender, to, cc, date, refs, attachments = source
    if len(refs) > _MOST_REFERENCES:  # the root and the nearest ancestors decide the thread
        refs = (refs[0], *refs[1 - _MOST_REFERENCES :])
    return (
        date,
        attachments,
        clean(message_id),
        clean("\n".join(refs)) if refs else "",
        bytes_of(subject),
        bytes_of(sender),
        bytes_of(to),
        bytes_of(cc) if cc else b"",
    )


def from_columns(row: Row | Sequence[Value]) -> Envelope:
    """The envelope that `to_columns` took apart, decoded."""
    date, attachments, message_id, refs, subject, sender, to, cc = row
    return EnvelopeSource(
        text(message_id),
        text_of(blob(subject)),
        text_of(blob(sender)),
        text_of(blob(to)),
        text_of(blob(cc)),
        None if date is None else real(date),
        tuple(text(refs).split("\n")) if refs else (),
        integer(attachments),
    ).decoded()
