"""rules push, pull, activate, deactivate and remote, against a real Dovecot with Pigeonhole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.app import open_app
from tests.cli import schema
from tests.cli.running import Runner
from tests.engine.world import world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

BOOK = """
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}]

[[rule]]
name = "Weg"
if = [{subject = "Werbung"}]
then = [{delete = true}]
"""


@pytest.fixture
def run(dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path) -> Runner:
    """A home with an account whose server takes scripts, and a book."""
    dovecot = dovecot_like(DovecotOptions(sieve=True))
    with world(dovecot, tmp_path / "home") as kim:
        kim.app.store.rule_book.save(BOOK, 0, kim.app.clock.now())
    runner = Runner(tmp_path / "home", {"EILBOTE_KEY_FILE": str(tmp_path / "key")})
    first = runner(
        "rules", "remote", "--server", f"{dovecot.host}:{dovecot.sieve_port}", "--security", "none"
    )
    assert first.code == 0, first.err
    return runner


def test_from_here_to_the_server_and_back(run: Runner) -> None:
    pushed = run("--json", "rules", "push")
    schema.fits("rule-placed", pushed.record)
    assert (pushed.code, pushed.record["there"], pushed.record["changed"]) == (0, ["Rechnungen"], True)
    assert [stay["problem"]["code"] for stay in pushed.record["stays"]] == ["rules.stays.deletes"]
    assert "endgültig" in run("--lang", "de", "rules", "push").out
    both = run("--json", "rules", "push", "weg").record
    assert both["there"] == ["Rechnungen", "Weg"]
    remote = run("--json", "rules", "remote")
    schema.fits("rule-remote", remote.record)
    assert (remote.code, remote.record["lost"]) == (0, [])
    assert remote.record["scripts"] == [{"name": "eilbote", "active": True, "state": "same"}]
    shown = run("rules", "remote").out
    assert "Rechnungen, Weg" in shown
    assert "as the rule book says" in shown
    pulled = run("--json", "rules", "pull")
    schema.fits("rule-pulled", pulled.record)
    assert (pulled.record["entries"], pulled.record["known"]) == ([], 2)
    back = run("--json", "rules", "deactivate")
    schema.fits("rule-placed", back.record)
    assert back.record["there"] == []
    assert "No scripts lie" in run("rules", "remote").out


def test_a_book_that_changed_is_a_warning(run: Runner, tmp_path: Path) -> None:
    assert run("rules", "push").code == 0
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as app:
        book = app.store.rule_book.get()
        app.store.rule_book.save(book.text.replace("Buchhaltung", "Belege"), book.revision, 0.0)
    changed = run("rules", "remote")
    assert (changed.code, "push again" in changed.out) == (1, True)
    assert run("rules", "push").code == 0
    assert run("rules", "remote").code == 0


def test_whoever_changes_a_rule_on_the_server_is_told_to_push(run: Runner) -> None:
    assert run("rules", "push").code == 0
    assert "rules push" not in run("rules", "disable", "Weg").err
    assert "rules push" in run("rules", "disable", "Rechnungen").err
    assert run("rules", "remote").code == 1
    assert run("rules", "push").code == 0
    assert run("rules", "remote").code == 0
    for command in ("enable", "remove"):
        run("rules", "push", "Rechnungen")
        assert run("rules", command, "Rechnungen").code == 0
    assert run("rules", "remote").code == 1
    assert run("rules", "push").code == 0
    assert run("--json", "rules", "remote").record["scripts"] == []
    assert run("rules", "push").code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("push", "nie"), "rules.unknown"),
        (("pull",), "rules.nothing_there"),
        (("pull", "nie"), "managesieve.no_such_script"),
        (("activate", "nie"), "managesieve.no_such_script"),
        (("remote", "--server", "mail.example.org", "--security", "none"), "account.insecure"),
        (("remote", "--account", "nie"), "account.unknown"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(run: Runner, arguments: tuple[str, ...], code: str) -> None:
    result = run("--json", "rules", *arguments)
    assert (result.code in (2, 64), result.error["code"]) == (True, code)
