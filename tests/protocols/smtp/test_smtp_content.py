"""Contents on their way out: only CRLF, dots stuffed, nothing else changed, however they are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.protocols.smtp.content import longest_line, normalised, traits_of

BLOCKS = [1, 2, 3, 5, 16, 1 << 16]

pieces = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"xyz", b"\xc3\xbc", b"\0"]), max_size=40
)


def expected(content: bytes) -> bytes:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    return lines if not lines or lines.endswith(b"\r\n") else lines + b"\r\n"


@given(pieces.map(b"".join), st.sampled_from(BLOCKS))
def test_only_line_ends_change(content: bytes, block: int) -> None:
    plain = b"".join(normalised(content, block, stuffed=False))
    assert plain == expected(content)
    assert len(plain) == traits_of(content).size


@given(pieces.map(b"".join), st.sampled_from(BLOCKS))
def test_dots_are_stuffed_once(content: bytes, block: int) -> None:
    stuffed = b"".join(normalised(content, block, stuffed=True))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", stuffed)
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed
    assert re.sub(rb"(?m)(\A|(?<=\r\n))\.", b"", stuffed) == expected(content)


@given(pieces.map(b"".join), st.sampled_from(BLOCKS))
def test_no_block_is_larger_than_told(content: bytes, block: int) -> None:
    # a bare line end grows by one, a stuffed dot too, and no CR is parted from its LF
    assert all(0 < len(one) <= 2 * block + 2 for one in normalised(content, block, stuffed=True))


@given(st.lists(st.integers(0, 30), max_size=20), st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_the_longest_line(lengths: list[int], end: bytes) -> None:
    assert longest_line(end.join(b"x" * length for length in lengths)) == max(lengths, default=0)


def test_a_line_longer_than_any_block() -> None:
    assert longest_line(b"a\r\n" + b"x" * (3 << 20) + b"\r\nb") == 3 << 20
    assert longest_line(b"x" * (3 << 20)) == 3 << 20


def test_nothing_is_copied_where_nothing_changes() -> None:
    content = b"Subject: x\r\n\r\n" + b"line\r\n" * 1000
    (only,) = normalised(content, 1 << 16, stuffed=False)
    assert only is content


@pytest.mark.parametrize(
    ("content", "utf8", "eight"),
    [
        (b"Subject: x\r\n\r\nbody", False, False),
        ("Subject: x\r\n\r\nü".encode(), False, True),
        ("Subject: ü\r\n\r\nx".encode(), True, True),
        ("Subject: ü\n\nx".encode(), True, True),
        ("X: y\r\nSubject: ü".encode(), True, True),
        ("Subject: ü\r\n\r\nx".encode("latin-1"), False, True),
        ("\r\nSubject: ü\r\n".encode(), False, True),
        ("a: b\r\nc: d\r\n\r\nü\r\n\r\nü".encode(), False, True),
    ],
)
def test_what_decides_how_a_content_travels(content: bytes, utf8: bool, eight: bool) -> None:
    traits = traits_of(content)
    assert (traits.has_utf8_header, traits.has_8bit, traits.has_nul) == (utf8, eight, False)
    assert traits_of(content + b"\0").has_nul
