"""Killed at every persistence step and run again: each event has one effective run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eilbote.engine.app import App, open_app
from tests.engine.killed_events import run
from tests.engine.killed_rules import config

END = {
    "lying": {
        "INBOX": [],
        "Steuer": [("Brief 1", ["$Gesehen", "\\Flagged"]), ("Brief 3", [])],
        "Kopien": [("Brief 1", []), ("Brief 3", [])],
        "Fort": [("Brief 2", [])],
    },
    "runs": ["fileinto", "fileinto", "fileinto", "redirect"],
    "sent": ["chef@example.net"],
}


def killed(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "tests.engine.killed_events", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.split()


def ended(app: App) -> dict[str, object]:
    store = app.store
    (account,) = store.accounts.all()
    return {
        "lying": {
            box.name: sorted(
                (one.envelope.subject, sorted(one.flags))
                for one in store.messages.list_placements(mailbox=box.id, limit=100)
            )
            for box in store.mailboxes.all(account.id)
        },
        "runs": sorted(one.deeds[0].action for one in store.rule_runs.history(limit=100)),
        "sent": sorted(mail.recipients[0].address for mail in store.outbox.all(account.id)),
    }


@pytest.mark.timeout(300)
def test_killed_at_every_step_and_run_again(tmp_path: Path) -> None:
    steps = killed(str(tmp_path / "home"))
    assert {"before:commit", "after:commit"} <= set(steps)
    assert len(steps) > 30
    for step, name in enumerate(steps, 1):
        with open_app(config(tmp_path / f"home-{step}")) as app:
            run(app)
            assert ended(app) == END, f"killed at step {step}, {name}"


@pytest.mark.timeout(300)
def test_killed_again_and_again_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    home = tmp_path / "home"
    for step in (*range(12, 40, 4), 0):
        killed(str(home), str(step), postgres_url)
    with open_app(config(home, postgres_url)) as app:
        run(app)
        assert ended(app) == END
