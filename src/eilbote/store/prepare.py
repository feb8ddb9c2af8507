"""What storing must know of mails' bytes, computed before the transaction and beside it.

Arithmetic on bytes alone, so that another process can do it (`engine.preparing`): hashes, what
lists show, the keys of conversations, blocks of small bodies compressed. It must never touch a
file, the database or the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from eilbote.mail.message import read_source
from eilbote.mail.source import EnvelopeSource
from eilbote.mail.thread import ancestor_keys, message_key
from eilbote.store.blocks import compressed, grouped
from eilbote.store.envelopes import to_columns
from eilbote.store.update_values import Block, Prepared


class Batch(Struct, frozen=True, array_like=True):
    """Some mails prepared; `blocks` hold every one of them once."""

    mails: list[Prepared]
    blocks: list[Block]


def prepare(raws: Sequence[bytes]) -> Batch:
    """Reads, hashes and compresses mails. Never raises, whatever the bytes."""
    mails = [prepared_mail(raw, read_source(raw)) for raw in raws]
    blocks = [
        Block(members, compressed(b"".join([raws[at] for at in members])) if pays else None)
        for members, pays in grouped(raws)
    ]
    return Batch(mails, blocks)


def prepared_mail(raw: bytes, source: EnvelopeSource) -> Prepared:
    """One mail whose envelope is known."""
    own = message_key(source.message_id) if source.message_id else 0
    ancestors = ancestor_keys(source.message_id, source.references) if source.references else ()
    return Prepared(sha256(raw).digest(), to_columns(source), own, ancestors)
