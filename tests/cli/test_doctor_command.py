"""`eilbote doctor`: exit codes, JSON by its schema, one cause first, replay and share; real servers too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.evidence import LoggedIn, Outcome
from eilbote.diagnosis.transcript import written
from eilbote.net.stream import tls_context
from tests.cli.running import Runner
from tests.cli.schema import fits
from tests.diagnosis.worlds import IMAP, MACHINE, World
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.postfix import Postfix

WORLDS = {
    0: World(),
    1: World(machine=replace(MACHINE, free=500 << 20)),
    2: World(ports={(IMAP.host, 993): Outcome.REFUSED}),
    3: World(logins={IMAP: LoggedIn(IMAP, "imap.unavailable", "[LIMIT] Rate limit hit.")}),
}


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def saved(folder: Path, world: World) -> str:
    file = folder / "seen.json"
    file.write_bytes(written(world.diagnose().transcript))
    return str(file)


@pytest.mark.parametrize("code", WORLDS)
def test_a7_14_exit_codes_and_json_are_as_specified(run: Runner, tmp_path: Path, code: int) -> None:
    done = run("doctor", "--replay", saved(tmp_path, WORLDS[code]), "--json")
    assert done.code == code, done.out
    fits("doctor", done.record)
    for language in ("de", "en"):
        told = run("--lang", language, "doctor", "--replay", saved(tmp_path, WORLDS[code]))
        assert told.code == code and "…" not in told.out


def test_one_cause_comes_first_in_plain_german(run: Runner, tmp_path: Path) -> None:
    told = run("--lang", "de", "doctor", "--replay", saved(tmp_path, WORLDS[2])).out.splitlines()
    assert told[0] == "✗ anna@gmx.de: Es funktioniert nicht"
    assert told[2].startswith("  Ursache (wahrscheinlich): Der Server imap.gmx.net weist uns an Port 993 ab")
    assert told[3].startswith("  Nächster Schritt: ")
    assert told[4] == "  Wer handeln muss: Sie"


def test_all_checks_are_shown_when_asked_for(run: Runner, tmp_path: Path) -> None:
    file = saved(tmp_path, WORLDS[0])
    short, whole = run("doctor", "--replay", file), run("doctor", "--replay", file, "--all")
    assert "Version of the encryption" not in short.out and "Version of the encryption" in whole.out


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b'{"target": 7}', b"\xff\xfe"])
def test_what_is_no_transcript_is_named(run: Runner, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.json").write_bytes(data)
    done = run("doctor", "--replay", str(tmp_path / "x.json"), "--json")
    assert (done.code, done.error["code"]) == (64, "doctor.bad_transcript")


@pytest.mark.parametrize("option", ["--share", "--save"])
def test_a_file_that_cannot_be_written_is_named(run: Runner, tmp_path: Path, option: str) -> None:
    done = run("doctor", "--replay", saved(tmp_path, WORLDS[0]), option, str(tmp_path), "--json")
    assert (done.code, done.error["code"]) == (64, "file.unwritable")


def test_a_transcript_of_a_newer_version_is_named(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"target": {"address": "a@b"}, "version": 99}')
    done = run("doctor", "--replay", str(tmp_path / "x.json"), "--json")
    assert done.error["code"] == "doctor.newer_transcript"


def test_a_target_that_is_nothing_is_named(run: Runner) -> None:
    assert run("doctor", "nobody", "--json").error["code"] in ("doctor.no_target", "account.unknown")


# --- real servers ----------------------------------------------------------------------------------------


@pytest.fixture
def trusting(dovecot: Dovecot, postfix: Postfix, tmp_path: Path) -> Iterator[Runner]:
    """A home on a machine that trusts the authorities of both servers."""
    both = tmp_path / "both.pem"
    both.write_bytes(dovecot.ca_file.read_bytes() + postfix.ca_file.read_bytes())
    tls_context.cache_clear()
    yield Runner(tmp_path / "home", {"SSL_CERT_FILE": str(both)})
    tls_context.cache_clear()


def test_a_healthy_account_at_dovecot_and_postfix(
    trusting: Runner, dovecot: Dovecot, postfix: Postfix
) -> None:
    user, password = dovecot.new_user()
    address = postfix.new_address()
    added = trusting(
        *("account", "add", address, "--user", user, "--imap", f"localhost:{dovecot.tls_port}"),
        *("--smtp", f"localhost:{postfix.tls_port}", "--security", "tls", "--password-stdin"),
        stdin=password,
    )
    assert added.code == 0, added.err
    done = trusting("doctor", address, "--json")
    assert (done.code, done.record["cause"]["code"]) == (0, "none.ok"), done.out
    fits("doctor", done.record)
    found = {one["id"]: one["verdict"] for one in done.record["findings"]}
    for check in ("NET01", "NET03", "TLS01", "TLS05", "TLS06", "AUTH03", "SMTP05", "SMTP06", "SMTP09"):
        assert found[check] == "pass", (check, done.out)


def test_a_wrong_password_at_dovecot_is_named_and_shared_without_a_name(
    trusting: Runner, dovecot: Dovecot, tmp_path: Path
) -> None:
    user, _ = dovecot.new_user()
    address = f"{user}@example.net"
    trusting(
        *("account", "add", address, "--user", user, "--imap", f"localhost:{dovecot.tls_port}"),
        *("--password-stdin",),
        stdin="falsch-99",
    )
    shared, whole = tmp_path / "shared.json", tmp_path / "whole.json"
    done = trusting("doctor", address, "--json", "--share", str(shared), "--save", str(whole))
    assert (done.code, done.record["cause"]["code"]) == (2, "password.wrong"), done.out
    for file in (shared, whole):
        again = trusting("doctor", "--replay", str(file), "--json")
        assert again.record["cause"]["code"] == "password.wrong"
        assert "falsch-99" not in file.read_text()
    assert user not in shared.read_text() and user in whole.read_text()
    assert shared.stat().st_mode & 0o077 == 0


def test_a_dovecot_of_an_unknown_authority_is_never_logged_in_to(run: Runner, dovecot: Dovecot) -> None:
    tls_context.cache_clear()
    user, password = dovecot.new_user()
    server = ("--imap", f"localhost:{dovecot.tls_port}", "--password-stdin")
    run("account", "add", f"{user}@example.net", "--user", user, *server, stdin=password)
    done = run("doctor", "--json")
    assert (done.code, done.record["cause"]["code"]) == (2, "certificate.unknown_authority"), done.out
    assert not [one for one in done.record["findings"] if one["id"] == "AUTH03" and one["verdict"] == "pass"]


@pytest.mark.parametrize(
    ("mechanisms", "tls", "word"),
    [("xoauth2 oauthbearer", "offered", "oauth_only"), ("plain login", "absent", "tls")],
)
def test_a_dovecot_without_a_way_in_is_named(
    run: Runner, dovecot_like: object, mechanisms: str, tls: str, word: str
) -> None:
    assert callable(dovecot_like)
    dovecot: Dovecot = dovecot_like(DovecotOptions(mechanisms=mechanisms, tls=tls))  # type: ignore[arg-type]
    port = dovecot.port
    security = "none" if word == "oauth_only" else "starttls"
    run(
        *("account", "add", "anna@example.net", "--imap", f"127.0.0.1:{port}", "--security", security),
        *("--password-stdin",),
        stdin="geheim-1",
    )
    done = run("doctor", "--json")
    assert done.record["cause"]["code"].startswith(word), done.out
    assert json.loads(done.out)["verdict"] == "fail"
