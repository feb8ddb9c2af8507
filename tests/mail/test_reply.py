"""Answers: to the right people, as the right identity, with one prefix, one quote and a bounded header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eilbote.mail.compose import compose
from eilbote.mail.draft import Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.message import Message, parse_message
from eilbote.mail.quotes import split_reply
from eilbote.mail.quoting import ENGLISH, GERMAN, MAX_QUOTED
from eilbote.mail.reply import MAX_REFERENCES, Audience, reply
from eilbote.mail.subject import forward_subject, reply_subject

ME = Identity("joerg@example.org", "Jörg", aliases=("info@example.org", "@shop.example"))
WORK = Identity("j.mueller@firma.example", "Jörg Müller")
STAMP = Stamp(1_795_000_000.0, "answer@example.org", "0123456789abcdef", 60)


def mail(*fields: str, body: str = "Kommst du?\n") -> Message:
    head = "".join(f"{field}\r\n" for field in fields)
    return parse_message(f"{head}\r\n{body}".encode())


ASKED = mail(
    "From: =?utf-8?q?Anna_Gro=C3=9F?= <anna@example.com>",
    "To: joerg@example.org, Karl <karl@example.net>",
    "Cc: Info <INFO@example.org>, Eva <eva@example.net>",
    "Date: Mon, 23 Nov 2026 18:53:00 +0000",
    "Subject: AW: Re: Treffen",
    "Message-ID: <ask@example.com>",
    "References: <root@example.com>",
)


def specs(addresses: tuple[Address, ...]) -> list[str]:
    return [each.spec for each in addresses]


def test_an_answer_goes_to_the_writer() -> None:
    draft = reply(ASKED, [ME, WORK], GERMAN, offset=60)
    assert draft.to == (Address("Anna Groß", "anna@example.com"),)
    assert draft.cc == ()
    assert draft.identity == ME
    assert draft.subject == "Re: Treffen"
    assert draft.in_reply_to == "ask@example.com"
    assert draft.references == ("root@example.com", "ask@example.com")
    assert draft.quoted == "Am 23.11.2026 um 19:53 schrieb Anna Groß:\n> Kommst du?"


def test_an_answer_to_all_leaves_oneself_out() -> None:
    draft = reply(ASKED, [ME], GERMAN, Audience.EVERYONE)
    assert specs(draft.to) == ["anna@example.com", "karl@example.net"]
    assert specs(draft.cc) == ["eva@example.net"]


def test_nobody_is_answered_twice() -> None:
    original = mail("From: a@x.example", "To: A@X.example, b@x.example", "Cc: B@x.example, a@x.example")
    draft = reply(original, [ME], GERMAN, Audience.EVERYONE)
    assert (specs(draft.to), draft.cc) == (["a@x.example", "b@x.example"], ())


def test_a_mail_to_oneself_alone_is_answered_to_oneself() -> None:
    original = mail("From: joerg@example.org", "To: joerg@example.org")
    assert specs(reply(original, [ME], GERMAN, Audience.EVERYONE).to) == ["joerg@example.org"]


def test_one_s_own_mail_goes_on_to_those_whom_it_went_to() -> None:
    original = mail("From: j.mueller@firma.example", "To: karl@example.net")
    draft = reply(original, [ME, WORK], GERMAN)
    assert (specs(draft.to), draft.identity) == (["karl@example.net"], WORK)


def test_reply_to_is_honoured() -> None:
    original = mail("From: no-reply@x.example", "Reply-To: Hilfe <help@x.example>", "To: joerg@example.org")
    assert reply(original, [ME], GERMAN).to == (Address("Hilfe", "help@x.example"),)


@pytest.mark.parametrize(
    ("audience", "to", "cc"),
    [
        (Audience.SENDER, ["anna@example.com"], []),
        (Audience.EVERYONE, ["anna@example.com", "list@lists.example"], []),
        (Audience.LIST, ["list@lists.example"], []),
    ],
)  # fmt: skip
def test_a_list_that_set_reply_to_makes_no_private_answer_public(
    audience: Audience, to: list[str], cc: list[str]
) -> None:
    original = mail(
        "From: anna@example.com",
        "To: list@lists.example",
        "Reply-To: list@lists.example",
        "List-Post: <mailto:list@lists.example?subject=x>",
    )
    draft = reply(original, [ME], GERMAN, audience)
    assert (specs(draft.to), specs(draft.cc)) == (to, cc)


def test_mail_followup_to_says_who_is_everyone() -> None:
    original = mail(
        "From: anna@example.com",
        "To: l@lists.example",
        "Cc: x@x.example",
        "Mail-Followup-To: l@lists.example",
    )
    draft = reply(original, [ME], GERMAN, Audience.EVERYONE)
    assert (specs(draft.to), draft.cc) == (["l@lists.example"], ())


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("To: J.Mueller@firma.example", "j.mueller@firma.example"),
        ("To: j.mueller+alt@firma.example", "j.mueller@firma.example"),
        ("Cc: info@example.org", "info@example.org"),
        ("To: anything@shop.example", "anything@shop.example"),
        ("Delivered-To: j.mueller@firma.example", "j.mueller@firma.example"),
        ("To: other@example.com", "joerg@example.org"),
    ],
)  # fmt: skip
def test_the_identity_is_the_one_that_was_written_to(field: str, address: str) -> None:
    assert reply(mail("From: a@b.example", field), [ME, WORK], GERMAN).identity.address == address


def test_a_writer_without_date_or_name() -> None:
    for fields, quoted in (
        (("From: anna@example.com",), "anna@example.com schrieb:\n> Kommst du?"),
        ((), "> Kommst du?"),
    ):
        draft = reply(mail(*fields), [replace(ME, signature="Jörg")], GERMAN)
        assert draft.quoted == quoted
        draft = replace(draft, to=(Address("", "a@b.example"),), text="Ja.")
        parts = split_reply(parse_message(compose(draft, STAMP).raw).body_text())
        assert (parts.new, parts.signature, parts.quoted) == ("Ja.", "-- \nJörg", quoted)


def test_html_is_quoted_as_text() -> None:
    original = mail(
        "From: a@b.example", "Content-Type: text/html; charset=utf-8", body="<p>Eins</p><p>Zwei</p>"
    )
    assert reply(original, [ME], ENGLISH).quoted == "a@b.example wrote:\n> Eins\n>\n> Zwei"


def test_quotes_grow_by_one_mark_and_signatures_go() -> None:
    original = mail("From: a@b.example", body="> alt\n>> älter\nneu\n\n-- \nAnna\n0123\n")
    assert reply(original, [ME], GERMAN).quoted.split("\n")[1:] == [">> alt", ">>> älter", "> neu"]


def test_our_own_reader_takes_the_answer_apart() -> None:
    for words in (GERMAN, ENGLISH):
        draft = replace(reply(ASKED, [replace(ME, signature="Jörg")], words), text="Ja, gern.\n\nBis dann")
        text = parse_message(compose(draft, STAMP).raw).body_text()
        parts = split_reply(text)
        assert (parts.new, parts.signature) == ("Ja, gern.\n\nBis dann", "-- \nJörg")
        assert parts.quoted.endswith("> Kommst du?")


def test_references_are_bounded() -> None:
    ids = " ".join(f"<{number}@x.example>" for number in range(150))
    original = mail("From: a@b.example", "Message-ID: <last@x.example>", f"References: {ids}")
    references = reply(original, [ME], GERMAN).references
    assert len(references) == MAX_REFERENCES
    assert (references[0], references[-1]) == ("0@x.example", "last@x.example")


def test_ids_that_no_header_can_name_are_left_out() -> None:
    original = mail(
        "From: a@b.example", "Message-ID: <ä@x>", "References: <a@b> <c d@e> <é>", "To: x@y.example"
    )
    draft = reply(original, [ME], GERMAN)
    assert (draft.in_reply_to, draft.references) == ("", ("a@b", "cd@e"))


def test_a_flood_of_people_and_text() -> None:
    people = ", ".join(f"a{number}@x.example" for number in range(5000))
    original = mail("From: a@b.example", f"To: {people}", body="x" * 70 + "\n" + "y\n" * MAX_QUOTED)
    draft = reply(original, [ME], GERMAN, Audience.EVERYONE)
    assert len(draft.to) == 5001, "nobody is left out in silence; too many are refused when it is queued"
    assert draft.quoted.endswith("> […]")
    assert len(draft.quoted) < 3 * MAX_QUOTED


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Treffen", "Re: Treffen"),
        ("Re: Treffen", "Re: Treffen"),
        ("AW: Re: AW: Treffen", "Re: Treffen"),
        ("RE[2]: Treffen", "Re: Treffen"),
        ("Antwort: Re : Treffen", "Re: Treffen"),
        ("Fwd: Treffen", "Re: Fwd: Treffen"),
        ("[Verein] AW: Treffen", "Re: [Verein] Treffen"),
        ("Re: [Verein] Re: Treffen", "Re: [Verein] Re: Treffen"),
        ("Regen: ja", "Re: Regen: ja"),
        ("", "Re:"),
        ("Re:" * 500 + "x", "Re: " + "Re:" * 450 + "x"),
    ],
)  # fmt: skip
def test_one_prefix(subject: str, expected: str) -> None:
    assert reply_subject(subject) == expected


def test_one_prefix_of_a_forward() -> None:
    assert forward_subject("WG: Fwd: Rechnung") == "Fwd: Rechnung"
    assert forward_subject("AW: Rechnung") == "Fwd: AW: Rechnung"


@given(st.binary(max_size=600), st.sampled_from(Audience))
def test_any_mail_can_be_answered(raw: bytes, audience: Audience) -> None:
    head = b"From: a@b.example\r\nSubject: =?utf-7?q?+2AA-?= "
    draft = reply(parse_message(head + raw), [ME, WORK], GERMAN, audience)
    compose(replace(draft, to=(), cc=()), STAMP, keep_bcc=True)
