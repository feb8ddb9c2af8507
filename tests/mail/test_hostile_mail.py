"""Bombs: read whole, within the limits, in time and memory that follow the size of the input."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from eilbote.mail.address import MAX_ADDRESSES
from eilbote.mail.headers import MAX_FIELDS
from eilbote.mail.message import MAX_REFERENCES, parse_message, read_envelope
from eilbote.mail.part import MAX_DEPTH, MAX_FILE_NAME, MAX_PARTS
from eilbote.mail.text import preview, readable_text, searchable_text
from tests.messages.hostile import BOMBS

SMALL = 20_000
BIG = 4 * SMALL


def read_all(raw: bytes) -> None:
    """Everything that the product asks of a mail."""
    read_envelope(raw)
    searchable_text(raw)
    message = parse_message(raw)
    preview(readable_text(message))
    assert len(message.parts) <= 2 * MAX_PARTS
    assert len(message.headers) <= MAX_FIELDS
    for part in message.parts:
        assert part.number.count(".") <= MAX_DEPTH + 2
        assert len(part.file_name) <= MAX_FILE_NAME
        assert len(part.content()) <= 2 * part.size + 64
    assert len(message.envelope.references) <= MAX_REFERENCES
    assert message.defects is not None
    message.body_html()


def python_steps(work: Callable[[], None]) -> int:
    """Lines of Python run by `work`: a measure of effort that no other load on the machine disturbs."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(None)
    return steps


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_within_the_limits(name: str) -> None:
    read_all(BOMBS[name](500_000))


@pytest.mark.parametrize("name", BOMBS)
def test_effort_follows_size(name: str) -> None:
    small, big = BOMBS[name](SMALL), BOMBS[name](BIG)
    read_all(small)  # loads what is loaded at first need
    least = python_steps(lambda: read_all(small))
    most = python_steps(lambda: read_all(big))
    assert most <= 5 * least + 5000


@pytest.mark.parametrize(
    "name", ["one wide cell", "tables within each other", "empty uuencoded lines", "tiny parts"]
)
def test_memory_follows_size(name: str) -> None:
    raw = BOMBS[name](1_000_000)
    read_all(BOMBS[name](1000))
    tracemalloc.start()
    try:
        read_all(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_there_are_forty_bombs() -> None:
    assert len(BOMBS) >= 40


def test_parts_beyond_the_limit_stay_with_the_last() -> None:
    raw = BOMBS["tiny parts"](200_000)
    message = parse_message(raw)
    assert len(message.root.children) == MAX_PARTS - 1
    assert message.root.children[-1].end == len(raw)
    assert "parts.too_many" in message.root.defects


def test_what_lies_too_deep_is_one_part() -> None:
    message = parse_message(BOMBS["multiparts within each other"](100_000))
    assert len(message.parts) == MAX_DEPTH + 1
    assert message.parts[-1].content_type == "text/plain"
    assert "parts.too_deep" in message.parts[-1].defects


def test_a_field_of_endless_recipients_is_read_in_part() -> None:
    for piece in (b"a@b,", b"a@b;"):  # the fast and the strict way
        envelope = read_envelope(b"To: " + piece * (MAX_ADDRESSES + 5) + b"\r\n\r\n")
        assert len(envelope.to) == MAX_ADDRESSES


def test_a_file_name_is_cut_with_its_ending_kept() -> None:
    raw = b"Content-Disposition: attachment; filename=" + b"n" * 3000 + b".pdf\r\n\r\nx"
    name = parse_message(raw).root.file_name
    assert len(name) == MAX_FILE_NAME
    assert name.endswith("n.pdf")
