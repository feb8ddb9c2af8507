"""XML of strangers: bombs, entities, depth and noise cost nothing and break nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.discovery.autoconfig import read_autoconfig
from eilbote.discovery.autodiscover import read_json_answer, read_xml_answer
from eilbote.discovery.xml import LARGEST, Unreadable, read_xml

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9))
    + b"]><clientConfig>&j;</clientConfig>"
)
FILE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><clientConfig>&f;</clientConfig>'
PARAMETER = b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]><clientConfig/>'
DEEP = b"<a>" * 5000 + b"</a>" * 5000
MANY = b"<a>" + b"<b/>" * 10_000 + b"</a>"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS, "document type"),
        (FILE, "document type"),
        (PARAMETER, "document type"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (DEEP, "too deep"),
        (MANY, "too many elements"),
        (b"<a" + b"".join(b" a%d='1'" % n for n in range(100)) + b"/>", "too many elements"),
        (b"<a>" + b"x" * LARGEST + b"</a>", "too long"),
        (b"", "no element"),
        (b"nonsense", "syntax"),
        (b"<a><b></a>", "mismatched"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "unknown encoding"),
        (b"<a>&nbsp;</a>", "undefined entity"),
        (b"\xff\xfe<\x00a", "unclosed"),
    ],
)
def test_what_is_not_read(content: bytes, why: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Unreadable, match=why):
        read_xml(content)
    assert time.perf_counter() - began < 1.0


@given(st.binary(max_size=2000))
def test_any_bytes_name_no_server_and_break_nothing(content: bytes) -> None:
    assert read_autoconfig(content, "kim@firma.test", "here").candidates == ()
    assert read_xml_answer(content, "here").candidates == ()
    assert read_json_answer(content, "here").candidates == ()


def test_names_in_any_case_and_with_any_prefix_are_read() -> None:
    root = read_xml(b'<x:a xmlns:x="urn:x" T="1"><x:B> one </x:B><b>two</b></x:a>')
    assert (root.name, root.attributes, root.said("b")) == ("a", {"t": "1"}, "one")
    assert [one.text for one in root.all("B")] == [" one ", "two"]
