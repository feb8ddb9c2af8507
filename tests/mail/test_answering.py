"""Which mail no program answers, and why; every reason has its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.mail.answering import Answer, Silence, who_answers
from eilbote.mail.identity import Identity
from eilbote.mail.loops import Loop
from eilbote.mail.message import parse_message
from eilbote.mail.notification import Untold

ME = Identity("anna@example.org", "Anna", aliases=("shop@example.org",))
OTHER = Identity("office@example.com", "Office")
HEAD = "Return-Path: <karl@example.net>\nFrom: Karl <karl@example.net>\nTo: Anna <anna@example.org>\n"


def asked(head: str, **more: object) -> Answer | Silence:
    return who_answers(parse_message(f"{head}\nHello\n".encode()), (ME, OTHER), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "address", "own"),
    [
        (HEAD, "karl@example.net", "anna@example.org"),
        (HEAD.replace("Return-Path: <karl@example.net>\n", ""), "karl@example.net", "anna@example.org"),
        (
            HEAD.replace("<karl@example.net>\nFrom", "<path@example.net>\nFrom"),
            "path@example.net",
            ME.address,
        ),
        (HEAD.replace("anna@", "anna+x@"), "karl@example.net", "anna@example.org"),
        (HEAD.replace("anna@", "shop@"), "karl@example.net", "shop@example.org"),
        (HEAD.replace("To:", "Cc:"), "karl@example.net", "anna@example.org"),
        (
            HEAD.replace("To: Anna <anna@example.org>", "Resent-Bcc: office@example.com"),
            "karl@example.net",
            "",
        ),
        (HEAD + "Auto-Submitted: no\n", "karl@example.net", "anna@example.org"),
    ],
)
def test_a_persons_mail_is_answered(head: str, address: str, own: str) -> None:
    found = asked(head)
    assert isinstance(found, Answer)
    assert found.to.spec == address
    assert not own or found.identity.address == own


@pytest.mark.parametrize(
    ("head", "silence"),
    [
        (HEAD.replace("<karl@example.net>\nFrom", "<>\nFrom"), Silence.REPORT),
        (HEAD + "Content-Type: multipart/report; boundary=a\n\n--a\n\nx\n--a--\n", Silence.REPORT),
        (HEAD + "Auto-Submitted: auto-replied (vacation)\n", Silence.AUTOMATIC),
        # A rule reads no further than the header.
        (HEAD + "Content-Type: multipart/report; boundary=a\n", Silence.REPORT),
        (HEAD + "Auto-Submitted: auto-generated\n", Silence.AUTOMATIC),
        (HEAD + "Auto-Submitted: no\nAuto-Submitted: auto-replied\n", Silence.AUTOMATIC),
        (HEAD + "Precedence: auto_reply\n", Silence.AUTOMATIC),
        (HEAD + "X-Autoreply: yes\n", Silence.AUTOMATIC),
        (HEAD + "X-Auto-Response-Suppress: OOF\n", Silence.AUTOMATIC),
        (HEAD + "Precedence: bulk\n", Silence.LIST),
        (HEAD + "List-Id: <a.example>\n", Silence.LIST),
        (HEAD + "List-Unsubscribe: <https://a.example>\n", Silence.LIST),
        (HEAD.replace("karl@example.net", "anna@example.org"), Silence.OWN),
        (HEAD.replace("karl@example.net", "Shop+1@Example.org"), Silence.OWN),
        (HEAD.replace("From: Karl <karl@example.net>", "From: office@example.com"), Silence.OWN),
        (HEAD + "X-Eilbote-Forwarded-By: anna@example.org\n", Silence.SEEN_BEFORE),
        (HEAD + "Received: x\n" * 51, Silence.TOO_MANY_HOPS),
        (HEAD.replace("karl@example.net", "nonsense"), Silence.NO_SENDER),
        ("To: anna@example.org\n", Silence.NO_SENDER),
        (HEAD.replace("anna@example.org", "someone@example.org"), Silence.NOT_ADDRESSED),
        (HEAD.replace("To: Anna <anna@example.org>\n", ""), Silence.NOT_ADDRESSED),
    ],
)
def test_other_mail_is_not(head: str, silence: Silence) -> None:
    assert asked(head) is silence


@pytest.mark.parametrize(
    "local",
    ["noreply", "no-reply", "No_Reply", "do-not-reply", "donotreply+x1", "service.noreply", "MAILER-DAEMON",
     "owner-list", "list-request", "LISTSERV", "majordomo", "bounces+anna=example.org", "list-bounces",
     "nicht-antworten", "postmaster"],
)  # fmt: skip
def test_addresses_that_nobody_reads(local: str) -> None:
    assert asked(HEAD.replace("karl@", f"{local}@")) is Silence.NOBODY_READS
    assert asked(HEAD.replace("From: Karl <karl@", f"From: Karl <{local}@")) is Silence.NOBODY_READS


@pytest.mark.parametrize(
    "local", ["norbert", "nora.reply", "notreal", "ownership", "request", "requests", "bo.unces"]
)
def test_people_whose_names_look_like_it(local: str) -> None:
    assert isinstance(asked(HEAD.replace("karl@", f"{local}@")), Answer)


def test_the_envelope_counts_more_than_the_header() -> None:
    assert asked(HEAD, envelope_from="") is Silence.REPORT
    assert asked(HEAD, envelope_from="<>") is Silence.REPORT
    found = asked(HEAD, envelope_from="<other@example.net>")
    assert isinstance(found, Answer)
    assert (found.to.spec, found.to.name) == ("other@example.net", "")


def test_more_own_addresses() -> None:
    head = HEAD.replace("anna@example.org", "old@example.de")
    assert isinstance(asked(head, addresses=("old@example.de",)), Answer)
    assert isinstance(asked(head, only_addressed=False), Answer)
    assert asked(HEAD, addresses=("karl@example.net",)) is Silence.OWN


def test_ten_thousand_recipients() -> None:
    everyone = ", ".join(f"p{place}@example.net" for place in range(10_000))
    assert asked(f"From: k@example.net\nTo: {everyone}\nCc: anna@example.org\n") is not Silence.NOT_ADDRESSED
    assert asked(f"From: k@example.net\nTo: {everyone}\n") is Silence.NOT_ADDRESSED


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_words(language: str) -> None:
    catalogue = Catalogue(language)  # type: ignore[arg-type]
    assert {loop.value for loop in Loop} <= {each.value for each in Silence}
    assert {each.value for each in Untold} <= {each.value for each in Silence}
    assert not [each for each in Silence if not catalogue.knows(f"silence.{each}")]


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_not(raw: bytes) -> None:
    found = who_answers(parse_message(raw), (ME,))
    assert isinstance(found, Silence | Answer)
