"""`eilbote account add ADDRESS` without servers, and `account discover`: found, told of, logged in to."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import discover as module
from tests.cli import schema
from tests.cli.running import Runner
from tests.engine.discovering import Internet
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

HOST, ELSEWHERE = "imap.firma.test", "mail.hoster.test"
PASSWORD = "geheim-1"


@pytest.fixture(scope="module")
def dovecot(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(DovecotOptions(pop3=True, names=(HOST, ELSEWHERE, "imap.guess.test")))


@pytest.fixture(scope="module")
def internet(dovecot: Dovecot) -> Iterator[Internet]:
    made = Internet()
    tls, pop3s = dovecot.tls_port, dovecot.pop3s_port
    made.names.zone("firma.test", f"imap 300 IN A 127.0.0.1\n_imaps._tcp 300 IN SRV 0 1 {tls} imap\n")
    made.names.zone("dee", "x 300 IN A 127.0.0.1\n")
    made.names.zone("hoster.test", "mail 300 IN A 127.0.0.1\n")
    made.names.zone("fremd.test", f"_imaps._tcp 300 IN SRV 0 1 {tls} {ELSEWHERE}.\n")
    made.names.zone(
        "old.test",
        f"_imaps._tcp 300 IN SRV 0 0 0 .\n_pop3s._tcp 300 IN SRV 0 1 {pop3s} {ELSEWHERE}.\n",
    )
    yield made
    made.remove()


@pytest.fixture
def run(
    tmp_path: Path, internet: Internet, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runner]:
    monkeypatch.setattr(module, "surroundings_of", lambda *_, **__: internet.around())
    with internet.lived_in(tmp_path, dovecot.ca_file):
        (server,) = internet.names.servers
        environ = {
            "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
            "SSL_CERT_DIR": "/nonexistent",
            "EILBOTE_DNS_SERVERS": f"{server.address}:{server.port}",
        }
        yield Runner(tmp_path / "home", environ)


def test_an_address_and_a_password_are_enough(run: Runner, dovecot: Dovecot) -> None:
    dovecot.new_user("kim@firma.test", PASSWORD)
    added = run("account", "add", "kim@firma.test", "--password-stdin", "--json", stdin=f"{PASSWORD}\n")
    assert (added.code, added.err) == (0, "")
    schema.fits("account", added.record)
    assert (added.record["imap"], added.record["state"]) == (f"{HOST}:{dovecot.tls_port}", "new")
    assert run("sync").code == 0


def test_what_was_found_is_told_in_words(run: Runner, dovecot: Dovecot) -> None:
    dovecot.new_user("lea@firma.test", PASSWORD)
    arguments = ("account", "add", "lea@firma.test", "--password-stdin", "--lang", "de")
    added = run(*arguments, stdin=f"{PASSWORD}\n")
    assert added.code == 0
    assert f"{HOST}:{dovecot.tls_port}" in added.err and "Zertifikat geprüft" in added.err
    assert "Empfehlung: IMAP" in added.err
    assert "eingerichtet" in added.out


def test_what_nothing_proves_is_used_only_when_somebody_says_so(run: Runner, dovecot: Dovecot) -> None:
    dovecot.new_user("kim@fremd.test", PASSWORD)
    arguments = ("account", "add", "kim@fremd.test", "--password-stdin", "--json")
    refused = run(*arguments, stdin=f"{PASSWORD}\n")
    assert (refused.code, refused.error["code"]) == (2, "discovery.not_confirmed")
    assert f"--imap {ELSEWHERE}:{dovecot.tls_port}" in refused.error["do"]
    assert run("account", "list", "--json").records == []
    options = refused.error["parameters"]["options"].split()
    assert run(*arguments, *options, stdin=f"{PASSWORD}\n").code == 0


def test_only_pop3_is_offered(run: Runner, dovecot: Dovecot) -> None:
    found = run("account", "discover", "kim@old.test", "--json")
    assert found.code == 0
    assert (found.record["imap"], found.record["pop3"]) == (None, f"{ELSEWHERE}:{dovecot.pop3s_port}")
    assert [one["refused"] for one in found.record["sources"] if one["source"] == "srv"] == [["imap"]]
    schema.fits("discovered", found.record)


def test_a_slip_is_the_cause_where_nothing_is_there(run: Runner) -> None:
    refused = run("account", "add", "kim@gmx.dee", "--password-stdin", "--json", stdin=f"{PASSWORD}\n")
    assert (refused.code, refused.error["code"]) == (2, "discovery.meant")
    assert "kim@gmx.de" in refused.error["do"]


def test_nothing_is_found(run: Runner) -> None:
    said = run("account", "discover", "kim@gibt-es-nicht.firma.test", "--lang", "de")
    assert said.code == 2
    assert "gibt es nicht" in said.err


def test_other_devices_get_the_same_settings(run: Runner, dovecot: Dovecot, tmp_path: Path) -> None:
    dovecot.new_user("mia@firma.test", PASSWORD)
    added = run("account", "add", "mia@firma.test", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert added.code == 0
    told = run("account", "settings", "mia@firma.test", "--json")
    schema.fits("devices", told.record)
    assert told.record["imap"]["host"] == HOST
    shown = run("account", "settings", "mia@firma.test", "--lang", "de")
    assert HOST in shown.out and "SSL/TLS" in shown.out and PASSWORD not in shown.out
    assert "█" in run("account", "settings", "mia@firma.test", "--format", "qr").out
    for name, begins in (
        ("mia.mobileconfig", b"<?xml"),
        ("mia.xml", b"<?xml"),
        ("mia.svg", b"<?xml"),
        ("mia.png", b"\x89PNG"),
    ):
        file = tmp_path / name
        assert run("account", "settings", "mia@firma.test", "--out", str(file)).code == 0
        assert file.read_bytes().startswith(begins)
        assert PASSWORD.encode() not in file.read_bytes()
    nowhere = run("account", "settings", "mia@firma.test", "--out", str(tmp_path), "--json")
    assert (nowhere.code, nowhere.error["code"]) == (64, "file.unwritable")
    outlook = run("account", "settings", "mia@firma.test", "--format", "outlook")
    assert "<Type>IMAP</Type>" in outlook.out


def test_the_password_goes_along_only_where_it_is_asked_for(
    run: Runner, dovecot: Dovecot, tmp_path: Path
) -> None:
    dovecot.new_user("nils@firma.test", PASSWORD)
    run("account", "add", "nils@firma.test", "--password-stdin", stdin=f"{PASSWORD}\n")
    file = tmp_path / "nils.mobileconfig"
    arguments = ("account", "settings", "nils@firma.test", "--with-password")
    written = run(*arguments, "--out", str(file))
    assert written.code == 0 and PASSWORD not in written.out + written.err
    assert PASSWORD.encode() in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    refused = run(*arguments, "--format", "thunderbird", "--json")
    assert (refused.code, refused.error["code"]) == (64, "devices.no_place")


def test_mail_that_lives_only_here_has_no_settings_for_others(run: Runner) -> None:
    run("account", "add", "hier@firma.test", "--local")
    refused = run("account", "settings", "hier@firma.test", "--json")
    assert (refused.code, refused.error["code"]) == (64, "account.only_here")


@pytest.mark.parametrize(
    ("address", "code", "click"),
    [
        ("kim@outlook.de", "account.oauth_only", "--oauth"),
        ("kim@tuta.com", "account.no_access", "eigenen Seite"),
    ],
)
def test_where_no_password_can_work_none_is_sent(run: Runner, address: str, code: str, click: str) -> None:
    arguments = ("account", "add", address, "--password-stdin")
    refused = run(*arguments, "--json", stdin=f"{PASSWORD}\n")
    assert (refused.code, refused.error["code"]) == (2, code)
    assert run("account", "list", "--json").records == []
    assert click in run(*arguments, "--lang", "de", stdin=f"{PASSWORD}\n").err


def test_what_a_provider_needs_is_said_before_the_login(run: Runner) -> None:
    added = run("account", "add", "kim@gmx.de", "--password-stdin", "--lang", "de", stdin=f"{PASSWORD}\n")
    said, _, error = added.err.partition("Fehler:")
    assert "POP3/IMAP Abruf → POP3 und IMAP Zugriff erlauben" in said
    assert "Anwendungsspezifische Passwörter" in said
    assert error and added.code == 3, "kept until its servers can be reached"


def test_rows_of_providers_fit_their_schema(run: Runner) -> None:
    shown = run("providers", "--json")
    for record in shown.records:
        schema.fits("provider", record)
    old = [one for one in shown.records if one["age_days"] is not None]
    assert old and all(one["age_days"] > 180 for one in old)
    table = run("providers", "--lang", "de")
    assert "freenet" in table.out and re.search(r"2024-08-01 \(vor [\d.]+ Tagen\)", table.out)
    assert "POP3/IMAP Abruf" in run("providers", "kim@gmx.de", "--lang", "de").out
    assert run("providers", "gibt-es-nicht").code == 2


def test_the_doctor_shows_the_table_too(run: Runner) -> None:
    assert run("doctor", "providers", "--json").out == run("providers", "--json").out


@pytest.mark.parametrize(("typed", "told"), [("abcd efgh ijkl mnop", False), ("mein Passwort", True)])
def test_what_is_surely_no_app_password_is_named(run: Runner, typed: str, told: bool) -> None:
    added = run("account", "add", "kim@icloud.com", "--password-stdin", "--lang", "de", stdin=f"{typed}\n")
    assert ("sieht nicht wie ein App-Passwort von iCloud aus" in added.err) is told
    assert typed not in added.out + added.err


def test_what_was_found_is_shown_with_who_said_what(run: Runner, dovecot: Dovecot) -> None:
    shown = run("account", "discover", "kim@old.test", "--lang", "de")
    assert shown.code == 0
    assert f"{ELSEWHERE}:{dovecot.pop3s_port}" in shown.out and "nur POP3" in shown.out
    assert "SRV-Einträge der Domain: IMAP wird danach nicht angeboten" in shown.out
    assert "993" not in shown.out, "guesses that found nobody are not told"
    assert "Nichts beweist" in shown.out
