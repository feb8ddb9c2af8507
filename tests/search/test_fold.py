"""Letters made alike: what is stored and what is asked for meet."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.search.fold import LONGEST_WORD, fold, plain, spellings, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Größe", "grosse"),
        ("GRÖẞE", "grosse"),
        ("Łukasz Ørsted Đorđe", "lukasz orsted dorde"),
        ("Æsir Œuvre", "aesir oeuvre"),
        ("ﬁnal Ｒｅｃｈｎｕｎｇ", "final rechnung"),
        (normalize("NFD", "Müller café"), "muller cafe"),
        ("Привет", "привет"),
    ],
)
def test_case_accents_and_forms_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_plain_leaves_ascii_and_umlauts_to_the_tokenizer() -> None:
    assert plain("Plain ASCII") == "Plain ASCII"
    assert plain("Größe") == "Grösse"


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words("anna.groß@example.org, Nr. 4711_b!") == [
        "anna",
        "gross",
        "example",
        "org",
        "nr",
        "4711",
        "b",
    ]
    assert words("x" * 999) == ["x" * LONGEST_WORD]
    assert words("!?") == []


@pytest.mark.parametrize(
    ("asked", "spelt"),
    [
        ("Müller", {"muller", "mueller"}),
        ("Mueller", {"mueller", "muller"}),
        ("Muller", {"muller"}),
        ("Grüße", {"grusse", "gruesse"}),
        ("due", {"due"}),
        ("Frauen", {"frauen"}),
        ("neue Straße", {"neue strasse"}),
        (normalize("NFD", "schön"), {"schon", "schoen"}),
    ],
)
def test_umlauts_are_found_in_both_spellings(asked: str, spelt: set[str]) -> None:
    assert set(spellings(asked)) == spelt


@given(st.text())
def test_folding_twice_changes_nothing_and_text_never_breaks_it(text: str) -> None:
    once = fold(text)
    assert words(once) == words(text)
    assert spellings(text)[0] == " ".join(words(text))
