"""Mails that tell of a mail (RFC 5436), and the `mailto:` addresses that say to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.identity import Identity
from eilbote.mail.mailto import read_mailto
from eilbote.mail.message import parse_message
from eilbote.mail.notification import ENGLISH, GERMAN, Untold, Wanted, notification

ME = Identity("anna@example.org", "Anna", aliases=("shop@example.org",))
STAMP = Stamp(1_795_000_000.0, "told@example.org", "0123456789abcdef", 60)
RAW = (
    b"From: Karl <karl@example.net>\r\nTo: anna@example.org\r\nSubject: Eilt\r\n"
    b"Date: Wed, 18 Nov 2026 10:00:00 +0000\r\n\r\nSecret body\r\n"
)


def told(wanted: Wanted, raw: bytes = RAW) -> Composed:
    made = notification(parse_message(raw), (ME,), wanted, GERMAN, STAMP)
    assert isinstance(made, Composed)
    return made


def test_the_whole_mail() -> None:
    made = told(Wanted("mailto:phone@example.com", importance=1))
    assert made.raw.decode() == (
        "Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n"
        "From: Anna <anna@example.org>\r\n"
        "To: phone@example.com\r\n"
        "Subject: Neue Mail: Eilt\r\n"
        "Message-ID: <told@example.org>\r\n"
        "Importance: high\r\nX-Priority: 1\r\n"
        'Auto-Submitted: auto-notified; owner-email="anna@example.org"\r\n'
        "MIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="us-ascii"; format="flowed"\r\n'
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Eine neue Mail ist da.\r\n"
        "\r\n"
        "Von: Karl <karl@example.net>\r\n"
        "Datum: Wed, 18 Nov 2026 11:00:00 +0100\r\n"
        "Betreff: Eilt\r\n"
    )
    assert (made.sender, made.recipients) == ("", ("phone@example.com",))


def test_what_the_script_says() -> None:
    made = told(
        Wanted(
            "mailto:a@example.com?cc=b@example.com&subject=S&body=One%0D%0ATwo&from=x@example.com",
            "Laden <shop@example.org>",
            3,
            "Von  \r\n mir",
        )
    )
    read = parse_message(made.raw)
    assert read.envelope.subject == "Von mir"
    assert read.body_text().startswith("One\nTwo\n\nEine neue Mail")
    assert [each.spec for each in read.envelope.sender] == ["shop@example.org"]
    assert made.recipients == ("a@example.com", "b@example.com")
    assert read.headers.get("Importance") == "low"
    assert parse_message(told(Wanted("mailto:a@example.com?subject=S")).raw).envelope.subject == "S"


@pytest.mark.parametrize(
    "word", ["auto-replied", 'auto-notified; owner-email="x@y.example"', "Auto-Notified"]
)
def test_no_notification_of_a_notification(word: str) -> None:
    raw = parse_message(f"Auto-Submitted: {word}\r\n".encode() + RAW)
    assert notification(raw, (ME,), Wanted("mailto:a@example.com"), ENGLISH, STAMP) is Untold.AUTOMATIC
    made = told(Wanted("mailto:a@example.com"))
    again = notification(parse_message(made.raw), (ME,), Wanted("mailto:a@example.com"), ENGLISH, STAMP)
    assert again is Untold.AUTOMATIC


def test_alarms_are_told_of_and_circles_end() -> None:
    alarm = b"Auto-Submitted: auto-generated\r\n" + RAW
    assert told(Wanted("mailto:a@example.com"), alarm).recipients == ("a@example.com",)
    hops = parse_message(b"Received: x\r\n" * 51 + RAW)
    assert notification(hops, (ME,), Wanted("mailto:a@example.com"), ENGLISH, STAMP) is Untold.TOO_MANY_HOPS


def test_nobody_is_told_that_a_notification_came_back() -> None:
    """Some servers say of a report neither that it is automatic nor what it reports."""
    report = parse_message(b"Return-Path: <>\r\n" + RAW)
    assert notification(report, (ME,), Wanted("mailto:a@example.com"), ENGLISH, STAMP) is Untold.REPORT


@pytest.mark.parametrize(
    "uri",
    ["", "mailto:", "mailto:?subject=x", "xmpp:a@example.com", "mailto:nonsense", "mailto:a@example.com,b",
     "mailto:a%0D%0ARCPT%20TO@example.com", "mailto:" + ",".join(["a@example.com"] * 101),
     "mailto:a@example.com?body=" + "x" * 10_000],
)  # fmt: skip
def test_what_is_no_mailto(uri: str) -> None:
    assert read_mailto(uri) is None
    with pytest.raises(Misused, match=r"sieve\.bad_method"):
        told(Wanted(uri))


def test_mailto_is_read_whole() -> None:
    found = read_mailto("MAILTO:%22a%2Cb%22@example.com,c@example.com?TO=d@example.com&bcc=e@example.com#x")
    assert found is not None
    assert [each.spec for each in found.to] == ['"a,b"@example.com', "c@example.com", "d@example.com"]
    assert [each.spec for each in found.bcc] == ["e@example.com"]


@given(st.text(max_size=100), st.text(max_size=60), st.text(max_size=60))
def test_no_text_of_a_script_adds_a_field(tail: str, sender: str, message: str) -> None:
    try:
        made = told(Wanted(f"mailto:a@example.com?subject={tail}", sender, 2, message))
    except Misused:
        return
    names = [name for name, _ in parse_message(made.raw).headers]
    assert names.count("Subject") == names.count("From") == names.count("Auto-Submitted") == 1
    assert made.recipients[0] == "a@example.com"


@given(st.text(max_size=200))
def test_any_text_is_a_mailto_or_none(text: str) -> None:
    read_mailto(text)
    found = read_mailto("mailto:" + text)
    assert found is None or found.to or found.cc or found.bcc
