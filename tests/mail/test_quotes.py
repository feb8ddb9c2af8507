"""A writer's own words apart from quotes and signatures, in German and English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.quotes import new_text, split_reply


def filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


OWN = "Danke, passt!\n\nViele Grüße\nAnna"


@pytest.mark.parametrize(
    "quote",
    [
        "Am 23.11.2026 um 10:15 schrieb Karl Groß <karl@b.de>:\n> Passt Montag?\n> Karl",
        "Am Mo., 23. Nov. 2026 um 10:15 Uhr schrieb Karl <karl@b.de>:\n\n> Passt Montag?",
        "Am 23.11.26 schrieb \"Karl Groß, Vertrieb\"\n<karl@b.de>:\n> Passt Montag?",
        "Karl <karl@b.de> schrieb am Mo., 23. Nov. 2026, 10:15:\n\n> Passt Montag?",
        "On Mon, Nov 23, 2026 at 10:15 AM Karl <karl@b.de> wrote:\n> Does Monday work?",
        "On Mon, Nov 23, 2026 at 10:15 AM\nKarl <karl@b.de> wrote:\n\nDoes Monday work?",
        "Karl wrote:\n> Does Monday work?",
        "-----Ursprüngliche Nachricht-----\nVon: Karl\nGesendet: Montag\nAn: Anna\nBetreff: x\n\nPasst?",
        "-----Original Message-----\nFrom: Karl\nTo: Anna\n\nDoes Monday work?",
        "Von: Karl <karl@b.de>\nGesendet: Montag, 23. November 2026 10:15\nAn: Anna\nBetreff: x\n\nPasst?",
        "________________________________\nFrom: Karl\nSent: Monday\nTo: Anna\nSubject: x\n\nHello",
        "*Von:* Karl\n*Gesendet:* Montag\n*An:* Anna\n\nPasst?",
        "---------- Forwarded message ---------\nFrom: Karl\n\nHello",
        "Anfang der weitergeleiteten Nachricht:\n\nVon: Karl\n\nHallo",
    ],
)  # fmt: skip
def test_what_is_quoted_is_cut(quote: str) -> None:
    split = split_reply(f"{OWN}\n\n{quote}\n")
    assert split.new == OWN
    assert filled(split.quoted) == filled(quote)


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnna Muster\nMuster GmbH",
        "--\nAnna",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Sent from my iPhone",
        "Get Outlook for Android<https://b.de>",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
    ],
)
def test_signatures_are_cut(signature: str) -> None:
    split = split_reply(f"{OWN}\n\n{signature}\n")
    assert split.new == OWN
    assert split.signature == signature


def test_answers_between_quotes_are_kept() -> None:
    text = "Karl schrieb:\n> Montag?\n\nJa.\n\n> Wo?\n\nBei mir.\n"
    split = split_reply(text)
    assert split.new.split() == ["Ja.", "Bei", "mir."]
    assert "> Wo?" in split.quoted


def test_text_under_an_attribution_at_the_top_is_the_writers() -> None:
    split = split_reply("Am 1. Mai 2026 schrieb Anna <a@b.de>:\n\nMeine Antwort.")
    assert split.new == "Meine Antwort."


@pytest.mark.parametrize(
    "text",
    [
        "Von der Sache her: alles gut.\nAn: nichts.",
        "I looked around, so I wrote one of my own:\n\nfoo()\nbar()",
        "Am Montag schrieb ich dir, was noch fehlt.\nBis dann",
        "Liste:\n- eins\n- zwei",
        "> only a quote\n> and nothing else",
        "---------- Forwarded message ---------\nFrom: Karl\n\nHello",
    ],
)
def test_what_is_no_quote_or_all_there_is_stays(text: str) -> None:
    assert new_text(text) == text


@given(st.lists(st.sampled_from(
    ["> q", "text", "", "-- ", "Am 1.1. schrieb x:", "On 1/1 y wrote:", "Von: a", "An: b", "Betreff: c",
     "-----Original Message-----", "____________", "Sent from my phone", "wrote:", ">:"]
), max_size=15))  # fmt: skip
def test_every_line_is_somewhere_once(lines: list[str]) -> None:
    text = "\n".join(lines)
    split = split_reply(text)
    parts = [line for part in (split.new, split.quoted, split.signature) for line in part.split("\n")]
    assert sorted(line.strip() for line in parts if line.strip()) == sorted(
        line.strip() for line in lines if line.strip()
    )
