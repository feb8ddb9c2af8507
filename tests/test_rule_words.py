"""What a rule says, what it did and why, in the words of people: by real scripts over real mails."""

from __future__ import annotations

from datetime import date

import pytest

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.engine.ruling import told
from eilbote.engine.stored_mail import StoredMail
from eilbote.rule_deeds import deed_said, reasons_said
from eilbote.sieve.build import build_script
from eilbote.sieve.rule import (
    AnyCondition,
    Attachment,
    Body,
    HeaderField,
    How,
    Larger,
    MailingList,
    Match,
    Move,
    Recipient,
    Rule,
    Sender,
    Smaller,
    Subject,
)
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import World
from eilbote.store.rule_values import Deed, Told

RAW = (
    b"From: Anna Berger <anna@steuer.example>\r\nTo: kim@example.de\r\nSubject: Ihre Rechnung 7\r\n"
    b"List-Id: <rundbrief.example>\r\nX-Mailer: Bote 1\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
    b"Bitte bald zahlen.\r\n--b\r\nContent-Type: application/pdf; name=r.pdf\r\n"
    b"Content-Disposition: attachment; filename=r.pdf\r\n\r\nx\r\n--b--\r\n"
)


def steps_of(*conditions: AnyCondition, match: Match = Match.ALL) -> tuple[Told, ...]:
    """What history would keep."""
    rule = Rule("R", conditions, (Move("Ziel"),), match, stop=True)
    script = read_script(build_script([rule], date(2026, 11, 27)))
    assert isinstance(script, Script)
    outcome = run(script, StoredMail(1, len(RAW), lambda: RAW), World(now=1_795_772_000.0))
    assert outcome.rules[0] == "R", outcome
    return told(outcome.trace, ["R"])


@pytest.mark.parametrize(
    ("condition", "german", "english"),
    [
        (
            Sender(False, ("@steuer.example",)),
            "der Absender „steuer.example“ ist",
            "the sender is “steuer.example”",
        ),
        (
            Sender(False, ("anna@steuer.example",)),
            "der Absender „anna@steuer.example“ ist",
            "the sender is “anna@steuer.example”",
        ),
        (
            Recipient(False, ("kim@example.de",)),
            "der Empfänger „kim@example.de“ ist",
            "the recipient is “kim@example.de”",
        ),
        (
            Subject(False, ("Mahnung", "rechnung")),
            "der Betreff „rechnung“ enthält",
            "the subject contains “rechnung”",
        ),
        (
            Subject(False, ("Ihre Rechnung 7",), How.IS),
            "der Betreff „Ihre Rechnung 7“ lautet",
            "the subject is “Ihre Rechnung 7”",
        ),
        (Body(False, ("zahlen",)), "der Text „zahlen“ enthält", "the text contains “zahlen”"),
        (Attachment(False, ("pdf",)), "eine Datei angehängt ist", "a file is attached"),
        (Attachment(), "eine Datei angehängt ist", "a file is attached"),
        (MailingList(), "die Mail über eine Mailingliste kam", "it came over a mailing list"),
        (
            MailingList(False, ("rundbrief",)),
            "die Mail über eine Mailingliste kam",
            "it came over a mailing list",
        ),
        (Larger(False, 100), "die Mail größer als 100 B ist", "it is larger than 100 B"),
        (Smaller(False, 1 << 20), "die Mail kleiner als 1 MB ist", "it is smaller than 1 MB"),
        (
            HeaderField(False, ("X-Mailer",), ("Bote",)),
            "das Feld X-Mailer „Bote 1“ lautet",
            "the field X-Mailer is “Bote 1”",
        ),
    ],
)
def test_a_reason_is_told_in_words(condition: AnyCondition, german: str, english: str) -> None:
    steps = steps_of(condition)
    assert reasons_said(steps, "R", Catalogue("de")) == [german]
    assert reasons_said(steps, "R", Catalogue("en")) == [english]


def test_only_what_was_true_is_a_reason() -> None:
    steps = steps_of(Subject(False, ("nein",)), Body(False, ("zahlen",)), match=Match.ANY)
    assert reasons_said(steps, "R", Catalogue("en")) == ["the text contains “zahlen”"]


def test_where_nothing_was_true_it_is_said_what_was_not() -> None:
    (reason,) = reasons_said(steps_of(Subject(True, ("nein",))), "R", Catalogue("en"))
    assert reason.startswith("not: the subject")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_deed_has_its_words(language: str) -> None:
    said = Catalogue("de" if language == "de" else "en")
    for action in ("fileinto", "keep", "discard", "redirect", "reject", "vacation", "notify", "look"):
        words = deed_said(Deed(action, "kim@example.de", ("\\Seen", "Rechnung")), said)
        assert words and not words.startswith(action), action
    assert "„" not in deed_said(Deed("discard"), Catalogue("en"))


def test_what_was_refused_is_told_as_not_done() -> None:
    refused = Deed("redirect", "kim@example.de", refused="answered-before")
    assert deed_said(refused, Catalogue("en")) == (
        "not sent on to kim@example.de after all (not sent: the sender was answered lately)"
    )
    assert deed_said(refused, Catalogue("en"), done=False) == "sent on to kim@example.de"


def test_nonsense_in_a_trace_is_shown_as_it_is() -> None:
    odd = Told(1, "header", 'header "', True, "R")
    assert reasons_said([odd, Told(2, "size", "size :over", True, "R")], "R", Catalogue("en"))
