"""Bounces and delivery reports: who did not get a mail and why, in the forms that servers write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.automatic import is_automatic_reply
from eilbote.mail.message import Message, parse_message
from eilbote.mail.report import MAX_DIAGNOSTIC, MAX_RECIPIENTS, Action, Outcome, Report, read_report
from eilbote.mail.report_text import MAX_LINES
from tests.messages.bounces import DELAYS, NOTICES

DAEMON = "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nTo: joerg@example.org\n"
RETURNED = "Message-ID: <mine@example.org>\nFrom: joerg@example.org\nTo: anna@example.com\nSubject: Treffen\n"

FAILED = "Final-Recipient: rfc822; a@b.example\nAction: failed"


def mail(text: str) -> Message:
    return parse_message(text.replace("\n", "\r\n").encode())


def report_of(text: str) -> Report:
    report = read_report(mail(text))
    assert report is not None
    return report


def dsn(*groups: str, text: str = "See below.", kind: str = "", returned: str = RETURNED) -> str:
    letters = "global-" if kind == "utf-8" else ""
    fields = "\n\n".join(("Reporting-MTA: dns; mx.example.net\nOriginal-Envelope-Id: EILBOTE-7", *groups))
    return (
        f"{DAEMON}Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\n"
        f"--b\nContent-Type: message/{letters}delivery-status\n\n{fields}\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\n--b--\n"
    )


def notice(text: str, subject: str = "Mail delivery failed", head: str = DAEMON) -> str:
    return f"{head}Subject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"


def test_a_mail_that_was_sent_once_more_is_named_by_both_its_ids() -> None:
    resent = "Resent-Message-ID:\n <again@example.org>\nResent-Message-ID: <older@example.org>\n"
    report = report_of(dsn(FAILED, returned=resent + RETURNED))
    assert (report.message_id, report.resent_id) == ("mine@example.org", "again@example.org")


def test_every_field_of_a_standard_report() -> None:
    report = report_of(
        dsn(
            "Final-Recipient: rfc822; anna@mail.example.com\n"
            "Original-Recipient: rfc822;anna@example.com\n"
            "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.com\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <anna@mail.example.com>:\n    Recipient address rejected",
            "Final-Recipient: RFC822; karl@example.com\nAction: delayed\nStatus: 4.4.1\n"
            "Will-Retry-Until: Wed, 25 Nov 2026 20:00:00 +0000\nDiagnostic-Code: smtp; timed out",
            "Final-Recipient: rfc822; <eva@example.com>\nAction: Delivered (to mailbox)\nStatus: 2.0.0\n"
            "Diagnostic-Code: smtp; 250 ok",
            "Final-Recipient: rfc822;list@example.com\nAction: expanded\nStatus: 2.1.5\nDiagnostic-Code: x;y",
            "Final-Recipient: rfc822;far@example.com\nAction: relayed\nStatus: 2.1.9\nDiagnostic-Code: x; y",
        )
    )
    assert report == Report(
        outcomes=(
            Outcome(
                "anna@mail.example.com",
                Action.FAILED,
                "5.1.1",
                "550 5.1.1 <anna@mail.example.com>:    Recipient address rejected",
                "anna@example.com",
                "mx.example.com",
            ),
            Outcome("karl@example.com", Action.DELAYED, "4.4.1", "timed out", retry_until=1_795_636_800.0),
            Outcome("eva@example.com", Action.DELIVERED, "2.0.0", "250 ok"),
            Outcome("list@example.com", Action.EXPANDED, "2.1.5", "y"),
            Outcome("far@example.com", Action.RELAYED, "2.1.9", "y"),
        ),
        message_id="mine@example.org",
        envelope_id="EILBOTE-7",
        reporter="mx.example.net",
        standard=True,
    )


def test_a_better_code_in_the_words_wins_over_an_undefined_one() -> None:
    for words, status in (("552 5.2.2 full", "5.2.2"), ("host 5.2.2.1", "5.0.0"), ("450 4.2.2", "5.0.0")):
        group = f"{FAILED}\nStatus: 5.0.0\nDiagnostic-Code: smtp; {words}"
        assert report_of(dsn(group)).outcomes[0].status == status


def test_words_stand_in_for_a_missing_diagnostic() -> None:
    group = "Final-Recipient: rfc822; anna@example.com\nAction: failed\nStatus: 5.0.0"
    text = "Sorry.\n\n<anna@example.com>: host mx.example.com said: 550 5.1.1 no such user\n"
    (outcome,) = report_of(dsn(group, text=text)).outcomes
    assert outcome.status == "5.1.1"
    assert "no such user" in outcome.diagnostic


def test_letters_beyond_ascii() -> None:
    plain = (
        "Final-Recipient: utf-8; jürgen@müller.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: x; y"
    )
    coded = r"Final-Recipient: utf-8; j\x{FC}rgen@m\x{FC}ller.example" + "\nAction: failed\nStatus: 5.1.1"
    for group in (plain, coded):
        assert report_of(dsn(group, kind="utf-8")).outcomes[0].address == "jürgen@müller.example"


def test_groups_that_are_parted_wrongly_are_read() -> None:
    group = (
        "\nFinal-recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1 (bad mailbox)\n \n\nX-Other: 1"
    )
    (outcome,) = report_of(dsn(group)).outcomes
    assert (outcome.address, outcome.status) == ("a@b.example", "5.1.1")


def test_an_action_that_is_missing_follows_from_the_status() -> None:
    for status, action in (("5.1.1", Action.FAILED), ("4.2.2", Action.DELAYED), ("2.0.0", Action.DELIVERED)):
        group = f"Final-Recipient: rfc822; a@b.example\nStatus: {status}"
        assert report_of(dsn(group)).outcomes[0].action is action


@pytest.mark.parametrize("system", NOTICES)
def test_sentences_of_known_systems(system: str) -> None:
    subject, status, text = NOTICES[system]
    report = report_of(notice(text.format(returned=RETURNED), subject))
    assert [(each.address, each.action, each.status) for each in report.outcomes] == [
        ("anna@example.com", Action.FAILED, status)
    ]
    assert not report.standard
    assert report.message_id == ("mine@example.org" if "{returned}" in text else "")


@pytest.mark.parametrize("text", DELAYS)
def test_a_delay_is_no_failure(text: str) -> None:
    (outcome,) = report_of(notice(text, "Warning: could not send message")).outcomes
    assert (outcome.address, outcome.action) == ("anna@example.com", Action.DELAYED)
    assert outcome.status.startswith("4")


def test_a_success_in_words() -> None:
    (outcome,) = report_of(
        notice("Ihre Nachricht an anna@example.com wurde erfolgreich zugestellt.", "Zustellbericht")
    ).outcomes
    assert (outcome.address, outcome.action, outcome.status) == (
        "anna@example.com",
        Action.DELIVERED,
        "2.0.0",
    )


def test_several_recipients_each_with_its_reason() -> None:
    report = report_of(
        notice(
            "Your message could not be delivered.\n\n<anna@example.com>: 550 5.1.1 no such user\n"
            "<karl@example.com>: 552 5.2.2 mailbox full\n"
        )
    )
    assert [(each.address, each.status) for each in report.outcomes] == [
        ("anna@example.com", "5.1.1"),
        ("karl@example.com", "5.2.2"),
    ]


def test_failed_recipients_of_the_header() -> None:
    head = f"{DAEMON}X-Failed-Recipients: anna@example.com,\n karl@example.com\n"
    report = report_of(notice("Something went wrong.", head=head))
    assert [(each.address, each.status) for each in report.outcomes] == [
        ("anna@example.com", "5.0.0"),
        ("karl@example.com", "5.0.0"),
    ]


def test_a_notice_without_an_address_is_about_the_only_recipient() -> None:
    text = "421 mx.example.com... Deferred: timed out\n\n   ----- Unsent message follows -----\n"
    report = report_of(notice(text + RETURNED, "Returned mail"))
    assert [each.address for each in report.outcomes] == ["anna@example.com"]
    assert report.message_id == "mine@example.org"


def test_the_mail_that_is_answered_stands_in_for_a_missing_id() -> None:
    head = f"{DAEMON}In-Reply-To: <mine@example.org>\nReferences: <first@example.org> <mine@example.org>\n"
    assert (
        report_of(notice("<anna@example.com>: 550 no such user", head=head)).message_id == "mine@example.org"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"From: anna@example.com\nSubject: Undeliverable\n\nDid karl@example.com fail? 550 5.1.1\n{RETURNED}",
        notice("Nothing to say about anna@example.com.", "Hello"),
        "From: a@b.example\n"
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\n\n'
        "--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nDisposition: displayed\n--b--\n",
        f'From: anna@example.com\nContent-Type: multipart/mixed; boundary="m"\n\n--m\n\nlook\n'
        f"--m\nContent-Type: message/rfc822\n\n{dsn(FAILED)}\n--m--\n",
        "",
    ],
)  # fmt: skip
def test_what_is_no_report(text: str) -> None:
    assert read_report(mail(text)) is None


VACATIONS = [
    "From: anna@example.com\nSubject: Re: Treffen\nAuto-Submitted: auto-replied\n\nIch bin im Urlaub.",
    "From: anna@example.com\nSubject: Automatische Antwort: Treffen\n\nkarl@example.com ist abwesend.",
    "From: anna@example.com\nSubject: Abwesenheitsnotiz\n\nx",
    "Return-Path: <>\nFrom: anna@example.com\nSubject: Out of office: report\n\nNot delivered to a@b.example",
    "From: anna@example.com\nX-Autoreply: yes\nSubject: x\n\nx",
    "From: anna@example.com\nPrecedence: auto_reply\nSubject: x\n\nx",
]


@pytest.mark.parametrize("text", VACATIONS)
def test_a_vacation_answer_is_no_bounce(text: str) -> None:
    assert read_report(mail(text)) is None
    assert is_automatic_reply(mail(text))


@pytest.mark.parametrize(
    "text",
    ["From: a@b.example\nSubject: Urlaub in Italien\n\nx", "From: a@b.example\nAuto-Submitted: no\n\nx", ""],
)
def test_what_people_write_is_no_vacation_answer(text: str) -> None:
    assert not is_automatic_reply(mail(text))


def test_a_flood_is_bounded() -> None:
    group = "Final-Recipient: rfc822; a{0}@b.example\nAction: failed\nDiagnostic-Code: smtp; " + "x" * 5000
    report = report_of(dsn(*(group.format(number) for number in range(100))))
    assert max(len(each.diagnostic) for each in report.outcomes) == MAX_DIAGNOSTIC
    short = "Final-Recipient: rfc822; a{0}@b.example\nAction: failed"
    report = report_of(dsn(*(short.format(number) for number in range(3 * MAX_RECIPIENTS))))
    assert len(report.outcomes) == MAX_RECIPIENTS
    lines = "".join(f"<a{number}@b.example>: no such user\n" for number in range(2 * MAX_LINES))
    assert len(report_of(notice(lines)).outcomes) == MAX_RECIPIENTS


HOSTILE = [
    "user ",
    "@",
    "a@b.de ",
    "<",
    "recipient: ",
    "550 ",
    "5.1.",
    "- ",
    "empfänger ",
    "delivery to ",
    "\\x{",
    "=\n",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_repetitions_are_read(unit: str) -> None:
    read_report(mail(notice(unit * (200_000 // len(unit)) + "anna@example.com")))
    read_report(mail(dsn(unit * (200_000 // len(unit)))))


WORDS = st.sampled_from(
    ["Final-Recipient:", "Action: failed", "Status:", "\r\n", "\r\n\r\n", "<a@b.de>", ":", "550 ", "--b"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=60).map(" ".join), st.binary(max_size=100))
def test_anything_is_read(words: str, noise: bytes) -> None:
    for text in (dsn(words), notice(words)):
        read_report(parse_message(text.encode() + noise))
        is_automatic_reply(parse_message(noise + text.encode()))
