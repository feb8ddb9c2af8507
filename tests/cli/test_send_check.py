"""`send --check`, and the word about domains that take no mail: with real name servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.test_sendmail import add_account
from tests.servers.names import Names, Signing


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    made = Names()
    made.zone("plain.test", "@ 300 IN MX 10 mx\nmx 300 IN A 127.0.0.1\n")
    made.zone("nomail.test", "@ 300 IN MX 0 .\n")
    made.zone("safe.test", "@ 300 IN MX 10 mx\nmx 300 IN A 127.0.0.1\n" + _TLSA, Signing.GOOD)
    yield made
    made.remove()


_TLSA = "_25._tcp.mx 300 IN TLSA 3 1 1 " + "ab" * 32 + "\n"


@pytest.fixture
def run(tmp_path: Path, names: Names) -> Runner:
    (server,) = names.servers
    run = Runner(tmp_path / "home", {"EILBOTE_DNS_SERVERS": f"{server.address}:{server.port}"})
    add_account(run, "kim@example.de", "Kim Beispiel")
    return run


def test_what_will_become_of_a_mail(run: Runner) -> None:
    told = run("send", "--check", "--to", "anna@safe.test, b@plain.test", "--cc", "c@plain.test", "--json")
    assert told.code == 0
    for record in told.records:
        schema.fits("forecast", record)
    assert [(one["domain"], one["foreseen"], one["policy"]) for one in told.records] == [
        ("safe.test", "encrypted", "dane"),
        ("plain.test", "maybe-plain", ""),
    ]
    shown = run("--lang", "de", "send", "--check", "anna@safe.test", columns=120)
    assert "kommt verschlüsselt an" in shown.out
    assert run("outbox", "list", "--json").records == []


def test_where_mail_cannot_arrive_the_code_says_so(run: Runner) -> None:
    told = run("send", "--check", "--to", "a@nomail.test")
    assert told.code == 1
    assert "cannot arrive" in told.out


def test_nobody_to_check_for(run: Runner) -> None:
    assert run("send", "--check", "--json").error["code"] == "send.nobody"


def test_a_domain_that_takes_no_mail_is_a_warning_and_no_more(run: Runner) -> None:
    sent = run("send", "--to", "a@nomail.test, b@plain.test", "--subject", "x", "--text", "Hallo.")
    assert sent.code == 0
    assert "nomail.test takes no mail" in sent.err
    assert "plain.test" not in sent.err


def test_no_answer_is_no_warning(run: Runner) -> None:
    silent = Runner(run.home, {"EILBOTE_DNS_SERVERS": "127.0.0.1:9"})
    sent = silent("send", "--to", "a@nomail.test", "--subject", "x", "--text", "Hallo.")
    assert (sent.code, sent.err) == (0, "")
