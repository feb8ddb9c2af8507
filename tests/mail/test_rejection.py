"""Refusals as their senders get them: for people, and for programs (RFC 8098)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.answering import Silence, who_answers
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message
from eilbote.mail.rejection import ENGLISH, GERMAN, MAX_HEADER, rejection

ME = Identity("anna@example.org", "Anna")
STAMP = Stamp(1_795_000_000.0, "no@example.org", "0123456789abcdef", 60)
RAW = (
    b"Return-Path: <karl@example.net>\r\nFrom: Karl <karl@example.net>\r\nTo: anna@example.org\r\n"
    b"Subject: Angebot\r\nMessage-ID: <first@example.net>\r\n\r\nSecret body\r\n"
)


def refused(raw: bytes, reason: str = "Kein Bedarf.") -> Composed:
    made = rejection(parse_message(raw), (ME,), reason, GERMAN, STAMP)
    assert isinstance(made, Composed)
    return made


def test_the_whole_notice() -> None:
    made = refused(RAW)
    assert made.raw.decode() == (
        "Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n"
        "From: Anna <anna@example.org>\r\n"
        "To: Karl <karl@example.net>\r\n"
        "Subject: Abgelehnt: Angebot\r\n"
        "Message-ID: <no@example.org>\r\n"
        "In-Reply-To: <first@example.net>\r\n"
        "References: <first@example.net>\r\n"
        "Auto-Submitted: auto-replied (rejected)\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type="disposition-notification";\r\n'
        ' boundary="r0123456789abcdef"\r\n'
        "\r\n"
        "--r0123456789abcdef\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Ihre Nachricht an anna@example.org wurde automatisch abgelehnt. Die Begr=C3=\r\n"
        "=BCndung lautet:\r\n"
        "\r\n"
        "Kein Bedarf.\r\n"
        "\r\n"
        "--r0123456789abcdef\r\n"
        "Content-Type: message/disposition-notification\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Reporting-UA: Eilbote\r\n"
        "Final-Recipient: rfc822; anna@example.org\r\n"
        "Original-Message-ID: <first@example.net>\r\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n"
        "\r\n"
        "--r0123456789abcdef\r\n"
        "Content-Type: text/rfc822-headers\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n" + RAW.partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n--r0123456789abcdef--\r\n"
    )
    assert (made.sender, made.recipients) == ("", ("karl@example.net",))


def test_nobody_answers_a_refusal_and_no_list_gets_one() -> None:
    assert who_answers(parse_message(refused(RAW).raw), (Identity("karl@example.net"),)) is Silence.REPORT
    bulk = parse_message(b"Precedence: list\r\n" + RAW)
    assert rejection(bulk, (ME,), "x", ENGLISH, STAMP) is Silence.LIST
    null = parse_message(RAW)
    assert rejection(null, (ME,), "x", ENGLISH, STAMP, envelope_from="") is Silence.REPORT
    blind = parse_message(RAW.replace(b"To: anna", b"To: other"))
    assert isinstance(rejection(blind, (ME,), "x", ENGLISH, STAMP), Composed)


def test_a_large_and_odd_header_goes_back_in_part() -> None:
    raw = b"X-A: gr\xfcn\0\r\n" + b"X-B: " + b"x" * 5_000 + b"\r\n" + b"X-C: y\r\n" * 10_000 + RAW
    made = refused(RAW.partition(b"\r\n\r\n")[0] + b"\r\n" + raw)
    head = parse_message(made.raw).root.children[2]
    assert head.encoding == "quoted-printable"
    assert len(head.content()) <= MAX_HEADER * 1.2
    assert max(map(len, made.raw.split(b"\r\n"))) <= 998
    assert made.raw.isascii()


def test_an_address_beyond_ascii() -> None:
    made = rejection(parse_message(RAW), (Identity("jörg@müller.example"),), "x", ENGLISH, STAMP)
    assert isinstance(made, Composed)
    part = parse_message(made.raw).root.children[1]
    assert part.content_type == "message/global-disposition-notification"
    assert "utf-8; jörg@xn--mller-kva.example" in part.text()


@given(st.text(max_size=200), st.binary(max_size=200))
def test_neither_reason_nor_mail_adds_a_part_or_a_field(reason: str, header: bytes) -> None:
    try:
        made = rejection(parse_message(RAW[:-15] + b"X-A: " + header), (ME,), reason, GERMAN, STAMP)
    except Misused:
        return
    if isinstance(made, Composed):
        read = parse_message(made.raw)
        assert len(read.root.children) == 3
        assert len(read.headers) <= 12
        assert read.root.children[1].text().count("\n") <= 5
