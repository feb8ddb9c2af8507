"""The book as it was written judges real mail: friendly rules, scripts, and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine.owner import sync_accounts
from eilbote.engine.rule_scripts import decider_of
from eilbote.mail.keep import read_keep
from eilbote.store.rule_values import LOOK
from tests.engine.test_filter import deliver, lying
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot

BOOK = """
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}, {label = "$Bezahlen"}]

[[rule]]
name = "Alt"
account = "andere@example.org"
then = [{delete = true}]

[[rule]]
name = "Drüben"
where = "server"
if = [{subject = "Server"}]
then = [{move = "Nie"}]

[[script]]
name = "eigenes"
sieve = '''
require ["fileinto", "imap4flags", "editheader"];
if header :contains "subject" "Skript" {
    addheader "X-Skript" "ja";
    fileinto :flags "\\\\Seen" "Skript";
}
'''
"""


@pytest.fixture
def kim(dovecot: Dovecot, tmp_path: Path) -> Iterator[World]:
    with world(dovecot, tmp_path / "home") as made:
        made.sync()
        yield made


def save(kim: World, text: str) -> None:
    kim.app.store.rule_book.save(text, kim.app.store.rule_book.revision(), kim.app.clock.now())


def test_the_book_sorts_new_mail_on_the_server(kim: World) -> None:
    save(kim, BOOK)
    deliver(kim, "Ihre Rechnung 7", "Server", "Ein Skript", "Hallo")
    kim.sync()
    kim.sync()
    assert lying(kim) == {
        "INBOX": ["Hallo", "Server"],
        "Buchhaltung": ["Ihre Rechnung 7 $Bezahlen"],
        "Skript": ["Ein Skript \\Seen"],
    }
    (raw,) = [raw for _, raw in kim.truth()["Skript"].values()]
    assert raw.startswith(b"X-Skript: ja\r\n")
    kim.assert_same()
    runs = kim.app.store.rule_runs.history()
    assert [run.rules for run in runs] == [("eigenes",), ("Rechnungen",)]
    (deed,) = [deed for deed in runs[1].deeds if deed.action == "fileinto"]
    assert (deed.argument, deed.rule, deed.flags) == ("Buchhaltung", "Rechnungen", ("$Bezahlen",))
    assert any(step.result and "Rechnung" in step.detail for step in runs[1].steps)


@pytest.mark.parametrize("keep", ["everything", "headers"])
def test_size_is_that_of_the_whole_mail(kim: World, keep: str) -> None:
    kim.app.store.accounts.update(kim.account.id, keep=read_keep(keep))
    save(
        kim,
        '[[rule]]\nname = "groß"\nif = [{larger = "3K"}]\nthen = [{move = "Groß"}]\n'
        '[[rule]]\nname = "klein"\nif = [{smaller = "1K"}]\nthen = [{move = "Klein"}]\n',
    )
    with kim.server.imap(kim.user) as client:
        for number, size in enumerate((10, 2_000, 5_000)):
            client.append("INBOX", None, None, mail(number, subject=str(size), size=size))
    kim.sync()
    assert lying(kim) == {"Klein": ["10"], "INBOX": ["2000"], "Gro&AN8-": ["5000"]}


def test_a_book_without_a_rule_for_an_account_judges_nothing(kim: World) -> None:
    save(kim, '[[rule]]\nname = "x"\naccount = "andere@example.org"\nthen = [{delete = true}]\n')
    assert decider_of(kim.app, kim.account) is None
    save(kim, '[[rule]]\nname = "x"\nenabled = false\nthen = [{delete = true}]\n')
    assert decider_of(kim.app, kim.account) is None
    deliver(kim, "Hallo")
    kim.sync()
    assert lying(kim) == {"INBOX": ["Hallo"]}


@pytest.mark.parametrize("book", ["[[rule]\n", '[[script]]\nname = "x"\nsieve = "fileinto 7;"\n'])
def test_a_book_that_is_wrong_leaves_mail_where_it_is_and_says_so(kim: World, book: str) -> None:
    save(kim, book)
    deliver(kim, "Eins", "Zwei")
    (report,) = asyncio.run(sync_accounts(kim.app))
    assert report.failed is None
    assert len(report.problems) == 1
    kim.sync()
    assert lying(kim) == {"INBOX": [f"Eins {LOOK}", f"Zwei {LOOK}"]}
    assert all(run.problem == report.problems[0][1] for run in kim.app.store.rule_runs.history())
