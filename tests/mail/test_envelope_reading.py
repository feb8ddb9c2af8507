"""The envelope: ids, references, dates and people as lists and threads need them."""

from __future__ import annotations

import pytest

from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.message import read_envelope


def test_a_plain_mail() -> None:
    raw = (
        b"Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0100\r\n"
        b"From: Anna Beispiel <anna@example.com>\r\nCc: d@example.org\r\n"
        b"To: b@example.org, C <c@example.org>\r\n"
        b"Subject: Treffen\r\nDate: Mon, 23 Nov 2026 09:59:58 +0100\r\nMessage-ID: <1.a@example.com>\r\n"
        b"References: <r1@x> <r2@x>\r\nIn-Reply-To: <r3@x>\r\n\r\nSubject: not this one\r\n"
    )
    assert read_envelope(raw) == Envelope(
        message_id="1.a@example.com",
        subject="Treffen",
        sender=(Address("Anna Beispiel", "anna@example.com"),),
        to=(Address("", "b@example.org"), Address("C", "c@example.org")),
        cc=(Address("", "d@example.org"),),
        date=1795424398.0,
        references=("r1@x", "r2@x", "r3@x"),
    )
    assert read_envelope(memoryview(raw)) == read_envelope(raw.replace(b"\r\n", b"\n"))
    assert read_envelope(raw.replace(b"\r\n", b"\r")) == read_envelope(raw)


def test_nothing_gives_an_empty_envelope() -> None:
    assert read_envelope(b"") == Envelope()


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("<a@b>", "a@b"),
        ("a@b", "a@b"),
        ("<[a.b@c]>", "[a.b@c]"),
        ("<a@\r\n b>", "a@b"),
        ("<a@b> (added by x)", "a@b"),
        ("<<a@b>>", "a@b"),
        ("", ""),
        ("<>", ""),
        ("\r\n <a@b>", "a@b"),
        ("<" + "x" * 2000 + ">", "x" * 998),
    ],
)
def test_message_ids(field: str, expected: str) -> None:
    assert read_envelope(f"Message-ID: {field}\r\n\r\n".encode()).message_id == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("References: <a@b>\r\n\t<c@d>", ("a@b", "c@d")),
        ("References: <a@b><c@d>", ("a@b", "c@d")),
        ("References: a@b c@d", ("a@b", "c@d")),
        ("References: <a@b> <a@b>\r\nIn-Reply-To: <a@b>", ("a@b",)),
        ("In-Reply-To: Your mail of Monday", ()),
        ("In-Reply-To: Your mail <a@b> of Monday", ("a@b",)),
        ("In-Reply-To: a@b", ("a@b",)),
        ("References: <a@b>\r\nIn-Reply-To: <c@d>", ("a@b", "c@d")),
    ],
)
def test_references(fields: str, expected: tuple[str, ...]) -> None:
    assert read_envelope(f"{fields}\r\n\r\n".encode()).references == expected


def test_the_first_of_two_fields_counts_but_recipients_add_up() -> None:
    raw = b"Subject: one\nSubject: two\nTo: a@b.de\nTo: c@d.de\nFrom: x@y.de\nFrom: evil@y.de\n\n"
    envelope = read_envelope(raw)
    assert envelope.subject == "one"
    assert [each.spec for each in envelope.to] == ["a@b.de", "c@d.de"]
    assert [each.spec for each in envelope.sender] == ["x@y.de"]


def test_without_from_the_sender_stands_in() -> None:
    assert read_envelope(b"Sender: s@b.de\n\n").sender == (Address("", "s@b.de"),)


def test_raw_utf8_and_raw_latin_fields_are_read() -> None:
    for charset in ("utf-8", "cp1252"):
        raw = "Subject: Grüße\r\nFrom: Jürgen <j@b.de>\r\n\r\nx".encode(charset)
        assert read_envelope(raw).subject == "Grüße"
        assert read_envelope(raw).sender == (Address("Jürgen", "j@b.de"),)
