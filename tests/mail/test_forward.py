"""Forwards: nothing lost on the way, sent as one's own, and never round in circles."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.forward import forward_attached, forward_by_rule, forward_inline
from eilbote.mail.identity import Identity
from eilbote.mail.loops import FIELD, MAX_FORWARDS, Loop, loop_when_answered, loop_when_forwarded
from eilbote.mail.message import Message, parse_message
from eilbote.mail.quotes import split_reply
from eilbote.mail.quoting import GERMAN

ME = Identity("joerg@example.org", "Jörg", signature="Jörg")
TARGET = (Address("", "target@example.net"),)
STAMP = Stamp(1_795_000_000.0, "on@example.org", "fedcba9876543210", 60)
ANNA = Identity("anna@example.com", "Anna Groß")
ORIGINAL = compose(
    Draft(
        ANNA,
        to=(Address("Jörg", "joerg@example.org"),),
        subject="Rechnung für März",
        text="Anbei die Rechnung.\n",
        files=(File("Rechnung.pdf", b"%PDF" * 99, "application/pdf"),),
    ),
    Stamp(1_795_000_000.0, "first@example.com", "0123456789abcdef"),
).raw


def sent(draft: Draft) -> Message:
    return parse_message(compose(replace(draft, to=draft.to or TARGET), STAMP).raw)


def test_inline_holds_head_text_and_files() -> None:
    message = sent(forward_inline(parse_message(ORIGINAL), ME, GERMAN, 60))
    text = message.body_text()
    assert "Von: Anna Groß <anna@example.com>\nDatum: 18.11.2026 12:06\nBetreff: Rechnung für März\n" in text
    assert "An: Jörg <joerg@example.org>\n\nAnbei die Rechnung." in text
    assert split_reply(text).new == ""
    assert [(part.file_name, part.content()) for part in message.attachments] == [
        ("Rechnung.pdf", b"%PDF" * 99)
    ]
    assert message.headers.get("Subject") == "Fwd: Rechnung für März"


def test_attached_holds_every_byte() -> None:
    message = sent(forward_attached(parse_message(ORIGINAL), ME))
    (attached,) = message.attachments
    assert attached.body() == ORIGINAL
    assert attached.file_name == "Rechnung für März.eml"


@pytest.mark.parametrize("attached", [True, False])
def test_a_rule_sends_as_its_own_address(attached: bool) -> None:
    draft = forward_by_rule(parse_message(ORIGINAL), ME, TARGET, GERMAN, attached=attached)
    composed = compose(draft, STAMP)
    message = parse_message(composed.raw)
    assert composed.sender == "joerg@example.org"
    assert message.envelope.sender == (Address("Anna Groß via Jörg", "joerg@example.org"),)
    assert message.headers.get("Reply-To") == "Anna Groß <anna@example.com>"
    assert message.headers.get("Auto-Submitted") == "auto-generated"
    assert message.headers.all(FIELD) == ["joerg@example.org"]
    assert message.headers.get("Subject") == "Rechnung für März"
    (file,) = message.attachments
    assert file.is_message is attached


def test_what_comes_back_is_seen_by_every_one_who_sent_it_on() -> None:
    hops = [Identity(f"hop{number}@h{number}.example") for number in range(MAX_FORWARDS + 1)]
    message = parse_message(ORIGINAL)
    for hop in hops[:MAX_FORWARDS]:
        assert loop_when_forwarded(message, hop.address) is None
        message = sent(forward_by_rule(message, hop, TARGET, GERMAN, attached=True))
        assert loop_when_forwarded(message, hop.address.upper()) is Loop.SEEN_BEFORE
    for hop in hops[:MAX_FORWARDS]:
        assert loop_when_forwarded(message, hop.address) is Loop.SEEN_BEFORE
    assert loop_when_forwarded(message, hops[-1].address) is Loop.TOO_MANY_FORWARDS


def mail(*fields: str, body: str = "x\r\n") -> Message:
    return parse_message(("".join(f"{field}\r\n" for field in fields) + "\r\n" + body).encode())


RETURNED = "--b\r\nContent-Type: "
REPORT = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (mail("From: a@x.example"), None),
        (mail("Auto-Submitted: auto-generated", "From: shop@x.example"), None),
        (mail("Auto-Submitted: Auto-Replied; owner=x", "From: a@x.example"), Loop.AUTOMATIC),
        (mail("Return-Path: <>", "From: mailer-daemon@x.example"), Loop.REPORT),
        (mail("Return-Path: <a@x.example>", "From: a@x.example"), None),
        (mail(REPORT, body="--b\r\n\r\nx\r\n--b--\r\n"), Loop.REPORT),
        (
            mail(REPORT, body=f"{RETURNED}message/rfc822\r\n\r\n{FIELD}: Me@x.example\r\n\r\nx\r\n--b--\r\n"),
            Loop.SEEN_BEFORE,
        ),
        (
            mail(REPORT, body=f"{RETURNED}text/rfc822-headers\r\n\r\n{FIELD}: me@x.example\r\n--b--\r\n"),
            Loop.SEEN_BEFORE,
        ),
        (mail(*["Received: from a by b; Mon, 23 Nov 2026 18:53:00 +0000"] * 51), Loop.TOO_MANY_HOPS),
    ],
)  # fmt: skip
def test_why_a_rule_may_not_send_on(message: Message, reason: Loop | None) -> None:
    assert loop_when_forwarded(message, "me@x.example") is reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (mail("From: a@x.example"), None),
        (mail("From: a@x.example", "Auto-Submitted: no"), None),
        (mail("From: a@x.example", "Auto-Submitted: auto-generated"), Loop.AUTOMATIC),
        (mail("From: a@x.example", "X-Auto-Response-Suppress: All"), Loop.AUTOMATIC),
        (mail("From: a@x.example", "Precedence: bulk"), Loop.LIST),
        (mail("From: a@x.example", "List-Id: <l.x.example>"), Loop.LIST),
        (mail("From: ME@x.example"), Loop.OWN),
        (mail("Return-Path: <>", "From: a@x.example"), Loop.REPORT),
    ],
)  # fmt: skip
def test_why_no_program_may_answer(message: Message, reason: Loop | None) -> None:
    assert loop_when_answered(message, "me@x.example") is reason


def test_a_rule_is_not_stopped_by_addresses_that_no_header_can_name() -> None:
    original = mail("From: ok@x.example", f"Reply-To: {'x' * 280}@x.example, a@{'y' * 70}.example")
    message = sent(forward_by_rule(original, ME, TARGET, GERMAN, attached=False))
    assert message.headers.get("Reply-To") == "ok@x.example"
