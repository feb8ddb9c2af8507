"""Mail that we write: read back equal by our reader and by the standard library, and never one field more."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default
from email.utils import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.compose import MAX_RECIPIENTS, compose
from eilbote.mail.draft import Composed, Draft, File, Image, Priority, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message
from eilbote.mail.words import clean

ANNA = Address("Anna Groß", "anna@example.com")
IDENTITY = Identity("joerg@example.org", "Jörg Müller")
STAMP = Stamp(1_795_000_000.0, "one@example.org", "0123456789abcdef", 60)
DRAFT = Draft(IDENTITY, to=(ANNA,), subject="Grüße", text="Hallo Anna,\n\nbis morgen!\n")


def made(
    draft: Draft = DRAFT, *, eight_bit: bool = False, seven_bit: bool = False, keep_bcc: bool = False
) -> Composed:
    composed = compose(draft, STAMP, eight_bit=eight_bit, seven_bit=seven_bit, keep_bcc=keep_bcc)
    assert_ready(composed.raw)
    return composed


def assert_ready(raw: bytes) -> None:
    """What every server takes: CRLF only, no NUL, no line over 998."""
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    assert max(map(len, lines)) <= 998


def by_library(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=default)
    for part in message.walk():
        assert part.defects == []
    return message


def test_a_plain_mail_is_these_bytes() -> None:
    assert made().raw == (
        b"Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n"
        b"From: =?utf-8?b?SsO2cmcgTcO8bGxlcg==?= <joerg@example.org>\r\n"
        b"To: =?utf-8?q?Anna_Gro=C3=9F?= <anna@example.com>\r\n"
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
        b"Message-ID: <one@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="us-ascii"; format="flowed"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hallo Anna,\r\n\r\nbis morgen!\r\n"
    )


def test_the_same_draft_and_stamp_are_the_same_bytes() -> None:
    draft = replace(DRAFT, markdown=True, files=(File("a.txt", b"a"),))
    assert made(draft) == made(draft)


def test_a_file_arrives_byte_for_byte() -> None:
    content = bytes(range(256)) * 20
    draft = replace(DRAFT, files=(File("Rechnung für März.pdf", content, "application/pdf"),))
    raw = made(draft).raw
    (attached,) = parse_message(raw).attachments
    assert (attached.file_name, attached.content_type) == ("Rechnung für März.pdf", "application/pdf")
    assert attached.content() == content
    (other,) = by_library(raw).iter_attachments()
    assert other.get_filename() == "Rechnung für März.pdf"
    assert other.get_content() == content


def test_bcc_is_in_the_envelope_and_not_in_the_mail() -> None:
    draft = replace(
        DRAFT, cc=(ANNA,), bcc=(Address("", "hidden@example.net"), Address("", "ANNA@example.com"))
    )
    composed = made(draft)
    assert composed.recipients == ("anna@example.com", "hidden@example.net")
    assert b"hidden" not in composed.raw
    assert b"bcc" not in composed.raw.lower()
    kept = made(draft, keep_bcc=True)
    assert [each.spec for each in _addresses(kept.raw, "Bcc")] == ["hidden@example.net", "ANNA@example.com"]


def _addresses(raw: bytes, field: str) -> tuple[Address, ...]:
    from eilbote.mail.address import read_addresses

    return read_addresses(parse_message(raw).headers.source(field) or "")


def test_a_mail_to_hidden_people_alone_is_to_a_group_of_nobody() -> None:
    composed = made(replace(DRAFT, to=(), bcc=(ANNA,)))
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in composed.raw
    assert composed.recipients == ("anna@example.com",)
    assert parse_message(composed.raw).envelope.to == ()


def test_a_mail_to_nobody_is_a_draft_only() -> None:
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, to=()), STAMP)
    assert refused.value.problem.code == "compose.no_recipients"
    assert made(replace(DRAFT, to=()), keep_bcc=True).recipients == ()


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("text/calendar; method=REQUEST; charset=utf-8", 'text/calendar; method="REQUEST"; charset="utf-8"'),
        ("Application/PDF", "application/pdf"),
    ],
)
def test_a_type_keeps_its_parameters(kind: str, written: str) -> None:
    raw = made(replace(DRAFT, files=(File("a", b"a", kind),))).raw
    assert parse_message(raw).parts[2].headers.get("Content-Type") == written


@pytest.mark.parametrize("kind", ["", "pdf", "multipart/mixed; boundary=x", "a/b; ä=x", "a/b/c"])
def test_a_type_that_is_none_is_refused(kind: str) -> None:
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, files=(File("a", b"a", kind),)), STAMP)
    assert refused.value.problem.code == "compose.media_type"


@pytest.mark.parametrize(
    "words",
    [
        "שלום עולם, מה שלומך היום? " * 12,
        "مرحبا بالعالم",
        "👩‍👩‍👧‍👦 Familie 🏳️‍🌈 " * 20,
        "Donaudampfschifffahrtsgesellschaftskapitän" * 12,
        "x" * 2000,
        "a" + " " * 90 + "b",
        "Re: =?utf-8?q?kein_Wort?= und =?",
        "e\u0301" * 200,
    ],
)
def test_words_of_any_script_are_read_back(words: str) -> None:
    words = words.strip()
    draft = replace(DRAFT, subject=words, text=words, to=(Address(words, "a@example.org"),))
    draft = replace(draft, files=(File(f"{words[:80]}.txt", b"x"),))
    raw = made(draft).raw
    message = parse_message(raw)
    assert message.headers.get("Subject") == words
    assert message.envelope.to == (Address(words, "a@example.org"),)
    assert message.body_text() == words + "\n"
    library = by_library(raw)
    assert library["To"].addresses[0].addr_spec == "a@example.org"
    body = library.get_body()
    assert body is not None
    assert "".join(body.get_content().split()) == "".join(words.split())


def test_markdown_goes_out_as_written_and_as_html() -> None:
    text = "# Titel\n\nZwei **fette** Wörter und <b>keines</b>.\n"
    message = parse_message(made(replace(DRAFT, text=text, markdown=True)).raw)
    assert message.root.content_type == "multipart/alternative"
    assert message.body_text() == text
    html = message.body_html()
    assert "<h1>Titel</h1>" in html
    assert "<strong>fette</strong>" in html
    assert "<b>" not in html


def test_pictures_lie_beside_the_html_that_shows_them() -> None:
    image = Image("logo@example.org", b"\x89PNG", "image/png", "logo.png")
    message = parse_message(
        made(replace(DRAFT, text="![Logo](cid:logo@example.org)", markdown=True, images=(image,))).raw
    )
    kinds = [part.content_type for part in message.parts]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert '<img src="cid:logo@example.org"' in message.body_html()
    assert message.parts[-1].content_id == "logo@example.org"
    assert message.attachments == ()


def test_a_mail_attached_as_mail_is_not_encoded() -> None:
    inner = made().raw
    message = parse_message(made(replace(DRAFT, files=(File("alt.eml", inner, "message/rfc822"),))).raw)
    (attached,) = message.attachments
    assert attached.is_message
    assert attached.body() == inner
    assert attached.children[0].headers.get("Subject") == "Grüße"


def test_a_mail_that_cannot_travel_as_mail_goes_as_a_file() -> None:
    eight = "Subject: Grüße\r\n\r\nÜber\r\n".encode()
    for inner, options in (
        (eight, {"seven_bit": True}),
        (b"a: b\r\n\r\na\0b", {}),
        (b"a: b\r\n\r\n" + b"x" * 999, {}),
    ):
        draft = replace(DRAFT, files=(File("alt.eml", inner, "message/rfc822"),))
        (attached,) = parse_message(made(draft, **options).raw).attachments
        assert (attached.content_type, attached.file_name) == ("application/octet-stream", "alt.eml")
        assert attached.content() == inner
    composed = made(replace(DRAFT, files=(File("alt.eml", eight, "message/rfc822"),)))
    assert composed.needs_8bit
    assert parse_message(composed.raw).root.encoding == "8bit"


def test_eight_bit_only_where_asked() -> None:
    draft = replace(DRAFT, text="Über uns\n")
    assert not made(draft).needs_8bit
    eight = made(draft, eight_bit=True)
    assert eight.needs_8bit
    assert "Über uns\r\n".encode() in eight.raw
    assert parse_message(eight.raw).body_text() == "Über uns\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("Grüße aus Köln", "quoted-printable"),
        ("Привет, как дела? Всё хорошо.", "base64"),
        ("😀😀😀😀😀😀", "base64"),
        ("x" * 1200, "quoted-printable"),
        ("a\0b", "quoted-printable"),
    ],
)  # fmt: skip
def test_the_encoding_suits_the_text(text: str, encoding: str) -> None:
    message = parse_message(made(replace(DRAFT, text=text)).raw)
    assert message.root.encoding == encoding
    assert message.body_text() == text + "\n"


def test_smtputf8_only_for_an_address_that_needs_it() -> None:
    german = made(replace(DRAFT, to=(Address("Jürgen", "j@straße.example"),)))
    assert (german.recipients, german.needs_utf8) == (("j@xn--strae-oqa.example",), False)
    assert german.raw.isascii()
    local = made(replace(DRAFT, to=(Address("Jürgen", "jürgen@straße.example"),)))
    assert (local.recipients, local.needs_utf8) == (("jürgen@xn--strae-oqa.example",), True)
    assert _addresses(local.raw, "To") == (Address("Jürgen", "jürgen@xn--strae-oqa.example"),)
    hidden = made(replace(DRAFT, bcc=(Address("", "ü@example.org"),)))
    assert hidden.needs_utf8
    assert hidden.raw.isascii()


def test_threading_fields() -> None:
    ids = tuple(f"{number}.{'x' * number}@example.org" for number in range(1, 90))
    raw = made(replace(DRAFT, in_reply_to=ids[-1], references=ids)).raw
    assert parse_message(raw).envelope.references == ids
    assert by_library(raw)["In-Reply-To"] == f"<{ids[-1]}>"


def test_priority_and_own_fields() -> None:
    draft = replace(DRAFT, priority=Priority.HIGH, fields=(("Auto-Submitted", "auto-replied"),))
    headers = parse_message(made(draft).raw).headers
    assert (headers.get("Importance"), headers.get("X-Priority")) == ("high", "1")
    assert headers.get("Auto-Submitted") == "auto-replied"
    assert "Importance" not in parse_message(made().raw).headers


def test_signature_and_quote_have_their_places() -> None:
    signed = replace(IDENTITY, signature="Jörg Müller\nBeispiel GmbH")
    draft = replace(DRAFT, identity=signed, text="Ja.", quoted="Anna schrieb:\n> Kommst du?")
    above = parse_message(made(draft).raw).body_text()
    assert above == "Ja.\n\n-- \nJörg Müller\nBeispiel GmbH\n\nAnna schrieb:\n> Kommst du?\n"
    below = parse_message(made(replace(draft, answers_below=True)).raw).body_text()
    assert below == "Anna schrieb:\n> Kommst du?\n\nJa.\n\n-- \nJörg Müller\nBeispiel GmbH\n"
    assert "Beispiel" not in parse_message(made(replace(draft, sign=False)).raw).body_text()


def test_a_thousand_recipients_each_once() -> None:
    people = tuple(Address(f'Müller, "Anna" {number}', f"a{number}@example.org") for number in range(1000))
    composed = made(replace(DRAFT, to=people + people))
    assert composed.recipients == tuple(each.spec for each in people)
    assert _addresses(composed.raw, "To") == people + people
    assert [each.addr_spec for each in by_library(composed.raw)["To"].addresses[:1000]] == list(
        composed.recipients
    )


def test_too_many_recipients_are_refused() -> None:
    people = tuple(Address("", f"a{number}@example.org") for number in range(MAX_RECIPIENTS + 1))
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, to=people), STAMP)
    assert refused.value.problem.code == "compose.too_many_recipients"


def test_a_header_that_nobody_reads_is_refused() -> None:
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, subject="wort " * 110_000), STAMP)
    assert refused.value.problem.code == "compose.header_too_large"


def test_a_boundary_that_stands_in_the_text_is_no_boundary() -> None:
    text = f"--m{STAMP.boundary}\n--m{STAMP.boundary}--\n--m{STAMP.boundary}=\n"
    message = parse_message(made(replace(DRAFT, text=text, files=(File("a", b"a"),))).raw)
    assert [part.content_type for part in message.parts] == [
        "multipart/mixed",
        "text/plain",
        "application/octet-stream",
    ]
    assert message.body_text() == text


# Text of any script, without what is no text (surrogates) and without controls, which are refused.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
NAMES = TEXT.map(clean)
SPECS = st.from_regex(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,9})?@[a-z0-9]{1,20}\.(org|de)", fullmatch=True
)
PEOPLE = st.lists(st.builds(Address, NAMES, SPECS), min_size=1, max_size=8).map(tuple)


@given(PEOPLE, PEOPLE)
def test_every_name_and_address_is_read_back(to: tuple[Address, ...], cc: tuple[Address, ...]) -> None:
    raw = made(replace(DRAFT, to=to, cc=cc)).raw
    assert _addresses(raw, "To") == to
    assert _addresses(raw, "Cc") == cc
    library = by_library(raw)
    assert [each.addr_spec for each in library["To"].addresses] == [each.spec for each in to]


@given(NAMES)
def test_every_subject_is_read_back(subject: str) -> None:
    raw = made(replace(DRAFT, subject=subject)).raw
    assert parse_message(raw).headers.get("Subject") == subject
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 or b" " not in line.strip() for line in head.split(b"\r\n"))


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=2000), st.booleans()
)
def test_every_text_is_read_back(text: str, eight_bit: bool) -> None:
    text = "\n".join(line if line == "-- " else line.rstrip(" ") for line in text.split("\n"))
    raw = made(replace(DRAFT, text="." + text), eight_bit=eight_bit).raw
    wanted = "." + text.rstrip("\n") + "\n"
    assert _without_quote_space(parse_message(raw).body_text()) == _without_quote_space(wanted)


def _without_quote_space(text: str) -> str:
    """Space between and after quote marks is not kept: `> > a` and `>>a` are one depth (RFC 3676)."""
    lines = []
    for line in text.split("\n"):
        bare = line.lstrip("> ") if line.startswith(">") else line
        lines.append(">" * line[: len(line) - len(bare)].count(">") + bare)
    return "\n".join(lines)


@given(TEXT.filter(lambda name: "=?" not in name), st.binary(max_size=500))
def test_every_file_is_read_back(name: str, content: bytes) -> None:
    from eilbote.mail.part import safe_file_name

    raw = made(replace(DRAFT, files=(File(name, content),))).raw
    (attached,) = parse_message(raw).attachments
    assert attached.file_name == safe_file_name(name)
    assert attached.content() == content
    (other,) = by_library(raw).iter_attachments()
    assert other.get_content() == content
    # The library takes `<>` and `""` around a name away, whoever put them there.
    assert (other.get_filename() or "") == unquote(safe_file_name(name)).strip()
