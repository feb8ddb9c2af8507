"""Drafts on a server: what was saved is there again when writing goes on."""

from __future__ import annotations

from msgspec.structs import replace

from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File, Image, Priority, Stamp
from eilbote.mail.draft_reading import read_draft
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message

ME = Identity("joerg@example.org", "Jörg", signature="Jörg Müller")
WORK = Identity("j@firma.example", "Jörg Müller")
STAMP = Stamp(1_795_000_000.0, "draft@example.org", "0123456789abcdef")
DRAFT = Draft(
    WORK,
    to=(Address("Groß, Anna", "anna@example.com"),),
    cc=(Address("", "karl@example.net"),),
    bcc=(Address("Eva", "eva@example.net"),),
    subject="Überlegung",
    text="Liebe **Anna**,\n\n![Logo](cid:logo@example.org)\n\nAnna schrieb:\n> Kommst du?",
    markdown=True,
    sign=False,
    files=(
        File("Größe.pdf", b"%PDF", "application/pdf"),
        File("t.ics", b"B", "text/calendar; method=REQUEST"),
    ),
    images=(Image("logo@example.org", b"\x89PNG", "image/png", "logo.png"),),
    in_reply_to="ask@example.com",
    references=("root@example.com", "ask@example.com"),
    priority=Priority.HIGH,
)


def saved(draft: Draft) -> bytes:
    return compose(draft, STAMP, keep_bcc=True).raw


def test_everything_is_there_again() -> None:
    read = read_draft(parse_message(saved(DRAFT)), [ME, WORK])
    assert not read.loses_layout
    files = (DRAFT.files[0], replace(DRAFT.files[1], type='text/calendar; method="REQUEST"'))
    assert read.draft == replace(DRAFT, files=files)
    assert saved(read.draft) == saved(DRAFT)


def test_a_signature_is_saved_once() -> None:
    draft = replace(DRAFT, identity=ME, sign=True, markdown=False, images=(), text="Hallo", quoted="> Ja?")
    for _ in range(3):
        draft = read_draft(parse_message(saved(draft)), [ME, WORK]).draft
        assert draft.text == "Hallo\n\n-- \nJörg Müller\n\n> Ja?"
        assert draft.identity == ME


def test_nothing_is_needed() -> None:
    empty = Draft(ME, sign=False)
    assert read_draft(parse_message(saved(empty)), [ME]).draft == empty
    assert read_draft(parse_message(b""), [ME]).draft == empty


def test_a_mail_that_is_sent_does_not_tell() -> None:
    assert b"X-Eilbote" not in compose(DRAFT, STAMP).raw


def test_the_draft_of_another_program() -> None:
    raw = (
        b"From: other@example.org\r\nTo: Anna\r\nX-Priority: 5 (Lowest)\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hallo <b>Anna</b></p>\r\n"
    )
    read = read_draft(parse_message(raw), [ME, WORK])
    assert read.loses_layout
    assert read.draft == Draft(
        ME, to=(Address("Anna", ""),), text="Hallo Anna", sign=False, priority=Priority.LOW
    )
