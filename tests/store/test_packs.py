"""Records of bodies on disk: written at the committed end, checked when read and when scanned."""

from __future__ import annotations

import base64
import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.errors import Gone, Unreachable
from eilbote.mail.mailbox import UidSet
from eilbote.store.blocks import BLOCK_BYTES, compressed, shrinks
from eilbote.store.packs import Encoding, Packs, Record, make_record
from tests.store.given import Home, arrival, raw_mail


def pair(body: bytes) -> tuple[bytes, bytes]:
    return sha256(body).digest(), body


def record_of(bodies: list[tuple[bytes, bytes]]) -> Record:
    return make_record(bodies, compressed(b"".join([body for _, body in bodies])))


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "packs")


def test_small_text_is_compressed_and_random_bytes_are_not(packs: Packs) -> None:
    text = record_of([pair(b"Sehr geehrte Damen und Herren " * 50)])
    noise = record_of([pair(os.urandom(4 * BLOCK_BYTES))])
    assert text.encoding is Encoding.ZSTD
    assert text.length < 300
    assert noise.encoding is Encoding.RAW


def test_only_what_shrinks_is_compressed() -> None:
    assert shrinks(b"")
    assert shrinks(os.urandom(1000))  # too small to ask
    assert shrinks("Mit freundlichen Grüßen ".encode() * 4000)
    assert not shrinks(base64.encodebytes(os.urandom(BLOCK_BYTES)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_every_body_of_a_record_comes_back(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    packs = Packs(tmp_path_factory.mktemp("home") / "packs")
    record = record_of([pair(body) for body in bodies])
    packs.append(1, 0, [record])
    skip = 0
    for body in bodies:
        place = (1, 0, record.length, skip, len(body), sha256(body).digest())
        assert packs.body(*place) == packs.unchecked_body(*place) == body
        skip += len(body)
    (found,) = packs.scan(1, record.length)
    assert (found.length, found.intact) == (record.length, True)
    assert list(found.bodies) == [(sha256(body).digest(), len(body)) for body in bodies]
    packs.close()


def test_the_torn_tail_of_a_crash_is_overwritten(packs: Packs) -> None:
    first, second = record_of([pair(b"first" * 9)]), record_of([pair(b"second" * 9)])
    packs.append(1, 0, [first])
    with packs.path(1).open("ab") as file:
        file.write(b"torn" * 1000)
    packs.append(1, first.length, [second])
    end = first.length + second.length
    assert [one.intact for one in packs.scan(1, end)] == [True, True]
    packs.close()


@pytest.mark.parametrize("encoding", [Encoding.RAW, Encoding.ZSTD])
def test_every_changed_byte_is_noticed(packs: Packs, encoding: Encoding) -> None:
    body = os.urandom(60) if encoding is Encoding.RAW else b"abc " * 30
    record = record_of([pair(body)])
    assert record.encoding is encoding
    whole = b"".join(record.pieces)
    digest = sha256(body).digest()
    for at in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x55
        packs.path(1).write_bytes(spoilt)
        assert [one for one in packs.scan(1, len(whole)) if one.intact and one.bodies] == []
        try:
            read = Packs(packs.folder).body(1, 0, len(whole), 0, len(body), digest)
        except Gone as gone:
            assert gone.problem.code == "store.body_damaged"
        else:
            assert read == body
    packs.close()


def test_missing_and_short_packs_are_named(packs: Packs) -> None:
    record = record_of([pair(b"body")])
    with pytest.raises(Gone) as gone:
        packs.body(7, 0, record.length, 0, 4, sha256(b"body").digest())
    assert gone.value.problem.code == "store.body_missing"
    packs.path(7).write_bytes(b"EILB")
    with pytest.raises(Gone):
        packs.body(7, 0, record.length, 0, 4, sha256(b"body").digest())
    packs.close()


def test_an_erased_record_is_passed_over_by_a_scan(packs: Packs) -> None:
    first, second = record_of([pair(b"geheim" * 20)]), record_of([pair(b"offen" * 20)])
    packs.append(1, 0, [first, second])
    packs.overwrite(1, [(0, first.length)])
    scanned = list(packs.scan(1, first.length + second.length))
    assert [(one.erased, one.intact, len(one.bodies)) for one in scanned] == [
        (True, True, 0),
        (False, True, 1),
    ]
    packs.close()


@pytest.mark.parametrize("bodies", [1, 2])
@pytest.mark.parametrize("noise", [True, False], ids=["stored as it is", "compressed"])
def test_an_unchecked_body_is_never_one_that_was_erased(packs: Packs, bodies: int, noise: bool) -> None:
    texts = [os.urandom(5000) if noise else b"geheim %d" % number * 900 for number in range(bodies)]
    record = record_of([pair(text) for text in texts])
    place = (1, 0, record.length, 0, len(texts[0]), sha256(texts[0]).digest())
    packs.append(1, 0, [record])
    assert packs.unchecked_body(*place) == texts[0]
    packs.overwrite(1, [(0, record.length)])
    with pytest.raises(Gone) as caught:
        packs.unchecked_body(*place)
    assert caught.value.problem.code == "store.body_damaged"
    packs.close()


def test_an_unchecked_body_is_the_one_asked_for(packs: Packs) -> None:
    body = os.urandom(5000)
    record = record_of([pair(body)])
    packs.append(1, 0, [record])
    with pytest.raises(Gone):
        packs.unchecked_body(1, 0, record.length, 0, len(body), sha256(b"another").digest())
    packs.close()


def test_small_bodies_share_blocks_and_large_ones_stand_alone(home: Home) -> None:
    large = os.urandom(BLOCK_BYTES)
    ids = home.arrive(arrival(1), arrival(2, raw=large), arrival(3)).ids
    with home.store.database.read() as session:
        rows = session.rows("SELECT DISTINCT position FROM content")
    assert len(rows) == 2
    assert [raw for _, raw in home.store.messages.stream_raw(ids)] == [raw_mail(1), large, raw_mail(3)]
    assert home.store.messages.hashes(home.inbox, UidSet.of([2])) == {2: sha256(large).hexdigest()}


def test_damage_on_disk_is_found(home: Home, tmp_path: Path) -> None:
    (message,) = home.arrive(arrival(1)).ids
    assert not home.store.keeping.check(home.inbox, bodies=True).damaged
    (pack,) = (tmp_path / "home" / "packs").glob("*.pack")
    spoilt = bytearray(pack.read_bytes())
    spoilt[-3] ^= 1
    pack.write_bytes(spoilt)
    assert home.store.keeping.check(home.inbox, bodies=True).damaged == UidSet.of([1])
    with pytest.raises(Gone):
        home.store.messages.raw(message)


@pytest.mark.parametrize("step", ["pwrite", "fdatasync"])
def test_a_full_disk_stores_nothing_and_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(Unreachable) as refused:
            home.arrive(arrival(1))
    assert refused.value.problem.code == "store.full"
    assert refused.value.problem.retry_after is not None
    assert home.held() == ""
    (message,) = home.arrive(arrival(1)).ids
    assert home.store.messages.raw(message) == raw_mail(1)
    home.check()
