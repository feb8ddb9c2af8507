"""On SQLite one owner at a time, free the moment its process dies; others leave wishes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.errors import NotAllowed
from eilbote.store import Store
from eilbote.store.ownership import FileOwnership
from tests.store.given import NOW

CLOCK = SystemClock()
HOLD = """
import sys
from pathlib import Path
from eilbote.clock import SystemClock
from eilbote.store import Store
store = Store.open(Path(sys.argv[1]))
tenure = store.ownership.join(SystemClock(), "serve")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Store]:
    """A home on SQLite: one process may hold it."""
    with Store.open(tmp_path / "home") as opened:
        yield opened


def test_the_second_is_refused_and_told_who_is_first(alone: Store) -> None:
    assert alone.ownership.holder() is None
    with alone.ownership.join(CLOCK, "serve") as tenure:
        with pytest.raises(NotAllowed) as refused:
            alone.ownership.join(CLOCK, "sync")
        problem = refused.value.problem
        assert problem.code == "store.owned"
        assert (problem.parameters["pid"], problem.parameters["purpose"]) == (str(os.getpid()), "serve")
        holder = alone.ownership.holder(7)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert (tenure.whole, tenure.beat, tenure.lease(7)) == (True, None, None)
        assert tenure.claim([1, 2]) == [1, 2]
        assert tenure.part([1, 2]) == 2
    assert alone.ownership.holder() is None
    tenure.release()
    alone.ownership.join(CLOCK, "sync").release()


def test_ownership_is_free_when_its_process_is_killed(alone: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "home")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        holder = alone.ownership.holder()
        assert holder is not None
        assert (holder.pid, holder.purpose) == (other.pid, "serve")
        with pytest.raises(NotAllowed):
            alone.ownership.join(CLOCK, "serve")
        other.kill()
        other.wait()
    alone.ownership.join(CLOCK, "serve").release()


def test_a_damaged_lock_file_only_costs_the_names(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    ownership = FileOwnership(path)
    with ownership.join(CLOCK, "serve"):
        path.write_bytes(b"\xff{")
        with pytest.raises(NotAllowed) as refused:
            ownership.join(CLOCK, "sync")
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


def test_a_wish_about_an_account_is_for_its_holder(store: Store) -> None:
    asked = store.wishes.ask_each("sync", {1: "one", 2: "two"}, NOW)
    assert store.wishes.claim(NOW, []) == []
    (claimed,) = store.wishes.claim(NOW, [2, 3])
    assert (claimed.id, claimed.account, claimed.payload) == (asked[2], 2, "two")
    assert store.wishes.claim(NOW, [2]) == []
    assert store.wishes.unclaim([1]) == 0, "nobody has claimed it"
    assert store.wishes.unclaim([2]) == 1, "its holder died"
    assert [wish.id for wish in store.wishes.claim(NOW, [2])] == [asked[2]]
    store.wishes.put_back(asked[2])
    assert [wish.id for wish in store.wishes.claim(NOW, [1, 2])] == [asked[1], asked[2]]
    assert store.wishes.answer(asked[2], "done")
    assert not store.wishes.answer(asked[2], "done twice")
    assert store.wishes.all_answered(list(asked.values())) == {asked[2]: "done"}
    store.wishes.withdraw(*asked.values())
    assert store.wishes.all_answered(list(asked.values())) == {}
