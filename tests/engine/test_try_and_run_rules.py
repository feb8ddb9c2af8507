"""Rules over mail that is there: tried without a trace, run once it is sure, taken back; on both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import act, rule_history, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.chosen_rules import Wanted
from eilbote.engine.read import show_mail
from eilbote.engine.rule_history import Chosen
from eilbote.engine.run_rules import run_rules
from eilbote.engine.try_rules import EXPLAINED, Trial, Tried, try_rules
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.secret import Secret
from eilbote.store.rule_values import LOOK
from eilbote.store.values import Account
from tests.engine.world import mail

BOOK = """
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}, {label = "$Bezahlen"}]

[[rule]]
name = "Weg"
if = [{subject = "Werbung"}]
then = [{delete = true}]

[[rule]]
name = "Weiter"
if = [{subject = "Chef"}]
then = [{forward = "chef@example.net"}]

[[rule]]
name = "Text"
enabled = false
if = [{text = "Text der Nachricht 3"}]
then = [{copy = "Dritte"}]
"""
SCRIPT = 'require "fileinto"; if header :contains "subject" "Rechnung" { fileinto "Neu"; }'


@pytest.fixture(params=["sqlite", "postgres"])
def app(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[App]:
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with open_app(Config(tmp_path / "home", store=url, key_file=str(tmp_path / "key"))) as opened:
        opened.store.rule_book.save(BOOK, 0, opened.clock.now())
        yield opened


@pytest.fixture
def account(app: App) -> Account:
    planned = setup.planned_account(app, setup.Wanted("kim@example.de", local=True))
    made = asyncio.run(setup.add_account(app, planned, Secret(""))).account
    for number in range(12):
        subject = ("Rechnung", "Werbung", "Chef", "Hallo")[number % 4]
        act.append(app, made, "INBOX", mail(number, subject=f"{subject} {number}"))
    act.append(app, made, "Trash", mail(20, subject="Rechnung alt"))
    return made


def tried(app: App, wanted: Wanted) -> tuple[list[Tried], Trial]:
    trial = Trial()
    return list(try_rules(app, wanted, trial)), trial


def lying(app: App, account: Account) -> dict[str, int]:
    return {box.name: box.messages for box in app.store.mailboxes.all(account.id) if box.messages}


def test_a_try_tells_what_would_become_of_which_mail_and_changes_nothing(app: App, account: Account) -> None:
    before = app.store.changes.latest(account.id)
    found, trial = tried(app, Wanted())
    assert (trial.looked, trial.touched, trial.problems) == (12, 9, 0)
    assert trial.deeds == {
        ("Rechnungen", "fileinto", "Buchhaltung"): 3,
        ("Weg", "discard", ""): 3,
        ("Weiter", "redirect", "chef@example.net"): 3,
    }
    first = next(one for one in found if one.envelope.subject == "Rechnung 0")
    assert (first.address, first.mailbox) == ("kim@example.de", "INBOX")
    assert any(step.result and "Rechnung" in step.detail for step in first.steps)
    assert app.store.changes.latest(account.id) == before
    assert app.store.rule_runs.history() == []
    assert app.store.journal.open_debts(account.id) == []


def test_what_a_try_goes_over(app: App, account: Account) -> None:
    assert tried(app, Wanted(mailbox="Trash"))[1].touched == 1
    assert tried(app, Wanted(rule="weg"))[1].touched == 3
    assert tried(app, Wanted(rule="text"))[1].deeds == {("Text", "fileinto", "Dritte"): 1}
    assert tried(app, Wanted(script=SCRIPT))[1].deeds == {("", "fileinto", "Neu"): 3}
    assert tried(app, Wanted(account="kim"))[1].looked == 12
    with pytest.raises(Gone):
        tried(app, Wanted(rule="gibt es nicht"))
    with pytest.raises(Misused) as wrong:
        tried(app, Wanted(script="fileinto 7;"))
    assert wrong.value.problem.code == "rules.script_wrong"


def test_reasons_are_told_of_the_first_mails_of_a_rule_only(app: App, account: Account) -> None:
    for number in range(EXPLAINED + 5):
        act.append(app, account, "INBOX", mail(100 + number, subject="Rechnung"))
    found, trial = tried(app, Wanted(rule="Rechnungen"))
    assert trial.touched == EXPLAINED + 8
    assert sum(bool(one.steps) for one in found) == EXPLAINED


def test_a_run_does_it_tells_it_and_is_taken_back(app: App, account: Account) -> None:
    done = run_rules(app, Wanted())
    assert (done.looked, done.changed, done.queued, done.problems) == (12, 6, 0, [])
    assert lying(app, account) == {"INBOX": 6, "Buchhaltung": 3, "Trash": 4}
    rows = rule_history.history(app, Chosen(batch=done.batch))
    assert {row.run.rules for row in rows} == {("Rechnungen",), ("Weg",)}
    assert rows[0].mail is not None
    assert [one.mails for one in rule_history.batches(app)] == [6]
    assert run_rules(app, Wanted()).changed == 0
    assert rule_history.undo_all(app, Chosen(rule="Weg")).runs == 3
    assert lying(app, account) == {"INBOX": 9, "Buchhaltung": 3, "Trash": 1}
    undone = rule_history.undo_all(app, Chosen(batch=done.batch))
    assert (undone.runs, undone.mails) == (3, 3)
    assert lying(app, account) == {"INBOX": 12, "Trash": 1}
    with pytest.raises(Misused):
        rule_history.undo_all(app, Chosen())
    with pytest.raises(Gone):
        rule_history.undo_all(app, Chosen(rule="Nie"))


def test_a_mail_that_lies_where_it_is_wanted_would_not_change(app: App, account: Account) -> None:
    run_rules(app, Wanted(rule="Rechnungen"))
    assert tried(app, Wanted(rule="Rechnungen"))[1].touched == 0
    books = app.store.mailboxes.find(account.id, "Buchhaltung")
    assert books is not None
    (first, *_) = app.store.messages.list_placements(mailbox=books.id)
    act.change_flags(app, [first.id], remove=["$Bezahlen"])
    assert tried(app, Wanted(rule="Rechnungen"))[1].touched == 1


def test_much_of_a_mailbox_asks_first(app: App, account: Account) -> None:
    for number in range(51):
        act.append(app, account, "INBOX", mail(100 + number, subject="Rechnung"))
    with pytest.raises(NotAllowed) as refused:
        run_rules(app, Wanted())
    told = refused.value.problem
    assert (told.code, told.parameters["mailbox"], told.parameters["count"]) == (
        "rules.too_much",
        "INBOX",
        "60",
    )
    assert lying(app, account) == {"INBOX": 63, "Trash": 1}
    assert run_rules(app, Wanted(), sure=True).changed == 57


def test_a_script_that_fails_with_one_mail_goes_on_with_the_others(app: App, account: Account) -> None:
    script = (
        'require ["fileinto", "variables"]; set "to" "x";'
        'if header :contains "subject" "Werbung" { redirect "${to}"; }'
        'elsif header :contains "subject" "Chef" { fileinto "a//b"; } else { fileinto "Rest"; }'
    )
    done = run_rules(app, Wanted(script=script))
    assert done.changed == 6
    assert done.problems
    assert lying(app, account) == {"INBOX": 6, "Rest": 6, "Trash": 1}
    flagged = [one for one in app.store.messages.list_placements(account=account.id) if LOOK in one.flags]
    assert len(flagged) == 6


def test_a_mail_tells_its_history(app: App, account: Account) -> None:
    run_rules(app, Wanted(rule="Rechnungen"))
    books = app.store.mailboxes.find(account.id, "Buchhaltung")
    assert books is not None
    (first, *_) = app.store.messages.list_placements(mailbox=books.id)
    (row,) = rule_history.of_mail(app, str(first.id))
    assert (row.run.mailbox, row.mail and row.mail.mailbox) == ("INBOX", "Buchhaltung")
    assert rule_history.one(app, row.run.id) == row
    assert rule_history.undo(app, [row.run.id]).mails == 1
    with pytest.raises(Gone):
        rule_history.undo(app, [999])


def test_undo_of_a_mail_takes_all_that_rules_did_at_once_back(app: App, account: Account) -> None:
    run_rules(app, Wanted(rule="Rechnungen"))
    books = app.store.mailboxes.find(account.id, "Buchhaltung")
    assert books is not None
    (first, *_) = app.store.messages.list_placements(mailbox=books.id)
    assert first.flags == {"$Bezahlen"}
    assert show_mail(app, str(first.id)).ruled[0].rules == ("Rechnungen",)
    act.undo(app, [first.id])
    (back,) = app.store.messages.get(first.id)
    assert (back.mailbox, back.flags) == ("INBOX", frozenset())
    assert show_mail(app, str(first.id)).ruled[0].undone is not None


def test_running_again_copies_nothing_again_and_makes_no_mail_its_own_duplicate(
    app: App, account: Account
) -> None:
    script = """require ["fileinto", "copy", "imap4flags", "duplicate"];
    if duplicate { discard; stop; }
    if header :contains "subject" "Rechnung" { fileinto :copy "Kopien"; addflag "$Da"; }"""
    assert run_rules(app, Wanted(script=script)).changed == 3
    assert lying(app, account) == {"INBOX": 12, "Kopien": 3, "Trash": 1}
    again = run_rules(app, Wanted(script=script, mailbox="INBOX"))
    assert (again.changed, again.batch, again.problems) == (0, 0, [])
    assert len(rule_history.batches(app)) == 1
    assert lying(app, account) == {"INBOX": 12, "Kopien": 3, "Trash": 1}
    assert len(app.store.rule_runs.history()) == 3
