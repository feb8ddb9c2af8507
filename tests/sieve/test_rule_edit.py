"""Edits of the rule book: what is not edited stays, letter by letter, comments too."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eilbote.errors import Gone, Misused
from eilbote.sieve.rule import Copy, Flagging, Larger, Mark, Move, OwnScript, Rule, Sender, Subject, Where
from eilbote.sieve.rule_book import read_book
from eilbote.sieve.rule_edit import with_changed, with_entry, with_moved, with_replaced, without_entry
from eilbote.sieve.rule_text import entry_text
from tests.sieve.made_rules import RULE

BOOK = """\
# Meine Regeln, bitte nicht anfassen

# Was vom Steuerberater kommt
[[rule]]
name = "Steuerberater"      # der neue
match = "all"
if = [
  # der erste
  {from = "@steuerberater.example"},   # Kanzlei
  {subject = "Rechnung"},              # Betreff
  {larger = "10K"},
]
then = [{move = "Buchhaltung"}]        # dorthin
# noch ein Gedanke

# Das Skript
[[script]]
name = "eigenes"
sieve = '''
keep;
'''

[[rule]]
name = "Zweite"
then = [{copy="Alles"}]
"""


def first(text: str = BOOK) -> Rule:
    entry = read_book(text).entries[0]
    assert isinstance(entry, Rule)
    return entry


def names(text: str) -> list[str]:
    return [each.name for each in read_book(text).entries]


def test_one_condition_changes_its_line_alone() -> None:
    rule = first()
    changed = replace(rule, conditions=(rule.conditions[0], Subject(False, ("Honorar",)), rule.conditions[2]))
    text = with_replaced(BOOK, "steuerberater", changed)
    assert text == BOOK.replace('{subject = "Rechnung"}', '{subject = "Honorar"}')


def test_a_condition_more_and_less() -> None:
    rule = first()
    more = with_replaced(
        BOOK, "Steuerberater", replace(rule, conditions=(*rule.conditions, Sender(True, ("Ben",))))
    )
    assert [line for line in BOOK.splitlines() if "#" in line] == [
        line for line in more.splitlines() if "#" in line
    ]
    less = with_replaced(BOOK, "Steuerberater", replace(rule, conditions=rule.conditions[::2]))
    assert "# der erste" in less
    assert "# Kanzlei" in less
    assert first(less).conditions == (Sender(False, ("@steuerberater.example",)), Larger(False, 10 << 10))


def test_switching_off_and_on_again_says_it_in_one_line() -> None:
    off = with_replaced(BOOK, "Steuerberater", replace(first(), enabled=False))
    assert off == BOOK.replace("# dorthin\n", "# dorthin\nenabled = false\n")
    on = with_replaced(off, "Steuerberater", replace(first(), enabled=True))
    assert on == off.replace("enabled = false", "enabled = true")


def test_a_script_is_changed_and_moves_to_the_server() -> None:
    text = with_replaced(BOOK, "eigenes", OwnScript("eigenes", "stop;\n", where=Where.SERVER))
    assert text == BOOK.replace("keep;\n'''\n", "stop;\n'''\nwhere = \"server\"\n")


def test_a_rule_becomes_a_script_in_its_place() -> None:
    text = with_replaced(BOOK, "Steuerberater", OwnScript("Steuerberater", "keep;\n"))
    assert names(text) == ["Steuerberater", "eigenes", "Zweite"]
    assert "# Was vom Steuerberater kommt\n[[script]]" in text
    assert text.endswith(BOOK[BOOK.index("# Das Skript") :])


def test_adding_and_removing_gives_the_same_text() -> None:
    rule = Rule("Dritte", (), (Mark(Flagging.READ),))
    for at in (None, 0, 1, 2, 99):
        text = with_entry(BOOK, rule, at)
        assert names(text).index("Dritte") == (3 if at in (None, 99) else at)
        assert without_entry(text, "dritte") == BOOK


def test_moving_takes_the_comments_along() -> None:
    text = with_moved(BOOK, "Steuerberater", 2)
    assert names(text) == ["eigenes", "Zweite", "Steuerberater"]
    assert "# Was vom Steuerberater kommt\n[[rule]]" in text
    assert sorted(text.split()) == sorted(BOOK.split())
    assert with_moved(text, "Steuerberater", 2) == text
    assert names(with_moved(text, "Steuerberater", -5)) == ["Steuerberater", "eigenes", "Zweite"]


def test_removing_the_last_one_leaves_the_heading() -> None:
    text = BOOK
    for name in names(BOOK):
        text = without_entry(text, name)
    assert text == "# Meine Regeln, bitte nicht anfassen\n"


def test_names_are_unknown_or_taken() -> None:
    with pytest.raises(Gone, match=r"rules\.unknown"):
        without_entry(BOOK, "nichts")
    with pytest.raises(Gone, match=r"rules\.unknown"):
        with_moved(BOOK, "nichts", 0)
    with pytest.raises(Gone, match=r"rules\.unknown"):
        with_replaced(BOOK, "nichts", first())
    with pytest.raises(Misused, match=r"rules\.name_taken"):
        with_entry(BOOK, replace(first(), name="ZWEITE"))
    with pytest.raises(Misused, match=r"rules\.name_taken"):
        with_replaced(BOOK, "Steuerberater", replace(first(), name="Zweite"))
    with pytest.raises(Misused, match=r"rules\.no_action"):
        with_entry(BOOK, Rule("leer"))


def test_lines_of_another_system_are_read() -> None:
    text = with_entry(BOOK.replace("\n", "\r\n"), Rule("Dritte", (), (Move("A"),)))
    assert names(text) == [*names(BOOK), "Dritte"]


@settings(max_examples=60)
@given(st.lists(RULE, min_size=2, max_size=4, unique_by=lambda rule: rule.name.lower()), st.data())
def test_any_edits_of_any_rules_are_exact(rules: Sequence[Rule], data: st.DataObject) -> None:
    *held, new = rules
    text = "# Anfang\n\n" + "\n".join("# zu ihr\n" + entry_text(rule) for rule in held)
    number = data.draw(st.integers(0, len(held) - 1))
    target = data.draw(st.integers(0, len(held) - 1))
    replaced = with_replaced(text, held[number].name, new)
    assert list(read_book(replaced).entries) == [*held[:number], new, *held[number + 1 :]]
    assert replaced.count("# zu ihr") >= len(held)
    moved = with_moved(text, held[number].name, target)
    order = [*held[:number], *held[number + 1 :]]
    order.insert(target, held[number])
    assert list(read_book(moved).entries) == order
    assert list(read_book(without_entry(text, held[number].name)).entries) == [
        *held[:number],
        *held[number + 1 :],
    ]


def test_an_edit_keeps_a_copy_of_nothing() -> None:
    text = with_replaced(BOOK, "Zweite", Rule("Zweite", (), (Copy("Anderes"),)))
    assert text == BOOK.replace('{copy="Alles"}', '{copy = "Anderes"}')


def test_many_are_changed_at_once_as_each_would_be() -> None:
    entries = read_book(BOOK).entries
    away = [replace(one, where=Where.PENDING, account="kim@example.de") for one in entries]
    one_by_one = BOOK
    for entry in away:
        one_by_one = with_replaced(one_by_one, entry.name, entry)
    stranger = replace(away[0], name="Niemand")
    assert with_changed(BOOK, [stranger, *away]) == one_by_one
    assert list(read_book(one_by_one).entries) == away
    assert with_changed(BOOK, entries) == BOOK
    assert with_changed(one_by_one, entries[:1]) == with_replaced(one_by_one, entries[0].name, entries[0])
