"""Files that mean harm: a transcript is judged or refused in one sentence, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.domain.sharing import DomainHiding
from eilbote.diagnosis.evidence import Asked, Box, Folder, LoggedIn, Outcome, Protocol, Remembered
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.errors import EilboteError, Misused
from tests.diagnosis.worlds import GOOD_TLS, IMAP, LEAF, NOW, SMTP, World, good_talk, only_tls

NUMBERS = (-1, 1e308, -62_135_596_801.0, 253_402_300_800.0, 2**63 - 1)
TEXTS = (
    "",
    "x" * 5000,
    "%s{0}{host}",
    "\0" + "0" * 50 + "\0\x1b[31m",
    "rsa 4096rsa",
    "SIZE ²",
    "SIZE " + "9" * 5000,
    "@",
    "a@",
    "::::",
    "[(*",
    "\u212a\u017fİ",
)


def worlds() -> Iterator[World]:
    old = replace(LEAF, not_after=NOW - 9e6)
    expired = replace(GOOD_TLS, verified=False, error="certificate has expired", chain=(old,))
    box = Box(
        capabilities=("IMAP4REV1",),
        folders=(Folder("INBOX", "", 3), Folder("Sent", "sent")),
        quota_used=900,
        quota_limit=1000,
    )
    refused = LoggedIn(SMTP, "smtp.login_refused", "535 no, kim@firma.example", "", ("< 535 no",))
    before = Remembered("imap.login_refused", "no", "AUTHENTICATIONFAILED", Protocol.IMAP, is_fresh=True)
    yield World(logins={IMAP: LoggedIn(IMAP, box=box), SMTP: refused}, address="kim@firma.example")
    yield World(
        talks={IMAP: only_tls(IMAP, expired), SMTP: replace(good_talk(SMTP), injected=True)},
        asked=Asked(IMAP.host, Outcome.OK, 200, date=NOW),
        tune=lambda target: replace(target, remembered=before, worked=NOW - 5, trusted=("ab" * 32,)),
    )


def with_one_changed(value: Any) -> Iterator[None]:
    """Each leaf of a JSON value in turn is something hostile of its own kind; afterwards it is as before."""
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for key, old in list(places):
        if key == "type":
            continue
        if isinstance(old, dict | list):
            if isinstance(old, list):
                for new in ([], old * 3):
                    value[key] = new
                    yield
                value[key] = old
            yield from with_one_changed(old)
            continue
        bad: tuple[Any, ...] = TEXTS if isinstance(old, str) else (None, not old, *NUMBERS)
        for new in bad:
            value[key] = new
            yield
        value[key] = old


@pytest.mark.parametrize("world", list(worlds()), ids=["logged-in", "expired"])
def test_no_value_in_a_transcript_makes_a_judge_fall(world: World) -> None:
    data = json.loads(written(world.diagnose().transcript))
    judged = refused = 0
    for _ in with_one_changed(data):
        try:
            transcript = read_transcript(json.dumps(data).encode())
            judge_again(transcript)
            judge_again(read_transcript(written(shared(transcript))))
            judged += 1
        except EilboteError as failure:
            assert failure.problem.code.startswith("doctor.")  # many are refused, and rightly
            refused += 1
    assert judged > 1000 and refused > 100


def test_a_file_of_a_newer_version_is_called_so_whatever_it_holds() -> None:
    with pytest.raises(Misused, match=r"doctor\.newer_transcript"):
        read_transcript(b'{"steps": [{"probe": {"type": "of-tomorrow"}}], "version": 2}')


@pytest.mark.parametrize("version", ["0", "-1", "1" + "0" * 400])
def test_a_file_of_no_version_is_none(version: str) -> None:
    with pytest.raises(Misused, match=r"doctor\.bad_transcript"):
        read_transcript(b'{"target": {"address": "a@b.example"}, "version": %s}' % version.encode())


@pytest.mark.parametrize("name", ["kim", "sam"])
def test_letters_that_only_look_alike_are_hidden_too(name: str) -> None:
    """A pattern that ignores case takes the sign of Kelvin for a k, and the long s for an s."""
    alike = name.replace("k", "\u212a").replace("s", "\u017f")
    login = LoggedIn(IMAP, "imap.login_refused", f"no mail for {alike} here")
    world = World(address=f"{name}@firma.example", logins={IMAP: login})
    assert alike not in written(shared(world.diagnose().transcript)).decode()


@pytest.mark.parametrize("text", ["220 a\0b", "\x00", "\x007\0", "220 \0mx.firma.example\0"])
def test_a_nul_in_what_a_domain_says_is_no_mark_of_ours(text: str) -> None:
    told = DomainHiding("firma.example", ()).hidden({"banner": text})["banner"]
    assert "\0" not in told and "firma" not in told


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 exists:%{i}.firma.example -all",
        "v=spf1 include:%{ir}.%{v}._spf.firma.example",
        "..firma.example",
        "<firma.example>",
        "mx.firma.example.",
        "x@.firma.example",
    ],
)
def test_the_name_of_a_domain_is_hidden_wherever_it_stands(text: str) -> None:
    assert "firma" not in DomainHiding("firma.example", ()).hidden({"records": [text]})["records"][0]


OF_OURS = {"type", "kind", "security", "role", "protocol", "outcome"}
"""Fields that hold no word but our own."""


def texts_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where a text stands: what holds it, and under which key."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, str) and key not in OF_OURS:
            yield value, key
        elif isinstance(inner, dict | list):
            yield from texts_in(inner)


@pytest.mark.parametrize("world", list(worlds()), ids=["logged-in", "expired"])
def test_whoever_is_named_in_any_field_is_hidden(world: World) -> None:
    data = json.loads(written(world.diagnose().transcript))
    tried = 0
    for holder, key in list(texts_in(data)):
        old = holder[key]
        holder[key] = f"{old} said berta.zeuge@kanzlei-zeuge.example from 93.184.216.99"
        try:
            told = written(shared(read_transcript(json.dumps(data).encode()))).decode()
            tried += 1
        except Misused:
            told = ""  # a word that only we choose
        holder[key] = old
        assert not [one for one in ("berta", "zeuge", "93.184") if one in told], (key, old)
    assert tried > 50
