"""What a draft is asked before it goes out: forgotten attachments, senders that are not one's own."""

from __future__ import annotations

import pytest

from eilbote.mail.checks import mentioned_attachment, warnings_for
from eilbote.mail.draft import Draft, File
from eilbote.mail.identity import Identity

ME = Identity("joerg@example.org")


def codes(draft: Draft, login: str = "", own: tuple[str, ...] = ()) -> list[str]:
    return [problem.code for problem in warnings_for(draft, login, own)]


@pytest.mark.parametrize(
    "text",
    [
        "Anbei die Unterlagen.",
        "Die Rechnung finden Sie im Anhang.",
        "siehe Anhang",
        "Ich habe die Datei angehängt.",
        "die angehängte Datei",
        "Ich hänge die Datei an.",
        "Den Vertrag habe ich beigefügt.",
        "Beigefügter Lebenslauf",
        "Näheres in der Anlage.",
        "Als Anlage erhalten Sie den Vertrag.",
        "Please find attached the report.",
        "I've attached the file.",
        "I have attached two files.",
        "See the attachment for details.",
        "The attached document explains it.",
        "I am attaching the slides; they are attached to this mail.",
        "Please find enclosed our offer.",
    ],
)
def test_a_text_that_speaks_of_an_attachment(text: str) -> None:
    assert mentioned_attachment(Draft(ME, text=text))
    assert codes(Draft(ME, text=text)) == ["compose.attachment_missing"]
    assert codes(Draft(ME, text=text, files=(File("a", b"a"),))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Bis morgen!",
        "Wir essen heute bei Anna.",
        "Die Anlage steht im Keller.",
        "eine Kapitalanlage",
        "ohne Anhang",
        "Bitte keine Mail mit Anhang mehr, schick sie ohne Anhang.".replace(
            "mit Anhang mehr, schick sie ", ""
        ),
        "The anbeißen of fish",
        "I am attached to this house.",
        "> Anbei die Unterlagen.\nDanke!",
        "There is no attachment.",
    ],
)
def test_a_text_that_does_not(text: str) -> None:
    assert codes(Draft(ME, text=text)) == []


def test_what_was_quoted_is_not_asked() -> None:
    assert codes(Draft(ME, text="Danke!", quoted="Anna schrieb:\n> Anbei die Rechnung.")) == []


@pytest.mark.parametrize(
    ("address", "login", "own", "foreign"),
    [
        ("joerg@example.org", "joerg@example.org", (), False),
        ("Joerg@Example.org", "joerg@example.org", (), False),
        ("joerg+x@example.org", "joerg@example.org", (), False),
        ("info@example.org", "joerg@example.org", (), True),
        ("info@example.org", "joerg@example.org", ("info@example.org",), False),
        ("any@example.net", "joerg@example.org", ("@example.net",), False),
        ("a@gmail.com", "a@googlemail.com", (), False),
        ("joerg@müller.example", "joerg@xn--mller-kva.example", (), False),
        ("joerg@example.org", "joerg", (), False),
        ("joerg@example.org", "", (), False),
    ],
)  # fmt: skip
def test_a_sender_that_does_not_belong_to_the_login(
    address: str, login: str, own: tuple[str, ...], foreign: bool
) -> None:
    assert codes(Draft(Identity(address)), login, own) == (["compose.foreign_sender"] if foreign else [])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("![Plan](plan.png) wie besprochen", "plan.png"),
        ("![](file:///home/kim/plan.png)", "file:///home/kim/plan.png"),
        ("![Plan](cid:image1.plan.png@inline)", ""),
        ("![Logo](https://example.org/logo.png)", ""),
        ("[Plan](plan.png)", ""),
    ],
)
def test_a_picture_that_only_the_writer_has(text: str, name: str) -> None:
    found = warnings_for(Draft(ME, text=text, markdown=True))
    assert [(one.code, one.parameters["name"]) for one in found] == (
        [("compose.picture_missing", name)] if name else []
    )
    assert codes(Draft(ME, text=text)) == [], "in plain text nothing is shown"
