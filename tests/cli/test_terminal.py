"""Text from strangers never commands a terminal, and every line fits its width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.cli.table import Column, Row, lay_out
from eilbote.cli.terminal import fitted, harmless, harmless_lines, styled, width, wrapped

ATTACKS = [
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x9d0;title\x9c",
    "a\rb",
    "\x08\x08\x08",
    "\u202egpj.exe",
    "\u2066hidden\u2069",
    "line\nline",
    "\x00\x7f",
    "\ud800",
    "\U000e0041",
    "\u2028para\u2029",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_line_commands_the_terminal(attack: str) -> None:
    shown = harmless(attack)
    assert all(sign.isprintable() or sign == " " for sign in shown)
    shown.encode()


@given(st.text(st.characters()))
def test_no_text_commands_the_terminal(text: str) -> None:
    for sign in harmless_lines(text).replace("\n", ""):
        assert ord(sign) >= 32 and not 0x7F <= ord(sign) < 0xA0
        assert sign not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
    assert "\n" not in harmless(text)


def test_ordinary_text_stays() -> None:
    for text in ("Grüße aus Köln", "日本語", "naïve café", "👍🏽 ok", "a\tb".replace("\t", " ")):
        assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("Größe", 5), ("日本", 4), ("e\u0301", 1), ("👍", 2), ("❤\ufe0f", 2), ("", 0)],
)
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 40), st.booleans())
def test_fitted_fills_exactly(text: str, cells: int, right: bool) -> None:
    assert width(fitted(harmless(text), cells, right=right)) == cells


def test_fitted_cuts_with_an_ellipsis() -> None:
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("日本語", 5) == "日本…"
    assert fitted("ab", 4, right=True) == "  ab"


def test_wrapped() -> None:
    assert wrapped("one two three\n\nfour", 8) == ["one two", "three", "", "four"]
    assert wrapped("a-very-long-word x", 5) == ["a-very-long-word", "x"]


def test_styled() -> None:
    assert styled("x", "bold red") == "\x1b[1;31mx\x1b[0m"
    assert styled("x", "") == "x"


COLUMNS = [Column("ID", right=True), Column("Subject", share=2), Column("Who", share=1)]
ROWS = [
    Row(("1", "A rather long subject that must be cut somewhere", "Anna")),
    Row(("22", "Kurz", "Bob\x1b[2J")),
]


@pytest.mark.parametrize("cells", [40, 80, 120])
def test_a_table_fits_the_terminal(cells: int) -> None:
    lines = list(lay_out(COLUMNS, ROWS, cells=cells, colour=False))
    assert max(map(width, lines)) <= cells
    assert lines[0].startswith("ID  Subject")
    assert "\x1b" not in "".join(lines)


def test_a_table_in_a_pipe_is_whole() -> None:
    lines = list(lay_out(COLUMNS, ROWS, cells=None, colour=False))
    assert "A rather long subject that must be cut somewhere  Anna" in lines[1]
    assert lines[2].startswith("22  Kurz")


def test_an_empty_table_has_its_head() -> None:
    assert list(lay_out(COLUMNS, [], cells=80, colour=False)) == ["ID  Subject  Who"]
