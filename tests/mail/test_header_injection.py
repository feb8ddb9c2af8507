"""No value adds a field or a line to a mail that we write, whatever it holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File, Image, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message

STAMP = Stamp(1_795_000_000.0, "one@example.org", "0123456789abcdef")
DRAFT = Draft(Identity("me@example.org", "Me"), to=(Address("A", "a@example.org"),), subject="s", text="t")

BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\n ",
    "\n\t",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1c",
    "\r\r\n",
    "\n\n",
    "\r\n\r\n",
]
INJECTED = ["Bcc: evil@example.net", ".\r\nMAIL FROM:<evil@example.net>"]

Place = Callable[[str], Draft]
PLACES: dict[str, Place] = {
    "Subject": lambda bad: replace(DRAFT, subject=bad),
    "From": lambda bad: replace(DRAFT, identity=replace(DRAFT.identity, name=bad)),
    "To": lambda bad: replace(DRAFT, to=(Address(bad, "a@example.org"),)),
    "To address": lambda bad: replace(DRAFT, to=(Address("", f"a{bad}@example.org"),)),
    "To domain": lambda bad: replace(DRAFT, cc=(Address("", f"a@example.org{bad}"),)),
    "Bcc": lambda bad: replace(DRAFT, bcc=(Address("", f"a@example.org{bad}"),)),
    "Reply-To": lambda bad: replace(DRAFT, reply_to=(Address(bad, "a@example.org"),)),
    "Organization": lambda bad: replace(DRAFT, identity=replace(DRAFT.identity, organization=bad)),
    "In-Reply-To": lambda bad: replace(DRAFT, in_reply_to=bad),
    "References": lambda bad: replace(DRAFT, references=("a@b", bad)),
    "own field": lambda bad: replace(DRAFT, fields=(("X-Own", bad),)),
    "own name": lambda bad: replace(DRAFT, fields=((bad, "x"),)),
    "file name": lambda bad: replace(DRAFT, files=(File(bad, b"x"),)),
    "file type": lambda bad: replace(DRAFT, files=(File("x", b"x", f"text/plain{bad}"),)),
    "mail name": lambda bad: replace(DRAFT, files=(File(bad, b"a: b\r\n\r\nc\r\n", "message/rfc822"),)),
    "Content-ID": lambda bad: replace(DRAFT, images=(Image(bad, b"x", "image/png"),)),
    "image type": lambda bad: replace(DRAFT, images=(Image("a@b", b"x", f"image/png{bad}"),)),
}  # fmt: skip
PAYLOADS = [f"x{line_end}{line}" for line_end, line in itertools.product(BREAKS, INJECTED)]


def test_there_are_enough_payloads() -> None:
    assert len(PLACES) * len(PAYLOADS) >= 300


@pytest.mark.parametrize("place", PLACES)
def test_a_line_break_in_a_value_is_refused_by_name(place: str) -> None:
    compose(PLACES[place]("x") if place != "own name" else DRAFT, STAMP)
    for payload in PAYLOADS:
        with pytest.raises(Misused) as refused:
            compose(PLACES[place](payload), STAMP)
        assert refused.value.problem.code.startswith("compose.")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_field_is_named(payload: str) -> None:
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, subject=payload), STAMP)
    assert refused.value.problem.code == "compose.character"
    assert refused.value.problem.parameters["field"] == "Subject"
    assert refused.value.problem.parameters["character"].startswith("U+")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_text_adds_no_field(payload: str) -> None:
    raw = compose(replace(DRAFT, text=payload, quoted=payload, markdown=True), STAMP).raw
    assert "Bcc" not in parse_message(raw).headers
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_a_long_name_with_a_comma_stays_one_address() -> None:
    # The library of old Python versions folded such a name so that its comma stood bare (CVE-2025-1795).
    for name in ("Müller, Anna " * 20, "a, b " * 40, "Ä, Müller von und zu der langen Straße, Abteilung"):
        raw = compose(replace(DRAFT, to=(Address(name.strip(), "anna@example.org"),)), STAMP).raw
        assert [(each.name, each.spec) for each in parse_message(raw).envelope.to] == [
            (name.strip(), "anna@example.org")
        ]


def test_no_value_is_written_as_it_came() -> None:
    # Header objects that the library wrote without a look at their lines (CVE-2026-1299).
    with pytest.raises(Misused):
        compose(replace(DRAFT, fields=(("X-Own", "=?utf-8?q?a?=\r\nBcc: x@example.org"),)), STAMP)
    raw = compose(replace(DRAFT, subject="=?utf-8?q?=0D=0ABcc:_x=40example.org?="), STAMP).raw
    assert parse_message(raw).headers.get("Subject") == "=?utf-8?q?=0D=0ABcc:_x=40example.org?="


@pytest.mark.parametrize(
    "name", ["Bcc", "to", "Content-Type", "DKIM-Signature", "Received", "a b", "a:b", "ä", ""]
)
def test_fields_that_are_made_elsewhere_cannot_be_set(name: str) -> None:
    with pytest.raises(Misused) as refused:
        compose(replace(DRAFT, fields=((name, "x"),)), STAMP)
    assert refused.value.problem.code == "compose.bad_field"
