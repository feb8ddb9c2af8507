"""The database read through for faults, within a time."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from eilbote.store import Store
from eilbote.store.sqlite import SqliteDatabase
from tests.store.given import Home, arrival


def test_a_database_is_sound_and_says_its_schema(home: Home) -> None:
    home.arrive(arrival(1), arrival(2))
    sound = home.store.database.soundness(10.0)
    assert sound.faults == () and sound.schema > 20
    assert sound.read == ("whole" if home.store.database.dialect == "sqlite" else "catalogue")


def damage(path: Path) -> None:
    """Overwrites the first page of an index."""
    connection = apsw.Connection(str(path))
    size = connection.pragma("page_size")
    sql = "SELECT max(rootpage) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'placement'"
    page = connection.execute(sql).get
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xa5" * size
    path.write_bytes(data)


def test_a_damaged_file_is_found_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        home = Home(store)
        home.arrive(*(arrival(uid) for uid in range(1, 400)))
        store.database.scrub()
        assert isinstance(store.database, SqliteDatabase)
        path = store.database.path
    damage(path)
    database = SqliteDatabase(path)
    try:
        sound = database.soundness(10.0)
        assert 1 <= len(sound.faults) <= 5 and all(sound.faults)
    finally:
        database.close()


def test_time_that_is_over_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """A connection whose check takes longer than there is time for."""

        def __init__(self, connection: apsw.Connection) -> None:
            self._connection = connection

        def execute(self, sql: str) -> object:
            if sql.startswith("PRAGMA quick_check"):
                raise apsw.InterruptError("interrupted")
            return self._connection.execute(sql)

        def interrupt(self) -> None:
            self._connection.interrupt()

        def close(self) -> None:
            self._connection.close()

    with Store.open(tmp_path / "home") as store:
        database = store.database
        assert isinstance(database, SqliteDatabase)
        connect = database._connect_to_read
        monkeypatch.setattr(database, "_connect_to_read", lambda: Slow(connect()))
        sound = database.soundness(10.0)
        assert (sound.faults, sound.read) == ((), "part") and sound.schema > 20
        monkeypatch.undo()
        assert database.soundness(10.0).read == "whole"  # whoever reads on is not stopped
