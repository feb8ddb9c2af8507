"""New mail on a real Dovecot is judged once, and what rules want is done there in the same pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox
from eilbote.engine.owner import sync_accounts
from eilbote.mail.keep import read_keep
from eilbote.sieve.values import Keep, Outcome, Position
from eilbote.store.rule_values import LOOK, Asked
from tests.engine.ruled import KEPT, SORTING, Rules, into
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def kim(dovecot: Dovecot, tmp_path: Path, store_url: str) -> Iterator[World]:
    """An account whose inbox holds one mail that was there before rules were."""
    with world(dovecot, tmp_path / "home", store_url) as made:
        deliver(made, "move old")
        made.sync()
        yield made


def deliver(kim: World, *subjects: str) -> None:
    """New mail, as another server delivers it."""
    with kim.server.imap(kim.user) as client:
        for subject in subjects:
            client.append("INBOX", None, None, mail(hash(subject) % 10_000, subject=subject))


def lying(kim: World) -> dict[str, list[str]]:
    """Mailbox -> subjects and flags, as the server has them."""
    held = kim.truth()
    found: dict[str, list[str]] = {}
    for name, mails in held.items():
        for flags, raw in mails.values():
            subject = raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
            found.setdefault(name, []).append(" ".join([subject, *sorted(flags)]))
    return {name: sorted(found[name]) for name in found}


def test_what_rules_want_is_done_on_the_server_in_the_same_pass(
    kim: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Rules(SORTING).switch_on(kim.app, monkeypatch)
    deliver(kim, "move 1", "two 1", "copy 1", "flag 1", "away 1", "inbox 1", "role 1", "nothing")
    kim.sync()
    kim.sync()
    assert lying(kim) == {
        "INBOX": ["copy 1", "flag 1 $Wichtig \\Seen", "inbox 1", "move old", "nothing"],
        "Buchhaltung": ["move 1"],
        "Eins": ["two 1 $Label1 \\Flagged"],
        "Zwei": ["two 1 $Label1 \\Flagged"],
        "Kopien": ["copy 1", "inbox 1"],
        "Archive": ["role 1"],
        "Trash": ["away 1"],
    }
    kim.assert_same()
    assert len(rules.asked) == 8
    kim.sync()
    assert len(rules.asked) == 8
    assert not kim.app.store.journal.open_debts(kim.account.id)


def test_what_goes_wrong_stays_and_is_marked_and_the_rest_goes_on(
    kim: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rules(SORTING).switch_on(kim.app, monkeypatch)
    deliver(kim, "wrong 1", "badname 1", "forward 1", "move 1")
    (report,) = asyncio.run(sync_accounts(kim.app))
    assert report.failed is None
    codes = [problem.code for _, problem in report.problems]
    assert codes == ["rules.bad_address", "mailbox.bad_name", "send.no_server"]
    kim.sync()
    marked = [f"{name} {LOOK}" for name in ("badname 1", "forward 1")]
    assert lying(kim) == {"INBOX": [*marked, "move old", f"wrong 1 {LOOK}"], "Buchhaltung": ["move 1"]}
    runs = kim.app.store.rule_runs.history(Asked(account=kim.account.id))
    assert [run.problem.code if run.problem else "" for run in runs] == ["", *reversed(codes)]


def test_a_mailbox_that_the_server_does_not_make(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is back where it lay and marked for a look, and history says what the server said."""
    rules = Rules({"bad": into("a/../b"), "both": into("a/../b", keep=True)}).switch_on(kim.app, monkeypatch)
    deliver(kim, "bad 1", "bad 2", "both 1")
    (report,) = asyncio.run(sync_accounts(kim.app))
    assert {problem.code for _, problem in report.problems} == {"imap.refused", "sync.target_gone"}
    kim.sync()
    kim.sync()
    assert lying(kim) == {"INBOX": [f"bad 1 {LOOK}", f"bad 2 {LOOK}", f"both 1 {LOOK}", "move old"]}
    assert sorted(rules.asked) == ["bad 1", "bad 2", "both 1"]
    runs = kim.app.store.rule_runs.history()
    assert {run.problem and run.problem.code for run in runs} == {"imap.refused", "sync.target_gone"}
    kim.assert_same()


def test_what_a_person_moves_back_is_left_alone(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Rules(SORTING).switch_on(kim.app, monkeypatch)
    deliver(kim, "move 1")
    kim.sync()
    (filed,) = kim.ids("Buchhaltung").values()
    act.move(kim.app, [filed], "INBOX")
    kim.sync()
    with kim.server.imap(kim.user) as client:
        client.select("INBOX")
        client.uid("COPY", "1", "Buchhaltung")
        client.uid("STORE", "1", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
    kim.sync()
    with kim.server.imap(kim.user) as client:  # and another client does so
        client.select("Buchhaltung")
        client.uid("MOVE", "1:*", "INBOX")
    kim.sync()
    assert lying(kim) == {"INBOX": ["move 1", "move old"]}
    assert rules.asked == ["move 1"]


def test_taking_back_reaches_the_server(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Rules(SORTING).switch_on(kim.app, monkeypatch)
    deliver(kim, "move 1", "two 1", "away 1", "flag 1")
    kim.sync()
    undone = kim.app.store.rule_runs.undo_all(Asked(), kim.app.clock.now())
    assert (undone.runs, undone.mails) == (4, 4)
    kim.sync()
    assert lying(kim) == {"INBOX": ["away 1", "flag 1", "move 1", "move old", "two 1"]}
    kim.assert_same()
    assert len(rules.asked) == 4


def test_a_new_uidvalidity_filters_nothing_again(
    kim: World, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Rules({"flag": SORTING["flag"]}).switch_on(kim.app, monkeypatch)
    deliver(kim, "flag 1", "rest 1")
    kim.sync()
    runs = len(kim.app.store.rule_runs.history())
    dovecot.renumber(kim.user)
    deliver(kim, "flag 2")
    kim.sync()
    assert sorted(rules.asked) == ["flag 1", "flag 2", "rest 1"]
    assert len(kim.app.store.rule_runs.history()) == runs + 1
    kim.assert_same()


def test_a_changed_mail_takes_the_place_of_the_old_one(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def edited(found: object, _world: object) -> Outcome:
        header = found.header()  # type: ignore[attr-defined]
        kept = (Keep(Position(1, 1), implicit=True),)
        return Outcome(kept, implicit_keep=True, headers=b"X-Rule: ja\r\n" + header)

    rules = Rules({"edit": edited}).switch_on(kim.app, monkeypatch)
    deliver(kim, "edit 1")
    kim.sync()
    kim.sync()
    raws = [raw for _, raw in kim.truth()["INBOX"].values() if b"edit 1" in raw]
    assert len(raws) == 1
    assert raws[0].startswith(b"X-Rule: ja\r\n")
    assert len(rules.asked) == 1
    kim.assert_same()


def test_a_mail_that_is_here_in_part_is_fetched_where_a_rule_reads_it(
    kim: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads(found: object, _world: object) -> Outcome:
        text = found.message().body_text()  # type: ignore[attr-defined]
        moved = SORTING["move"]
        assert isinstance(moved, Outcome)
        return moved if "Text der Nachricht" in text else KEPT

    kim.app.store.accounts.update(kim.account.id, keep=read_keep("headers"))
    rules = Rules({"body": reads, "head": SORTING["move"]}).switch_on(kim.app, monkeypatch)
    deliver(kim, "body 1", "head 1")
    kim.sync()
    assert lying(kim)["Buchhaltung"] == ["body 1", "head 1"]
    assert rules.asked == ["body 1", "head 1", "body 1"]


def test_without_rules_what_comes_is_old_when_there_are_some(
    kim: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim.app.store.rule_book.save("# none for this account", 0, kim.app.clock.now())
    deliver(kim, "move 1")
    kim.sync()
    rules = Rules(SORTING).switch_on(kim.app, monkeypatch)
    deliver(kim, "move 2")
    kim.sync()
    assert rules.asked == ["move 2"]


def test_the_first_sync_of_an_account_filters_nothing(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(dovecot, tmp_path / "home") as new:
        rules = Rules(SORTING).switch_on(new.app, monkeypatch)
        deliver(new, "move 1", "away 1")
        new.sync()
        assert rules.asked == []
        create_mailbox(new.app, new.account, "Buchhaltung")
        deliver(new, "move 2")
        new.sync()
        assert rules.asked == ["move 2"]
        assert lying(new) == {"INBOX": ["away 1", "move 1"], "Buchhaltung": ["move 2"]}


def test_a_first_look_at_another_mailbox_makes_no_inbox_mail_new(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(dovecot, tmp_path / "home") as new:
        rules = Rules(SORTING).switch_on(new.app, monkeypatch)
        deliver(new, "move 1")
        asyncio.run(sync_accounts(new.app, mailbox="Archive"))
        book = new.app.store.rule_book.get()
        new.app.store.rule_book.save("# changed", book.revision, new.app.clock.now())
        new.sync()
        assert rules.asked == []
        deliver(new, "move 2")
        new.sync()
        assert rules.asked == ["move 2"]
