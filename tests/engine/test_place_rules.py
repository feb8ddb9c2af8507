"""Rules that the account's own server carries out: a real Dovecot with Pigeonhole sorts what it delivers, and
nobody sorts it twice."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.act import Origin
from eilbote.engine.place_rules import Placed, activate, name_server, push, take_back
from eilbote.engine.pull_rules import look, pull
from eilbote.engine.push_scripts import OWN_NAME, ServerScripts, open_scripts
from eilbote.engine.rule_scripts import entries_of
from eilbote.engine.settle_rules import SETTLED_AFTER
from eilbote.errors import EilboteError, Gone, NotAllowed, Refused, Unreachable
from eilbote.sieve.rule import Where
from eilbote.sieve.server_script import Found
from eilbote.store.rule_book import RuleBook
from eilbote.store.values import Security, Server
from tests.engine.test_filter import lying
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.ports import free_ports

BOOK = """
# Rechnungen zuerst
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}, {label = "$Bezahlen"}]

[[rule]]
name = "Kopie"
if = [{subject = "Kopie"}]
then = [{copy = "Kopien"}]

[[rule]]
name = "Wichtig"
if = [{importance = "high"}]
then = [{move = "Dringend"}]
"""


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module")
def sieving(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """IMAP and ManageSieve on plain lines of this machine."""
    return dovecot_like(DovecotOptions(sieve=True))


def made(dovecot: Dovecot, home: Path, store_url: str = "") -> Iterator[World]:
    with world(dovecot, home, store_url) as kim:
        where = Server(dovecot.host, dovecot.sieve_port, Security.NONE)
        kim.account = name_server(kim.app, kim.account, where)
        kim.sync()
        yield kim


@pytest.fixture
def kim(sieving: Dovecot, tmp_path: Path) -> Iterator[World]:
    yield from made(sieving, tmp_path / "home")


@pytest.fixture
def both(sieving: Dovecot, tmp_path: Path, store_url: str) -> Iterator[World]:
    """On both stores."""
    yield from made(sieving, tmp_path / "home", store_url)


def save(kim: World, text: str) -> None:
    kim.app.store.rule_book.save(text, kim.app.store.rule_book.revision(), kim.app.clock.now())


def places(kim: World) -> dict[str, str]:
    return {one.name: one.where.value for one in entries_of(kim.app, kim.account)}


def deliver(kim: World, *subjects: str) -> None:
    """New mail, as the server's own delivery agent brings it: the active script sees it."""
    assert isinstance(kim.server, Dovecot)
    for subject in subjects:
        lda = ["/usr/lib/dovecot/dovecot-lda", "-c", str(kim.server.folder / "dovecot.conf"), "-d", kim.user]
        command = [*lda, "-o", "mail_plugins=sieve", "-f", "anna@example.org"]
        content = mail(hash(subject) % 10_000, subject=subject)
        done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, (done.stderr, kim.server.log())


def pushed(kim: World, *names: str, replacing: bool = False) -> Placed:
    return asyncio.run(push(kim.app, kim.account, names, replacing=replacing))


def on_server(kim: World) -> tuple[str | None, str]:
    """The active script and its text."""

    async def ask() -> tuple[str | None, str]:
        async with open_scripts(kim.app, kim.account) as scripts:
            active = (await scripts.list()).active
            return active, (await scripts.pull(active)).decode() if active else ""

    return asyncio.run(ask())


def test_the_server_sorts_and_nobody_does_so_again(both: World) -> None:
    save(both, BOOK)
    done = pushed(both)
    assert (done.there, [stay.name for stay in done.stays]) == (("Kopie", "Rechnungen"), ["Wichtig"])
    assert done.stays[0].why.code == "rules.stays.knows"
    assert places(both) == {"Rechnungen": "server", "Kopie": "server", "Wichtig": "here"}
    text = both.app.store.rule_book.get().text
    assert "# Rechnungen zuerst" in text
    deliver(both, "Rechnung 1", "Kopie 1", "Hallo")
    both.sync()
    both.sync()
    assert lying(both) == {
        "INBOX": ["Hallo", "Kopie 1"],
        "Buchhaltung": ["Rechnung 1 $Bezahlen"],
        "Kopien": ["Kopie 1"],
    }
    assert both.app.store.rule_runs.history() == []
    both.assert_same()
