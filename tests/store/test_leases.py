"""Leases on PostgreSQL: each account has one holder, and whoever was taken over from writes no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, NotAllowed
from eilbote.mail.mailbox import FLAGGED, SEEN, UidSet
from eilbote.store import Store
from eilbote.store.ownership import Tenure, holder_to_text, me
from eilbote.store.packs import Record
from eilbote.store.postgres import PostgresDatabase
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import AccountState, Holder, Watermarks
from tests.servers.postgres import Postgres
from tests.store.given import NOW, Home, arrival, raw_mail

SECONDS = 20.0


class HandClock(SystemClock):
    """A process's own monotonic clock, moved by hand."""

    at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def store(tmp_path: Path, postgres_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", postgres_url, lease_seconds=SECONDS) as opened:
        yield opened


def joined(store: Store, purpose: str = "serve", clock: HandClock | None = None) -> Tenure:
    return store.ownership.join(clock or HandClock(), purpose)


def run_out(postgres: Postgres, url: str) -> None:
    """Lets all time pass that was given, by the database's clock."""
    postgres.execute("UPDATE lease SET expires = 1 WHERE process <> 0; UPDATE process SET expires = 1", url)


def test_an_account_has_one_holder_until_it_is_given_back(store: Store) -> None:
    with joined(store) as first, joined(store) as second:
        assert first.claim([7, 8]) == [7, 8]
        assert second.claim([7, 8, 9]) == [9]
        assert (first.holds(7), second.holds(7)) == (True, False)
        assert {account: holder.purpose for account, holder in store.ownership.holders().items()} == {
            7: "serve",
            8: "serve",
            9: "serve",
        }
        first.give_back([7])
        assert not first.holds(7)
        assert second.claim([7, 8]) == [7]
        with pytest.raises(NotAllowed) as refused:
            first.lease(7)
        assert refused.value.problem.code == "store.fenced"
    assert store.ownership.holders() == {}
    assert store.ownership.holder() is None


def test_what_ran_out_is_taken_over_and_its_holder_learns_it(
    store: Store, postgres: Postgres, postgres_url: str
) -> None:
    with joined(store) as first, joined(store) as second:
        first.claim([7, 8])
        lease = first.lease(7)
        run_out(postgres, postgres_url)
        assert store.ownership.holder() is None
        assert second.claim([7]) == [7]
        first.renew()
        assert not first.holds(7)
        assert first.holds(8), "nobody has taken it over"
        assert lease is not None
        with pytest.raises(NotAllowed):
            lease.check()


def test_its_own_clock_tells_a_holder_to_be_silent_before_the_database_does(store: Store) -> None:
    clock = HandClock()
    with joined(store, clock=clock) as tenure:
        tenure.claim([7])
        lease = tenure.lease(7)
        assert lease is not None
        clock.at += SECONDS * 0.89
        lease.check()
        clock.at += SECONDS * 0.02
        with pytest.raises(NotAllowed):
            lease.check()
        assert not tenure.holds(7)
        tenure.renew()
        assert tenure.holds(7)
        lease.check()


def test_a_fair_part_is_that_of_the_living_that_serve(
    store: Store, postgres: Postgres, postgres_url: str
) -> None:
    accounts = range(7)
    first, second, third = joined(store), joined(store), joined(store)
    with joined(store, "sync") as passing:
        assert passing.part(accounts) == 0
        assert [one.part(accounts) for one in (first, second, third)] == [3, 2, 2]
        second.release()
        assert [one.part(accounts) for one in (first, third)] == [4, 3]
        run_out(postgres, postgres_url)
        third.renew()
        assert [one.part(accounts) for one in (first, third)] == [0, 7]
    first.release()
    third.release()


def writes(home: Home, store: Store) -> dict[str, Callable[[], object]]:
    """One of every kind of writing that a watch does."""
    journal = store.journal
    marks = Watermarks(uidvalidity=1)
    update = MailboxUpdate(arrivals=[arrival(2)], watermarks=marks)
    places = [(home.inbox, 1)]
    (debt,) = (one.id for one in home.store.journal.open_debts(home.account))
    return {
        "apply": lambda: store.messages.apply(home.inbox, update, NOW),
        "renumber": lambda: store.messages.renumber(home.inbox, marks, [], UidSet.of([1]), NOW),
        "watermarks": lambda: store.mailboxes.set_watermarks(home.inbox, marks),
        "mailboxes": lambda: store.mailboxes.upsert(home.account, []),
        "gone": lambda: store.mailboxes.gone(home.archive, NOW),
        "sent": lambda: journal.mark_sent([debt], NOW),
        "done": lambda: journal.close(debt, NOW),
        "reopened": lambda: journal.reopen([debt], NOW),
        "conflict": lambda: journal.conflict(debt, "rule", {}, NOW),
        "flags": lambda: journal.change_flags(places, frozenset({SEEN}), frozenset(), "sync", NOW),
        "account": lambda: store.accounts.set_state(home.account, AccountState.READY),
    }


def test_whoever_was_taken_over_from_writes_nothing(
    store: Store, tmp_path: Path, postgres: Postgres, postgres_url: str
) -> None:
    home = Home(store)
    home.arrive(arrival(1))
    store.journal.change_flags([(home.inbox, 1)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    with joined(store) as first, joined(store) as second:
        first.claim([home.account])
        lease = first.lease(home.account)
        assert lease is not None
        fenced = store.fenced(lease)
        fenced.mailboxes.set_watermarks(home.inbox, Watermarks(uidvalidity=7))
        run_out(postgres, postgres_url)
        fenced.mailboxes.set_watermarks(home.inbox, Watermarks(uidvalidity=8))  # late, and still alone
        assert second.claim([home.account]) == [home.account]
        first.renew()
        before = postgres.execute("SELECT * FROM journal, mailbox, account", postgres_url)
        for name, write in writes(home, fenced).items():
            with pytest.raises(NotAllowed) as refused:
                write()
            assert refused.value.problem.code == "store.fenced", name
        after = postgres.execute("SELECT * FROM journal, mailbox, account", postgres_url)
        assert after == before
        assert home.held() == "1"
        assert fenced.mailboxes.get(home.inbox).watermarks.uidvalidity == 8, "it may still read"
        again = second.lease(home.account)
        assert again is not None
        store.fenced(again).journal.mark_sent([1], NOW)


def test_a_change_of_hands_waits_for_a_write_under_way_and_a_renewal_does_not(
    store: Store, postgres: Postgres, postgres_url: str
) -> None:
    home = Home(store)
    with joined(store) as first, joined(store) as second:
        first.claim([home.account])
        lease = first.lease(home.account)
        assert lease is not None
        with store.fenced(lease).database.write():
            first.renew()
            postgres.execute("UPDATE lease SET expires = 1", postgres_url)
            assert second.claim([home.account]) == [], "it gives up after a while"
        assert second.claim([home.account]) == [home.account]


STOPPED = """
import os, signal, sys
from pathlib import Path
from eilbote.clock import SystemClock
from eilbote.store import Store
store = Store.open(Path(sys.argv[1]), sys.argv[2], lease_seconds=20.0)
tenure = store.ownership.join(SystemClock(), "serve")
tenure.claim([int(sys.argv[3])])
with store.fenced(tenure.lease(int(sys.argv[3]))).database.write() as session:
    session.run("UPDATE account SET name = 'late'")
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_process_stopped_in_the_middle_of_a_write_holds_nobody_up(
    store: Store, tmp_path: Path, postgres: Postgres, postgres_url: str
) -> None:
    home = Home(store)
    command = [sys.executable, "-c", STOPPED, str(tmp_path / "home"), postgres_url, str(home.account)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "writing\n"
            run_out(postgres, postgres_url)
            with joined(store) as second:
                while not second.claim([home.account]):  # its connection takes a moment to end
                    pass
                lease = second.lease(home.account)
                assert lease is not None
                store.fenced(lease).accounts.update(home.account, name="in time")
                other.send_signal(signal.SIGCONT)
                _, said = other.communicate(timeout=30)
                assert other.returncode != 0
                assert "store.database_unreachable" in said
        finally:
            other.kill()
    assert store.accounts.get(home.account).name == "in time"


RACE = """
import random, signal, sys
from pathlib import Path
from eilbote.clock import SystemClock
from eilbote.store import Store
store = Store.open(Path(sys.argv[1]), sys.argv[2])
tenure = store.ownership.join(SystemClock(), "serve")
accounts = list(range(1, 501))
random.Random(int(sys.argv[3])).shuffle(accounts)
print("ready", flush=True)
sys.stdin.read()
print(*[gained for account in accounts for gained in tenure.claim([account])], flush=True)
signal.pause()  # a process that ends gives its accounts free
"""


@pytest.mark.timeout(180)
def test_of_eight_processes_that_claim_500_accounts_each_goes_to_one(
    store: Store, tmp_path: Path, postgres_url: str
) -> None:
    """Each in an order of its own, so that they meet at every account."""
    start, go = os.pipe()
    command = [sys.executable, "-c", RACE, str(tmp_path / "home"), postgres_url]
    racers = [
        subprocess.Popen([*command, str(seed)], stdin=start, stdout=subprocess.PIPE, text=True)
        for seed in range(8)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        os.close(go)
        won = [[int(word) for word in racer.stdout.readline().split()] for racer in racers if racer.stdout]
        assert sorted(account for one in won for account in one) == list(range(1, 501))
        assert sum(bool(one) for one in won) > 1, "it was no race"
        assert len(store.ownership.holders()) == 500
    finally:
        os.close(start)
        for racer in racers:
            racer.kill()
            racer.wait()
            assert racer.stdout is not None
            racer.stdout.close()


def test_the_store_goes_on_after_a_restart_of_the_database(tmp_path: Path) -> None:
    cluster = Postgres()
    try:
        url = cluster.new_database()
        with Store.open(tmp_path / "home", url, lease_seconds=SECONDS) as store:
            home = Home(store)
            with joined(store) as tenure:
                tenure.claim([home.account])
                lease = tenure.lease(home.account)
                assert lease is not None
                cluster.restart()
                tenure.renew()
                assert tenure.holds(home.account)
                store.fenced(lease).accounts.update(home.account, name="after")
                assert store.accounts.get(home.account).name == "after"
    finally:
        cluster.remove()


def test_leases_of_a_process_of_this_machine_that_was_killed_run_out_at_once(
    store: Store, tmp_path: Path, postgres_url: str
) -> None:
    """Nobody waits for what cannot come back: not the next `sync` after a crash, either."""
    home = Home(store)
    start, go = os.pipe()
    os.close(go)
    command = [sys.executable, "-c", RACE, str(tmp_path / "home"), postgres_url, "0"]
    with subprocess.Popen(command, stdin=start, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert str(home.account) in other.stdout.readline().split()
        with joined(store) as mine:
            assert mine.claim([home.account]) == []
            other.kill()
            other.wait()
            assert mine.claim([home.account]) == [home.account]
    os.close(start)


# Packs: a writer that sleeps in the middle of writing


@pytest.mark.parametrize("asleep", ["before the lock", "before:pack-write", "after:pack-write"])
def test_who_wakes_in_the_middle_of_writing_writes_over_nothing(
    tmp_path: Path, postgres_url: str, postgres: Postgres, asleep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction was ended meanwhile, and others have committed bodies where it was to write."""
    sleeping, wake = threading.Event(), threading.Event()

    def observe(name: str) -> None:
        if name == asleep:
            sleeping.set()
            assert wake.wait(30)

    with Store.open(tmp_path / "home", postgres_url) as other:
        home = Home(other)
        first = home.arrive(arrival(1)).ids
        with Store.open(tmp_path / "home", postgres_url, observer=observe) as sleeper:
            if asleep == "before the lock":
                append = sleeper.bodies.packs.append

                def late(pack: int, end: int, records: Sequence[Record], still: Callable[[], object]) -> bool:
                    observe(asleep)
                    return append(pack, end, records, still)

                monkeypatch.setattr(sleeper.bodies.packs, "append", late)
            failed: list[EilboteError] = []

            def write() -> None:
                try:
                    sleeper.messages.apply(home.inbox, MailboxUpdate(arrivals=[arrival(2)]), NOW)
                except EilboteError as error:
                    failed.append(error)

            thread = threading.Thread(target=write)
            thread.start()
            assert sleeping.wait(30)
            assert isinstance(sleeper.database, PostgresDatabase)
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE application_name = '{sleeper.database.name}'",
                postgres_url,
            )
            ids = [*first, *home.arrive(*(arrival(uid) for uid in range(10, 20))).ids]
            wake.set()
            thread.join(30)
            assert [one.problem.code for one in failed] == ["store.database_unreachable"]
        ids += home.arrive(arrival(30)).ids
        other.bodies.packs.reread()
        assert [raw for _, raw in other.messages.stream_raw(ids)] == [
            raw_mail(uid) for uid in (1, *range(10, 20), 30)
        ]
        home.check()


@pytest.mark.parametrize(("table", "gone"), [("its own", True), ("another container", False), ("", False)])
def test_only_of_its_own_process_table_a_process_knows_who_was_killed(
    store: Store, postgres: Postgres, postgres_url: str, table: str, gone: bool
) -> None:
    """Two containers, or two machines made from one image, have the same name."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = me(NOW, "serve")
    assert mine.table
    told = Holder(ended.pid, mine.host, NOW, "serve", mine.table if table == "its own" else table)
    with joined(store) as first, joined(store) as second:
        first.claim([7])
        postgres.execute(f"UPDATE process SET holder = '{holder_to_text(told)}' WHERE id = 1", postgres_url)
        assert second.claim([7]) == ([7] if gone else [])
