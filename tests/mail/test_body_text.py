"""What a person reads: the right alternative, HTML as text, previews, the words for the index."""

from __future__ import annotations

import pytest

from eilbote.mail.envelope import Envelope
from eilbote.mail.html import MAX_TAGS, html_to_text
from eilbote.mail.message import parse_message, read_envelope
from eilbote.mail.text import preview, readable_text, searchable_text


def mail(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def multipart(kind: str, *parts: str, boundary: str = "a") -> str:
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{inside}--{boundary}--\n"


PLAIN = "Content-Type: text/plain\n\nplain words"
HTML = "Content-Type: text/html\n\n<p>marked <b>words</b></p>"
LOGO = "Content-Type: image/png\nContent-ID: <l>\n\nx"
PDF = "Content-Type: application/pdf; name=offer.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0="
FORWARDED = f"Content-Type: message/rfc822\n\nFrom: z@b.de\nSubject: inner\n{HTML}"


@pytest.mark.parametrize(
    ("raw", "text", "html"),
    [
        (PLAIN, "plain words", ""),
        (HTML, "marked words", "<p>marked <b>words</b></p>"),
        (multipart("alternative", PLAIN, HTML), "plain words", "<p>marked <b>words</b></p>"),
        (multipart("alternative", HTML, PLAIN), "plain words", "<p>marked <b>words</b></p>"),
        (multipart("alternative", "\nfirst", PLAIN), "plain words", ""),
        (multipart("related", HTML, LOGO), "marked words", "<p>marked <b>words</b></p>"),
        (
            multipart("alternative", PLAIN, multipart("related", HTML, LOGO, boundary="r")),
            "plain words",
            "<p>marked <b>words</b></p>",
        ),
        (multipart("mixed", PLAIN, PDF), "plain words", ""),
        (
            multipart("mixed", PLAIN, HTML),
            "plain words\nmarked words",
            "<pre>plain words</pre>\n<p>marked <b>words</b></p>",
        ),
        (multipart("signed", PLAIN, PDF), "plain words", ""),
        (multipart("mixed", PLAIN, FORWARDED), "plain words", ""),
        (multipart("encrypted", PDF, PDF), "", ""),
        (PDF, "", ""),
    ],
)
def test_the_body_that_is_shown(raw: str, text: str, html: str) -> None:
    message = parse_message(mail(raw))
    assert message.body_text() == text
    assert message.body_html() == html


def test_a_forwarded_mail_is_read_below_with_its_head() -> None:
    text = readable_text(parse_message(mail(multipart("mixed", PLAIN, FORWARDED))))
    assert text.startswith("plain words\n")
    assert "From: z@b.de\nSubject: inner\n\nmarked words" in text


def test_flowed_lines_are_joined() -> None:
    """RFC 3676 section 4."""
    raw = mail(
        "Content-Type: text/plain; format=flowed\n\nHello \nworld\n> quoted \n> words\nbye \n-- \nme \nyou"
    )
    assert parse_message(raw).body_text() == "Hello world\n> quoted words\nbye \n-- \nme you"


def test_a_uuencoded_file_is_named_not_shown() -> None:
    raw = mail("Subject: x\n\nsee\nbegin 644 cat.gif\n#0V%T\n`\nend\nbye\n")
    assert parse_message(raw).body_text() == "see\n[cat.gif]\nbye\n"
    assert searchable_text(raw).attachments == "cat.gif"


def test_the_index_sees_subject_people_body_and_attachment_names() -> None:
    head = "From: Jürgen <j@b.de>\nTo: anna@b.de\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n"
    found = searchable_text(mail(head + multipart("mixed", PLAIN, PDF, FORWARDED)))
    assert found.subject == "Grüße"
    assert found.people == "Jürgen j@b.de\nanna@b.de"
    assert "plain words" in found.body
    assert "inner" in found.body
    assert "marked words" in found.body
    assert "PDF" not in found.body
    assert found.attachments == "offer.pdf"


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "Content-Type: text/plain; charset=cp1252\n",
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n",
        "Content-Type: text/html\n",
    ],
)
def test_the_index_gets_no_more_than_its_limit(fields: str) -> None:
    found = searchable_text(mail(f"{fields}\n" + "words and words\n" * 1000), 500)
    assert 400 <= len(found.body) <= 500


def test_the_index_reads_a_plain_mail_as_the_screen_does() -> None:
    for encoding, body in (
        ("8bit", "Grüße"),
        ("base64", "R3LDvMOfZQ=="),
        ("quoted-printable", "Gr=C3=BC=C3=9Fe"),
    ):
        fields = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n"
        raw = mail(f"{fields}\n{body}")
        assert searchable_text(raw).body == parse_message(raw).body_text() == "Grüße"


def test_an_envelope_known_already_is_used() -> None:
    raw = mail("Subject: a\n\nb")
    assert searchable_text(raw, envelope=Envelope(subject="known")).subject == "known"
    assert searchable_text(raw, envelope=read_envelope(raw)) == searchable_text(raw)


def test_a_plain_part_that_says_nothing_lets_the_html_be_found() -> None:
    dummy = "Content-Type: text/plain\n\nYour program shows no HTML."
    assert "marked words" in searchable_text(mail(multipart("alternative", dummy, HTML))).body


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Grüße &amp; K&uuml;sse</p>", "Grüße & Küsse"),
        ("<style>p{}</style><script>x()</script><p>seen</p>", "seen"),
        ("<p style='display:none'>secret</p><p hidden>secret</p><p>seen</p>", "seen"),
        ("one<br>two<div>three</div>", "one\ntwo\n\nthree"),
        ("<ul><li>one<li>two</ul>", "* one\n* two"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\n\nc"),
        ("<!-- no -->yes", "yes"),
        ("no markup at all", "no markup at all"),
        ("<p>open <b>tags", "open tags"),
        ("", ""),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_html_with_too_many_tags_is_stripped_without_a_tree() -> None:
    html = "<style>p{}</style><!-- no --><script>x</script>" + "<p>word&amp;" * (MAX_TAGS + 1)
    text = html_to_text(html)
    assert text.startswith("word&\nword&\n")
    assert "p{}" not in text


def test_a_table_cannot_blow_up() -> None:
    html = "<table><tr><td>" + "w" * 50_000 + "<tr><td>y<td>z" * 5000
    assert len(html_to_text(html)) < 2 * len(html)


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("short", 20, "short"),
        ("many   words\n\nand lines", 40, "many words and lines"),
        ("a sentence that is cut at a word", 20, "a sentence that is…"),
        ("x" * 50, 10, "x" * 9 + "…"),
        ("New.\n\nAm 1. Mai 2026 schrieb Anna:\n> Old.", 40, "New."),
        ("", 10, ""),
    ],
)
def test_previews(text: str, n: int, expected: str) -> None:
    assert preview(text, n) == expected
    assert len(preview(text, n)) <= n
