"""Checking, trying, running rules, their history and taking back, from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import act, setup
from eilbote.engine.app import open_app
from eilbote.secret import Secret
from tests.cli import schema
from tests.cli.running import Runner
from tests.engine.world import mail

SCRIPT = """require ["fileinto", "imap4flags", "editheader", "envelope"];
if header :contains "subject" "Rechnung" { addflag "\\\\Seen"; fileinto "Buchhaltung"; }
elsif envelope :is "from" "boss@example.org" { redirect :copy "x@example.org"; }
else { addheader "X-A" "b"; }
"""
BOOK = """
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}]

[[rule]]
name = "Chef"
if = [{subject = "Chef"}]
then = [{redirect = "chef@example.net"}]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "good.sieve").write_text(SCRIPT.replace("redirect :copy", "redirect"), encoding="utf-8")
    (folder / "bad.sieve").write_text('fileinto "x";\nfoo;\n', encoding="utf-8")
    (folder / "book.toml").write_text(BOOK, encoding="utf-8")
    for number, subject in enumerate(("Rechnung 7", "Hallo")):
        (folder / f"{number}.eml").write_bytes(mail(number, subject=subject))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """No home yet."""
    return Runner(tmp_path / "home")


@pytest.fixture
def filled(tmp_path: Path) -> Runner:
    """A home with a local account, a book, and twelve mails."""
    key = str(tmp_path / "key")
    with open_app(Config(tmp_path / "home", key_file=key)) as app:
        planned = setup.planned_account(app, setup.Wanted("kim@example.de", local=True))
        account = asyncio.run(setup.add_account(app, planned, Secret(""))).account
        app.store.rule_book.save(BOOK, 0, app.clock.now())
        for number in range(12):
            subject = ("Rechnung", "Chef", "Hallo")[number % 3]
            act.append(app, account, "INBOX", mail(number, subject=f"{subject} {number}"))
    return Runner(tmp_path / "home", {"EILBOTE_KEY_FILE": key})


def test_check_names_every_problem_with_its_place_and_remedy(run: Runner, files: Path) -> None:
    result = run("--json", "rules", "check", str(files / "bad.sieve"))
    assert result.code == 2
    for record in result.records:
        schema.fits("rule-problem", record)
    assert [(one["line"], one["column"]) for one in result.records] == [(1, 1), (2, 1)]
    assert all(one["problem"] and one["remedy"] for one in result.records)
    shown = run("--lang", "de", "rules", "check", str(files / "bad.sieve"))
    assert shown.code == 2
    assert "bad.sieve:2:1: " in shown.out
    for good in ("good.sieve", "book.toml"):
        assert run("rules", "check", str(files / good)).code == 0
    assert run("rules", "check", "-", stdin="keep;").code == 0
    assert not run.home.exists()


@pytest.mark.parametrize("name", ["missing.sieve", ""])
def test_a_file_that_cannot_be_read_is_named(run: Runner, files: Path, name: str) -> None:
    result = run("--json", "rules", "check", str(files / name))
    assert (result.code, result.error["code"]) == (64, "rules.unreadable")
    (files / "latin.sieve").write_bytes(b"# Gr\xfc\xdfe\nkeep;")
    assert run("--json", "rules", "check", str(files / "latin.sieve")).error["code"] == "rules.not_utf8"


def test_mails_in_files_are_judged_without_a_home(run: Runner, files: Path) -> None:
    paths = [str(files / "0.eml"), str(files / "1.eml")]
    script = ("--script", str(files / "good.sieve"))
    for arguments in (("--message", *paths), ("--message", paths[0], "--message", paths[1])):
        result = run("--json", "rules", "test", *script, *arguments)
        assert result.code == 0
        first, second = result.records
        schema.fits("judged", first)
        schema.fits("judged", second)
        assert [first["message"], second["message"]] == paths
        (filed,) = first["actions"]
        assert (filed["action"], filed["argument"], filed["flags"], filed["line"]) == (
            "fileinto",
            "Buchhaltung",
            ["\\Seen"],
            2,
        )
        assert (first["implicit_keep"], first["headers_changed"]) == (False, False)
        assert (second["actions"], second["implicit_keep"], second["headers_changed"]) == ([], True, True)
    known = run(
        "--json", "rules", "test", *script, "--message", paths[1], "--envelope-from", "boss@example.org"
    )
    assert known.record["actions"][0]["argument"] == "x@example.org"
    assert "Buchhaltung" in run("rules", "test", *script, "--message", *paths).out
    assert not run.home.exists()


def test_a_script_with_a_mistake_judges_nothing(run: Runner, files: Path) -> None:
    mail_file = str(files / "0.eml")
    result = run("--json", "rules", "test", "--script", str(files / "bad.sieve"), "--message", mail_file)
    assert result.code == 2
    assert [one["line"] for one in result.records] == [1, 2]
    assert run("rules", "test", "--message", mail_file).code == 64
    assert run("rules", "test", mail_file).code == 64


def test_a_script_that_ends_early_keeps_the_mail_and_says_so(run: Runner, files: Path) -> None:
    early = files / "early.sieve"
    early.write_text('require "variables";\nset "a" "x";\nredirect "${a}";\n', encoding="utf-8")
    result = run("--json", "rules", "test", "--script", str(early), "--message", str(files / "0.eml"))
    assert result.code == 1
    schema.fits("judged", result.record)
    assert result.record["problem"]["line"] == 3
    assert (result.record["actions"], result.record["implicit_keep"]) == ([], True)


def test_a_try_a_run_its_history_and_taking_it_back(filled: Runner) -> None:
    tried = filled("--json", "rules", "test")
    assert tried.code == 0
    for record in tried.records:
        schema.fits("rule-trial", record)
    assert (tried.records[-1]["looked"], tried.records[-1]["touched"]) == (12, 8)
    assert "8 von 12 Mails" in filled("--lang", "de", "rules", "test").out
    done = filled("--json", "rules", "run")
    schema.fits("rule-run", done.record)
    assert (done.code, done.record["changed"], done.record["queued"]) == (0, 4, 0)
    told = filled("--json", "rules", "history", "--rule", "Rechnungen")
    assert len(told.records) == 4
    for record in told.records:
        schema.fits("rule-history", record)
    entry = told.records[0]
    assert (entry["mailbox"], entry["now_in"], entry["rules"]) == ("INBOX", "Buchhaltung", ["Rechnungen"])
    assert any(step["result"] for step in entry["trace"])
    shown = filled("--lang", "de", "rules", "history", entry["id"])
    assert "nach Buchhaltung" in shown.out
    assert filled("--json", "rules", "history", "--mail", entry["mail"]).record == entry
    back = filled("--json", "rules", "undo", entry["id"])
    schema.fits("rule-undo", back.record)
    assert (back.record["runs"], back.record["mails"]) == (1, 1)
    assert "3 mails are as before." in filled("rules", "undo", "--run", done.record["run"]).out
    assert len(filled("--json", "list", "INBOX").records) == 12
    assert filled("rules", "undo", "--rule", "Rechnungen").code == 0


def test_what_is_asked_wrongly_is_one_sentence(filled: Runner) -> None:
    for arguments, code in (
        (("undo",), "rules.undo_what"),
        (("undo", "99"), "rules.no_run"),
        (("history", "--since", "gestern"), "rules.bad_day"),
        (("test", "--rule", "nie"), "rules.unknown"),
        (("run", "--mailbox", "nie"), "mailbox.unknown"),
    ):
        result = filled("--json", "rules", *arguments)
        assert result.code in (2, 64), arguments
        assert result.error["code"] == code


def test_a_run_over_much_of_a_mailbox_asks_first(filled: Runner, tmp_path: Path) -> None:
    with open_app(Config(filled.home, key_file=str(tmp_path / "key"))) as app:
        account = app.store.accounts.get("kim@example.de")
        for number in range(60):
            act.append(app, account, "INBOX", mail(100 + number, subject="Rechnung"))
    result = filled("--json", "rules", "run")
    assert (result.code, result.error["code"]) == (2, "rules.too_much")
    assert result.out == ""
    assert filled("--json", "rules", "run", "--yes").record["changed"] == 64
