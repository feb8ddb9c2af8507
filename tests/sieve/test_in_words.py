"""Every rule is told in plain words, in German and in English."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

import eilbote
from eilbote.catalogue import Catalogue, read_po
from eilbote.sieve.in_words import actions_in_words, conditions_in_words, name_in_words
from eilbote.sieve.rule import (
    Attachment,
    Copy,
    Flagging,
    Forward,
    Label,
    MailingList,
    Mark,
    Match,
    Move,
    Reply,
    Rule,
    Sender,
    Subject,
)
from tests.sieve.made_rules import RULE

GERMAN, ENGLISH = Catalogue("de").text, Catalogue("en").text


def test_a_rule_in_german_and_english() -> None:
    rule = Rule(
        "x",
        (Sender(False, ("@example.org", "Anna")), Subject(False, ("Rechnung",)), MailingList(True)),
        (Move("Buchhaltung"), Mark(Flagging.FLAGGED), Label(("a", "b")), Reply("weg", 3)),
    )
    assert (
        conditions_in_words(rule, GERMAN)
        == "von @example.org oder Anna und Betreff enthält „Rechnung“ und nicht: aus einer Liste"
    )
    assert actions_in_words(rule, GERMAN) == (
        "nach „Buchhaltung“ verschieben, markieren, Schlagwort a, b setzen, antworten, einmal in 3 Tagen"
    )
    assert (
        conditions_in_words(rule, ENGLISH)
        == "from @example.org or Anna and subject contains “Rechnung” and not of a list"
    )
    assert name_in_words(rule, GERMAN) == "@example.org → Buchhaltung"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("x"), "jede Mail"),
        (Rule("x", (Attachment(), Sender(False, ("a",))), match=Match.ANY), "mit Anhang oder von a"),
        (
            Rule("x", (Attachment(), Sender(False, ("a",))), match=Match.NONE),
            "nichts davon: mit Anhang, von a",
        ),
        (Rule("x", (Sender(False, tuple("abcdefg")),)), "von a, b, c oder 4 weitere"),
    ],
)
def test_conditions_together(rule: Rule, words: str) -> None:
    assert conditions_in_words(rule, GERMAN) == words


def test_a_name_is_short() -> None:
    rule = Rule("x", (Subject(True, ("a" * 500,)),), (Copy("b" * 200),))
    assert len(name_in_words(rule, GERMAN)) <= 130
    assert name_in_words(Rule("x", (), (Forward("a@example.org"),)), GERMAN) == (
        "jede Mail → an a@example.org weiterleiten, behalten"
    )


@given(RULE)
def test_every_word_is_in_the_catalogue(rule: Rule) -> None:
    file = Path(eilbote.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "eilbote.po"
    german = dict(read_po(file.read_text(encoding="utf-8").splitlines()))
    asked: list[str] = []

    def say(english: str, /, **parameters: object) -> str:
        asked.append(english)
        return ENGLISH(english, **parameters)

    assert conditions_in_words(rule, say).strip()
    assert actions_in_words(rule, say).strip()
    assert not {text for text in asked if text not in german}
