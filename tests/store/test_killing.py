"""Killed at every persistence step and run again, the store ends as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eilbote.store import Store
from tests.store.given import ANNA, NOW, counted, raw_mail
from tests.store.killed_workload import all_ids, run


def killed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.store.killed_workload", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def consistent(store: Store) -> None:
    """What holds at any moment: counts, bodies that can be read, a feed without a gap."""
    for account in store.accounts.all():
        for mailbox in store.mailboxes.all(account.id):
            assert counted(store, mailbox.id) == (mailbox.messages, mailbox.unread)
            if mailbox.name == "INBOX":
                assert store.messages.held_uids(mailbox.id).highest <= mailbox.watermarks.cursor
        changes = store.changes.since(account.id, 0, 1000)
        assert [change.number for change in changes] == list(range(1, len(changes) + 1))
    ids = all_ids(store)
    assert [message for message, raw in store.messages.stream_raw(ids) if raw] == ids


def ended(store: Store) -> dict[str, list[tuple[int, list[str], bytes]]]:
    """All that the user can see, by mailbox."""
    account = store.accounts.get(ANNA.address)
    return {
        mailbox.name: [
            (one.uid, sorted(one.flags), store.messages.raw(one.id))
            for one in store.messages.list_placements(mailbox=mailbox.id, limit=100)
        ]
        for mailbox in store.mailboxes.all(account.id)
    }


@pytest.fixture
def finished(tmp_path: Path) -> dict[str, list[tuple[int, list[str], bytes]]]:
    """How the workload ends when nobody disturbs it."""
    with Store.open(tmp_path / "undisturbed") as store:
        run(store)
        return ended(store)


@pytest.mark.timeout(600)
def test_killed_at_every_step_and_run_again(
    tmp_path: Path, finished: dict[str, list[tuple[int, list[str], bytes]]]
) -> None:
    steps = killed(str(tmp_path / "home")).stdout.split()
    expected = {"commit", "pack-write", "pack-sync", "pack-erase", "scrub"}
    assert {f"{when}:{step}" for step in expected for when in ("before", "after")} <= set(steps)
    for step, name in enumerate(steps, 1):
        home = tmp_path / f"home-{step}"
        with Store.open(home) as store:
            consistent(store)
            run(store)
            consistent(store)
            assert ended(store) == finished, f"killed at step {step}, {name}"
            before = store.changes.latest(1)
            run(store)
            assert store.changes.latest(1) == before, "a second run changes nothing"


@pytest.mark.timeout(600)
def test_killed_before_commits_on_postgres(
    tmp_path: Path, postgres_url: str, finished: dict[str, list[tuple[int, list[str], bytes]]]
) -> None:
    """The packs end where the last commit says, whatever was written beyond it; here the same home
    is killed again and again on its way."""
    home = tmp_path / "home"
    for step in (*range(1, 60, 6), 0):
        killed(str(home), str(step), postgres_url)
        with Store.open(home, postgres_url) as store:
            consistent(store)
    with Store.open(home, postgres_url) as store:
        run(store)
        assert ended(store) == finished


def test_the_workload_is_what_it_says(finished: dict[str, list[tuple[int, list[str], bytes]]]) -> None:
    assert len(finished["INBOX"]) == 26
    assert sorted(raw for _, _, raw in finished["Archiv"]) == sorted([raw_mail(4), raw_mail(90)])
    assert NOW
