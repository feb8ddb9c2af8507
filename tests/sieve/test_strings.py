"""Encoded characters and modifiers, with the examples of the RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.sieve.strings import Modifier, decode_characters, modified, shortened
from eilbote.sieve.wildcards import wildcards


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("$${hex:40}", "$@"),
        ("${hex: 40 }", "@"),
        ("${HEX: 40}", "@"),
        ("${hex:40", "${hex:40"),
        ("${hex:400}", "${hex:400}"),
        ("${hex:4${hex:30}}", "${hex:40}"),
        ("${unicode:40}", "@"),
        ("${ unicode:40}", "${ unicode:40}"),
        ("${UNICODE:40}", "@"),
        ("${UnICoDE:0000040}", "@"),
        ("${Unicode:Cool}", "${Unicode:Cool}"),
        ("${unicode:200000.}", "${unicode:200000.}"),
        ("${hex:c3 bc}", "ü"),
        ("${hex:c3}${hex:bc}", "ü"),
        ("${unicode:\r\n 1F600\t41}", "😀A"),
        ("${hex:}", "${hex:}"),
        ("${name}", "${name}"),
    ],
)
def test_encoded_characters(text: str, decoded: str) -> None:
    """The first twelve are those of RFC 5228 section 2.4.2.4."""
    assert decode_characters(text) == decoded


@pytest.mark.parametrize(
    "text", ["${unicode:d800}", "${unicode:110000}", "${unicode:ffffffffffffffff}", "${hex:ff}", "${hex:0}"]
)
def test_what_is_no_character_is_refused(text: str) -> None:
    with pytest.raises(Misused) as caught:
        decode_characters(text)
    assert caught.value.problem.code == "sieve.encoded_character"


@pytest.mark.parametrize(
    ("text", "modifiers", "result"),
    [
        ("juMBlEd lETteRS", [], "juMBlEd lETteRS"),
        ("juMBlEd lETteRS", ["length"], "15"),
        ("juMBlEd lETteRS", ["lower"], "jumbled letters"),
        ("juMBlEd lETteRS", ["upperfirst"], "JuMBlEd lETteRS"),
        ("juMBlEd lETteRS", ["upperfirst", "lower"], "Jumbled letters"),
        ("Rock*", ["quotewildcard"], "Rock\\*"),
        ("a?\\", ["quotewildcard", "length"], "5"),
        ("ÄRGER", ["lower"], "Ärger"),
        ("ärger", ["upperfirst"], "ärger"),
        ("Grüße", ["length"], "5"),
        ("a.b[c]$", ["quoteregex"], "a\\.b\\[c\\]\\$"),
        ("ä & b/c~", ["encodeurl"], "%C3%A4%20%26%20b%2Fc~"),
        ("", ["upperfirst", "length"], "0"),
    ],
)
def test_modifiers(text: str, modifiers: list[str], result: str) -> None:
    """The first six are those of RFC 5229 section 4.1."""
    assert modified(text, [Modifier(each) for each in modifiers]) == result


@given(st.text())
def test_a_quoted_text_matches_itself_alone(text: str) -> None:
    find = wildcards(modified(text, [Modifier.QUOTE_WILDCARD]), lambda same: same, 1000)
    assert find(text) == []
    assert find(text + "x") is None


@given(st.text(max_size=50), st.integers(0, 60))
def test_no_character_is_cut_in_two(text: str, octets: int) -> None:
    cut = shortened(text, octets)
    assert text.startswith(cut)
    assert len(cut.encode()) <= octets
    assert cut == text or len((cut + text[len(cut)]).encode()) > octets


@given(st.text())
def test_any_string_is_decoded_or_refused(text: str) -> None:
    try:
        decode_characters(text)
    except Misused as refused:
        assert refused.problem.code == "sieve.encoded_character"


def test_a_megabyte_of_beginnings_costs_one_pass() -> None:
    text = "${hex:" * 170_000
    assert decode_characters(text) == text
    text = "${hex:" + "40 " * 300_000
    assert decode_characters(text) == text
