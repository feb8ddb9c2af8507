"""German and English sentences for generated mail: seeded, so that every run has the same ones.

The words follow a Zipf curve over some ten thousand forms, so that an index over them has the
shape of one over real text: a few words everywhere, most of them rare.
"""

from __future__ import annotations

import itertools
import random

_GERMAN_STEMS = """
    Rechnung Angebot Lieferung Vertrag Termin Besprechung Anlage Kunde Auftrag Bestellung Zahlung Mahnung
    Versicherung Steuer Wohnung Miete Heizung Straße Schlüssel Übergabe Prüfung Größe Maß Büro Gespräch
    Nachricht Antwort Frage Lösung Änderung Kündigung Bestätigung Gebühr Frist Woche Monat Jahr Urlaub Reise
    Flug Hotel Zimmer Fahrt Zug Bahn Auto Werkstatt Reparatur Garantie Gerät Rechner Drucker Server Netz
    Sicherung Kennwort Zugang Konto Bank Überweisung Betrag Summe Kosten Gewinn Umsatz Bericht Tabelle Liste
    Projekt Plan Ziel Ergebnis Fehler Ursache Hinweis Vorschlag Entwurf Fassung Kapitel Seite Bild Foto Karte
    Schule Kind Eltern Lehrer Verein Treffen Feier Geburtstag Einladung Geschenk Garten Haus Dach Fenster Tür
"""
_GERMAN_SMALL = """
    der die das und ist nicht wir Sie ich mit für auf von zu im den des ein eine einen bitte noch auch wie
    haben wird werden kann können müssen soll heute morgen gestern über unter nach vor bei aus bis zum zur
    schon sehr viel weniger größer kleiner gerne herzlich leider natürlich vielleicht außerdem während
"""
_ENGLISH_STEMS = """
    invoice offer delivery contract meeting agenda attachment customer order payment reminder insurance tax
    flat rent heating street key handover review size office call message answer question solution change
    notice confirmation fee deadline week month year holiday trip flight hotel room train station car garage
    repair warranty device computer printer server network backup password access account bank transfer amount
    total cost profit revenue report table list project plan goal result error cause hint proposal draft
    version chapter page picture photo card school child parent teacher club party birthday invitation gift
    garden house roof window door release patch branch thread kernel module driver buffer queue socket
"""
_ENGLISH_SMALL = """
    the a an and is not we you I with for on of to in at by from this that these those please also how has
    have will would can could must should today tomorrow yesterday over under after before until already very
    much more less bigger smaller kindly unfortunately maybe besides while because there here which whose
"""
_GERMAN, _ENGLISH = (_GERMAN_SMALL, _GERMAN_STEMS), (_ENGLISH_SMALL, _ENGLISH_STEMS)


def sentences(language: str, count: int) -> list[str]:
    """`count` sentences of 5 to 22 words in `de` or `en`; the same for the same arguments."""
    chance = random.Random(f"{language} {count}")
    small, stems = (text.split() for text in (_GERMAN if language == "de" else _ENGLISH))
    endings = ("", "en", "s", "es", "ung") if language == "de" else ("", "s", "ed", "ing")
    rare = [
        (one + two.lower() if language == "de" else f"{one}{two}") + chance.choice(endings)
        for one, two in itertools.product(stems, stems)
    ]
    chance.shuffle(rare)
    words = [*small, *stems, *rare]
    weights = list(itertools.accumulate(1 / (rank + 8) for rank in range(len(words))))
    made = []
    for _ in range(count):
        chosen = chance.choices(words, cum_weights=weights, k=chance.randint(5, 22))
        made.append(" ".join(chosen).capitalize() + chance.choice(".....?!"))
    return made
