"""The rule book: one text, saved by who knows the one before; and its history."""

from __future__ import annotations

import pytest

from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.store import Store, rule_book
from tests.store.given import NOW


def test_a_text_is_saved_and_read_back(store: Store) -> None:
    assert store.rule_book.get().revision == 0
    assert store.rule_book.revision() == 0
    saved = store.rule_book.save('[[rule]]\nname = "Größe \0"\n', 0, NOW)
    assert store.rule_book.get() == saved
    assert (saved.revision, saved.saved, saved.origin) == (1, NOW, "user")
    assert "Größe" in saved.text
    assert "\0" not in saved.text


def test_of_two_who_change_the_same_text_one_learns_it(store: Store) -> None:
    first = store.rule_book.save("one", 0, NOW)
    store.rule_book.save("two", first.revision, NOW)
    with pytest.raises(NotAllowed) as refused:
        store.rule_book.save("three", first.revision, NOW)
    assert refused.value.problem.code == "rules.changed_meanwhile"
    assert refused.value.problem.parameters["revision"] == "2"
    assert store.rule_book.get().text == "two"


def test_the_same_text_is_no_new_revision(store: Store) -> None:
    store.rule_book.save("one", 0, NOW)
    assert store.rule_book.save("one", 1, NOW + 1).revision == 1


def test_the_last_texts_are_kept(store: Store) -> None:
    for revision in range(60):
        store.rule_book.save(f"text {revision + 1}", revision, NOW + revision)
    past = store.rule_book.past()
    assert [book.revision for book in past] == list(range(60, 10, -1))
    assert store.rule_book.at(11).text == "text 11"
    with pytest.raises(Gone):
        store.rule_book.at(10)


def test_a_text_without_end_is_refused(store: Store) -> None:
    with pytest.raises(Misused):
        store.rule_book.save("x" * (rule_book.LARGEST + 1), 0, NOW)
    assert store.rule_book.get().revision == 0
