"""As whom mail is written, from the command line: identities, aliases, signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.test_sendmail import ANNA, KIM, LETTER, add_account, queued

SHOP = "laden@example.de"


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    run = Runner(tmp_path / "home")
    add_account(run, KIM, "Kim Beispiel")
    return run


def test_added_changed_listed_removed(run: Runner) -> None:
    (own,) = run("account", "identity", "list", "--json").records
    schema.fits("identity", own)
    assert (own["address"], own["name"], own["usual"]) == (KIM, "Kim Beispiel", True)
    added = run(
        *("account", "identity", "add", KIM, SHOP, "--name", "Laden", "--signature", "Der Laden\nKöln"),
        *(
            "--reply-to",
            f"Kim <{KIM}>",
            "--alias",
            "@laden.example",
            "--organization",
            "Laden GmbH",
            "--json",
        ),
    )
    schema.fits("identity", added.record)
    assert added.record["reply_to"] == [f"Kim <{KIM}>"]
    changed = run("account", "identity", "edit", KIM, SHOP, "--usual", "--name", "Der Laden", "--json").record
    assert (changed["usual"], changed["signature"], changed["name"]) == (True, "Der Laden\nKöln", "Der Laden")
    listed = run("account", "identity", "list", KIM, "--json").records
    assert [(one["address"], one["usual"]) for one in listed] == [(SHOP, True), (KIM, False)]
    assert "Laden" in run("account", "identity", "list", "--lang", "de").out
    assert run("account", "identity", "remove", KIM, SHOP).code == 0
    assert [one["address"] for one in run("account", "identity", "list", "--json").records] == [KIM]


def test_the_own_identity_can_be_changed_and_set_back(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "unterschrift").write_text("Kim\nBerlin\n", encoding="utf-8")
    run("account", "identity", "edit", KIM, KIM, "--signature-file", str(tmp_path / "unterschrift"))
    run("send", "--to", ANNA, "--subject", "s", "--text", "Hallo")
    assert queued(run)[0][2].get_content().replace("\r\n", "\n").endswith("\n-- \nKim\nBerlin\n")
    run("account", "identity", "remove", KIM, KIM)
    (own,) = run("account", "identity", "list", "--json").records
    assert own["signature"] == ""


def test_who_writes(run: Runner) -> None:
    add_account(run, "lea@example.net")
    run("account", "identity", "add", KIM, SHOP, "--name", "Laden", "--alias", "verkauf@example.de")
    run("send", "--to", ANNA, "--subject", "s", "--text", "x", "--from", SHOP)
    run("send", "--to", ANNA, "--subject", "s", "--text", "x", "--from", "verkauf@example.de")
    run("send", "-t", stdin=LETTER.replace(KIM, SHOP))
    found = queued(run)
    assert [sender for sender, _, _ in found] == [SHOP, "verkauf@example.de", SHOP]
    assert [content["From"] for _, _, content in found[:2]] == [
        f"Laden <{SHOP}>",
        "Laden <verkauf@example.de>",
    ]
    told = run("send", "--to", ANNA, "--subject", "s", "--text", "x", "--from", SHOP, "--json")
    assert (told.code, told.err) == (0, "")  # an identity is no foreign sender
    named = Runner(run.home, {"EILBOTE_SEND_FROM": SHOP})
    assert named("send", "--to", ANNA, "--subject", "s", "--text", "x").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("add", KIM, KIM), 64, "identity.exists"),
        (("add", KIM, "kein"), 64, "compose.bad_address"),
        (("add", KIM, SHOP, "--name", "a\nBcc: x@y.de"), 64, "compose.character"),
        (("add", KIM, SHOP, "--alias", "@"), 64, "compose.bad_address"),
        (("add", KIM, SHOP, "--signature", "x" * 10_001), 64, "identity.long_signature"),
        (("add", "niemand", SHOP), 2, "account.unknown"),
        (("edit", KIM, SHOP, "--name", "x"), 2, "identity.unknown"),
        (("remove", KIM, SHOP), 2, "identity.unknown"),
        (("add", KIM, SHOP, "--signature-file", "/nowhere"), 64, "send.no_such_file"),
    ],
)
def test_what_cannot_be_is_named(run: Runner, arguments: tuple[str, ...], code: int, error: str) -> None:
    done = run("account", "identity", *arguments, "--json")
    assert (done.code, done.error["code"]) == (code, error)
    assert len(run("account", "identity", "list", "--json").records) == 1
