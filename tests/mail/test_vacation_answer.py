"""Answers in somebody's absence: what RFC 5230 and RFC 3834 want of them, and nothing smuggled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.answering import Silence, who_answers
from eilbote.mail.automatic import is_automatic_reply
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.identity import Identity
from eilbote.mail.message import Message, parse_message
from eilbote.mail.vacation_answer import Absence, vacation_answer

ME = Identity("anna@example.org", "Anna", signature="Anna's signature", aliases=("shop@example.org",))
STAMP = Stamp(1_795_000_000.0, "answer@example.org", "0123456789abcdef", 60)
HEAD = (
    "Return-Path: <karl@example.net>\nFrom: Karl <karl@example.net>\nTo: anna@example.org\n"
    "Subject: Termin\nMessage-ID: <first@example.net>\nReferences: <zero@example.net>\n"
)


def mail(head: str = HEAD) -> Message:
    return parse_message(f"{head}\nHello\n".encode())


def answered(absence: Absence, original: Message | None = None) -> Composed:
    made = vacation_answer(original or mail(), (ME,), absence, STAMP)
    assert isinstance(made, Composed)
    return made


def test_the_whole_answer() -> None:
    made = answered(Absence("Ich bin im Urlaub.\n"))
    assert made.raw.decode() == (
        "Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n"
        "From: Anna <anna@example.org>\r\n"
        "To: Karl <karl@example.net>\r\n"
        "Subject: Auto: Termin\r\n"
        "Message-ID: <answer@example.org>\r\n"
        "In-Reply-To: <first@example.net>\r\n"
        "References: <zero@example.net> <first@example.net>\r\n"
        "Auto-Submitted: auto-replied (vacation)\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="us-ascii"; format="flowed"\r\n'
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Ich bin im Urlaub.\r\n"
    )
    assert (made.sender, made.recipients) == ("", ("karl@example.net",))


def test_no_program_answers_the_answer() -> None:
    made = parse_message(answered(Absence("Weg.")).raw)
    assert is_automatic_reply(made)
    assert who_answers(made, (Identity("karl@example.net"),)) is Silence.AUTOMATIC


def test_what_may_not_be_answered_is_not() -> None:
    assert vacation_answer(mail(HEAD + "List-Id: <a.example>\n"), (ME,), Absence("x"), STAMP) is Silence.LIST
    away = Absence("x", addresses=("old@example.de",))
    head = HEAD.replace("To: anna@example.org", "To: old@example.de")
    assert isinstance(vacation_answer(mail(head), (ME,), away, STAMP), Composed)


@pytest.mark.parametrize(
    ("subject", "given", "shown"),
    [
        ("Termin", "", "Auto: Termin"),
        ("Termin", "Grüße vom Strand", "Grüße vom Strand"),
        ("", "", "Automated reply"),
        ("=?utf-8?q?a=0D=0ABcc:_x@y.example?=", "", "Auto: a Bcc: x@y.example"),
        ("x" * 5000, "", "Auto: " + "x" * 250),
    ],
)
def test_subjects(subject: str, given: str, shown: str) -> None:
    made = answered(Absence("x", subject=given), mail(HEAD.replace("Termin", subject)))
    read = parse_message(made.raw)
    assert read.envelope.subject == shown
    assert "Bcc" not in read.headers


@pytest.mark.parametrize(
    ("sender", "address", "name"),
    [
        ("", "anna@example.org", "Anna"),
        ("Laden <shop@example.org>", "shop@example.org", "Laden"),
        ("somebody@example.net", "anna@example.org", "Anna"),
        ("nonsense", "anna@example.org", "Anna"),
        ("old@example.de", "old@example.de", "Anna"),
    ],
)
def test_only_own_addresses_write(sender: str, address: str, name: str) -> None:
    made = answered(Absence("x", sender=sender, addresses=("old@example.de",)))
    (found,) = parse_message(made.raw).envelope.sender
    assert (found.spec, found.name) == (address, name)


def test_a_whole_entity() -> None:
    entity = (
        'Content-Type: multipart/alternative; boundary="b"\nFrom: evil@example.net\nX-More: no\n'
        "Content-Language: de\n\n--b\n\nJa, grün.\n--b\nContent-Type: text/html\n\n<p>Ja</p>\n--b--\n"
    )
    made = answered(Absence(entity, mime=True))
    read = parse_message(made.raw)
    assert [part.content_type for part in read.parts] == ["multipart/alternative", "text/plain", "text/html"]
    assert read.parts[1].text() == "Ja, grün."
    assert read.headers.get("Content-Language") == "de"
    assert "X-More" not in read.headers
    assert read.headers.all("From") == ["Anna <anna@example.org>"]
    assert made.needs_8bit


@pytest.mark.parametrize(
    "entity",
    [
        "Content-Type: nonsense\n\nx\n",
        "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nx\n",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\ngrün\n",
        "Content-Type: text/plain\n\n" + "x" * 2000,
    ],
)
def test_what_is_no_entity_is_refused(entity: str) -> None:
    with pytest.raises(Misused, match=r"vacation\.bad_entity"):
        answered(Absence(entity, mime=True))


@given(st.text(max_size=120), st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_no_text_of_a_script_adds_a_field(reason: str, subject: str, sender: str, mime: bool) -> None:
    try:
        made = answered(Absence(reason, subject, sender, mime=mime))
    except Misused:
        return
    names = [name for name, _ in parse_message(made.raw).headers]
    assert names.count("To") == names.count("From") == names.count("Auto-Submitted") == 1
    assert not {"Bcc", "Cc", "Reply-To"} & set(names)
    assert made.recipients == ("karl@example.net",)


@given(st.binary(max_size=200))
def test_no_mail_adds_a_field_to_its_answer(header: bytes) -> None:
    original = parse_message(HEAD.encode() + b"X-A: " + header + b"\n\nx")
    made = vacation_answer(original, (ME,), Absence("x"), STAMP)
    if isinstance(made, Composed):
        assert len(parse_message(made.raw).headers) <= 12
        assert made.sender == ""
