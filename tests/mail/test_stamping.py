"""A mail's stamp is found again from its Message-ID; nobody foresees either."""

from __future__ import annotations

import re

import pytest

from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.stamping import CHANCE, moment_of, new_stamp, stamp_again

CHANCES = bytes(range(CHANCE))


def test_found_again_to_the_byte() -> None:
    stamp = new_stamp(1_795_000_000.7, CHANCES, "kim@example.de", 60)
    assert stamp_again(stamp.message_id, 60) == stamp
    assert stamp.date == moment_of(stamp.message_id) == 1_795_000_000
    draft = Draft(Identity("kim@example.de"), to=(Address("", "a@b.de"),), files=(File("a", b"b"),))
    again = stamp_again(stamp.message_id, 60)
    assert again is not None
    assert compose(draft, again) == compose(draft, stamp)


def test_the_domain_is_that_of_the_address_as_the_wire_has_it() -> None:
    stamp = new_stamp(1.0, CHANCES, "kim@müller.example")
    assert re.fullmatch(r"[0-9a-f]{8}\.[a-z2-7]{24}@xn--mller-kva\.example", stamp.message_id)


def test_every_byte_of_chance_counts() -> None:
    made = set()
    for at in range(CHANCE):
        chance = bytes(255 if place == at else 0 for place in range(CHANCE))
        stamp = new_stamp(1.0, chance, "a@b.de")
        made.add((stamp.message_id, stamp.boundary))
    assert len({message_id for message_id, _ in made}) == len({boundary for _, boundary in made}) == CHANCE


@pytest.mark.parametrize(
    "message_id", ["", "x@y", "6b093b20.@b.de", "6b093b2.aaaaaaaaaaaaaaaaaaaaaaaa@b.de", "abc@6b093b20.de"]
)
def test_ids_of_others_are_none(message_id: str) -> None:
    assert stamp_again(message_id) is None
    assert moment_of(message_id) is None
