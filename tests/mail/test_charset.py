"""Charsets: declared, wrongly declared, undeclared, and names that are no charset."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.mail.charset import codec_of, decode


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        ("Grüße – €", "cp1252", "iso-8859-1"),
        ("Grüße", "cp1252", "us-ascii"),
        ("Grüße", "utf-8", "us-ascii"),
        ("Grüße", "cp1252", ""),
        ("Grüße", "utf-8", "x-unknown"),
        ("Grüße", "utf-8", '"UTF-8"'),
        ("Grüße", "utf-8", "utf8"),
        ("Grüße", "mac_roman", "x-mac-roman"),
        ("Grüße €", "iso8859_15", "ISO-8859-15"),
        ("你好朋友", "gb18030", "gb2312"),
        ("漢字", "cp932", "shift_jis"),
        ("안녕하세요", "cp949", "ks_c_5601-1987"),
        ("Привет", "koi8-r", "koi8-r"),
        ("Grüße", "utf-7", "unicode-1-1-utf-7"),
        ("Grüße", "utf-16", "utf-16"),
        ("Łódź", "cp1250", "windows-1250"),
        ("Łódź", "cp1250", "x-cp1250"),
        ("Здравствуйте, это письмо", "cp1251", ""),
    ],
)
def test_what_is_read(text: str, codec: str, label: str) -> None:
    assert decode(text.encode(codec), label) == text


def test_one_bad_byte_does_not_cost_the_others() -> None:
    assert decode("schöne Grüße".encode() + b"\xff", "utf-8") == "schöne Grüße\ufffd"


def test_a_wrong_label_does_not_cost_the_umlauts() -> None:
    assert decode("schöne Grüße".encode("cp1252"), "utf-8") == "schöne Grüße"


@pytest.mark.parametrize(
    "label",
    [
        *[
            "hex",
            "zip",
            "bz2",
            "rot13",
            "base64",
            "uu",
            "quopri",
            "idna",
            "punycode",
            "undefined",
            "unicode_escape",
        ],
        *("unicode_escape", "raw_unicode_escape", "../etc", "x" * 5000, "\x00", "utf-8\x00", "ü", "__init__"),
    ],
)
def test_what_is_no_charset_is_none(label: str) -> None:
    assert codec_of(label) is None
    assert decode(b"abc \xc3\xbc", label) == "abc ü"


@settings(deadline=None)  # the guesser loads at first need
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "utf-7", "utf-16", "iso-2022-jp", "hz", "big5", "x"]),
)
def test_any_bytes_become_text_that_can_be_stored(raw: bytes, label: str) -> None:
    decode(raw, label).encode("utf-8")


def test_every_alias_names_a_codec_that_exists() -> None:
    for label in (
        "x-mac",
        "x-mac-cyrillic",
        "x-mac-ce",
        "tis-620",
        "big5",
        "euc-kr",
        "iso-8859-8-i",
        "unicode",
    ):
        codec = codec_of(label)
        assert codec is not None
        codecs.lookup(codec)
