"""format=flowed: wrapped for old readers, whole again in others, never mistaken for something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.body import _unflowed
from eilbote.mail.flowed import MAX_DEPTH, flow

WORDS = " ".join(["wort"] * 40)


@pytest.mark.parametrize(
    ("text", "flowed"),
    [
        ("kurz", "kurz"),
        ("", ""),
        ("a\n\nb", "a\n\nb"),
        ("From here", " From here"),
        ("  eingerückt", "   eingerückt"),
        ("Ende   ", "Ende"),
        ("-- ", "-- "),
        ("--  ", "--"),
        ("> Zitat", "> Zitat"),
        (">Zitat", "> Zitat"),
        ("> > älter", ">> älter"),
        (">", ">"),
    ],
)
def test_lines(text: str, flowed: str) -> None:
    assert flow(text) == flowed


def test_paragraphs_are_wrapped_and_come_back_whole() -> None:
    for text in (WORDS, f"> {WORDS}", f">> {WORDS}", f"{'x' * 60} >{WORDS}", f"-- {'x' * 100} {WORDS}"):
        flowed = flow(text)
        lines = flowed.split("\n")
        assert len(lines) > 2
        assert all(len(line) <= 78 for line in lines if "xxx" not in line)
        assert "-- " not in lines
        assert _unflowed(flowed, False) == text.replace(">> ", ">> ")


@given(st.text(st.sampled_from("ab> -\nF "), max_size=400))
def test_whatever_is_written_comes_back(text: str) -> None:
    text = text.replace(">", "|")  # quotes are above; their inner spaces are not kept
    kept = "\n".join(line if line == "-- " else line.rstrip(" ") for line in text.split("\n"))
    assert _unflowed(flow(text), False) == kept


def test_a_flood_of_marks_does_not_multiply() -> None:
    flowed = flow(">" * 100_000 + "x y " * 25_000)
    assert len(flowed) < 1_000_000
    assert flowed.startswith(">" * MAX_DEPTH + " ")


@given(st.text(st.sampled_from("ab> -\nF "), max_size=400))
def test_depth_of_quotes_comes_back(text: str) -> None:
    def depths(lines: str) -> list[int]:
        marks = [
            line[: len(line) - len(line.lstrip("> "))] if line.startswith(">") else ""
            for line in lines.split("\n")
        ]
        return [mark.count(">") for mark in marks]

    assert depths(_unflowed(flow(text), False)) == [min(depth, MAX_DEPTH) for depth in depths(text)]
