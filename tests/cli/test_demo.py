"""`eilbote demo`: the show in both languages, and in service for others until it is stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Runner


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def no_home(run: Runner) -> Runner:
    """The same without EILBOTE_HOME; temporary folders are made beside it."""
    return Runner(run.home, {"EILBOTE_HOME": "", "TMPDIR": str(run.home.parent)})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["Nichts davon verlässt ihn", "die Anmeldung klappt", "Eingang", "Sehr geehrte", "gleich"]),
        ("en", ["Nothing leaves it", "the login works", "inbox", "Sehr geehrte", "are the same"]),
    ],
)
def test_the_show(run: Runner, language: str, words: list[str]) -> None:
    result = no_home(run)("demo", "--once", "--lang", language, terminal=True)
    assert result.code == 0, result.err
    for word in words:
        assert word in result.out, word
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.out)
    assert max(map(len, plain.splitlines())) <= 80
    assert not list(run.home.parent.glob("eilbote-demo-*"))


def test_in_json_it_is_one_object(run: Runner) -> None:
    record = no_home(run)("demo", "--once", "--json").record
    assert record["messages"] > 200 and record["mailboxes"] > 5
    assert record["imap"].startswith("127.0.0.1:")


def test_a_home_of_ones_own_stays(run: Runner) -> None:
    assert run("demo", "--once", "--home", str(run.home)).code == 0
    assert len(run("list", "--json").records) == 50
    again = run("demo", "--once", "--home", str(run.home), "--json")
    assert (again.code, again.error["code"]) == (2, "demo.home_in_use")


def test_in_service_until_it_is_stopped(run: Runner, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TMPDIR": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    environ.pop("EILBOTE_HOME", None)
    with subprocess.Popen(
        [sys.executable, "-m", "eilbote.cli.main", "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            shown = json.loads(process.stdout.readline())
            beside = Runner(Path(shown["home"]))
            line = beside("list", "INBOX", "--limit", "1", "--json").record
            assert beside("flag", line["id"], "--add", "beside").code == 0
            assert beside("sync").code == 0
            assert beside("verify").code == 0
            # The sample people's domains are the demo's own, for a second terminal too.
            to = ("--to", "x@tischlerei.example.de")
            seen = beside("send", *to, "--subject", "x", "--text", "x", "--check")
            assert "tischlerei.example.de" in seen.out and seen.code == 0, seen.out
            assert beside("doctor", "example.de", "--json").record["findings"]
            owned = beside("serve", "--json")
            assert (owned.code, owned.error["code"]) == (2, "store.owned")
        finally:
            process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
        assert process.wait(30) == 0
    assert "Traceback" not in errors
    assert not Path(shown["home"]).exists()
