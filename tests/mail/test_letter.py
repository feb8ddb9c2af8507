"""A plain text as a letter: quotes folded where they are not needed, links that lead where they say."""

from __future__ import annotations

import pytest

from eilbote.mail.letter import MAX_BLOCKS, MAX_LINKS, MAX_TEXT, Run, letter_of

ANSWER = """Ja, gern.

Am Mo., 3. Nov. 2025 um 10:00 schrieb Max <max@example.org>:
> Passt es am Montag?
> Max

--\x20
Anna
"""


def links_in(text: str) -> list[Run]:
    return [run for block in letter_of(text).blocks for run in block.runs if run.href or run.to]


def test_own_words_quote_and_signature() -> None:
    blocks = letter_of(ANSWER).blocks
    assert [(one.kind, one.folded) for one in blocks] == [
        ("own", False),
        ("quoted", True),
        ("signature", False),
    ]
    assert blocks[1].lines == 3


def test_a_short_quote_between_answers_stays_open_and_so_does_a_lone_one() -> None:
    between = letter_of("> Montag?\nJa.\n> Dienstag?\nNein.\n")
    assert not any(one.folded for one in between.blocks)
    assert not any(one.folded for one in letter_of("> Nur ein Zitat\n> mehr nicht\n").blocks)
    long = letter_of("".join(f"> {number}\n" for number in range(20)) + "Ja.\n")
    assert [one.folded for one in long.blocks] == [True, False]


@pytest.mark.parametrize(
    ("text", "shown", "href", "host"),
    [
        ("Siehe https://example.org/?b=1&c.", "https://example.org/?b=1&c", "https://example.org/?b=1&c", ""),
        ("(http://example.org/x_(y))", "http://example.org/x_(y)", "http://example.org/x_(y)", ""),
        ("<HTTPS://Example.org>", "HTTPS://Example.org", "https://example.org", ""),
        ("https://bank@evil.example/", "https://bank@evil.example/", "https://evil.example/", "evil.example"),
        ("https://аb.eu/", "https://аb.eu/", "https://xn--b-7sb.eu/", "xn--b-7sb.eu"),
        ("https://xn--b-7sb.eu", "https://xn--b-7sb.eu", "https://xn--b-7sb.eu", "xn--b-7sb.eu"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x", ""),
    ],
)  # fmt: skip
def test_links_lead_where_they_say(text: str, shown: str, href: str, host: str) -> None:
    assert links_in(text) == [Run(shown, href=href, host=host)]


def test_a_link_ends_before_what_cannot_be_seen() -> None:
    assert links_in("https://good.example\u202e/gro.live")[0].href == "https://good.example"


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.org",
        "https://",
        "http://a\\b.example/",
        "http://example.org:99999/",
        "http://exa%00mple.org/",
        "file:///etc/passwd",
    ],
)
def test_nothing_else_is_a_link(text: str) -> None:
    assert links_in(text) == []


def test_addresses_lead_to_a_new_mail() -> None:
    assert links_in("Fragen an max@example.org.") == [Run("max@example.org", to="max@example.org")]
    (found,) = links_in("mailto:max@example.org?subject=Hallo%20Welt&bcc=evil@example.org")
    assert (found.to, found.subject, found.href) == ("max@example.org", "Hallo Welt", "")
    assert links_in("mailto:?subject=x") == []


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example " * 20_000,
        "> q\nown\n" * 10_000,
        "(" * 300_000 + "https://a.example" + ")" * 100_000,
        "a@" * 200_000,
        "x" * (MAX_TEXT + 5),
        "https://" + "a." * 250_000,
        "\n" * 500_000,
    ],
)
def test_hostile_texts_are_bounded(text: str) -> None:
    letter = letter_of(text)
    assert len(letter.blocks) <= MAX_BLOCKS + 1
    assert sum(1 for block in letter.blocks for run in block.runs if run.href or run.to) <= MAX_LINKS
    assert sum(len(run.text) for block in letter.blocks for run in block.runs) <= MAX_TEXT


def test_no_character_is_lost() -> None:
    text = "Siehe https://a.example, und max@example.org (http://b.example)!\nEnde"
    assert "".join(run.text for block in letter_of(text).blocks for run in block.runs) == text


def test_brackets_around_a_link_are_no_part_of_it() -> None:
    for written, link in (
        ("(http://a.example/(x))", "http://a.example/(x)"),
        ("[http://a.example/x(1)[2].]).", "http://a.example/x(1)[2]"),
        ("http://a.example/(x" + ")" * 500, "http://a.example/(x)"),
    ):
        (found,) = (run.text for block in letter_of(written).blocks for run in block.runs if run.href)
        assert found == link
