"""Every ready-made rule catches the mail that it is for, in German and in English, and no other."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest

import eilbote
from eilbote.catalogue import Catalogue, read_po
from eilbote.sieve.build import build_script
from eilbote.sieve.mail import MessageMail
from eilbote.sieve.read_back import read_back
from eilbote.sieve.ready_made import offers
from eilbote.sieve.rule_book import read_book
from eilbote.sieve.rule_check import canonical, faults
from eilbote.sieve.rule_edit import with_entry
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import FileInto, Said, World
from tests.servers.pigeonhole import Pigeonhole

TODAY = date(2026, 11, 27)
GERMAN = Catalogue("de").text
OFFERS = {offer.key: offer for offer in offers(GERMAN)}


def mail(subject: str, *files: tuple[str, str], sender: str = "shop@firma.example", **fields: str) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "anna@example.org"
    message["Date"] = "Fri, 27 Nov 2026 10:00:00 +0100"
    message["Subject"] = subject
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("Guten Tag,\n\nText\n")
    for media_type, name in files:
        main, _, sub = media_type.partition("/")
        message.add_attachment(b"x", main, sub, filename=name)
    return message.as_bytes()


NOTHING = Said()
PDF = ("application/pdf", "Anlage.pdf")


def mailboxes(key: str, raw: bytes, said: Said = NOTHING, senders: tuple[str, ...] = ()) -> list[str]:
    offer = next(offer for offer in offers(GERMAN, senders) if offer.key == key)
    script = read_script(build_script(offer.rules, TODAY))
    assert isinstance(script, Script)
    outcome = run(script, MessageMail(raw), World(1_795_000_000, said=said))
    assert outcome.problem is None
    found = [action.mailbox for action in outcome.actions if isinstance(action, FileInto)]
    assert outcome.implicit_keep is not bool(found)
    return found


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("invoices", mail("Ihre Rechnung 4711 vom 1. November", PDF)),
        ("invoices", mail("RECHNUNG Nr. 3", ("application/pdf", ""))),
        ("invoices", mail("Telefonrechnung November", ("application/octet-stream", "4711.PDF"))),
        ("invoices", mail("Your invoice from Example Ltd", PDF)),
        ("invoices", mail("Receipt for your payment", PDF)),
        ("invoices", mail("Zahlungserinnerung", PDF)),
        ("invoices", mail("Unterlagen", ("application/pdf", "Rechnung_2026-11.pdf"))),
        ("invoices", mail("Unterlagen", ("text/xml", "xrechnung.xml"))),
        ("orders", mail("Ihre Bestellung bei Firma ist eingegangen")),
        ("orders", mail("Bestellbestätigung 123")),
        ("orders", mail("BESTELLBESTÄTIGUNG 123")),
        ("orders", mail("Ihr Paket kommt morgen")),
        ("orders", mail("Your order has shipped", List_Unsubscribe="<x>")),
        ("appointments", mail("Besprechung", ("text/calendar", "einladung"))),
        ("appointments", mail("Meeting", ("application/octet-stream", "invite.ics"))),
        ("urgent", mail("Server steht", X_Priority="1 (Highest)")),
        ("urgent", mail("Server steht", Importance="High")),
        ("urgent", mail("Vertrag", Priority="urgent")),
        ("urgent", mail("DRINGEND: Unterschrift fehlt")),
        ("urgent", mail("Eilt! Angebot bis heute")),
        ("urgent", mail("Action required: contract")),
        ("newsletters", mail("Angebote der Woche", List_Unsubscribe="<https://example.org/weg>")),
        ("newsletters", mail("[dev] Fehler 3", List_Id="Entwickler <dev.example.org>")),
    ],
)
def test_what_a_ready_made_rule_is_for(key: str, raw: bytes) -> None:
    wanted = {
        "invoices": "Buchhaltung", "orders": "Bestellungen", "appointments": "Termine", "urgent": "Dringend",
        "newsletters": "Newsletter",
    }  # fmt: skip
    assert mailboxes(key, raw) == [wanted[key]]


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("invoices", mail("Ihre Rechnung ist da, bitte anmelden")),
        ("invoices", mail("Frage zur Rechnung", ("image/png", "logo.png"))),
        ("invoices", mail("Neue Berechnung der Statik", PDF)),
        ("invoices", mail("Fotos vom Sommer", PDF)),
        ("orders", mail("AW: Ihre Bestellung bei Firma")),
        ("orders", mail("Re: Your order")),
        ("orders", mail("Essen gehen?")),
        ("appointments", mail("Termin am Montag?", PDF)),
        ("urgent", mail("Server steht")),
        ("urgent", mail("Server steht", X_Priority="3 (Normal)")),
        ("urgent", mail("Die Wohnung wird geteilt")),
        ("urgent", mail("Heiligabend")),
        ("urgent", mail("Dringend zugreifen: 50 % Rabatt", List_Unsubscribe="<x>")),
        ("urgent", mail("Rabatt", X_Priority="1", List_Id="news <news.example.org>")),
        ("newsletters", mail("Hallo Anna", sender="ben@example.net")),
    ],
)
def test_what_a_ready_made_rule_leaves_alone(key: str, raw: bytes) -> None:
    assert mailboxes(key, raw) == []


def test_business_partners_are_those_who_were_named() -> None:
    named = ("@kunde.example", "chef@gmail.com")
    assert mailboxes("business-partners", mail("a", sender="x@kunde.example"), senders=named) == [
        "Geschäftspartner"
    ]
    assert mailboxes("business-partners", mail("a", sender="Chef <chef@gmail.com>"), senders=named)
    assert not mailboxes("business-partners", mail("a", sender="x@anders.example"), senders=named)
    assert not mailboxes("business-partners", mail("a", sender="x@kunde.example.net"), senders=named)


def test_business_partners_are_known_contacts_of_companies() -> None:
    known = Said(known=True)
    assert mailboxes("business-partners", mail("a"), known) == ["Geschäftspartner"]
    assert not mailboxes("business-partners", mail("a"))
    assert not mailboxes("business-partners", mail("a", sender="oma@gmx.de"), known)
    assert not mailboxes("business-partners", mail("a", List_Unsubscribe="<x>"), known)


def test_urgent_mail_is_flagged() -> None:
    script = read_script(build_script(OFFERS["urgent"].rules, TODAY))
    assert isinstance(script, Script)
    outcome = run(script, MessageMail(mail("Dringend")), World(1_795_000_000))
    assert [action.flags for action in outcome.actions if isinstance(action, FileInto)] == [("\\Flagged",)]
    assert outcome.rules == ("Dringend nach Betreff",)


@pytest.mark.parametrize("language", ["de", "en"])
def test_all_of_them_make_one_book(language: str) -> None:
    say = GERMAN if language == "de" else Catalogue("en").text
    rules = [rule for offer in offers(say) for rule in offer.rules]
    assert not [fault for rule in rules for fault in faults(rule)]
    book = ""
    for rule in rules:
        book = with_entry(book, rule)
    assert list(read_book(book).entries) == rules
    script = build_script(rules, TODAY)
    assert read_back(script) == tuple(map(canonical, rules))


def test_pigeonhole_takes_those_that_need_no_assistant(pigeonhole: Pigeonhole) -> None:
    rules = [rule for offer in offers(GERMAN, ("@kunde.example",)) for rule in offer.rules]
    verdict = pigeonhole.test(build_script(rules, TODAY), mail("Ihre Rechnung 4711", PDF))
    assert [action.said for action in verdict.actions] == ["store message in folder: Buchhaltung"], (
        verdict.errors
    )


def test_their_names_are_in_both_languages() -> None:
    file = Path(eilbote.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "eilbote.po"
    german = dict(read_po(file.read_text(encoding="utf-8").splitlines()))
    asked: list[str] = []

    def say(text: str) -> str:
        asked.append(text)
        return text

    assert len(offers(say)) == 6
    assert len(asked) > 20
    assert not {text for text in asked if text not in german}
