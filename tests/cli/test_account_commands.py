"""`eilbote account`: from adding to removing, and every way in which that can go wrong."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine import connect
from eilbote.testing.demo import DEMO_PASSWORD
from tests.cli import schema
from tests.cli.running import Result, Runner
from tests.cli.serving import Serving, serving


@pytest.fixture(scope="module")
def mail() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def add(run: Runner, mail: Serving, *more: str, password: str = DEMO_PASSWORD) -> Result:
    return run(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none"),
        *("--password-stdin", *more),
        stdin=f"{password}\n",
    )


def test_an_account_is_added_tested_and_listed(run: Runner, mail: Serving) -> None:
    added = add(run, mail, "--name", "Arbeit", "--json")
    assert (added.code, added.err) == (0, "")
    schema.fits("account", added.record)
    assert (added.record["state"], added.record["imap"]) == ("new", mail.imap)
    assert run("account", "list", "--json").records == [added.record]
    shown = run("account", "show", mail.servers.user, "--lang", "de")
    assert mail.imap in shown.out and "Arbeit" in shown.out and "neu" in shown.out


def test_the_password_is_nowhere_in_the_home_or_the_output(
    run: Runner, mail: Serving, tmp_path: Path
) -> None:
    trace = tmp_path / "trace.txt"
    added = add(run, mail, "--trace", str(trace))
    assert DEMO_PASSWORD not in added.out + added.err
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    assert "CAPABILITY" in trace.read_text()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert DEMO_PASSWORD.encode() not in data, file
            assert b"ZWlsYm90ZS1kZW1v" not in data, file  # the same in base64


def test_a_refused_login_keeps_the_account_failing(run: Runner, mail: Serving) -> None:
    added = add(run, mail, "--json", password="wrong")
    assert added.code == 1
    assert added.record["state"] == "failing"
    assert added.error["code"] == "imap.login_refused"
    schema.fits("error", json.loads(added.err.splitlines()[0]))
    assert run("account", "test", mail.servers.user).code == 1
    mended = run(
        "account", "edit", mail.servers.user, "--password-stdin", "--json", stdin=DEMO_PASSWORD + "\n"
    )
    assert (mended.code, mended.record["state"], mended.record["problem"]) == (0, "new", None)


def test_a_refused_login_says_what_to_do(run: Runner, mail: Serving) -> None:
    said = add(run, mail, "--lang", "de", password="wrong")
    assert "abgelehnt" in said.err and "eilbote account edit" in said.err
    assert "gestört" in said.err


def test_a_server_that_is_not_there(run: Runner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        added = run(
            *("account", "add", "a@example.org", "--imap", f"127.0.0.1:{port}", "--security", "none"),
            *("--password-stdin", "--json"),
            stdin="x\n",
        )
    assert added.code == 3
    assert added.record["state"] == "failing"
    assert added.error["code"] == "net.refused"
    assert str(port) in added.error["what"]


def test_the_same_address_twice_is_refused_before_any_question(run: Runner, mail: Serving) -> None:
    add(run, mail)
    again = add(run, mail, "--json")
    assert (again.code, again.error["code"]) == (64, "account.exists")
    assert len(run("account", "list", "--json").records) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["nonsense", "--password-stdin"], "account.bad_address", 64),
        (["a@example.org", "--password-stdin"], "dns.silent", 3),
        (["a@example.org", "--imap", "h:99999", "--password-stdin"], "account.bad_server", 64),
        (
            ["a@example.org", "--imap", "imap.example.org", "--security", "none", "--password-stdin"],
            "account.insecure",
            2,
        ),
        (["a@example.org", "--imap", "127.0.0.1:1", "--security", "none"], "account.no_secret", 64),
        (
            ["a@example.org", "--imap", "127.0.0.1:1", "--security", "none", "--password-stdin"],
            "account.empty_secret",
            64,
        ),
    ],
)
def test_bad_input_is_named_and_nothing_is_stored(
    run: Runner, arguments: list[str], code: str, exit_code: int
) -> None:
    result = run("account", "add", *arguments, "--json")
    assert (result.code, result.error["code"]) == (exit_code, code)
    assert run("account", "list", "--json").records == []


def test_a_password_command_is_asked_at_login(run: Runner, mail: Serving, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(DEMO_PASSWORD + "\nsecond line\n")
    added = run(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none"),
        *("--password-command", f"cat {secret}", "--json"),
    )
    assert (added.code, added.record["auth"]) == (0, "command")
    secret.unlink()
    failed = run("account", "test", mail.servers.user, "--json")
    assert (failed.code, failed.error["code"]) == (1, "account.password_command")


def test_pause_and_resume(run: Runner, mail: Serving) -> None:
    add(run, mail)
    assert run("account", "pause", mail.servers.user, "--json").record["state"] == "paused"
    assert run("account", "test", mail.servers.user, "--json").record["state"] == "paused"
    assert run("account", "resume", mail.servers.user, "--json").record["state"] == "new"


def test_the_start_of_the_address_is_enough(run: Runner, mail: Serving) -> None:
    add(run, mail)
    start = mail.servers.user[:5].upper()
    assert run("account", "show", start, "--json").record["address"] == mail.servers.user


def test_an_unknown_account(run: Runner) -> None:
    result = run("account", "show", "nobody@example.org", "--json")
    assert (result.code, result.error["code"]) == (2, "account.unknown")


def test_remove_asks_first(run: Runner, mail: Serving) -> None:
    add(run, mail)
    refused = run("account", "remove", mail.servers.user, "--json")
    assert (refused.code, refused.error["code"]) == (2, "cli.needs_yes")
    assert run("account", "remove", mail.servers.user, "--yes").code == 0
    assert "no account yet" in run("account", "list").out


def test_trust_is_given_and_taken_back(run: Runner, mail: Serving) -> None:
    add(run, mail)
    digits = "AB" * 32
    trusted = run("account", "trust", mail.servers.user, digits, "--json")
    assert trusted.record["trusted"] == ["ab" * 32]
    back = run("account", "trust", mail.servers.user, digits, "--remove", "--json")
    assert back.record["trusted"] == []
    again = run("account", "trust", mail.servers.user, digits, "--remove", "--json")
    assert (again.code, again.error["code"]) == (2, "account.not_trusted")
    bad = run("account", "trust", mail.servers.user, "ab", "--json")
    assert (bad.code, bad.error["code"]) == (64, "account.bad_fingerprint")


def test_an_unreadable_home_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = Runner(tmp_path / "file")("account", "list")
    assert result.code == 2
    assert "Traceback" not in result.err and str(tmp_path / "file") in result.err


def test_a_tab_completes_addresses(run: Runner, mail: Serving) -> None:
    add(run, mail)
    words = f"eilbote account show {mail.servers.user[:3]}"
    asking = {"_EILBOTE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}
    assert Runner(run.home, asking)().out == f"plain,{mail.servers.user}\n"
    assert Runner(run.home / "nowhere", asking)().out.strip() == ""


@pytest.mark.parametrize(
    ("command", "reason"),
    [("exit 3", "exit status 3"), ("yes", "without end"), ("true", "no output"), ("printf '\\377'", "UTF-8")],
)
def test_a_password_command_that_tells_none(run: Runner, mail: Serving, command: str, reason: str) -> None:
    added = run(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none"),
        *("--password-command", command, "--json"),
    )
    assert (added.code, added.error["code"]) == (1, "account.password_command")
    assert reason in added.error["what"]


def test_a_password_command_that_hangs_is_left(
    run: Runner, mail: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "_COMMAND_SECONDS", 0.2)
    added = run(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none"),
        *("--password-command", "sleep 60; true", "--json"),
    )
    assert (added.code, added.error["code"]) == (1, "account.password_command")
    assert "no answer" in added.error["what"]


def test_a_password_that_is_no_text_is_refused(run: Runner, mail: Serving) -> None:
    result = add(run, mail, "--json", password="a\udcff")
    assert (result.code, result.error["code"]) == (64, "account.bad_secret")
    assert run("account", "list", "--json").records == []


def test_an_account_that_lives_only_here(run: Runner) -> None:
    added = run("account", "add", "ablage@example.org", "--local", "--json")
    assert (added.code, added.err) == (0, "")
    schema.fits("account", added.record)
    assert added.record["state"] == "ready"
    assert [added.record[protocol] for protocol in ("imap", "smtp", "pop3")] == [None, None, None]
    assert "lives only here" in run("account", "test", "ablage@example.org").out
    assert "nur hier, ohne Server" in run("account", "show", "ablage@example.org", "--lang", "de").out
    assert run("mailboxes", "create", "Projekt").out == "Projekt is created.\n"
    assert run("mailboxes", "rename", "Projekt", "Alt").out == "Projekt is now called Alt.\n"
    assert run("sync", "--json").record["new"] == 0
    (inbox, other) = run("verify", "--json").records
    schema.fits("verify", inbox)
    assert (inbox["mailbox"], inbox["ok"], other["mailbox"]) == ("INBOX", True, "Alt")
    assert "are whole" in run("verify").out
    wrong = run("account", "add", "b@example.org", "--local", "--imap", "imap.example.org", "--json")
    assert (wrong.code, wrong.error["code"]) == (64, "account.local_has_server")
