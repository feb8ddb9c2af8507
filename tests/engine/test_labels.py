"""Labels and the keywords that carry them: as Thunderbird writes them, and no words among programs."""

from __future__ import annotations

import pytest

from eilbote.engine.labels import HUES, keyword_of, label_of, labels_in
from eilbote.errors import Misused


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("Projekt", "Projekt"), ("Neue Küche", "Neue_K&APw-che"), ("日本", "&ZeVnLA-"), ("R & D", "R_&-_D")],
)
def test_a_name_is_carried_by_a_keyword_and_read_again(name: str, keyword: str) -> None:
    assert keyword_of(name) == keyword
    label = label_of(keyword)
    assert label is not None and label.name == name and 0 <= label.hue < HUES


def test_keywords_among_programs_are_no_labels() -> None:
    flags = {"\\Seen", "$Forwarded", "$MDNSent", "NonJunk", "Junk", "$junk", "$Phishing", "$label9", "Work"}
    assert [label.name for label in labels_in(frozenset(flags))] == ["Work"]
    assert [label.keyword for label in labels_in(frozenset({"$Label2"}))] == ["$label2"]


def test_what_is_no_writing_of_ours_is_shown_as_it_stands() -> None:
    label = label_of("a&b")
    assert label is not None and label.name == "a&b"


@pytest.mark.parametrize("name", ["", "  ", "x" * 51, "\x00", "nonjunk", "$Forwarded", "日" * 50])
def test_what_can_be_no_label_is_refused(name: str) -> None:
    with pytest.raises(Misused):
        keyword_of(name)


def test_a_label_that_is_there_is_taken_in_any_case() -> None:
    known = labels_in(frozenset({"PROJEKT", "Gr&APwA3w-e"}))
    assert keyword_of("projekt", known) == "PROJEKT"
    assert keyword_of("grüße", known) == "Gr&APwA3w-e"
