"""Mail of other programs, as cron, mutt and scripts hand it to a sendmail command."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message
from eilbote.mail.submission import before_dot, submitted

ME = Identity("joerg@example.org", "Jörg")
STAMP = Stamp(1_795_000_000.0, "new@example.org", "0123456789abcdef", 60)
WHOLE = (
    b"Received: from here\r\n\tby there; Mon, 23 Nov 2026 10:00:00 +0100\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nFrom: Joerg <joerg@example.org>\r\n"
    b"To: Anna <anna@example.com>,\r\n karl@example.net\r\nSubject:  as  it   is\r\n"
    b"Message-ID: <mine@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n.\r\nFrom me\r\n"
)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n"])
def test_a_return_within_a_field_begins_no_other(end: bytes) -> None:
    """As sendmail has it: what a form or a script puts into a subject names no recipient."""
    raw = b"To: a@x.example" + end + b"Subject: hi\rBcc: evil@x.example" + end + end + b"one\rtwo\n"
    composed = submitted(raw, ME, STAMP, from_header=True)
    assert composed.recipients == ("a@x.example",)
    assert b"\r\nSubject: hi Bcc: evil@x.example\r\n\r\none\r\ntwo\r\n" in composed.raw


def text_of(composed: Composed) -> str:
    return composed.raw.decode()


def test_a_whole_mail_stays_as_it_is() -> None:
    composed = submitted(WHOLE, ME, STAMP, ["anna@example.com"])
    assert composed.raw == WHOLE.replace(b"Subject:  as", b"Subject: as")
    assert composed.recipients == ("anna@example.com",)
    assert (composed.message_id, composed.sender) == ("mine@example.org", "joerg@example.org")
    assert (composed.needs_8bit, composed.needs_utf8) == (True, False)


def test_what_is_missing_is_added_and_line_ends_are_made() -> None:
    composed = submitted(b"Subject: hi\n\none\ntwo", ME, STAMP, ["a@x.example"])
    assert composed.raw == (
        b"Date: Wed, 18 Nov 2026 12:06:40 +0100\r\nMessage-ID: <new@example.org>\r\n"
        b"From: =?utf-8?b?SsO2cmc=?= <joerg@example.org>\r\nSubject: hi\r\n\r\none\r\ntwo\r\n"
    )
    assert composed.message_id == "new@example.org"


@pytest.mark.parametrize(
    ("raw", "subject", "body"),
    [
        (b"just text\n", "", "just text\n"),
        (b"Subject: x\njust text\n\nmore\n", "x", "just text\n\nmore\n"),
        (b"\nonly body\n", "", "only body\n"),
        (b"From joerg Mon Nov 23 10:00:00 2026\nSubject: x\n\nbody\n", "x", "body\n"),
        (b"", "", ""),
        (b"Subject: x", "x", ""),
        (b"Subject: x\n\na\rb\r\nc\0d\n", "x", "a\nb\nc\x80d\n"),
    ],
)  # fmt: skip
def test_no_word_is_lost(raw: bytes, subject: str, body: str) -> None:
    message = parse_message(submitted(raw, ME, STAMP, ["a@x.example"]).raw)
    assert message.headers.get("Subject") == subject
    assert message.body_text().replace("€", "\x80") == body


def test_recipients_of_the_header() -> None:
    raw = b"To: Anna <anna@example.com>, karl@example.net\nCc: ANNA@example.com\n"
    raw += b"Bcc: hidden@example.net,\n b@x.example\n\nx\n"
    composed = submitted(raw, ME, STAMP, ["extra@x.example"], from_header=True)
    assert composed.recipients == (
        "extra@x.example", "anna@example.com", "karl@example.net", "hidden@example.net", "b@x.example",
    )  # fmt: skip
    assert "hidden" not in text_of(composed)
    assert "b@x.example" not in text_of(composed)


def test_recipients_of_a_mail_sent_once_more() -> None:
    raw = b"To: first@x.example\nResent-To: second@x.example\nResent-Bcc: third@x.example\n\nx\n"
    composed = submitted(raw, ME, STAMP, from_header=True)
    assert composed.recipients == ("second@x.example", "third@x.example")
    assert "third" not in text_of(composed)


def test_cron_writes_names_without_a_domain() -> None:
    raw = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> täglich\n\nausgeführt: später\n"
    composed = submitted(raw.encode(), ME, STAMP, ["root"], sender="root")
    message = parse_message(composed.raw)
    assert composed.recipients == ("joerg@example.org",)
    assert composed.sender == "joerg@example.org"
    assert message.envelope.sender == (Address("root (Cron Daemon)", "joerg@example.org"),)
    assert message.envelope.to == (Address("root", "joerg@example.org"),)
    assert message.envelope.subject == "Cron <root@host> täglich"
    assert message.body_text() == "ausgeführt: später\n"
    assert not composed.needs_8bit


def test_a_name_that_is_no_address_is_nobody_s() -> None:
    raw = b"To: Anna <anna@example.com>, a@b@c.example\nCc: Lieber Herr Karl\n\nx\n"
    composed = submitted(raw, ME, STAMP, ["a@x.example"])
    assert b"To: Anna <anna@example.com>, a@b@c.example\r\nCc: Lieber Herr Karl\r\n" in composed.raw
    with pytest.raises(Misused) as refused:
        submitted(raw, ME, STAMP, from_header=True)
    assert refused.value.problem.code == "compose.bad_address"


def test_letters_in_a_header_are_coded() -> None:
    raw = "Subject: Grüße\nFrom: Jörg <joerg@example.org>\nX-Own: schön\n\nx\n".encode()
    composed = submitted(raw, ME, STAMP, ["a@x.example"])
    assert composed.raw.isascii()
    headers = parse_message(composed.raw).headers
    assert (headers.get("Subject"), headers.get("X-Own")) == ("Grüße", "schön")
    old = submitted("Subject: Grüße\n\nx\n".encode("latin-1"), ME, STAMP, ["a@x.example"])
    assert parse_message(old.raw).headers.get("Subject") == "Grüße"
    named = 'Content-Type: application/pdf; name="Größe.pdf"\nMIME-Version: 1.0\n\nx\n'.encode()
    composed = submitted(named, ME, STAMP, ["a@x.example"])
    assert composed.raw.isascii()
    assert parse_message(composed.raw).root.file_name == "Größe.pdf"


def test_a_text_that_names_no_charset_is_named() -> None:
    long = submitted(b"Subject: x\n\n" + b"y" * 2000, ME, STAMP, ["a@x.example"])
    assert max(map(len, long.raw.split(b"\r\n"))) <= 998
    assert parse_message(long.raw).body_text() == "y" * 2000 + "\n"
    odd = submitted(b"Subject: x\n\ngr\xfc\xdfe\n", ME, STAMP, ["a@x.example"])
    assert odd.needs_8bit
    assert parse_message(odd.raw).body_text() == "grüße\n"


def test_the_sender_of_the_envelope() -> None:
    composed = submitted(WHOLE, ME, STAMP, ["a@x.example"], sender="<bounces@müller.example>")
    assert composed.sender == "bounces@xn--mller-kva.example"


@pytest.mark.parametrize(
    ("raw", "recipients", "code"),
    [
        (b"Subject: x\n\nx", [], "compose.no_recipients"),
        (b"To: x\n\nx", ["a@b@c"], "compose.bad_address"),
        (b"x", ["a b"], "compose.bad_address"),
        (b"x", ["a@x.example\nDATA"], "compose.character"),
        (b"x", ["a@x.example>\r\nRCPT TO:<b@x.example"], "compose.character"),
        (b"x", ["-oi"], "compose.bad_address"),
        (b"A: b\n" * 2000 + b"\nx", ["a@x.example"], "compose.header_too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(raw: bytes, recipients: list[str], code: str) -> None:
    with pytest.raises(Misused) as refused:
        submitted(raw, ME, STAMP, recipients)
    assert refused.value.problem.code == code


@given(
    st.binary(max_size=500),
    st.sampled_from([b"", b"Subject: x\n", b"From: a\nTo: \xfc, b\n", b"Bcc: a\n \n"]),
)
def test_any_input_gives_a_mail_that_servers_take(noise: bytes, head: bytes) -> None:
    try:
        composed = submitted(head + noise, ME, STAMP, ["a@x.example"])
    except Misused as refused:
        assert refused.problem.code.startswith("compose.")
        return
    raw = composed.raw
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert b"\0" not in raw
    message = parse_message(raw)
    assert "Bcc" not in message.headers
    assert all(name in message.headers for name in ("Date", "Message-ID", "From"))


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        (b"a\n.\nb\n", b"a\n"),
        (b"a\r\n.\r\nb", b"a\r\n"),
        (b"a\n.", b"a\n"),
        (b".\nb\n", b""),
        (b".", b""),
        (b"a\n..\n.b\n. \n", b"a\n..\n.b\n. \n"),
        (b"a.\nb", b"a.\nb"),
        (b"", b""),
    ],
)
def test_a_dot_alone_ends_what_is_typed(typed: bytes, taken: bytes) -> None:
    assert before_dot(typed) == taken


def test_a_large_mail_is_taken_in_at_once_and_copied_little() -> None:
    """As cron and backup scripts send them: long outputs, LF alone at the ends of lines."""
    raw = b"Subject: x\n\n" + (b"y" * 76 + b"\n") * 400_000
    tracemalloc.start()
    try:
        composed = submitted(before_dot(raw), ME, STAMP, ["a@x.example"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(composed.raw) > len(raw)
    assert peak < 3.5 * len(raw)
