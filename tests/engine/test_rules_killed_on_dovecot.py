"""A pass that judges new mail is killed on its way, against a real Dovecot: the next passes bring the same
end, each mail once where rules want it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.test_filter import deliver, lying
from tests.engine.world import world
from tests.servers.dovecot import Dovecot

BOOK = """
[[rule]]
name = "Verschieben"
if = [{subject = "move"}]
then = [{move = "Da"}, {mark = "flagged"}]

[[rule]]
name = "Kopieren"
if = [{subject = "copy"}]
then = [{copy = "Kopien"}]

[[rule]]
name = "Weg"
if = [{subject = "away"}]
then = [{delete = true}]

[[script]]
name = "Kopfzeile"
sieve = '''
require "editheader";
if header :contains "subject" "edit" { addheader "X-Neu" "ja"; }
'''
"""
WANTED = {
    "INBOX": ["copy 1", "edit 1", "rest 1"],
    "Da": ["move 1 \\Flagged", "move 2 \\Flagged"],
    "Kopien": ["copy 1"],
    "Trash": ["away 1"],
}
EVERY = 5


def killed(home: Path, step: int) -> int:
    """The steps of a pass that was not killed, else 0."""
    command = [sys.executable, "-m", "tests.engine.killed_sync", str(home), str(step)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return int(done.stdout) if done.stdout else 0


@pytest.mark.timeout(600)
def test_killed_on_its_way_each_mail_ends_once_where_rules_want_it(dovecot: Dovecot, tmp_path: Path) -> None:
    step = total = 0
    while not step or step <= total:
        home = tmp_path / str(step) / "home"
        with world(dovecot, home) as kim:
            kim.sync()
            kim.app.store.rule_book.save(BOOK, 0, kim.app.clock.now())
            deliver(kim, "move 1", "copy 1", "away 1", "edit 1", "move 2", "rest 1")
        total = max(total, killed(home, step))
        with world(dovecot, home, user=kim.user) as again:
            again.sync()
            again.sync()
            assert lying(again) == WANTED, f"killed at step {step} of {total}"
            again.assert_same()
            runs = again.app.store.rule_runs.history()
            assert sorted(run.rules for run in runs) == [
                ("Kopfzeile",),
                ("Kopieren",),
                ("Verschieben",),
                ("Verschieben",),
                ("Weg",),
            ]
        step += EVERY
    assert total > 30
