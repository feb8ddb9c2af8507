"""Prepared blocks are stored as they are, and made anew without the bodies that are stored already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

from eilbote.store.blocks import BLOCK_BYTES, compressed, shrinks
from eilbote.store.prepare import Batch, prepare
from eilbote.store.update_values import Arrival, MailboxUpdate
from tests.store.given import NOW, Home, raw_mail

NOISE = os.urandom(BLOCK_BYTES)


def arrive(home: Home, first: int, raws: Sequence[bytes], batch: Batch) -> list[int]:
    arrivals = [
        Arrival(uid, frozenset(), NOW, 0, raw, prepared)
        for uid, (raw, prepared) in enumerate(zip(raws, batch.mails, strict=True), first)
    ]
    update = MailboxUpdate(arrivals=arrivals, blocks=batch.blocks)
    return list(home.store.messages.apply(home.inbox, update, NOW).ids)


def test_every_mail_is_in_one_block() -> None:
    raws = [raw_mail(number) for number in range(300)] + [NOISE, b"x" * BLOCK_BYTES, b""]
    batch = prepare(raws)
    assert sorted(at for block in batch.blocks for at in block.members) == list(range(len(raws)))
    assert [one.sha256 for one in batch.mails] == [sha256(raw).digest() for raw in raws]
    alone = {block.members: block.packed for block in batch.blocks if len(block.members) == 1}
    assert alone[(300,)] is None
    assert alone[(301,)] is not None


def test_what_hardly_shrinks_is_not_compressed() -> None:
    assert not shrinks(NOISE)
    assert compressed(NOISE) is None
    assert len(compressed(b"Hallo " * 1000) or b"") < 100


def test_prepared_mails_are_read_back(home: Home) -> None:
    raws = [raw_mail(number) for number in range(200)] + [NOISE]
    ids = arrive(home, 1, raws, prepare(raws))
    assert [home.store.messages.raw(one) for one in ids] == raws
    home.check()


def test_a_body_that_is_known_or_comes_twice_is_stored_once(home: Home) -> None:
    first = [raw_mail(number) for number in range(50)]
    arrive(home, 1, first, prepare(first))
    before = sum(path.stat().st_size for path in home.store.home.glob("**/*.pack"))
    again = [*first, NOISE, raw_mail(99), NOISE, raw_mail(99)]
    ids = arrive(home, 100, again, prepare(again))
    assert [home.store.messages.raw(one) for one in ids] == again
    grown = sum(path.stat().st_size for path in home.store.home.glob("**/*.pack")) - before
    assert len(NOISE) < grown < len(NOISE) + 1_000
    home.check()
