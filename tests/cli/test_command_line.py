"""The command line itself: help, usage errors, exit codes, completion, the manual page."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import click
import pytest

from eilbote.cli.completion import SHELLS, completion_script
from eilbote.cli.exits import FAILED, UNREACHABLE, USAGE, exit_code
from eilbote.cli.face import Face
from eilbote.cli.man import manual_page
from eilbote.cli.root import root
from eilbote.cli.sync import outcome_code
from eilbote.errors import Misused, Problem, Unreachable
from tests.cli.running import Runner

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found: list[tuple[str, ...]] = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("path", every_command(root))
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_command_has_help_in_both_languages(run: Runner, path: tuple[str, ...], language: str) -> None:
    result = run(*path, "--lang", language, "--help")
    assert result.code == 0
    assert result.out.startswith("Aufruf: eilbote" if language == "de" else "Usage: eilbote")
    assert ("Optionen aller Befehle:" in result.out) is (language == "de")
    assert max(map(len, result.out.splitlines())) <= 80


def test_without_a_command_help_is_shown(run: Runner) -> None:
    assert "eilbote demo" in run().out


def test_general_options_stand_before_or_after_the_command(run: Runner) -> None:
    assert run("--lang", "de", "sync", "--help").out == run("sync", "--help", "--lang", "de").out


def test_locale_chooses_the_language(tmp_path: Path) -> None:
    german = Runner(tmp_path, {"LC_ALL": "de_DE.UTF-8"})
    assert german("--help").out.startswith("Aufruf:")
    assert german("--lang=en", "--help").out.startswith("Usage:")


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["serch"], "cli.no_such_command_but", "search"),
        (["xyzzy"], "cli.no_such_command", "xyzzy"),
        (["list", "--limti", "3"], "cli.no_such_option_but", "--limit"),
        (["list", "--limit", "many"], "cli.not_in_range", "--limit"),
        (["list", "--limit", "-1"], "cli.not_in_range", "1000000"),
        (["list", "--limit"], "cli.option_needs_value", "--limit"),
        (["show"], "cli.missing_argument", "ID"),
        (["--lang", "fr"], "cli.not_a_choice", "de, en"),
        (["show", "1", "2", "3"], "cli.too_many_arguments", "2 3"),
        (["flag", "1"], "cli.no_flag_named", "--read"),
    ],
)
def test_wrong_usage_is_one_sentence(run: Runner, arguments: list[str], code: str, named: str) -> None:
    result = run("--json", *arguments)
    assert result.code == 64
    assert result.error["code"] == code
    assert named in json.dumps(result.error)
    said = run("--lang", "de", *arguments) if "--lang" not in arguments else run(*arguments)
    assert said.code == 64
    assert "Traceback" not in said.err
    assert named in said.err
    assert said.out == ""


def test_version(run: Runner) -> None:
    assert re.fullmatch(r"eilbote \d+\.\d+\.\d+\S*\n", run("--version").out)


def test_bad_settings_are_named(run: Runner) -> None:
    run.home.mkdir()
    (run.home / "config.toml").write_text("nonsense = 1\n")
    result = run("list")
    assert result.code == 64
    assert "nonsense" in result.err and "config.toml" in result.err


def test_an_unforeseen_error_leaves_a_report_without_its_text(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("Dear Anna, this is private")

    monkeypatch.setattr(root, "invoke", fail)
    result = run("list", "--lang", "de")
    assert result.code == 2
    assert "Traceback" not in result.err and "private" not in result.err
    (report,) = (run.home / "eilbote-reports").iterdir()
    text = report.read_text()
    assert str(report) in result.err
    assert "RuntimeError" in text and "fail, " in text
    assert "private" not in text


def test_debug_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("here")

    monkeypatch.setattr(root, "invoke", fail)
    assert "Traceback" in Runner(tmp_path, {"EILBOTE_DEBUG": "1"})("list").err


def test_an_unwritable_home_still_gives_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("here")

    (tmp_path / "file").touch()
    monkeypatch.setattr(root, "invoke", fail)
    result = Runner(tmp_path / "file" / "home")("list")
    assert result.code == 2
    assert "Traceback" not in result.err and "EILBOTE_DEBUG" in result.err


def test_interruption_is_clean(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(root, "invoke", interrupt)
    result = run("list")
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "Interrupted. Nothing is lost; the next run goes on from here."


def test_interruption_before_a_command_has_begun_is_clean(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> Face:
        raise KeyboardInterrupt

    monkeypatch.setattr("eilbote.cli.main.Face", interrupt)
    assert run("list").code == 130


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "eilbote.cli.main", "man"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "EILBOTE_HOME": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["man", "--help"])
def test_a_full_disk_behind_the_output_is_one_sentence(tmp_path: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eilbote.cli.main", command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            env={**os.environ, "EILBOTE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The operating system refused: No space left on device.")
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from eilbote.cli.main import main; main(['--lang', 'de', '--help']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {"asyncio", "rich", "msgspec", "apsw", "ssl", "cryptography", "platformdirs", "tomllib"}
    assert not loaded & heavy
    assert not {
        name for name in loaded if name.startswith(("eilbote.engine", "eilbote.store", "eilbote.net"))
    }


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_call_back(run: Runner, shell: str) -> None:
    script = run("completion", shell).out
    assert "_EILBOTE_COMPLETE" in script
    assert script.rstrip("\n") == completion_script(shell).rstrip("\n")


def test_completion_answers(tmp_path: Path) -> None:
    ask = Runner(
        tmp_path,
        {"_EILBOTE_COMPLETE": "bash_complete", "COMP_WORDS": "eilbote acc", "COMP_CWORD": "1"},
    )
    assert ask().out == "plain,account\n"


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_manual_page_names_every_command(language: str) -> None:
    page = manual_page(root, Face(language))
    assert page.startswith(".TH EILBOTE 1")
    for path in every_command(root):
        if path and path not in (("account",), ("mailboxes",)):
            assert f".SS eilbote {' '.join(path)}".replace("-", r"\-") in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("language", "file"), [("en", "share/man/man1/eilbote.1"), ("de", "share/man/de/man1/eilbote.1")]
)
def test_the_shipped_manual_page_is_current(language: str, file: str) -> None:
    """If not: `eilbote --lang LANGUAGE man > FILE`."""
    assert (ROOT / file).read_text(encoding="utf-8") == manual_page(root, Face(language))


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", "share/bash-completion/completions/eilbote"),
        ("zsh", "share/zsh/site-functions/_eilbote"),
        ("fish", "share/fish/vendor_completions.d/eilbote.fish"),
    ],
)
def test_the_shipped_completion_is_current(shell: str, file: str) -> None:
    """If not: `eilbote completion SHELL > FILE`."""
    assert (ROOT / file).read_text(encoding="utf-8").strip() == completion_script(shell).strip()


def test_an_argument_that_is_no_text_is_named(run: Runner) -> None:
    result = run("search", "caf\udce9", "--json")
    assert result.code == USAGE
    assert result.error["code"] == "cli.not_utf8"


def test_json_holds_no_sign_that_a_terminal_obeys(run: Runner) -> None:
    word = "a\x7f\x9b31m\u202eb\u2066ü"
    result = run("account", "show", word, "--json")
    assert "\x9b" not in result.err
    assert "\u202e" not in result.err
    face = Face("en", json=True)
    written = io.StringIO()
    with mock.patch("sys.stdout", written):
        face.record({"subject": word})
    assert set(written.getvalue()) & {"\x7f", "\x9b", "\u202e", "\u2066"} == set()
    assert json.loads(written.getvalue()) == {"subject": word}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(tmp_path: Path, closed: str) -> None:
    command = f'"$0" -m eilbote.cli.main --home "$1" account list --json {closed}'
    environ = {**os.environ, "EILBOTE_HOME": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, str(tmp_path / "home")],
        capture_output=True,
        env=environ,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_store_that_is_no_postgresql_is_refused_without_its_password(run: Runner) -> None:
    for address in ("mysql://kim:geheim@host/x", "postgresql://kim:geheim@[::1", "/var/lib/x"):
        result = replace(run, environ={"EILBOTE_STORE": address})("list", "--json")
        assert result.code == USAGE
        assert result.error["code"] == "config.bad_value"
        assert "geheim" not in result.err


def test_a_group_without_a_command_shows_its_help(run: Runner) -> None:
    done = run("account")
    assert (done.code, done.out) == (64, "") and done.err.startswith("Usage: eilbote account")
    assert "\n  add" in done.err
    assert run("--json", "account").error["parameters"] == {"argument": "COMMAND"}


def test_the_programs_own_fault_is_no_wrong_usage() -> None:
    assert exit_code(Misused("store.failed", reason="x")) == FAILED
    assert exit_code(Misused("search.empty")) == USAGE


@pytest.mark.parametrize("code", ["store.full", "store.busy", "store.unreadable"])
def test_what_fails_on_this_machine_is_no_unreachable_server(code: str) -> None:
    error = Unreachable(code, 60.0, path="x")
    assert exit_code(error) == FAILED
    assert outcome_code([error.problem]) == FAILED
    assert exit_code(Unreachable("net.refused", 60.0)) == UNREACHABLE


def test_an_error_is_broken_at_the_width_of_the_terminal() -> None:
    err = io.StringIO()
    face = Face("en")
    with (
        mock.patch("sys.stderr", err),
        mock.patch.object(face, "is_terminal", lambda stream=None: True),
        mock.patch.dict(os.environ, {"COLUMNS": "60", "NO_COLOR": "1"}),
    ):
        face.problem(Problem("mailbox.unknown", {"mailbox": "with many words " * 8}), about="kim@example.de")
    lines = err.getvalue().splitlines()
    assert lines[0].startswith("Error: kim@example.de: There is no mailbox")
    assert max(map(len, lines)) <= 60
