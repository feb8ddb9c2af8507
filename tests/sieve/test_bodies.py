"""What tests of bodies and of parts read: the first mail's answers are Pigeonhole's too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.message import parse_message
from eilbote.sieve.bodies import Bodies, is_of_type, part_text
from eilbote.sieve.mime import MimeOption, field_sources, mime_values, parts_below, parts_of
from eilbote.sieve.values import Limits

LIMITS = Limits()
RAW = b"""X-N: root
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=AA

prologue
--AA
X-N: plain
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe one
two
--AA
X-N: html
Content-Type: text/html; charset=utf-8

<p>Hello <b>bold</b>&auml;</p><style>x</style>
--AA
X-N: message
Content-Type: message/rfc822

X-N: inner
Subject: =?utf-8?q?inn=C3=A4r?=
Content-Type: text/plain

inner body
--AA
X-N: app
Content-Type: application/octet-stream; name="x.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="y.bin"

AAECc2VjcmV0
--AA--
epilogue
""".replace(b"\n", b"\r\n")
ROOT = parse_message(RAW).root


def test_texts() -> None:
    assert Bodies(ROOT, LIMITS).texts() == ("Grüße one\r\ntwo", "Hello boldä", "inner body")


def test_raw_is_all_of_the_body_as_it_stands() -> None:
    assert Bodies(ROOT, LIMITS).raw().encode() == RAW.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        ("text", ["Grüße one\r\ntwo", "<p>Hello <b>bold</b>&auml;</p><style>x</style>", "inner body"]),
        ("TEXT/Plain", ["Grüße one\r\ntwo", "inner body"]),
        ("multipart", ["prologue\r\n", "epilogue\r\n"]),
        ("multipart/mixed", ["prologue\r\n", "epilogue\r\n"]),
        (
            "message/rfc822",
            ["X-N: inner\r\nSubject: =?utf-8?q?inn=C3=A4r?=\r\nContent-Type: text/plain\r\n"],
        ),
        ("application", ["\0\1\2secret"]),
        ("tex", []),
        ("text/", []),
        ("text/plain/x", []),
        ("/plain", []),
    ],
)
def test_contents(kind: str, contents: list[str]) -> None:
    assert list(Bodies(ROOT, LIMITS).contents((kind,))) == contents


def test_every_part_once_for_several_types() -> None:
    bodies = Bodies(ROOT, LIMITS)
    assert len(bodies.contents(("",))) == 7
    assert bodies.contents(("text", "text/plain", "message")) == bodies.contents(("message", "text"))
    assert not is_of_type("text/plain", "image")


def test_no_more_is_read_than_the_limit() -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "Grüße\r\n".encode() * 1000
    bodies = Bodies(parse_message(raw).root, Limits(body_bytes=100))
    assert bodies.texts() == ("Grüße\r\n" * 11,)
    assert len(bodies.raw().encode()) <= 100
    assert Bodies(ROOT, Limits(body_bytes=10)).contents(("",)) == ("prologue\r\n", "")


def test_extracted_text() -> None:
    texts = {part.headers.get("X-N"): part_text(part, LIMITS, 5) for part in parts_of(ROOT)}
    assert texts == {
        "root": "",
        "plain": "Grüße",
        "html": "Hello",
        "message": "",
        "inner": "inner",
        "app": "",
    }


def test_loops_go_through_all_parts_and_those_within_through_what_lies_below() -> None:
    assert [part.headers.get("X-N") for part in parts_of(ROOT)] == [
        "root", "plain", "html", "message", "inner", "app",
    ]  # fmt: skip
    message = ROOT.children[2]
    assert [part.headers.get("X-N") for part in parts_below(message)] == ["inner"]
    assert [each.strip() for each in field_sources(message, "x-n", any_child=False)] == ["message"]
    assert [each.strip() for each in field_sources(message, "x-n", any_child=True)] == ["message", "inner"]


@pytest.mark.parametrize(
    ("name", "source", "answers"),
    [
        ("Content-Type", 'Text/HTML; charset="utf-8"; NAME=x', ("text", "html", "text/html", "utf-8")),
        ("content-disposition", "attachment; charset=a", ("attachment", "", "attachment", "a")),
        ("Subject", "a/b; charset=x", ("", "", "", "x")),
        ("Content-Type", "", ("", "", "", "")),
        ("Content-Type", "text/plain; charset*=utf-8''%C3%A4", ("text", "plain", "text/plain", "ä")),
    ],
)
def test_what_is_compared_of_a_field(name: str, source: str, answers: tuple[str, ...]) -> None:
    found = [mime_values(name, source, option, ("Charset",)) for option in MimeOption]
    assert found == [(answer,) for answer in answers]


def test_of_several_parameters_those_count_that_are_there() -> None:
    source = "text/plain; charset=utf-8; name="
    assert mime_values("Content-Type", source, MimeOption.PARAMETER, ("boundary", "charset")) == ("utf-8",)
    assert mime_values("Content-Type", source, MimeOption.PARAMETER, ("a", "b")) == ("",)


def test_nothing_stands_behind_a_multipart_without_end() -> None:
    root = parse_message(RAW.partition(b"--AA--")[0]).root
    assert Bodies(root, LIMITS).contents(("multipart",)) == ("prologue\r\n",)


def test_nested_a_hundred_deep() -> None:
    depth = 100
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(depth)
    )
    root = parse_message(head + b"Content-Type: text/plain\r\n\r\ndeep\r\n").root
    bodies = Bodies(root, LIMITS)
    assert "deep" in bodies.raw()
    assert any("deep" in text for text in bodies.texts())


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "x-unknown", "idna", "hex", "iso-2022-jp", "\x00"])
def test_broken_charsets_give_text(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + bytes(range(256)) * 4
    for text in Bodies(parse_message(raw).root, LIMITS).texts():
        text.encode()


@given(st.binary(max_size=400))
def test_any_bytes_have_bodies(raw: bytes) -> None:
    head = b"Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n"
    for data in (raw, head + raw):
        bodies = Bodies(parse_message(data).root, LIMITS)
        for text in (bodies.raw(), *bodies.texts(), *bodies.contents(("",))):
            text.encode()
