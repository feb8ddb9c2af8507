"""Our reading beside the standard library's on well-formed mails, and laws that hold for any bytes."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.message import Message as LibraryMessage

from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.mail.message import parse_message, read_envelope
from eilbote.mail.part import Part, safe_file_name
from eilbote.mail.text import preview, readable_text, searchable_text
from tests.messages.generated import mails

FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [
                *(b"\r\n \n \r \r\n\r\n --b --b-- --bb Subject: From: To: Date: <a@b>".split(b" ")),
                *(b"References: =?utf-8?Q?".split(b" ")),
                *(b'?= =?utf-8?B? " ( ) < > , ; \\ \t \xff\xfe +2AA- <table><td> @ : %'.split(b" ")),
                b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"Content-Type: multipart/digest; boundary=bb\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Type: text/html; charset=x\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Disposition: attachment; filename*0*=utf-8''%ff",
                b"begin 644 a\n",
                b"Am 1.1. schrieb x:\n",
            ]
        ),
    ),
    max_size=40,
).map(b"".join)
"""Bytes that are nearly mail."""


def library_tree(part: LibraryMessage) -> list[object]:
    """Content types and decoded leaves as the standard library reads them."""
    kind = part.get_content_type()
    if part.is_multipart():
        payload = part.get_payload()
        assert isinstance(payload, list)
        return [kind, *(library_tree(child) for child in payload if isinstance(child, LibraryMessage))]
    return [kind, library_name(part), part.get_payload(decode=True)]


def library_name(part: LibraryMessage) -> str:
    """As written: get_filename() takes the angle brackets of `<a>` for quotes and drops them."""
    return str(getattr(part["Content-Disposition"], "params", {}).get("filename", ""))


def our_tree(part: Part) -> list[object]:
    if part.children:
        return [part.content_type, *(our_tree(child) for child in part.children)]
    return [part.content_type, part.file_name, part.content()]


def with_safe_names(tree: list[object]) -> list[object]:
    if len(tree) == 3 and isinstance(tree[1], str):
        return [tree[0], safe_file_name(tree[1]), tree[2]]
    return [with_safe_names(each) if isinstance(each, list) else each for each in tree]


@settings(deadline=None)
@given(mails())
def test_structure_content_and_fields_are_the_librarys(mail: EmailMessage) -> None:
    raw = mail.as_bytes()
    ours = parse_message(raw)
    theirs = message_from_bytes(raw, policy=policy.default)
    assert our_tree(ours.root) == with_safe_names(library_tree(theirs))
    assert ours.defects == ()
    assert ours.headers.get("Subject") == mail["Subject"]
    assert [name.lower() for name, _ in ours.headers] == [name.lower() for name, _ in theirs.items()]
    envelope = read_envelope(raw)
    assert [(each.name, each.spec) for each in envelope.sender] == [("Änne Müller", "anne@example.org")]
    assert [each.spec for each in envelope.to] == ["bert@example.org", "karl@example.org"]


@settings(deadline=None)
@given(mails())
def test_lone_line_feeds_change_nothing_but_offsets(mail: EmailMessage) -> None:
    raw = mail.as_bytes()
    lone = raw.replace(b"\r\n", b"\n")
    here, there = parse_message(raw), parse_message(lone)
    assert [part.number for part in here.parts] == [part.number for part in there.parts]
    assert here.body_text() == there.body_text()
    assert len(here.attachments) == read_envelope(lone).attachments


@settings(deadline=None)
@given(mails())
def test_part_numbers_are_those_of_imap(mail: EmailMessage) -> None:
    """RFC 9051 section 6.4.5: parts count from 1 within each multipart; an embedded message's
    multipart has no number of its own."""

    def check(part: Part, number: str) -> None:
        if part.is_message:
            assert part.number == number
            inner = part.children[0]
            check(inner, f"{number}.TEXT" if inner.is_multipart else f"{number}.1")
            return
        assert part.number == number
        stem = number.removesuffix("TEXT").removesuffix(".")
        for place, child in enumerate(part.children, 1):
            check(child, f"{stem}.{place}" if stem else str(place))

    root = parse_message(mail.as_bytes()).root
    check(root, "TEXT" if root.is_multipart else "1")


def everything(raw: bytes) -> object:
    message = parse_message(raw)
    text = readable_text(message)
    return (
        read_envelope(raw),
        searchable_text(raw),
        text,
        preview(text, 80),
        message.body_html(),
        message.defects,
        list(message.headers),
        [(part.number, part.content_type, part.file_name, part.content_id, part.content(), part.text())
         for part in message.parts],
    )  # fmt: skip


def strings_in(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in strings_in(each)]
    if hasattr(value, "__slots__"):
        return [text for name in value.__slots__ for text in strings_in(getattr(value, name))]
    return []


@settings(deadline=None, max_examples=300)
@given(FRAGMENTS)
def test_any_bytes_are_read_the_same_way_twice_and_as_clean_text(raw: bytes) -> None:
    first = everything(raw)
    assert first == everything(bytes(bytearray(raw)))
    for text in strings_in(first):
        text.encode("utf-8")  # no half characters: every store and terminal takes it


@settings(deadline=None, max_examples=300)
@given(FRAGMENTS)
def test_parts_are_slices_within_their_parents(raw: bytes) -> None:
    message = parse_message(raw)
    for part in message.parts:
        assert 0 <= part.header_start <= part.header_end <= part.start <= part.end <= len(raw)
        assert part.size == len(part.body())
        at = part.start
        for child in part.children:
            assert at <= child.header_start <= child.end <= part.end
            at = child.end


@settings(deadline=None, max_examples=200)
@given(FRAGMENTS)
def test_envelope_and_message_agree(raw: bytes) -> None:
    message = parse_message(raw)
    envelope = read_envelope(memoryview(raw))
    assert message.envelope == envelope
    assert len(message.attachments) == envelope.attachments
    assert searchable_text(raw).subject == envelope.subject


@settings(deadline=None, max_examples=20)
@given(mails(), st.data())
def test_a_mail_cut_off_anywhere_is_read(mail: EmailMessage, data: st.DataObject) -> None:
    raw = mail.as_bytes()
    for cut in data.draw(st.lists(st.integers(0, len(raw)), max_size=20)):
        everything(raw[:cut])
