"""Parts: where they lie, what they are called, and what broken mail makes of them."""

from __future__ import annotations

import pytest

from eilbote.mail.message import parse_message, read_envelope
from eilbote.mail.part import Part, safe_file_name


def mail(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


MIXED = "Content-Type: multipart/mixed; boundary=a\n"


def outline(raw: bytes) -> list[tuple[str, str]]:
    return [(part.number, part.content_type) for part in parse_message(raw).parts]


RFC_9051_EXAMPLE = mail("""\
Subject: section 6.4.5
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: text/plain

1
--a
Content-Type: application/octet-stream

2
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

3.1
--b
Content-Type: application/octet-stream

3.2
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

4.1
--c
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=d

--d

4.2.1
--d
Content-Type: multipart/alternative; boundary=e

--e

4.2.2.1
--e
Content-Type: text/richtext

4.2.2.2
--e--
--d--
--c--
--a--
""")


def test_numbers_are_those_of_rfc_9051() -> None:
    message = parse_message(RFC_9051_EXAMPLE)
    assert [part.number for part in message.parts] == [
        "TEXT", "1", "2", "3", "3.TEXT", "3.1", "3.2", "4", "4.1", "4.2", "4.2.TEXT", "4.2.1", "4.2.2",
        "4.2.2.1", "4.2.2.2",
    ]  # fmt: skip
    for part in message.parts:
        if not part.children:
            assert part.text().strip() == part.number
            assert message.part(part.number) is part or message.part(part.number) == part
    assert message.part("9") is None
    assert message.defects == ()


def test_an_embedded_message_of_one_part_counts_it_as_1() -> None:
    raw = mail("Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\nhello\n--a--\n")
    assert outline(raw) == [("TEXT", "multipart/digest"), ("1", "message/rfc822"), ("1.1", "text/plain")]
    assert parse_message(raw).part("1.1").text() == "hello"  # type: ignore[union-attr]


def test_a_boundary_that_begins_with_another() -> None:
    raw = mail(
        "Content-Type: multipart/mixed; boundary=ab\n\n--ab\n"
        "Content-Type: multipart/alternative; boundary=abc\n\n--abc\n\none\n--abc\n\ntwo\n--abc--\n"
        "--ab\n\nthree\n--ab--\n"
    )
    assert [(part.number, part.text()) for part in parse_message(raw).parts if not part.children] == [
        ("1.1", "one"),
        ("1.2", "two"),
        ("2", "three"),
    ]
    swapped = raw.replace(b"abc", b"x").replace(b"ab", b"abc").replace(b"x", b"ab")
    assert [part.text() for part in parse_message(swapped).parts if not part.children] == [
        "one",
        "two",
        "three",
    ]


@pytest.mark.parametrize(
    ("raw", "texts", "defect"),
    [
        (f"{MIXED}\n--a\n\none\n--a\n\ntwo", ["one", "two"], "TEXT:multipart.not_closed"),
        (f"{MIXED}\nonly a preamble", ["only a preamble"], "1:multipart.no_parts"),
        ("Content-Type: multipart/mixed\n\n--a\n\none", ["--a\n\none"], "1:multipart.no_boundary"),
        ("Content-Type: text\n\nplain", ["plain"], "1:type.invalid"),
        (f"{MIXED}Content-Transfer-Encoding: base64\n\n--a\n\none\n--a--", ["one"], "TEXT:multipart.encoded"),
        ("no field\nat all\n\nbody", ["no field\nat all\n\nbody"], ""),
        ("Subject: x\nstray line\nTo: a@b.de\n\nbody", ["body"], "headers.not_a_field"),
        ("Subject: x\nbody without a blank line", ["body without a blank line"], ""),
        ("From me Mon Nov 23 10:00:00 2026\nSubject: x\n\nbody", ["body"], ""),
        ("\nbody", ["body"], ""),
        ("Subject: only fields", [""], ""),
        ("", [""], ""),
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(raw: str, texts: list[str], defect: str) -> None:
    for raw_bytes in (mail(raw), raw.encode(), raw.replace("\n", "\r").encode()):
        message = parse_message(raw_bytes)
        assert [part.text() for part in message.parts if not part.children] == texts
        assert message.defects == ((defect,) if defect else ())


def test_an_outer_delimiter_ends_an_inner_multipart() -> None:
    raw = mail(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\n\none\n--a\n\ntwo\n--a--\nepilogue --b\n"
    )
    assert outline(raw)[1:] == [("1", "multipart/mixed"), ("1.1", "text/plain"), ("2", "text/plain")]


def test_empty_parts_and_parts_without_fields() -> None:
    raw = mail("Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n\n--a\n\n\n--a\nX: y\n--a--\n")
    message = parse_message(raw)
    assert [part.content() for part in message.root.children] == [b"", b"", b"", b""]


def test_an_encoded_message_stays_a_leaf_and_decodes() -> None:
    raw = mail("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQp5")
    message = parse_message(raw)
    assert message.defects == ("1:message.encoded",)
    assert parse_message(message.root.content()).headers.get("subject") == "x"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        ('Content-Disposition: attachment; filename="a b.pdf"', "a b.pdf"),
        ("Content-Disposition: attachment; filename=a b.pdf", "a b.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf; filename=x.pdf", "ä.pdf"),
        ("Content-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1=b.pdf", "äb.pdf"),
        ("Content-Disposition: attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"),
        ("Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1*=%A4.pdf", "ä.pdf"),
        ("Content-Disposition: attachment; filename*=iso-8859-1'de'gr%FCn.pdf", "grün.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?Q?gr=C3=BCn.pdf?="', "grün.pdf"),
        ("Content-Disposition: attachment; filename=grün.pdf", "grün.pdf"),
        ("Content-Type: application/pdf; name=n.pdf", "n.pdf"),
        ("Content-Disposition: attachment;\n\tfilename=\n\tfolded.pdf", "folded.pdf"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        ('Content-Disposition: attachment; filename="C:\\\\temp\\\\x.exe"', "x.exe"),
        ('Content-Disposition: attachment; filename="a\u202efdp.exe"', "afdp.exe"),
        ('Content-Disposition: attachment; filename=".."', ""),
        ('Content-Disposition: attachment; filename="=?utf-8?Q?a=2F..=2Fb?="', "b"),
    ],
)  # fmt: skip
def test_file_names(field: str, name: str) -> None:
    assert parse_message(mail(f"{field}\n\nx")).root.file_name == name


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", " . ", "x" * 400, "ä" * 300 + ".tar.gz", "\u200b\u2066a"])
def test_a_file_name_is_safe_to_show(name: str) -> None:
    safe = safe_file_name(name)
    assert len(safe) <= 255
    assert safe.isprintable()
    assert safe == safe.strip(" .")


def multipart(kind: str, *parts: str) -> str:
    inside = "".join(f"--a\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=a\n\n{inside}--a--\n"


TEXT = "\nhi"
HTML = "Content-Type: text/html\n\n<b>hi</b>"
PDF = "Content-Type: application/pdf\nContent-Disposition: attachment; filename=x.pdf\n\nx"
LOGO = "Content-Type: image/png; name=l.png\nContent-ID: <l>\n\nx"
SIGNATURE = "Content-Type: application/pgp-signature; name=s.asc\n\nx"
STATUS = "Content-Type: message/delivery-status\n\nx"
NOTES = "Content-Type: text/plain; name=notes.txt\n\nx"
INVITATION = "Content-Type: text/calendar; name=i.ics\n\nx"
MESSAGE = "Content-Type: message/rfc822\n\nSubject: i\nContent-Type: application/pdf\n\nx"


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        ("Subject: x\n\nhello", 0),
        ("Content-Type: text/plain; name=body.txt\n\nhello", 0),
        ("Content-Type: text/plain\nContent-Disposition: attachment; filename=n.txt\n\nhello", 1),
        ("Content-Type: application/pdf\n\nx", 1),
        (multipart("mixed", TEXT, PDF, PDF), 2),
        (multipart("alternative", TEXT, HTML), 0),
        (multipart("related", HTML, LOGO), 0),
        (multipart("mixed", HTML, LOGO), 1),
        (multipart("signed", TEXT, SIGNATURE), 0),
        (multipart("mixed", TEXT, MESSAGE), 1),
        (multipart("report", TEXT, STATUS, MESSAGE), 0),
        (multipart("mixed", TEXT, NOTES), 1),
        (multipart("mixed", NOTES, PDF), 1),
        (multipart("alternative", TEXT, INVITATION), 0),
    ],
)
def test_what_a_reader_calls_attachments(raw: str, count: int) -> None:
    assert read_envelope(mail(raw)).attachments == count
    assert len(parse_message(mail(raw)).attachments) == count


def test_headers_can_be_asked_in_every_way() -> None:
    raw = mail("Received: one\nSUBJECT: =?utf-8?Q?gr=C3=BCn?=\nReceived: two\n lines\nX-Empty:\n\nbody")
    headers = parse_message(raw).headers
    assert headers.get("subject") == "grün"
    assert headers.raw("Subject") == b"=?utf-8?Q?gr=C3=BCn?="
    assert headers.all("received") == ["one", "two lines"]
    assert headers.get("x-empty", "?") == ""
    assert headers.get("nothing", "?") == "?"
    assert "Received" in headers
    assert "nothing" not in headers
    assert [name for name, _ in headers] == ["Received", "SUBJECT", "Received", "X-Empty"]


def test_a_part_knows_itself() -> None:
    raw = mail(
        "Content-Type: Text/HTML; Charset=ISO-8859-1\nContent-ID: <i@d>\nContent-Disposition: INLINE\n\n<b>"
    )
    part: Part = parse_message(raw).root
    assert (part.content_type, part.charset, part.content_id) == ("text/html", "iso-8859-1", "i@d")
    assert (part.disposition, part.encoding, part.size) == ("inline", "7bit", 3)
    assert raw[part.start : part.end] == b"<b>"
