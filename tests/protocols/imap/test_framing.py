from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Garbled
from eilbote.protocols.imap.framing import Frame, Framer
from eilbote.protocols.imap.limits import Limits
from tests.protocols.imap.deliveries import SMALL


def frames(wire: bytes, limits: Limits = SMALL, step: int | None = None) -> list[Frame]:
    """Every whole response of `wire`, received in pieces of `step` bytes at most."""
    framer = Framer(limits)
    found = []
    at = 0
    while at < len(wire):
        room = framer.room()
        count = min(len(room), len(wire) - at, step or len(wire))
        room[:count] = wire[at : at + count]
        framer.filled(count)
        at += count
        while (frame := framer.next_frame()) is not None:
            found.append(frame)
    return found


CASES = {
    "lines": (b"* OK x\r\n+ go on\r\n", [[b"* OK x"], [b"+ go on"]]),
    "literal": (b"* X {3}\r\na\r\n y\r\n", [[b"* X {3}", b"a\r\n", b" y"]]),
    "empty literal": (b"* X {0}\r\n\r\n", [[b"* X {0}", b"", b""]]),
    "literal8": (b"* X ~{2}\r\n\0\0)\r\n", [[b"* X ~{2}", b"\0\0", b")"]]),
    "two literals": (
        b"* X ({1}\r\nA {2}\r\nBC)\r\n",
        [[b"* X ({1}", b"A", b" {2}", b"BC", b")"]],
    ),
    "literal with a line that looks tagged": (
        b"* X {9}\r\nE1 OK x\r\n\r\n",
        [[b"* X {9}", b"E1 OK x\r\n", b""]],
    ),
    "text that only looks like a literal": (
        b"* OK try {5}\r\nE1 OK {3}\r\n",
        [[b"* OK try {5}"], [b"E1 OK {3}"]],
    ),
    "lone CR and LF": (b"* OK a\rb\nc\r\n", [[b"* OK a\rb\nc"]]),
    "gathered literal": (b"* X {300}\r\n" + b"z" * 300 + b" y\r\n", [[b"* X {300}", b"z" * 300, b" y"]]),
    "literal larger than the buffer": (
        b"* X {5000}\r\n" + b"q" * 5000 + b"\r\n",
        [[b"* X {5000}", b"q" * 5000, b""]],
    ),
    "numbers longer than a line": (
        b"* SEARCH " + b"12 " * 1000 + b"\r\n* OK\r\n",
        [[b"* SEARCH " + b"12 " * 1000], [b"* OK"]],
    ),
}


@pytest.mark.parametrize("step", [None, 1, 2, 7, 100], ids=lambda step: f"by-{step or 'all'}")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_responses_are_cut_alike_however_they_arrive(case: str, step: int | None) -> None:
    wire, expected = CASES[case]
    assert frames(wire, step=step) == expected


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"* OK " + b"x" * 300 + b"\r\n", "imap.line_too_long"),
        (b"x" * 5000, "imap.line_too_long"),
        (b"* LIST () " + b"x" * 300 + b"\r\n", "imap.line_too_long"),
        (b"* SEARCH " + b"1 " * 4000 + b"\r\n", "imap.line_too_long"),
        (b"* X {4294967295}\r\n", "imap.literal_too_long"),
        (b"* X {99999999999999999999}\r\n", "imap.literal_too_long"),
        (b"* X {5000}\r\n" + b"a" * 5000 + b" {5000}\r\n", "imap.literal_too_long"),
        (b"* X" + b" {1}\r\na" * 400 + b"\r\n", "imap.response_too_long"),
    ],
    ids=["line", "endless", "list", "numbers", "literal", "absurd", "together", "one-byte-literals"],
)
@pytest.mark.parametrize("step", [None, 1, 50], ids=lambda step: f"by-{step or 'all'}")
def test_what_breaks_a_limit_is_refused(wire: bytes, code: str, step: int | None) -> None:
    with pytest.raises(Garbled) as caught:
        frames(wire, step=step)
    assert caught.value.problem.code == code


def test_a_huge_announced_literal_costs_nothing_before_it_comes() -> None:
    limits = Limits()
    framer = Framer(limits)
    wire = b"* 1 FETCH (BODY[] {%d}\r\n" % limits.literal
    framer.room()[: len(wire)] = wire
    framer.filled(len(wire))
    assert framer.next_frame() is None
    assert framer.at_boundary is False
    assert len(framer.buffer) <= limits.buffer


def test_a_line_that_waits_keeps_a_small_buffer_and_gets_a_large_one_for_much() -> None:
    framer = Framer(Limits())
    small = len(framer.buffer)
    assert small <= 16 * 1024
    wire = b"* OK Still here\r\n" * 100_000
    sent = read = 0
    while read < 100_000:
        room = framer.room()
        part = wire[sent : sent + len(room)]
        room[: len(part)] = part
        framer.filled(len(part))
        sent += len(part)
        while framer.next_frame() is not None:
            read += 1
    assert len(framer.buffer) == framer.limits.buffer
    framer.let_go()
    assert len(framer.buffer) == small


@given(
    st.lists(st.lists(st.binary(max_size=400), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(1, 600),
)
def test_any_literals_come_back_as_they_were(literals: list[list[bytes]], step: int) -> None:
    wire = b"".join(
        b"* X" + b"".join(b" {%d}\r\n%s" % (len(one), one) for one in response) + b"\r\n"
        for response in literals
    )
    assert [frame[1::2] for frame in frames(wire, step=step)] == literals


def test_looking_for_the_end_of_a_line_does_not_begin_anew_with_each_byte() -> None:
    framer = Framer(Limits())
    looked = 0
    for _ in range(1000):
        framer.room()[:1] = b"x"
        framer.filled(1)
        before = framer._scanned
        framer.next_frame()
        looked += framer.end - before
    assert looked < 3000
