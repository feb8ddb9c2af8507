"""Killed at every persistence step and run again: each mail has one effective run, nobody is answered twice,
and nothing is forwarded twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eilbote.engine.app import App, open_app
from tests.engine.killed_rules import MAILS, config, run
from tests.store.given import counted


def killed(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "tests.engine.killed_rules", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.split()


def ended(app: App) -> dict[str, object]:
    """All that a person can see of it."""
    store = app.store
    (account,) = store.accounts.all()
    lying = {
        box.name: sorted(
            (one.envelope.subject, sorted(one.flags), store.messages.raw(one.id))
            for one in store.messages.list_placements(mailbox=box.id, limit=100)
        )
        for box in store.mailboxes.all(account.id)
    }
    runs = store.rule_runs.history(limit=100)
    sent = sorted((mail.recipients[0].address, mail.subject) for mail in store.outbox.all(account.id))
    return {
        "lying": lying,
        "runs": sorted((run.message, [deed.action for deed in run.deeds], len(run.debts)) for run in runs),
        "sent": sent,
        "owed": sorted(debt.kind for debt in store.journal.open_debts(account.id)),
    }


def consistent(app: App) -> None:
    """What holds at any moment: a mail that lies elsewhere has its row, what is queued has a row too."""
    for account in app.store.accounts.all():
        for mailbox in app.store.mailboxes.all(account.id):
            assert counted(app.store, mailbox.id) == (mailbox.messages, mailbox.unread)
        runs = app.store.rule_runs.history(limit=100)
        assert len({one.message for one in runs}) == len(runs)
        queued = {mail.id for mail in app.store.outbox.all(account.id)}
        assert queued == {number for one in runs for number in one.outgoing}


@pytest.fixture
def finished(tmp_path: Path) -> dict[str, object]:
    with open_app(config(tmp_path / "undisturbed")) as app:
        run(app)
        return ended(app)


def test_the_workload_is_what_it_says(finished: dict[str, object]) -> None:
    assert finished["sent"] == [
        ("chef@example.net", "weiter 1"),
        ("chef@example.net", "weiter 2"),
        ("max@example.com", "Auto: frei 1"),
    ]
    lying = finished["lying"]
    assert isinstance(lying, dict)
    assert {name: len(mails) for name, mails in lying.items()} == {
        "INBOX": 3,
        "Fort": 2,
        "Neu": 1,
        "Trash": 1,
    }


@pytest.mark.timeout(600)
def test_killed_at_every_step_and_run_again(tmp_path: Path, finished: dict[str, object]) -> None:
    steps = killed(str(tmp_path / "home"))
    assert {"before:commit", "after:commit", "before:pack-write", "after:pack-sync"} <= set(steps)
    assert len(steps) > 2 * len(MAILS)
    for step, name in enumerate(steps, 1):
        with open_app(config(tmp_path / f"home-{step}")) as app:
            consistent(app)
            run(app)
            consistent(app)
            assert ended(app) == finished, f"killed at step {step}, {name}"


@pytest.mark.timeout(600)
def test_killed_again_and_again_on_postgres(
    tmp_path: Path, postgres_url: str, finished: dict[str, object]
) -> None:
    """The same home, killed on its way at another step each time."""
    home = tmp_path / "home"
    for step in (*range(30, 70, 3), 0):
        killed(str(home), str(step), postgres_url)
        with open_app(config(home, postgres_url)) as app:
            consistent(app)
    with open_app(config(home, postgres_url)) as app:
        run(app)
        assert ended(app) == finished
