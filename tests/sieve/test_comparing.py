"""Prepared comparisons are the plain ones, only quicker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eilbote.sieve.comparator import Comparator
from eilbote.sieve.write import quoted
from tests.sieve.outcomes import deeds, ours

LETTERS = st.sampled_from(["*", "*", "?", "\\", "a", "A", "b", "ä", "Ä", "ß", " ", "[", "é"])
KEYS = st.lists(st.lists(LETTERS, max_size=6).map("".join), min_size=1, max_size=3)
VALUES = st.lists(st.sampled_from(["a", "A", "b", "ä", "Ä", "ß", "[", "*", "é"]), max_size=8).map("".join)
TEXTS = (Comparator.OCTET, Comparator.ASCII_CASEMAP, Comparator.UNICODE_CASEMAP)


@given(KEYS, VALUES, st.sampled_from(TEXTS), st.sampled_from(["is", "contains", "matches"]))
def test_with_variables_and_without_the_same_mails_match(
    keys: list[str], value: str, comparator: Comparator, match: str
) -> None:
    mail = f"Subject: {value}\r\nX-Other: a\r\n\r\n".encode()
    listed = "[" + ", ".join(map(quoted, keys)) + "]"
    test = f'header :{match} :comparator "{comparator.value}" ["subject", "x-other"] {listed}'
    needs = '"comparator-i;unicode-casemap"'
    prepared = ours(f"require {needs}; if {test} {{ discard; }}", mail)
    slow = ours(f'require [{needs}, "variables"]; if {test} {{ discard; }}', mail)
    anew = test.replace(listed, listed.replace('"]', '${nothing}"]'))
    made = ours(f'require [{needs}, "variables"]; if {anew} {{ discard; }}', mail)
    assert deeds(prepared) == deeds(slow) == deeds(made)
