"""Redirected mail: Resent fields in front, not one byte changed behind them."""

from __future__ import annotations

import pytest

from eilbote.errors import Misused
from eilbote.mail.draft import Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.loops import Loop, loop_when_forwarded
from eilbote.mail.message import parse_message
from eilbote.mail.redirect import redirect

ME = Identity("joerg@example.org", "Jörg")
TO = (Address("", "target@example.net"), Address("", "Target@example.net"))
STAMP = Stamp(1_795_000_000.0, "resent@example.org", "0123456789abcdef", 60)
BODY = b"\r\n--x\r\n\r\n.\r\nFrom here   \r\n\tgr\xfc\xdfe\r\n--x--\r\n"
HEAD = (
    b"DKIM-Signature: v=1; a=rsa-sha256; b=abc\r\n"
    b"From: a@example.com\r\nSubject:  two  spaces\r\nMessage-ID: <first@example.com>\r\n"
)


def test_fields_are_put_in_front() -> None:
    composed = redirect(HEAD + BODY, ME, TO, STAMP)
    assert composed.raw == (
        b"X-Eilbote-Forwarded-By: joerg@example.org\r\n"
        b"Resent-Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n"
        b"Resent-From: =?utf-8?b?SsO2cmc=?= <joerg@example.org>\r\n"
        b"Resent-To: target@example.net, Target@example.net\r\n"
        b"Resent-Message-ID: <resent@example.org>\r\n" + HEAD + BODY
    )
    assert (composed.sender, composed.recipients) == ("joerg@example.org", ("target@example.net",))
    assert (composed.message_id, composed.needs_8bit, composed.needs_utf8) == (
        "first@example.com",
        True,
        False,
    )
    assert loop_when_forwarded(parse_message(composed.raw), "joerg@example.org") is Loop.SEEN_BEFORE


def test_what_must_not_go_on_is_left_out() -> None:
    raw = (
        b"Return-Path: <x@y.example>\r\n"
        + HEAD
        + b"bcc: secret@z.example,\r\n more@z.example\r\nX-Last: 1\r\n"
        + BODY
    )
    composed = redirect(raw, ME, TO, STAMP)
    assert composed.raw.endswith(HEAD + b"X-Last: 1\r\n" + BODY)
    assert b"z.example" not in composed.raw
    assert b"Return-Path" not in composed.raw


def test_a_mail_without_an_id_gets_one() -> None:
    composed = redirect(b"From: a@example.com\r\n\r\nx\r\n", ME, TO, STAMP)
    assert composed.message_id == "resent@example.org"
    assert parse_message(composed.raw).envelope.message_id == "resent@example.org"


def test_bare_line_feeds_become_line_ends() -> None:
    composed = redirect(b"From: a@example.com\nSubject: x\n\nbody\nend", ME, TO, STAMP)
    assert composed.raw.endswith(b"From: a@example.com\r\nSubject: x\r\n\r\nbody\r\nend\r\n")


def test_no_bare_cr_leaves() -> None:
    composed = redirect(b"From: a@example.com\rSubject: x\r\rbody\r", ME, TO, STAMP)
    assert composed.raw.endswith(b"From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n")


def test_bytes_that_are_no_mail_are_refused() -> None:
    for raw in (b"", b"\r\nonly a body\r\n", b"no header here\r\n"):
        with pytest.raises(Misused) as refused:
            redirect(raw, ME, TO, STAMP)
        assert refused.value.problem.code == "redirect.no_header"


def test_a_line_break_adds_no_field() -> None:
    with pytest.raises(Misused):
        redirect(HEAD + BODY, ME, (Address("x\r\nBcc: y@z.example", "a@b.example"),), STAMP)
