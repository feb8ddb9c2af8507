"""Rules where mail comes in otherwise: while it is served, over POP3, into an account that is only here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.secret import Secret
from eilbote.store.prepare import prepare
from eilbote.store.update_values import Arrival
from eilbote.store.values import Security, Server
from eilbote.testing.pop3 import Behaviour
from tests.contract.pop3_place import PASSWORD, Pop3Place, dovecot_place, fake_place
from tests.engine.pop3_world import Pop3World, letters, pop3_world
from tests.engine.test_filter import deliver, lying
from tests.engine.watched import served
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot

BOOK = """
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}]

[[rule]]
name = "Brief"
if = [{subject = "Brief"}]
then = [{move = "Briefe"}, {mark = "flagged"}]

[[rule]]
name = "Weiter"
if = [{subject = "Chef"}]
then = [{redirect = "chef@example.net"}]
"""


def save(app: App) -> None:
    app.store.rule_book.save(BOOK, app.store.rule_book.revision(), app.clock.now())


@pytest.fixture
def kim(dovecot: Dovecot, tmp_path: Path) -> Iterator[World]:
    with world(dovecot, tmp_path / "home") as made:
        yield made


def test_what_comes_while_it_is_served_is_sorted_on_the_server(kim: World) -> None:
    def sorted_there() -> bool:
        return lying(kim) == {"INBOX": ["Hallo"], "Buchhaltung": ["Rechnung 1"]}

    async def serve() -> None:
        async with served(kim.app):
            save(kim.app)
            await asyncio.to_thread(deliver, kim, "Rechnung 1", "Hallo")
            async with asyncio.timeout(30):
                while not await asyncio.to_thread(sorted_there):  # noqa: ASYNC110  # the server has no event
                    await asyncio.sleep(0.05)

    asyncio.run(serve())
    assert len(kim.app.store.rule_runs.history()) == 1
    kim.sync()
    kim.assert_same()


@pytest.fixture(params=["dovecot", "no uidl"])
def place(request: pytest.FixtureRequest) -> Iterator[Pop3Place]:
    if request.param == "dovecot":
        yield dovecot_place(request.getfixturevalue("dovecot_pop3"))
    else:
        with fake_place(behaviour=Behaviour(absent=frozenset({"UIDL", "TOP"}))) as made:
            yield made


def test_what_is_collected_is_sorted_once(place: Pop3Place, tmp_path: Path) -> None:
    with pop3_world(place.server, place.user, PASSWORD, tmp_path / "home") as here:
        place.deliver(letters([1]))
        here.sync()
        save(here.app)
        place.deliver(letters([2, 3]))
        here.sync()
        here.sync()
        assert (len(here.ids()), len(here.ids("Briefe"))) == (1, 2)
        assert len(here.app.store.rule_runs.history()) == 2
        # Moved back by hand, it stays, whatever is collected next.
        here.app.store.rule_runs.undo(here.app.store.rule_runs.history()[0].id, here.app.clock.now())
        place.deliver(letters([4]))
        here.sync()
        here.sync()
        assert (len(here.ids()), len(here.ids("Briefe"))) == (2, 2)
        assert verified(here)


def verified(here: Pop3World) -> bool:
    return all(report.ok for report in here.verify().values())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_is_put_into_a_local_account_is_sorted_and_nobody_is_written_to(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = "" if kind == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with open_app(Config(tmp_path / "home", store=url, key_file=str(tmp_path / "key"))) as app:
        planned = setup.planned_account(app, setup.Wanted("kim@example.de", local=True))
        account = asyncio.run(setup.add_account(app, planned, Secret(""))).account
        app.store.accounts.update(account.id, smtp=Server("127.0.0.1", 1, Security.NONE))
        save(app)
        raws = [mail(1, subject="Rechnung 1"), mail(2, subject="Chef 1"), mail(3, subject="Hallo")]
        inbox = app.store.mailboxes.find(account.id, "INBOX")
        assert inbox is not None
        prepared = prepare(raws).mails
        arrivals = [
            Arrival(0, frozenset(), 1.79e9, 0, raw, known) for raw, known in zip(raws, prepared, strict=True)
        ]
        app.store.messages.take_in(inbox.id, arrivals, app.clock.now())
        asyncio.run(sync_accounts(app))
        held = {box.name: box.messages for box in app.store.mailboxes.all(account.id) if box.messages}
        assert held == {"INBOX": 2, "Buchhaltung": 1}
        assert app.store.outbox.all(account.id) == []
        refused = [deed.refused for run in app.store.rule_runs.history() for deed in run.deeds]
        assert "imported" in refused


def test_who_was_written_to_is_known_and_who_writes_first_is_new(kim: World) -> None:
    script = """require ["fileinto", "vnd.eilbote.sender"];
if eilbote_sender "known" { fileinto "Bekannt"; } elsif eilbote_sender "first-contact" { fileinto "Neu"; }"""
    kim.server.append(kim.user, [mail(1).replace(b"To: kim@example.de", b"To: anna7@example.org")], "Sent")
    kim.server.append(kim.user, [mail(5)])
    kim.sync()
    text = f"[[script]]\nname = \"x\"\nsieve = '''\n{script}\n'''\n"
    kim.app.store.rule_book.save(text, 0, kim.app.clock.now())
    seven, five, nine = mail(7, subject="sieben"), mail(5, message_id="<5b@x>"), mail(9, subject="neun")
    kim.server.append(kim.user, [seven, five, nine])
    kim.sync()
    assert lying(kim)["Bekannt"] == ["sieben"]
    assert lying(kim)["Neu"] == ["neun"]


def test_scripts_are_told_what_made_them_run(kim: World) -> None:
    script = """require ["fileinto", "environment", "imapsieve", "variables"];
if environment :matches "imap.cause" "*" { set "cause" "${1}"; }
if environment :matches "imap.mailbox" "*" { fileinto "${cause} ${1}"; }"""
    text = f"[[script]]\nname = \"x\"\nsieve = '''\n{script}\n'''\n"
    kim.app.store.rule_book.save(text, 0, kim.app.clock.now())
    kim.sync()
    kim.server.append(kim.user, [mail(7, subject="sieben")])
    kim.sync()
    assert lying(kim)["APPEND INBOX"] == ["sieben"]
