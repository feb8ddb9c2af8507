"""An envelope before its words are decoded: what a first sync reads of a mail, and what is stored.

Threads, sorting and recognition need ids and dates at once. The subject and the people wait in the
words of their header until somebody looks at them: decoding costs more than all the rest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from eilbote.mail.address import read_addresses
from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.words import decode_words

_SHORT = 300  # characters of a field that may be remembered; it bounds the memory


class EnvelopeSource(NamedTuple):
    """As `Envelope`, with `subject`, `sender`, `to` and `cc` as they stand in the header: folded,
    encoded, and raw bytes as surrogates (`words.text_of`). A tuple, because a first sync makes a
    hundred thousand of them."""

    message_id: str = ""
    subject: str = ""
    sender: str = ""
    to: str = ""
    cc: str = ""
    date: float | None = None
    references: tuple[str, ...] = ()
    attachments: int = 0

    def decoded(self) -> Envelope:
        """The envelope as a person reads it."""
        return Envelope(
            message_id=self.message_id,
            subject=decode_words(self.subject),
            sender=_addresses(self.sender),
            to=_addresses(self.to),
            cc=_addresses(self.cc),
            date=self.date,
            references=self.references,
            attachments=self.attachments,
        )


def _addresses(text: str) -> tuple[Address, ...]:
    if not text:
        return ()
    return _often_read(text) if len(text) <= _SHORT else read_addresses(text)


@lru_cache(maxsize=2048)
def _often_read(text: str) -> tuple[Address, ...]:
    """The same few people write most of a mailbox, and it is written to the same one."""
    return read_addresses(text)
