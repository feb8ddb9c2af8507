"""The sample mailbox: enough, varied, valid, and the same every time."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from email.message import EmailMessage

import pytest

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.samples.attachments import pdf, png
from eilbote.testing.samples.mailbox import build_demo_mailbox
from eilbote.testing.samples.script import scenes

NOW = 1_795_460_000.0


@pytest.fixture(scope="module")
def store() -> Mailstore:
    return build_demo_mailbox(NOW)


@pytest.fixture(scope="module")
def mails(store: Mailstore) -> list[EmailMessage]:
    return [
        email.message_from_bytes(message.raw, policy=email.policy.default)
        for mailbox in store.mailboxes.values()
        for message in mailbox.messages.values()
    ]


def raws(store: Mailstore) -> dict[str, list[bytes]]:
    return {name: [one.raw for one in box.messages.values()] for name, box in store.mailboxes.items()}


def test_some_three_hundred_mails_lie_in_nine_folders_with_their_roles(store: Mailstore) -> None:
    assert 270 <= sum(len(box.messages) for box in store.mailboxes.values()) <= 330
    assert all(box.messages for box in store.mailboxes.values())
    assert {name: box.role for name, box in store.mailboxes.items()} == {
        "INBOX": SpecialUse.INBOX,
        "Gesendet": SpecialUse.SENT,
        "Entwürfe": SpecialUse.DRAFTS,
        "Papierkorb": SpecialUse.TRASH,
        "Spam": SpecialUse.JUNK,
        "Archiv": SpecialUse.ARCHIVE,
        "Projekte/Umbau 2026": None,
        "Rechnungen": None,
        "Familie": None,
    }


def test_the_same_time_and_seed_give_the_same_bytes(store: Mailstore) -> None:
    assert raws(build_demo_mailbox(NOW)) == raws(store)
    assert raws(build_demo_mailbox(NOW, seed=2)) != raws(store)


@pytest.mark.parametrize("now", [0.0 + 500 * 86400, NOW, NOW + 86399, 4_000_000_000.0])
def test_no_mail_is_from_the_future_and_uids_follow_time(now: float) -> None:
    for box in build_demo_mailbox(now).mailboxes.values():
        dates = [message.internal_date for message in box.messages.values()]
        assert dates == sorted(dates)
        assert dates[-1] <= now


def test_message_ids_are_unique_and_answers_point_to_what_they_answer(mails: list[EmailMessage]) -> None:
    ids = Counter(str(mail["Message-ID"]) for mail in mails)
    assert max(ids.values()) == 1
    answers = [mail for mail in mails if mail["In-Reply-To"]]
    assert len(answers) > 35
    assert all(str(mail["In-Reply-To"]) in ids for mail in answers)


def test_there_are_more_than_sixty_texts_in_two_languages() -> None:
    texts = {wording for scene in scenes() for line in scene.lines for wording in line.wordings}
    assert len(texts) > 100
    german = sum(any(f" {word} " in text for word in ("und", "der", "nicht", "ist")) for text in texts)
    assert german > 50
    assert len(texts) - german > 35


def test_every_mail_is_sound_and_every_text_reads_as_it_was_written(mails: list[EmailMessage]) -> None:
    spoken = "".join(wording for scene in scenes() for line in scene.lines for wording in line.wordings)
    umlauts = {mark for mark in spoken if not mark.isascii()}
    for mail in mails:
        assert not [part.defects for part in mail.walk() if part.defects], mail["Subject"]
        if mail.get_content_type() == "text/plain" and mail.get_content_charset() is None:
            continue  # the old copier says nothing of its charset
        body = mail.get_body(("plain",))
        assert body is not None
        strange = {mark for mark in body.get_content() if not mark.isascii()} - umlauts
        assert not strange, (mail["Subject"], strange)


def test_every_way_to_write_an_umlaut_occurs(mails: list[EmailMessage], store: Mailstore) -> None:
    ways = {
        (part.get_content_charset(), str(part["Content-Transfer-Encoding"]))
        for mail in mails
        for part in mail.walk()
        if part.get_content_maintype() == "text"
    }
    assert {
        ("utf-8", "base64"),
        ("utf-8", "quoted-printable"),
        ("utf-8", "8bit"),
        ("iso-8859-1", "quoted-printable"),
        ("windows-1252", "quoted-printable"),
    } <= ways
    heads = b"".join(one.raw.partition(b"\r\n\r\n")[0] for one in store["INBOX"].messages.values())
    assert {b"=?utf-8?B?", b"=?utf-8?Q?", b"=?iso-8859-1?Q?", b"=?windows-1252?Q?"} <= {
        word
        for word in (b"=?utf-8?B?", b"=?utf-8?Q?", b"=?iso-8859-1?Q?", b"=?windows-1252?Q?")
        if word in heads
    }


def test_all_kinds_of_mail_occur(mails: list[EmailMessage]) -> None:
    kinds = Counter(part.get_content_type() for mail in mails for part in mail.walk())
    assert kinds["application/pdf"] > 20
    assert kinds["text/calendar"] > 10
    assert kinds["multipart/report"] == 2
    assert kinds["image/png"] > 3
    assert sum(mail["List-Unsubscribe"] is not None for mail in mails) > 30
    assert sum(mail["List-Id"] is not None for mail in mails) > 10
    assert sum(mail["X-Spam-Flag"] == "YES" for mail in mails) > 20


def test_lines_keep_to_the_limits_of_mail(store: Mailstore) -> None:
    for box in store.mailboxes.values():
        for message in box.messages.values():
            lines = message.raw.split(b"\r\n")
            assert max(map(len, lines)) < 998
            assert all(b"\n" not in line and b"\r" not in line for line in lines)


def test_flags_tell_a_story(store: Mailstore) -> None:
    inbox = store["INBOX"]
    assert 5 < inbox.unseen < len(inbox.messages) / 2
    assert all("\\Draft" in one.flags for one in store["Entwürfe"].messages.values())
    assert all("$Junk" in one.flags for one in store["Spam"].messages.values())
    assert any("\\Answered" in one.flags for one in inbox.messages.values())


def test_only_example_domains_are_spoken_of(store: Mailstore) -> None:
    reserved = (b"example.de", b"example.com", b"example.org", b"example.net")
    for box in store.mailboxes.values():
        for message in box.messages.values():
            head = email.message_from_bytes(message.raw, policy=email.policy.default)
            for name in ("From", "To"):
                for address in head[name].addresses:
                    assert address.domain.encode().endswith(reserved), address


def test_the_pdf_points_to_its_own_objects() -> None:
    made = pdf(["Grüße (aus) \\ Köln"])
    start = int(made.split(b"startxref\n")[1].split(b"\n")[0])
    assert made[start:].startswith(b"xref\n0 6\n")
    for number, entry in enumerate(made[start:].split(b"\n")[3:8], 1):
        assert made[int(entry[:10]) :].startswith(b"%d 0 obj" % number)


def test_the_png_is_one() -> None:
    made = png(200, 100, 50)
    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert made[12:24] == b"IHDR" + (24).to_bytes(4, "big") * 2
