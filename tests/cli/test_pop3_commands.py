"""A POP3 account from the command line: added, synced, verified, its mail deleted on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import schema
from tests.cli.running import Runner
from tests.contract.pop3_place import PASSWORD, Pop3Place, fake_place
from tests.engine.pop3_world import letters


@pytest.fixture
def place() -> Iterator[Pop3Place]:
    with fake_place() as made:
        yield made


@pytest.fixture
def run(tmp_path: Path, place: Pop3Place) -> Runner:
    run = Runner(tmp_path / "home")
    added = run(
        *("account", "add", "anna@example.org", "--pop3", f"127.0.0.1:{place.port}", "--user", place.user),
        *("--security", "none", "--password-stdin", "--json"),
        stdin=f"{PASSWORD}\n",
    )
    assert (added.code, added.err) == (0, "")
    schema.fits("account", added.record)
    assert (added.record["imap"], added.record["pop3"]) == (None, f"127.0.0.1:{place.port}")
    assert (added.record["state"], added.record["on_server"]) == ("new", "keep")
    return run


def test_from_adding_to_deleting_there(run: Runner, place: Pop3Place) -> None:
    place.deliver(letters([1, 2]))
    (step,) = run("sync", "--dry-run", "--json").records
    schema.fits("step", step)
    assert (step["step"], step["uid"]) == ("fetch", "1:2")
    synced = run("sync", "--json").record
    schema.fits("sync", synced)
    assert (synced["new"], synced["failed"]) == (2, None)
    assert "1:2" not in run("sync", "--dry-run").out
    for verified in run("verify", "--content", "--json").records:
        schema.fits("verify", verified)
        assert (verified["ok"], verified["server"], verified["store"]) == (True, 2, 2)
    assert run("account", "test", "anna@example.org").code == 0
    assert "auf dem Server bleibt alles" in run("account", "show", "anna@example.org", "--lang", "de").out
    changed = run("account", "settings", "anna@example.org", "--on-server", "0", "--json")
    assert changed.record["on_server"] == "0"
    assert run("sync", "--json").record["pushed"] == 2
    assert place.left() == []
    assert len(run("list", "--json").records) == 2


@pytest.mark.parametrize("value", ["nie", "-1", "1.5", "99999", ""])
def test_choices_that_are_none(run: Runner, value: str) -> None:
    assert run("account", "settings", "anna@example.org", "--on-server", value).code == 64


def test_settings_say_what_they_are_about(run: Runner) -> None:
    assert run("account", "settings", "anna@example.org", "--mailbox", "INBOX").code == 64
    run("account", "add", "hier@example.org", "--local")
    refused = run("account", "settings", "hier@example.org", "--on-server", "keep", "--json")
    assert (refused.code, refused.error["code"]) == (64, "account.no_pop3")


def test_a_wrong_password_keeps_the_account_failing(run: Runner) -> None:
    wrong = run("account", "edit", "anna@example.org", "--password-stdin", "--json", stdin="falsch\n")
    assert (wrong.code, wrong.record["state"], wrong.error["code"]) == (1, "failing", "pop3.login_refused")
