"""Real and odd mails: every one is read, in bounds, and as other readers read it where they agree.

Nothing of these mails is kept or printed but counts and file names.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message as LibraryMessage
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from eilbote.mail.headers import MAX_FIELDS
from eilbote.mail.message import parse_message, read_envelope
from eilbote.mail.part import MAX_DEPTH, MAX_FILE_NAME, MAX_PARTS, Part
from eilbote.mail.quotes import split_reply
from eilbote.mail.text import preview, readable_text, searchable_text

pytestmark = pytest.mark.material

MAIL_ARCHIVES = (
    *("spamassassin", "phishing", "bounces", "chatmail-odd-mails", "threads-notmuch-lkml", "reply-trimmer"),
    *("mime-stalwart", "mime-mime4j", "mime-enmime", "mime-ruby-mail", "mime-letters", "reports-dmarc-tls"),
)

Shape = tuple[str, tuple[Any, ...]]
LEAF: Shape = ("leaf", ())


def files_in(material: Path, archive: str) -> Iterator[tuple[str, bytes]]:
    path = material / f"{archive}.tar.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    with tarfile.open(path) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is not None:
                yield member.name, content.read()


@pytest.mark.parametrize("archive", MAIL_ARCHIVES)
def test_every_file_is_read_within_the_limits(material: Path, archive: str) -> None:
    """Expected trees and pictures among them too: a reader must take anything."""
    for name, raw in files_in(material, archive):
        message = parse_message(raw)
        assert len(message.parts) <= MAX_PARTS + 1, name
        assert len(message.headers) <= MAX_FIELDS, name
        for part in message.parts:
            assert 0 <= part.header_start <= part.header_end <= part.start <= part.end <= len(raw), name
            assert part.number.count(".") <= MAX_DEPTH, name
            assert len(part.file_name) <= MAX_FILE_NAME, name
            part.content()
        found = searchable_text(raw)
        text = readable_text(message)
        for each in (found.subject, found.people, found.body, found.attachments, text, preview(text)):
            each.encode("utf-8")
        envelope = read_envelope(raw)
        assert message.envelope == envelope, name
        assert len(message.attachments) == envelope.attachments, name


def shape_of(part: Part) -> Shape:
    if not part.children:
        return LEAF
    kind = "message" if part.is_message else "multipart"
    return kind, tuple(shape_of(child) for child in part.children)


def library_shape(part: LibraryMessage) -> Shape:
    kind = part.get_content_type()
    payload = part.get_payload()
    # The library takes delivery statuses and reports of any kind apart; to IMAP they are one part.
    if not isinstance(payload, list) or (
        kind.startswith("message/") and kind not in ("message/rfc822", "message/global")
    ):
        return LEAF
    children = tuple(library_shape(child) for child in payload if isinstance(child, LibraryMessage))
    return ("message" if kind.startswith("message/") else "multipart"), children


@pytest.mark.parametrize(
    ("archive", "least"),
    [("spamassassin", 0.999), ("phishing", 0.999), ("bounces", 0.99), ("chatmail-odd-mails", 0.99),
     ("threads-notmuch-lkml", 0.99), ("mime-letters", 0.99)],
)  # fmt: skip
def test_real_mail_has_the_parts_that_the_library_sees(material: Path, archive: str, least: float) -> None:
    same = total = 0
    for _, raw in files_in(material, archive):
        total += 1
        same += library_shape(message_from_bytes(raw)) == shape_of(parse_message(raw).root)
    assert same >= least * total, f"{same} of {total}"


def stalwart_shape(message: dict[str, Any], at: int = 0) -> Shape:
    body = message["parts"][at]["body"]
    kind = next(iter(body)) if isinstance(body, dict) else body
    if kind == "Multipart":
        return "multipart", tuple(stalwart_shape(message, child) for child in body[kind])
    if kind == "Message":
        return "message", (stalwart_shape(body[kind]),)
    return LEAF


def test_odd_mail_has_the_parts_that_stalwart_sees(material: Path) -> None:
    """The rest is malformed in ways where RFC 2046 and IMAP servers say otherwise; see the decision
    page on reading MIME."""
    files = dict(files_in(material, "mime-stalwart"))
    same: dict[str, list[bool]] = {}
    for name, content in files.items():
        if not name.endswith(".json"):
            continue
        raw = files[name.replace(".crlf.json", ".eml").replace(".json", ".eml")]
        if ".crlf." in name:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        group = Path(name).parent.name
        agrees = stalwart_shape(json.loads(content)) == shape_of(parse_message(raw).root)
        same.setdefault(group, []).append(agrees)
    for group in ("rfc", "legacy", "thirdparty"):
        assert all(same[group]), group
    everything = [each for group in same.values() for each in group]
    assert sum(everything) >= 118, f"{sum(everything)} of {len(everything)}"


def mime4j_shape(element: ElementTree.Element) -> Shape:
    if element.tag == "multipart":
        return "multipart", tuple(mime4j_shape(child) for child in element if child.tag == "body-part")
    for child in element:
        if child.tag == "multipart":
            return mime4j_shape(child)
        if child.tag == "message":
            return "message", (mime4j_shape(child),)
    return LEAF


def test_odd_mail_has_the_parts_and_contents_that_mime4j_sees(material: Path) -> None:
    files = dict(files_in(material, "mime-mime4j"))
    same = total = contents = contents_same = 0
    for name, content in files.items():
        if not name.endswith("_decoded.xml"):
            continue
        tree = ElementTree.fromstring(content)
        root = parse_message(files[name.replace("_decoded.xml", ".msg")]).root
        total += 1
        if mime4j_shape(tree) != shape_of(root):
            continue
        same += 1
        expected = [each.get("name") for each in tree.iter() if each.tag in ("text-body", "binary-body")]
        leaves = [part for part in root.walk() if not part.children]
        for file, part in zip(expected, leaves, strict=True):
            wanted = files.get(f"{Path(name).parent}/{file}")
            if wanted is not None:
                contents += 1
                decoded = (part.content().split(), part.text().encode().split())
                contents_same += wanted.split() in decoded
    assert same >= 67, f"{same} of {total}"
    assert contents_same >= 144, f"{contents_same} of {contents}"


def test_replies_are_cut_as_others_cut_them(material: Path) -> None:
    """Where we differ we keep more, or drop quotes between answers that the other keeps."""
    files = dict(files_in(material, "reply-trimmer"))
    same = total = 0
    for name, content in files.items():
        folder, file = Path(name).parent, Path(name).name
        expected = files.get(f"{folder.parent}/trimmed/{file}")
        if folder.name != "emails" or expected is None:
            continue
        total += 1
        ours = split_reply(content.decode("utf-8", "replace").replace("\r\n", "\n")).new
        same += ours.split() == expected.decode("utf-8", "replace").split()
    assert same >= 0.75 * total, f"{same} of {total}"
