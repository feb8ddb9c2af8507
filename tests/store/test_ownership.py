"""One owner at a time, free the moment its process dies; others leave wishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eilbote.errors import NotAllowed
from eilbote.store import Store
from eilbote.store.ownership import FileOwnership
from tests.store.given import NOW

HOLD = """
import sys
from pathlib import Path
from eilbote.store import Store
store = Store.open(Path(sys.argv[1]), sys.argv[2] or None)
owner = store.ownership.acquire(5.0, "serve")
print(owner.epoch, flush=True)
sys.stdin.read()
"""


def test_the_second_is_refused_and_told_who_is_first(store: Store) -> None:
    assert store.ownership.holder() is None
    with store.ownership.acquire(NOW, "serve") as owner:
        with pytest.raises(NotAllowed) as refused:
            store.ownership.acquire(NOW, "sync")
        problem = refused.value.problem
        assert problem.code == "store.owned"
        assert (problem.parameters["pid"], problem.parameters["purpose"]) == (str(os.getpid()), "serve")
        assert store.ownership.holder() == owner.holder
    assert store.ownership.holder() is None
    owner.release()
    store.ownership.acquire(NOW, "sync").release()


def test_ownership_is_free_when_its_process_is_killed(store: Store, tmp_path: Path, url: str | None) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "home"), url or ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        epoch = int(other.stdout.readline())
        holder = store.ownership.holder()
        assert holder is not None
        assert (holder.pid, holder.purpose, holder.since) == (other.pid, "serve", 5.0)
        with pytest.raises(NotAllowed):
            store.ownership.acquire(NOW, "serve")
        other.kill()
        other.wait()
    if url is not None:
        _until_free(store)
    with store.ownership.acquire(NOW, "serve") as owner:
        assert owner.epoch > epoch or url is None


def _until_free(store: Store) -> None:
    """PostgreSQL notices a dead client by its closed connection: asked until it has, the test's
    time limit bounding it."""
    while store.ownership.holder() is not None:
        pass


def test_a_damaged_lock_file_only_costs_the_names(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    ownership = FileOwnership(path)
    with ownership.acquire(NOW, "serve"):
        path.write_bytes(b"\xff{")
        with pytest.raises(NotAllowed) as refused:
            ownership.acquire(NOW, "sync")
    assert refused.value.problem.parameters["pid"] == "0"


def test_a_wish_is_claimed_once_and_answered(store: Store) -> None:
    wish = store.wishes.ask("sync", '{"accounts":[]}', NOW)
    (claimed,) = store.wishes.claim(NOW)
    assert (claimed.id, claimed.kind, claimed.payload, claimed.created) == (
        wish,
        "sync",
        '{"accounts":[]}',
        NOW,
    )
    assert store.wishes.claim(NOW) == []
    assert store.wishes.answered(wish) is None
    assert store.wishes.answer(wish, "done")
    assert store.wishes.answered(wish) == "done"
    store.wishes.withdraw(wish)
    assert not store.wishes.answer(wish, "late")


def test_a_new_owner_takes_over_what_a_dead_one_claimed(store: Store) -> None:
    first, second = store.wishes.ask("sync", "", NOW), store.wishes.ask("sync", "", NOW)
    store.wishes.claim(NOW)
    store.wishes.answer(first, "done")
    assert store.wishes.unclaim() == 1
    assert [wish.id for wish in store.wishes.claim(NOW)] == [second]


def test_yesterdays_wishes_are_cleared_away(store: Store) -> None:
    old = store.wishes.ask("sync", "", NOW)
    store.wishes.ask("sync", "", NOW + 25 * 3600)
    assert old not in [wish.id for wish in store.wishes.claim(NOW)]
