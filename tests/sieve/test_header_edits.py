"""Fields added and deleted: RFC 5293's rules, bytes that stay, and no way to bring in a line of one's own."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.message import parse_message
from eilbote.sieve.header_edits import HeaderBlock, read_block, with_header

RAW = (
    b"Received: by one\r\nReceived: by two\r\nX-Tag: first\r\n"
    b"x-tag :  =?utf-8?q?zw=C3=B6lf?=\r\n and more\r\n"
    b"Subject: a\xffb\r\nX-Tag: third\r\n\r\nbody\r\n"
)
BLOCK = read_block(RAW)


def names(block: HeaderBlock) -> list[str]:
    return [name for name, _ in parse_message(bytes(block)).headers]


def test_what_is_not_touched_stays_byte_by_byte() -> None:
    assert with_header(RAW, bytes(BLOCK)) == RAW
    edited = BLOCK.added("X-New", "grün", last=True).added("X-Top", "1")
    assert with_header(RAW, bytes(edited)) == (
        b"X-Top: 1\r\n" + RAW.replace(b"third\r\n\r\n", b"third\r\nX-New: =?utf-8?b?Z3LDvG4=?=\r\n\r\n")
    )


def test_deleting() -> None:
    left, values = BLOCK.deleted("X-TAG")
    assert values == ("first", "zwölf and more", "third")
    assert names(left) == ["Received", "Received", "Subject"]
    assert BLOCK.deleted("x-tag", index=2).values == ("zwölf and more",)
    assert BLOCK.deleted("x-tag", index=1, last=True).values == ("third",)
    assert BLOCK.deleted("x-tag", index=4).values == BLOCK.deleted("x-tag", index=0).values == ()
    assert BLOCK.deleted("x-tag", lambda value: "more" in value).values == ("zwölf and more",)
    assert BLOCK.deleted("x-tag", lambda value: "more" in value, index=1).values == ()
    assert BLOCK.deleted("Subject").values == ("aÿb",)


@pytest.mark.parametrize("name", ["Received", "received", "Auto-Submitted", "X-Absent", "no name"])
def test_what_ends_loops_cannot_be_deleted(name: str) -> None:
    block = BLOCK.added("Auto-Submitted", "auto-replied")
    assert block.deleted(name) == (block, ())


def test_long_values_are_folded_and_folds_are_undone() -> None:
    block = read_block(b"A: b\n\nx").added("X-Long", "word " * 99 + "word\r\n\tend")
    assert b"\r" not in bytes(block)
    assert max(map(len, bytes(block).split(b"\n"))) <= 78
    assert parse_message(bytes(block)).headers.get("X-Long") == "word " * 100 + "end"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("X-A", "a\r\nBcc: x@y.example", "compose.character"),
        ("X-A", "a\n\nbody", "compose.character"),
        ("X-A", "a\rb", "compose.character"),
        ("X-A", "a\x00b", "compose.character"),
        ("X-A\r\nX-B", "a", "sieve.header_name"),
        ("X A", "a", "sieve.header_name"),
        ("X:A", "a", "sieve.header_name"),
        ("", "a", "sieve.header_name"),
        ("X-Ä", "a", "sieve.header_name"),
        ("X-A", "a " * 300_000, "sieve.headers_too_large"),
    ],
)
def test_nothing_can_be_smuggled_in(name: str, value: str, code: str) -> None:
    with pytest.raises(Misused) as caught:
        BLOCK.added(name, value)
    assert caught.value.problem.code == code


def test_fields_are_counted() -> None:
    block = read_block(b"\r\nbody")
    with pytest.raises(Misused, match="headers_too_large"):
        for _ in range(2_000):
            block = block.added("X-A", "1")
    assert len(block.fields) == 1_000


def test_a_first_line_that_goes_on_with_nothing_does_not_go_on_with_a_new_field() -> None:
    edited = read_block(b" stray\r\nSubject: a\r\n\r\n").added("X-A", "1")
    assert bytes(edited) == b" stray\r\nX-A: 1\r\nSubject: a\r\n\r\n"


@example(b" \r\n\r\n", "0", False)
@given(st.binary(max_size=200), st.text(max_size=80), st.booleans())
def test_one_field_is_one_field(raw: bytes, value: str, last: bool) -> None:
    block = read_block(raw)
    assert bytes(read_block(bytes(block))) == bytes(block) or not block.fields
    try:
        edited = block.added("X-Eilbote-Test", value, last=last)
    except Misused:
        return
    assert len(edited.fields) == len(block.fields) + 1
    assert edited.deleted("X-Eilbote-Test").block.fields == block.deleted("X-Eilbote-Test").block.fields
    head = parse_message(with_header(b"", bytes(edited)))
    assert head.headers.get("X-Eilbote-Test") == value.strip() or "  " in value or not value.isprintable()
