"""Which TLSA records count, and which chains fit them."""

from __future__ import annotations

import hashlib

import pytest

from eilbote.delivery.dane import Certificate, Match, Tlsa, match, usable

LEAF = Certificate(b"leaf", b"leaf key")
ISSUER = Certificate(b"issuer", b"issuer key")
CHAIN = (LEAF, ISSUER)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (Tlsa(3, 1, 1, sha256(b"leaf key")), Match(True, LEAF)),
        (Tlsa(3, 0, 1, sha256(b"leaf")), Match(True, LEAF)),
        (Tlsa(3, 1, 2, hashlib.sha512(b"leaf key").digest()), Match(True, LEAF)),
        (Tlsa(3, 0, 0, b"leaf"), Match(True, LEAF)),
        (Tlsa(2, 1, 1, sha256(b"issuer key")), Match(False, ISSUER)),
        (Tlsa(2, 0, 1, sha256(b"leaf")), Match(False, LEAF)),
        (Tlsa(3, 1, 1, sha256(b"issuer key")), None),
        (Tlsa(3, 1, 1, sha256(b"another key")), None),
    ],
)
def test_which_chain_fits(record: Tlsa, found: Match | None) -> None:
    assert match([record], CHAIN) == found
    assert match([Tlsa(3, 1, 1, bytes(32)), record], CHAIN) == found


def test_the_servers_own_record_wins() -> None:
    records = [Tlsa(2, 0, 0, b"issuer"), Tlsa(3, 0, 0, b"leaf")]
    assert match(records, CHAIN) == Match(True, LEAF)


def test_no_chain_fits_nothing() -> None:
    assert match([Tlsa(3, 0, 0, b"leaf")], ()) is None


def test_which_records_count() -> None:
    good = [Tlsa(3, 1, 1, bytes(32)), Tlsa(2, 0, 2, bytes(64)), Tlsa(3, 0, 0, b"x")]
    bad = [
        Tlsa(0, 1, 1, bytes(32)),
        Tlsa(1, 1, 1, bytes(32)),
        Tlsa(3, 2, 1, bytes(32)),
        Tlsa(3, 1, 3, bytes(32)),
        Tlsa(3, 1, 1, bytes(31)),
        Tlsa(3, 1, 2, bytes(32)),
        Tlsa(3, 0, 0, b""),
    ]
    assert usable([*bad, *good]) == tuple(good)
    assert usable(bad) == ()
