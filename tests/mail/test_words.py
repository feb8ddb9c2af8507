"""Encoded words, raw bytes and folds in header fields."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.mail.words import bytes_of, clean, decode_words, text_of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?M=C3=BCnchen?=", "München"),
        ("=?UTF-8?b?TcO8bmNoZW4=?=", "München"),
        ("=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "ab"),
        ("=?iso-8859-1?Q?a?= x =?iso-8859-1?Q?b?=", "a x b"),
        ("=?iso-8859-1?Q?a_?=\r\n =?utf-8?Q?b?=", "a b"),
        ("=?utf-8?Q?M=C3?= =?utf-8?Q?=BCnchen?=", "München"),  # a character cut in two
        ("=?utf-8?B?TcO?= =?utf-8?B?8bmNoZW4=?=", "München"),  # base64 cut within four
        ("=?utf-8?Q?two words?=", "two words"),  # raw space inside
        ("=?utf-8?Q?wirklich??=", "wirklich?"),
        ("Re: =?utf-8?Q?gr=C3=BCn?=!", "Re: grün!"),
        ("a=?utf-8?Q?b?=c", "abc"),
        ("=?utf-8*de?Q?gr=C3=BCn?=", "grün"),  # RFC 2231 section 5
        ("=?x-nowhere?Q?gr=C3=BCn?=", "grün"),  # unknown charset, valid UTF-8
        ("=?iso-8859-1?Q?=80uro?=", "€uro"),  # cp1252, as browsers read it
        ("=?utf-8?Q?gr=FCn?=", "grün"),  # a lie about the charset
        ("=?gb2312?B?xOO6ww==?=", "你好"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?utf-8?B?TcO8bmNoZW4?=", "München"),  # no padding
        ("=?utf-8?Q?broken", "=?utf-8?Q?broken"),
        ("=?utf-8?X?broken?=", "=?utf-8?X?broken?="),
        ("=?utf-8?Q?a=0D=0AX-Evil:_b?=", "a X-Evil: b"),  # no line break gets out
        ("=?utf-8?Q?a=00b?=", "a b"),
        ("folded\r\n text", "folded text"),
        ("tab\r\n\ttext", "tab text"),
        ("lone\rcr", "lone cr"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-7?Q?+2AA-x?=", "?x"),  # half a character
    ],
)
def test_what_is_read(source: str, expected: str) -> None:
    assert decode_words(source) == expected


@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
def test_raw_bytes_are_read_as_utf8_or_guessed(charset: str) -> None:
    assert decode_words(text_of("Grüße aus Köln".encode(charset))) == "Grüße aus Köln"


def test_raw_bytes_beside_an_encoded_word() -> None:
    assert decode_words(text_of("Grüße =?utf-8?Q?=C3=A4?=".encode("cp1252"))) == "Grüße ä"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120))
def test_what_the_library_encodes_is_read(text: str) -> None:
    wanted = clean(text)
    assert clean(decode_words(Header(wanted, "utf-8", maxlinelen=60).encode())) == wanted


@given(st.binary(max_size=100))
def test_header_text_keeps_every_byte(raw: bytes) -> None:
    assert bytes_of(text_of(raw)) == raw


@settings(deadline=None)  # the guesser loads at first need
@given(st.binary(max_size=100))
def test_what_leaves_is_one_clean_line(raw: bytes) -> None:
    text = decode_words(text_of(raw))
    text.encode("utf-8")
    assert not any(ord(letter) < 32 for letter in text)
    assert text == text.strip()
