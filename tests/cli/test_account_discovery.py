"""`eilbote account add ADDRESS` without servers, and `account discover`: found, told of, logged in to."""

from __future__ import annotations

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
        authority = {"SSL_CERT_FILE": str(tmp_path / "authority.pem"), "SSL_CERT_DIR": "/nonexistent"}
        yield Runner(tmp_path / "home", authority)


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


def test_nothing_is_found(run: Runner) -> None:
    said = run("account", "discover", "kim@gibt-es-nicht.firma.test", "--lang", "de")
    assert said.code == 2
    assert "gibt es nicht" in said.err
