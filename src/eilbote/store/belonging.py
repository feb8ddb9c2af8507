"""One database and one folder of packs belong together: a row here and a file there name the same id.

Without it a second home on one PostgreSQL would find rows whose bodies lie elsewhere, and a second
database on one home would write its bodies over those of the first. It never changes what it refuses.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from msgspec import Struct

from eilbote.clock import SystemClock
from eilbote.errors import NotAllowed
from eilbote.store.database import Database, Session, integer, text
from eilbote.store.failures import files_at

MARK = "database"
"""The file in the folder of packs."""

Dialect = Literal["sqlite", "postgres"]


class _Mark(Struct, frozen=True):
    """What the file says: which database, and `tentative` until the database is known to have the id."""

    dialect: str
    id: str
    tentative: bool = False


def belong_together(database: Database, packs: Path) -> None:
    """Checks it; a database that is new, or older than this check, takes `packs` for its own.

    NotAllowed `store.other_home` for rows whose bodies lie in another home, `store.other_database` for
    a home that keeps its rows in another database."""
    dialect = database.dialect
    with database.read() as session:
        if _read(packs) == _Mark(dialect, _id(session) or ""):
            return
    with database.write() as session:  # one process after the other
        known = _id(session) or _given(session, dialect, packs)
        mark = _read(packs)
        if mark is not None and (mark.dialect, mark.id) == (dialect, known):
            fits = True
        else:  # without a mark the packs were lost, or brought back without it; SQLite lies beside them
            fits = _is_free(mark) and (dialect == "sqlite" or _has_all(session, packs))
    if not fits:
        line = _line(_Mark(dialect, known))
        raise NotAllowed("store.other_home", path=packs.parent, file=packs / MARK, line=line)
    _write(packs, _Mark(dialect, known))


def _is_free(mark: _Mark | None) -> bool:
    return mark is None or mark.tentative


def _given(session: Session, dialect: Dialect, packs: Path) -> str:
    """The id that the database has from now on. One without bodies takes the folder with it."""
    made = SystemClock().random_bytes(16).hex()
    session.run("INSERT INTO home (id) VALUES (?)", (made,))
    if session.one("SELECT 1 FROM pack WHERE length > 0") is None:
        mark, there = _read(packs), bool(_lengths(packs))
        if dialect == "sqlite" and (mark is None or mark.tentative or mark.dialect == dialect):
            # One that was damaged and moved away leaves its packs behind: nobody writes over them.
            _put_aside(packs, "unknown" if mark is None else mark.id)
        elif there or not _is_free(mark):
            raise NotAllowed("store.other_database", path=packs.parent, packs=packs)
        _write(packs, _Mark(dialect, made, tentative=True))
    return made


def _id(session: Session) -> str | None:
    row = session.one("SELECT id FROM home")
    return None if row is None else text(row[0])


def _has_all(session: Session, packs: Path) -> bool:
    """Every pack that has something is in the folder, and long enough; there is one."""
    wanted = session.rows("SELECT id, length FROM pack WHERE length > 0")
    there = _lengths(packs)
    return bool(wanted) and all(there.get(integer(pack), 0) >= integer(length) for pack, length in wanted)


def _lengths(packs: Path) -> dict[int, int]:
    with files_at(packs):
        return {int(one.stem): one.stat().st_size for one in packs.glob("*.pack") if one.stem.isdigit()}


def _put_aside(packs: Path, name: str) -> None:
    """What lies in the folder goes into one of its own, where no database looks for it."""
    with files_at(packs):
        for pack in sorted(packs.glob("*.pack")):
            (packs / name).mkdir(mode=0o700, exist_ok=True)
            pack.rename(packs / name / pack.name)


def _read(packs: Path) -> _Mark | None:
    path = packs / MARK
    with files_at(path):
        try:
            words = path.read_text("utf-8", "replace").split()
        except FileNotFoundError:
            return None
    return _Mark(words[0], words[1], words[2:] == ["?"]) if len(words) > 1 else None


def _write(packs: Path, mark: _Mark) -> None:
    """The whole file or none."""
    with files_at(packs):
        packs.mkdir(mode=0o700, exist_ok=True)
        beside = packs / f"{MARK}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, (_line(mark) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(packs / MARK)
        folder = os.open(packs, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(mark: _Mark) -> str:
    return f"{mark.dialect} {mark.id}" + (" ?" if mark.tentative else "")
