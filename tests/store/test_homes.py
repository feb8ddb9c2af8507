"""Homes that open, and those that are refused with a clear reason and left as they were."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Unreachable
from eilbote.store import Store
from eilbote.store.belonging import MARK
from eilbote.store.database import Database
from eilbote.store.schema.migrations import migrate, shipped, statements
from eilbote.store.sqlite import SqliteDatabase
from eilbote.store.update_values import MailboxUpdate
from tests.servers.postgres import Postgres
from tests.store.given import ANNA, NOW, Home, arrival, raw_mail


def refusal(home: Path, kind: type[EilboteError], url: str | None = None) -> str:
    with pytest.raises(kind) as refused:
        Store.open(home, url)
    return refused.value.problem.code


def test_a_home_opens_again_with_all_it_held(tmp_path: Path, url: str | None) -> None:
    with Store.open(tmp_path / "home", url) as store:
        (message,) = Home(store).arrive(arrival(1)).ids
    with Store.open(tmp_path / "home", url) as store:
        assert store.messages.raw(message) == raw_mail(1)
        assert store.accounts.get("ANNA@example.org").name == "Anna Größe"


def test_only_the_owner_of_the_files_may_read_them(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        Home(store).arrive(arrival(1))
        modes = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "home").rglob("*")}
    assert set(modes.values()) == {0}, modes
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_a_folder_of_other_things_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    assert refusal(tmp_path, NotAllowed) == "store.not_a_home"
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    assert refusal(tmp_path / "home", NotAllowed) == "store.not_a_home"


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "eilbote.sqlite"))
    connection.execute("CREATE TABLE songs (name)")
    connection.close()
    assert refusal(tmp_path, NotAllowed) == "store.not_a_home"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "eilbote.sqlite").write_bytes(b"no database " * 500)
    assert refusal(tmp_path, NotAllowed) == "store.not_a_home"


def test_a_home_of_a_newer_version_is_refused(tmp_path: Path, url: str | None) -> None:
    with Store.open(tmp_path / "home", url) as store, store.database.write() as session:
        session.run("UPDATE schema_version SET version = 9999")
    assert refusal(tmp_path / "home", NotAllowed, url) == "store.newer"


def test_a_home_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", forbidden)
    assert refusal(tmp_path / "home", NotAllowed) == "store.unreadable"


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    assert refusal(Path("/proc/eilbote"), NotAllowed) in {"store.unreadable", "store.not_a_home"}


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = "postgresql://eilbote@127.0.0.1:1/eilbote"
    assert refusal(tmp_path / "home", Unreachable, nowhere) == "store.database_unreachable"


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        Home(store).arrive(*(arrival(uid) for uid in range(1, 400)))
        with store.database.write() as session:
            session.run("DELETE FROM change")
        assert isinstance(store.database, SqliteDatabase)
        store.database.scrub()
    path = tmp_path / "home" / "eilbote.sqlite"
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(Gone) as gone, Store.open(tmp_path / "home") as store:
        store.messages.list_placements()
    assert gone.value.problem.code == "store.damaged"


# Transactions


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.database.write() as session:
        session.run("UPDATE counter SET value = 77")
        raise RuntimeError
    with store.database.read() as session:
        assert session.rows("SELECT DISTINCT value FROM counter") == [(0,)]


def test_transactions_do_not_nest(store: Store) -> None:
    with store.database.write(), pytest.raises(Misused), store.database.write():
        pass
    with store.database.write() as session:
        session.run("UPDATE counter SET value = 1")


def test_a_reader_sees_one_moment_while_another_thread_writes(home: Home) -> None:
    home.arrive(arrival(1))
    with home.store.database.read():
        assert home.held() == "1"
        writer = threading.Thread(target=lambda: home.arrive(arrival(2)))
        writer.start()
        writer.join()
        assert home.held() == "1"
    assert home.held() == "1:2"


def test_threads_write_one_after_the_other(home: Home) -> None:
    def work(start: int) -> None:
        for uid in range(start, start + 5):
            home.arrive(arrival(uid))

    threads = [threading.Thread(target=work, args=(start,)) for start in (1, 11, 21, 31)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(home.store.messages.held_uids(home.inbox)) == 20
    home.check()


def test_two_processes_share_a_home(home: Home, tmp_path: Path, url: str | None) -> None:
    """A second opening (as another process has it) appends to the same packs without harm."""
    (first,) = home.arrive(arrival(1)).ids
    with Store.open(tmp_path / "home", url) as other:
        (second,) = other.messages.apply(home.inbox, MailboxUpdate(arrivals=[arrival(2)]), NOW).ids
        (third,) = home.arrive(arrival(3)).ids
        for store in (home.store, other):
            found = [raw for _, raw in store.messages.stream_raw([first, second, third])]
            assert found == [raw_mail(1), raw_mail(2), raw_mail(3)]
    home.check()


# Migrations


@pytest.fixture
def bare(tmp_path: Path, url: str | None) -> Iterator[Database]:
    """A database without tables."""
    database: Database
    if url is None:
        database = SqliteDatabase(tmp_path / "bare.sqlite")
    else:
        from eilbote.store.postgres import PostgresDatabase

        database = PostgresDatabase(url)
    yield database
    database.close()


def test_a_migration_that_fails_leaves_the_version_before(bare: Database) -> None:
    good = (50, "CREATE TABLE extra (a TEXT)")
    bad = (51, "CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(Misused):
        migrate(bare, [*shipped(), good, bad])
    with bare.read() as session:
        assert session.one("SELECT version FROM schema_version") == (50,)
    migrate(bare, [*shipped(), good, (51, "CREATE TABLE half (a TEXT)")])
    with bare.read() as session:
        assert session.rows("SELECT * FROM half") == []


def test_a_home_of_the_version_before_is_brought_up(bare: Database) -> None:
    migrate(bare)
    migrate(bare)
    newer = [*shipped(), (9000, "ALTER TABLE account ADD COLUMN shoe_size {integer}")]
    migrate(bare, newer)
    with bare.read() as session:
        assert session.rows("SELECT shoe_size FROM account") == []
    with pytest.raises(NotAllowed):
        migrate(bare)


def test_numbers_of_migrations_are_unique_and_words_are_filled() -> None:
    numbers = [number for number, _ in shipped()]
    assert len(set(numbers)) == len(numbers)
    for _, sql in shipped():
        for dialect in ("sqlite", "postgres"):
            assert not [one for one in statements(sql, dialect) if "{" in one]


# Accounts


def test_accounts_are_found_changed_and_removed(store: Store) -> None:
    from eilbote.errors import Problem
    from eilbote.store.values import AccountState

    account = store.accounts.add(ANNA, NOW)
    assert (account.imap, account.smtp, account.pop3) == (ANNA.imap, ANNA.smtp, None)
    assert (account.sealed, account.created, account.state) == (ANNA.sealed, NOW, AccountState.NEW)
    with pytest.raises(Misused) as taken:
        store.accounts.add(ANNA, NOW)
    assert taken.value.problem.code == "store.account_exists"
    why = Problem("net.certificate", {"host": "imap.example.org"}, 60.0)
    store.accounts.set_state(account.id, AccountState.FAILING, why)
    store.accounts.update(account.id, name="Änne", trusted=("aa", "bb"))
    found = store.accounts.get(account.id)
    assert (found.name, found.trusted, found.problem, found.state) == (
        "Änne",
        ("aa", "bb"),
        why,
        AccountState.FAILING,
    )
    ready = store.accounts.synced(account.id, NOW + 5)
    assert (ready.state, ready.problem, ready.synced) == (AccountState.READY, None, NOW + 5)
    assert store.accounts.all() == [store.accounts.get("Anna@Example.ORG")]
    store.accounts.remove(account.id)
    with pytest.raises(Gone):
        store.accounts.get(account.id)
    assert store.accounts.add(ANNA, NOW).id != account.id


def test_a_database_without_room_says_so_and_goes_on_later(tmp_path: Path) -> None:
    """SQLite's own limit of pages stands for a disk that is full."""
    with Store.open(tmp_path / "home") as store:
        home = Home(store)
        with store.database.write() as session:
            session.rows("PRAGMA max_page_count = 1")  # as few as there are now
        with pytest.raises(Unreachable) as full:
            home.arrive(*(arrival(uid) for uid in range(1, 500)))
        assert full.value.problem.code == "store.full"
        assert home.held() == ""
        with store.database.write() as session:
            session.rows("PRAGMA max_page_count = 1000000")
        home.arrive(*(arrival(uid) for uid in range(1, 500)))
        assert home.held() == "1:499"
        home.check()


@pytest.mark.parametrize("left", [b"", b"no database " * 500])
def test_a_database_that_was_lost_is_damaged_not_empty(tmp_path: Path, left: bytes) -> None:
    with Store.open(tmp_path / "home") as store:
        Home(store).arrive(arrival(1))
    (tmp_path / "home" / "eilbote.sqlite").write_bytes(left)
    assert refusal(tmp_path / "home", Gone) == "store.damaged"
    (tmp_path / "home" / "eilbote.sqlite").unlink()  # moved away, as the remedy says
    with Store.open(tmp_path / "home") as store:
        assert store.accounts.all() == []


def test_a_disk_without_room_is_called_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_room = os.statvfs_result((4096, 4096, 10, 0, 0, 10, 0, 0, 0, 255))
    with SqliteDatabase(tmp_path / "a.sqlite").read():
        pass
    database = SqliteDatabase(tmp_path / "a.sqlite")
    monkeypatch.setattr(os, "statvfs", lambda path: no_room)
    with pytest.raises(Unreachable) as caught, database.read():
        raise apsw.IOError("disk I/O error")
    assert caught.value.problem.code == "store.full"
    monkeypatch.undo()
    with pytest.raises(Unreachable) as caught, database.read():
        raise apsw.IOError("disk I/O error")
    assert caught.value.problem.code == "store.unreadable"
    database.close()


# One database and one home


def test_a_second_home_on_one_database_is_refused(tmp_path: Path, postgres_url: str) -> None:
    with Store.open(tmp_path / "home", postgres_url) as store:
        assert refusal(tmp_path / "other", NotAllowed, postgres_url) == "store.other_home"
        (message,) = Home(store).arrive(arrival(1)).ids
        assert refusal(tmp_path / "other", NotAllowed, postgres_url) == "store.other_home"
    assert not list((tmp_path / "other").iterdir())
    with Store.open(tmp_path / "home", postgres_url) as store:
        assert store.messages.raw(message) == raw_mail(1)


def test_a_home_moves_and_is_brought_back_with_its_database(tmp_path: Path, postgres_url: str) -> None:
    with Store.open(tmp_path / "home", postgres_url) as store:
        (message,) = Home(store).arrive(arrival(1)).ids
    (tmp_path / "home").rename(tmp_path / "moved")
    (tmp_path / "moved" / "packs" / MARK).unlink()  # a backup of the packs alone
    for _ in range(2):
        with Store.open(tmp_path / "moved", postgres_url) as store:
            assert store.messages.raw(message) == raw_mail(1)
    assert refusal(tmp_path / "home", NotAllowed, postgres_url) == "store.other_home"


def test_who_has_lost_the_home_goes_on_as_the_remedy_says(tmp_path: Path, postgres_url: str) -> None:
    with Store.open(tmp_path / "home", postgres_url) as store:
        Home(store).arrive(arrival(1))
    with pytest.raises(NotAllowed) as refused:
        Store.open(tmp_path / "new", postgres_url)
    told = refused.value.problem.parameters
    path = Path(str(told["file"]))
    path.parent.mkdir()
    path.write_text(str(told["line"]))
    with Store.open(tmp_path / "new", postgres_url) as store:
        assert len(store.accounts.all()) == 1


@pytest.mark.parametrize("filled", [True, False])
def test_a_second_database_on_one_home_is_refused(
    tmp_path: Path, url: str | None, postgres: Postgres, filled: bool
) -> None:
    """Whoever forgets the setting once must not write over the bodies of the other."""
    ids: list[int] = []
    with Store.open(tmp_path / "home", url) as store:
        home = Home(store)
        if filled:
            ids += home.arrive(arrival(1)).ids
    other = postgres.new_database()
    assert refusal(tmp_path / "home", NotAllowed, other) == "store.other_database"
    if url is not None:
        assert refusal(tmp_path / "home", NotAllowed) == "store.other_database"
    with Store.open(tmp_path / "home", url) as store:
        assert [store.messages.raw(one) for one in ids] == [raw_mail(1)] * filled


def test_a_database_made_anew_leaves_the_packs_of_the_lost_one(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        Home(store).arrive(arrival(1))
    (old,) = (tmp_path / "home" / "packs").glob("*.pack")
    before = old.read_bytes()
    (tmp_path / "home" / "eilbote.sqlite").rename(tmp_path / "damaged.sqlite")
    with Store.open(tmp_path / "home") as store:
        (message,) = Home(store).arrive(arrival(2)).ids
        assert store.messages.raw(message) == raw_mail(2)
        store.compact(0.0)
    (aside,) = (tmp_path / "home" / "packs").glob("*/*.pack")
    assert aside.read_bytes() == before


def test_a_home_from_before_is_bound_when_it_is_opened(
    tmp_path: Path, url: str | None, postgres: Postgres
) -> None:
    with Store.open(tmp_path / "home", url) as store:
        (message,) = Home(store).arrive(arrival(1)).ids
        with store.database.write() as session:
            session.run("DELETE FROM home")
    (tmp_path / "home" / "packs" / MARK).unlink()
    if url is not None:
        assert refusal(tmp_path / "other", NotAllowed, url) == "store.other_home"
    assert refusal(tmp_path / "home", NotAllowed, postgres.new_database()) == "store.other_database"
    with Store.open(tmp_path / "home", url) as store:
        assert store.messages.raw(message) == raw_mail(1)
    assert (tmp_path / "home" / "packs" / MARK).exists()


def test_a_home_that_was_being_made_is_made_to_the_end(tmp_path: Path, url: str | None) -> None:
    """Killed before its database had its id, or before its file said so."""
    for stage in (1, 2):
        home = tmp_path / "home"
        with Store.open(home, url) as store, store.database.write() as session:
            if stage == 1:
                session.run("DELETE FROM home")
        path = home / "packs" / MARK
        path.write_text(path.read_text().strip() + " ?\n")
        with Store.open(home, url):
            assert "?" not in path.read_text()
