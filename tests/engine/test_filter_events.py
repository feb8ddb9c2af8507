"""Scripts that watch a mailbox of a real Dovecot see each event there once, and never what rules do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.store.rule_values import LOOK, Asked, RunOrigin
from tests.engine.test_filter import deliver, lying
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot

SIEVE = """
require ["imapsieve", "environment", "imap4flags", "variables", "copy", "fileinto"];
if environment :matches "imap.cause" "*" { set :lower "cause" "${1}"; }
if environment :matches "imap.changedflags" "\\\\\\\\*" { set "flag" "-${1}"; }
if environment :is "imap.mailbox" "Steuer" { addflag "$${cause}${flag}"; }
if header :contains "subject" "weiter" { fileinto :copy "Prüfung"; }
"""


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def kim(dovecot: Dovecot, tmp_path: Path, store_url: str) -> Iterator[World]:
    """An account with three mails in its inbox, and one in the mailbox that is watched from now on."""
    with world(dovecot, tmp_path / "home", store_url) as made:
        deliver(made, "eins", "zwei", "drei")
        with made.server.imap(made.user) as client:
            client.create("Steuer")
            client.append("Steuer", None, None, mail(70, subject="alt"))
        made.sync()
        watch(made)
        yield made


def watch(kim: World, on: str = '["append", "copy", "flag"]', sieve: str = SIEVE, more: str = "") -> None:
    text = f"""[[script]]\nname = "x"\non = {on}\nmailbox = "Steuer"\nsieve = '''{sieve}'''\n{more}"""
    book = kim.app.store.rule_book
    book.save(text, book.revision(), kim.app.clock.now())
    kim.sync()


def other_client(kim: World, mailbox: str, *command: str) -> None:
    with kim.server.imap(kim.user) as client:
        client.select(mailbox)
        assert client.uid(*command)[0] == "OK"


def events(kim: World) -> int:
    runs = kim.app.store.rule_runs.history(Asked(account=kim.account.id))
    return sum(run.origin is RunOrigin.EVENT for run in runs)


def test_what_another_client_does_is_seen_once(kim: World) -> None:
    other_client(kim, "INBOX", "MOVE", "1", "Steuer")
    other_client(kim, "INBOX", "COPY", "2", "Steuer")
    kim.server.append(kim.user, [mail(71, subject="neu")], "Steuer")
    other_client(kim, "Steuer", "STORE", "1", "+FLAGS", "(\\Flagged)")
    for _ in range(3):
        kim.sync()
    assert lying(kim)["Steuer"] == [
        "alt $flag-Flagged \\Flagged",
        "eins $copy",
        "neu $append",
        "zwei $copy",
    ]
    assert events(kim) == 4
    kim.assert_same()


def test_what_a_person_does_here_counts_and_what_rules_do_does_not(kim: World) -> None:
    ids = kim.ids("INBOX")
    act.move(kim.app, [ids[1]], "Steuer")
    kim.sync()
    rule = '[[rule]]\nname = "r"\nif = [{subject = "Regel"}]\nthen = [{move = "Steuer"}]\n'
    watch(kim, more=rule)
    deliver(kim, "Regel 1")
    for _ in range(3):
        kim.sync()
    assert lying(kim)["Steuer"] == ["Regel 1", "alt", "eins $copy"]
    assert events(kim) == 1


def test_taking_back_is_no_event(kim: World) -> None:
    watch(kim, sieve='require "fileinto"; fileinto "Ablage";')
    other_client(kim, "INBOX", "MOVE", "1", "Steuer")
    kim.sync()
    assert lying(kim)["Ablage"] == ["eins"]
    kim.app.store.rule_runs.undo_all(Asked(), kim.app.clock.now())
    for _ in range(3):
        kim.sync()
    assert lying(kim)["Steuer"] == ["alt", "eins"]
    assert events(kim) == 1


def test_only_the_causes_that_are_named(kim: World) -> None:
    watch(kim, on='["flag"]')
    other_client(kim, "INBOX", "MOVE", "1", "Steuer")
    kim.sync()
    assert events(kim) == 0
    other_client(kim, "Steuer", "STORE", "1:*", "+FLAGS", "(\\Answered)")
    kim.sync()
    kim.sync()
    assert events(kim) == 2
    other_client(kim, "Steuer", "STORE", "1:*", "-FLAGS", "($flag-Answered)")  # a rule's own
    kim.sync()
    assert events(kim) == 2


def test_what_came_while_nobody_watched_is_old(kim: World) -> None:
    book = kim.app.store.rule_book
    book.save("", book.revision(), kim.app.clock.now())
    kim.sync()
    other_client(kim, "INBOX", "MOVE", "1", "Steuer")
    kim.sync()
    watch(kim)
    kim.sync()
    assert events(kim) == 0
    assert LOOK not in str(lying(kim))


def test_a_feed_that_is_read_again_gives_one_effective_run(
    kim: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs stand, and how far the feed was read does not."""
    watch(
        kim, sieve='require ["copy", "fileinto", "editheader"]; addheader "X-Neu" "ja"; fileinto :copy "B";'
    )
    other_client(kim, "INBOX", "MOVE", "1:2", "Steuer")
    events_ = kim.app.store.rule_events
    monkeypatch.setattr(events_, "advance", lambda *_: None)
    for _ in range(3):
        kim.sync()
    monkeypatch.undo()
    kim.sync()
    assert lying(kim)["B"] == ["eins", "zwei"]
    assert events(kim) == 2
    kim.assert_same()
