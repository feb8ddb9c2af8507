"""The layer of COMPRESS=DEFLATE: whole, byte by byte, with bytes left over, and against bombs."""

from __future__ import annotations

import random
import zlib

import pytest

from eilbote.errors import Garbled
from eilbote.protocols.deflate import SLOW, Caps, Deflater, Inflater, is_worth_it
from eilbote.protocols.imap.framing import Framer
from eilbote.protocols.imap.limits import Limits

TEXT = b"* 1 FETCH (UID 1 BODY[] {11}\r\nGr\xc3\xbc\xc3\x9fe dort)\r\n* OK weiter\r\n" * 500


class Buffer:
    """A reader with little room, emptied by the test."""

    def __init__(self, size: int = 1000) -> None:
        self._room = memoryview(bytearray(size))
        self.held = b""
        self._size = size

    def room(self) -> memoryview:
        return self._room[: self._size - len(self.held)]

    def filled(self, count: int) -> None:
        self.held += bytes(self._room[:count])

    @property
    def is_full(self) -> bool:
        return len(self.held) >= self._size

    def take(self) -> bytes:
        taken, self.held = self.held, b""
        return taken


def packed(*pieces: bytes) -> bytes:
    deflater = Deflater()
    return b"".join(deflater.deflate(piece) for piece in pieces)


def inflated(steps: list[bytes], buffer: Buffer, caps: Caps | None = None) -> bytes:
    """What comes out when the compressed bytes come in these steps."""
    inflater = Inflater(buffer, caps)
    out = b""
    for step in steps:
        room = inflater.room()
        room[: len(step)] = step
        inflater.filled(len(step))
        while inflater.pump():
            out += buffer.take()
    return out


def test_whole() -> None:
    assert inflated([packed(TEXT)], Buffer()) == TEXT


def test_byte_by_byte_and_each_piece_at_once() -> None:
    data = packed(TEXT)
    assert inflated([data[at : at + 1] for at in range(len(data))], Buffer()) == TEXT
    deflater, inflater, buffer = Deflater(), Inflater(Buffer()), Buffer()
    inflater = Inflater(buffer)
    for line in (b"E1 NOOP\r\n", b"E2 IDLE\r\n", b"DONE\r\n"):
        inflater.feed(deflater.deflate(line))
        inflater.pump()
        assert buffer.take() == line, "a command never waits for the next one"


@pytest.mark.parametrize("seed", range(20))
def test_in_any_pieces_into_any_room(seed: int) -> None:
    chance = random.Random(seed)
    data, steps = packed(TEXT, bytes(chance.randbytes(5000)), TEXT), []
    while data:
        size = chance.randint(1, 3000)
        steps.append(data[:size])
        data = data[size:]
    again = random.Random(seed)
    again.randbytes(5000)
    chance = random.Random(seed)
    out = inflated(steps, Buffer(chance.choice([1, 7, 1000, 100_000])))
    assert out == TEXT + random.Random(seed).randbytes(5000) + TEXT, f"seed {seed}"


def test_nothing_more_is_received_while_the_reader_is_full() -> None:
    noise = random.Random(1).randbytes(400_000)
    data = packed(noise)
    inflater, buffer = Inflater(Buffer(10)), Buffer(10)
    inflater = Inflater(buffer)
    taken = 0
    while not inflater.is_full:
        step = data[taken : taken + 60_000]
        inflater.room()[: len(step)] = step
        inflater.filled(len(step))
        inflater.pump()
        taken += len(step)
    assert taken < 340_000


def test_into_the_framer_with_bytes_left_over() -> None:
    """What lay behind the server's consent is the beginning of the compressed stream."""
    framer = Framer(Limits())
    consent = b"E7 OK go on\r\n"
    first = consent + packed(b"* 3 EXISTS\r\n* 1 RECENT\r\n")
    framer.room()[: len(first)] = first
    framer.filled(len(first))
    assert framer.next_frame() == [b"E7 OK go on"]
    inflater = Inflater(framer)
    inflater.feed(framer.take_rest())
    assert framer.is_empty
    inflater.pump()
    assert [framer.next_frame(), framer.next_frame(), framer.next_frame()] == [
        [b"* 3 EXISTS"],
        [b"* 1 RECENT"],
        None,
    ]


@pytest.mark.parametrize("step", [1, 100, 60_000])
def test_a_bomb_ends_the_connection_early(step: int) -> None:
    bomb = packed(bytes(64 << 20))
    with pytest.raises(Garbled, match=r"net\.deflate") as caught:
        inflated([bomb[at : at + step] for at in range(0, len(bomb), step)], Buffer(100_000))
    assert caught.value.problem.parameters["reason"].startswith("1:")


def test_no_more_comes_out_than_the_total() -> None:
    noise = random.Random(2).randbytes(50_000)
    with pytest.raises(Garbled, match=r"net\.deflate"):
        inflated([packed(noise)], Buffer(), Caps(total=40_000))


def test_what_is_no_stream_or_ends_it_is_named() -> None:
    with pytest.raises(Garbled) as caught:
        inflated([b"\xff\xff\xff\xff not deflate"], Buffer())
    assert caught.value.problem.parameters["reason"] == "zlib"
    made = zlib.compressobj(wbits=-15)
    last = made.compress(b"bye") + made.flush()
    assert inflated([last], Buffer()) == b"bye"
    for steps in ([last + b"x"], [last, b"x"]):
        with pytest.raises(Garbled) as caught:
            inflated(steps, Buffer())
    assert caught.value.problem.parameters["reason"] == "end"


def test_when_it_is_worth_it() -> None:
    slow, fast = SLOW / 2, SLOW * 2
    assert is_worth_it("auto", offered=True, loopback=False, throughput=slow)
    assert not is_worth_it("auto", offered=True, loopback=False, throughput=fast)
    assert not is_worth_it("auto", offered=True, loopback=False, throughput=None)
    assert not is_worth_it("auto", offered=True, loopback=True, throughput=slow)
    assert not is_worth_it("auto", offered=False, loopback=False, throughput=slow)
    assert is_worth_it("always", offered=True, loopback=True, throughput=None)
    assert not is_worth_it("always", offered=False, loopback=True, throughput=None)
    assert not is_worth_it("never", offered=True, loopback=False, throughput=slow)
