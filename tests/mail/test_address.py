"""Address fields: what is an address, what is none, and that nobody can be shown one and answer another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.words import text_of


def read(text: str) -> list[tuple[str, str]]:
    return [(each.name, each.spec) for each in read_addresses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@example.org", [("", "a@example.org")]),
        ("<a@example.org>", [("", "a@example.org")]),
        ("Anna B <a@example.org>", [("Anna B", "a@example.org")]),
        (
            '"Groß, Karl" <k@example.org>, b@example.org',
            [("Groß, Karl", "k@example.org"), ("", "b@example.org")],
        ),
        ('"A \\"B\\" C" <a@b.de>', [('A "B" C', "a@b.de")]),
        ("=?utf-8?Q?M=C3=BCller=2C_Anna?= <a@b.de>", [("Müller, Anna", "a@b.de")]),
        ("=?utf-8?Q?M=C3=BCller,_Anna?= <a@b.de>", [("Müller, Anna", "a@b.de")]),
        ('"=?utf-8?B?TcO8bGxlcg==?=" <a@b.de>', [("Müller", "a@b.de")]),
        ("a@b.de <a@b.de>", [("a@b.de", "a@b.de")]),
        ("'Anna' <a@b.de>", [("'Anna'", "a@b.de")]),
        ("a@b.de (Anna B)", [("Anna B", "a@b.de")]),
        ("(x (y)) Anna <a@b.de>", [("Anna", "a@b.de")]),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        ("Team: a@b.de, C <c@d.de>;", [("", "a@b.de"), ("C", "c@d.de")]),
        ("undisclosed-recipients:;", []),
        ("a@b.de, , c@d.de,", [("", "a@b.de"), ("", "c@d.de")]),
        ("a@b.de; c@d.de", [("", "a@b.de"), ("", "c@d.de")]),
        ("<@relay.de,@other.de:a@b.de>", [("", "a@b.de")]),
        ("anna@[192.0.2.1]", [("", "anna@[192.0.2.1]")]),
        ('"a b"@example.org', [("", '"a b"@example.org')]),
        ("Jürgen <jürgen@exämple.org>", [("Jürgen", "jürgen@exämple.org")]),
        ("Anna\r\n <a@b.de>,\r\n\tB <b@b.de>", [("Anna", "a@b.de"), ("B", "b@b.de")]),
        ("Firma: Vertrieb <v@b.de>", [("Vertrieb", "v@b.de")]),
        ("", []),
        ("<>", []),
        (" ", []),
    ],
)
def test_what_is_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a@b@c.de",
        "<a@b@c.de>",
        "Anna <a@evil.example@b.de>",
        "alice@example.org <bob@b.de> x@y.de",
        "<a@b.de> <c@d.de>",
        "a b@c.de",
        "a@b c.de",
        "MAILER-DAEMON",
        "@b.de",
        "a@",
        "a@b..de",
        "a@-b.de",
        '"unclosed <a@b.de>',
        "<a@b.de",
    ],
)
def test_what_is_no_address_is_shown_but_never_answered(text: str) -> None:
    found = read_addresses(text)
    if text == "<a@b.de":  # a lost bracket leaves no doubt about who is meant
        assert [each.spec for each in found] == ["a@b.de"]
        return
    assert [each.spec for each in found] == [""]
    assert all(each.name for each in found)


def test_a_name_with_raw_bytes_is_guessed_and_carries_no_half_character() -> None:
    found = read_addresses(text_of("Jürgen Müller <j@b.de>".encode("cp1252")))
    assert [(each.name, each.spec) for each in found] == [("Jürgen Müller", "j@b.de")]


def test_an_encoded_word_cannot_bring_in_an_address() -> None:
    encoded = "=?utf-8?Q?evil=40example.com=3E=2C_x_=3Ca=40b.de?= <real@example.org>"
    assert [each.spec for each in read_addresses(encoded)] == ["real@example.org"]


@given(st.text(st.sampled_from('ab@.,;:<>()[]"\\ =?-\tüQ_'), max_size=60))
def test_whatever_is_called_an_address_is_one(text: str) -> None:
    for each in read_addresses(text):
        assert each.name or each.spec
        assert not each.spec or is_address(each.spec)
        assert "\n" not in each.name


@given(st.lists(st.sampled_from(["Anna <a@b.de>", "b@c.de", '"X, Y" <x@y.de>', "T: a@b.de;"]), max_size=5))
def test_fast_and_strict_reading_agree(items: list[str]) -> None:
    joined = ", ".join(items)
    strict = read_addresses("()" + joined)  # a comment takes the slow way
    assert read_addresses(joined) == strict
