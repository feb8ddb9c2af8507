"""`eilbote account dkim`: the record to publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import schema
from tests.cli.running import Runner

KIM = "kim@example.de"


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def test_a_key_is_made_shown_and_changed(run: Runner) -> None:
    assert run("account", "add", KIM, "--local", "--direct").code == 0
    assert "straight to the recipients" in run("account", "show", KIM).out
    missing = run("account", "dkim", KIM)
    assert missing.code == 2
    assert "--new" in missing.err
    made = run("--json", "account", "dkim", KIM, "--new", "--selector", "mail2026")
    schema.fits("dkim", made.record)
    assert made.record["name"] == "mail2026._domainkey.example.de"
    assert run("--json", "account", "dkim", KIM).record == made.record
    shown = "".join(line.strip().strip('"') for line in run("account", "dkim", KIM).out.splitlines()[3:])
    assert shown == made.record["text"]
    assert run("--json", "account", "dkim", KIM, "--new").record["text"] != made.record["text"]


def test_only_who_sends_directly_signs(run: Runner) -> None:
    run("account", "add", KIM, "--local")
    refused = run("--json", "account", "dkim", KIM)
    assert (refused.code, refused.error["code"]) == (64, "dkim.not_direct")


def test_what_is_no_selector_is_named(run: Runner) -> None:
    run("account", "add", KIM, "--local", "--direct")
    refused = run("--json", "account", "dkim", KIM, "--new", "--selector", "Ä b")
    assert (refused.code, refused.error["code"]) == (64, "dkim.bad_selector")
