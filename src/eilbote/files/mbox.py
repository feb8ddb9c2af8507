"""mbox files: one for each mailbox, `Archiv/2025.mbox` for `2025` below `Archiv`.

Thunderbird's folders (`Archiv.sbd/2025`), Apple's (`Archiv.mbox/mbox`) and bare files are read too.
An export appends; what lasts is named in a list beside the file, and a killed run's torn end is cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import BinaryIO, assert_never

from eilbote.errors import EilboteError, Misused, NotAllowed, Problem
from eilbote.files.disk import (
    LARGEST_MAIL,
    check_text,
    inside,
    let_go,
    make_folder,
    missing_source,
    open_regular,
    open_to_add,
    pieces,
    sync_folder,
    translated,
    unread_folder,
)
from eilbote.files.index import Index
from eilbote.files.names import from_name, to_name
from eilbote.files.values import (
    FoundFolder,
    FoundMail,
    Leaving,
    Levels,
    Observer,
    Reading,
    Unread,
    unobserved,
)
from eilbote.mail.arrival import return_path
from eilbote.mail.mbox import COUNTED, SAMPLE_BYTES, Dialect, is_exact, recognise, write_mail
from eilbote.mail.mbox_flags import split_flags, with_flags
from eilbote.mail.mbox_reading import Gap, MboxGap, read_mbox

_SUFFIXES = (".mbox", ".sbd", ".mbx")


# --- reading -----------------------------------------------------------------------------------------


def read_mboxes(source: Path, dialect: Dialect | None) -> Reading:
    """The mails of a file, or of all mbox files below a folder. Without `dialect` each file's own is
    recognised. Misused `files.no_source`, `files.no_mbox`."""
    if source.is_file():
        found: Iterator[tuple[Path, Levels] | Unread] = iter([(source, (_level(source.name),))])
    elif source.is_dir():
        found = _files(source, (), 0)
    else:
        raise missing_source(source)
    first = next(found, None)
    if first is None:
        raise Misused("files.no_mbox", path=check_text(source))
    for one in chain([first], found):
        if isinstance(one, Unread):
            yield one
            continue
        path, levels = one
        yield FoundFolder(levels)
        try:
            yield from _read_file(path, dialect)
        except EilboteError as error:
            yield Unread(check_text(path), error.problem)


def _files(folder: Path, levels: Levels, depth: int) -> Iterator[tuple[Path, Levels] | Unread]:
    try:
        here = inside(folder, depth)
    except EilboteError as error:
        yield unread_folder(folder, error.problem)
        return
    yield from here.linked
    for name in here.files:
        if name.endswith(".mbox") or _begins_as_mbox(folder / name):
            apple = name == "mbox" and folder.suffix == ".mbox" and levels
            yield folder / name, levels if apple else (*levels, _level(name))
    for name in here.folders:
        yield from _files(folder / name, (*levels, _level(name)), depth + 1)


def _level(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix) or name
    return from_name(name)


def _begins_as_mbox(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(8).removeprefix(b"\xef\xbb\xbf").startswith(b"From ")
    except (OSError, NotAllowed):
        return False


def _read_file(path: Path, dialect: Dialect | None) -> Reading:
    if dialect is None:
        with translated(path), open_regular(path) as file:
            dialect = recognise(file.read(SAMPLE_BYTES))
    name = check_text(path)
    for found in read_mbox(pieces(path), dialect):
        where = f"{name}, {found.offset}"
        if isinstance(found, MboxGap):
            yield Unread(where, _problem_of(found))
            continue
        raw, flags = split_flags(found.raw)
        odd = Problem("files.wrong_length") if found.misled else None
        yield FoundMail(where, raw, flags, found.date, odd)


def _problem_of(gap: MboxGap) -> Problem:
    match gap.reason:
        case Gap.NO_FROM_LINE:
            return Problem("files.no_from_line", {"size": str(gap.size)})
        case Gap.TOO_LARGE:
            return Problem("files.too_large", {"size": str(gap.size), "limit": str(LARGEST_MAIL)})
        case _:
            assert_never(gap.reason)


# --- writing -----------------------------------------------------------------------------------------


class MboxWriter:
    """Appends mails to one file."""

    def __init__(self, root: Path, levels: Levels, dialect: Dialect, observer: Observer = unobserved) -> None:
        """NotAllowed `files.not_ours` where another program's file has the name, `files.changed` where
        ours was made shorter since."""
        *above, last = [to_name(level) for level in levels]
        folder = root.joinpath(*above)
        make_folder(folder)
        self.path = folder / f"{last}.mbox"
        self._dialect = dialect
        self._observer = observer
        listed = folder / f"{last}.mbox.index"
        if self.path.exists() and self.path.stat().st_size and not listed.exists():
            raise NotAllowed("files.not_ours", path=check_text(self.path))
        with ExitStack() as opened:
            self._index = opened.enter_context(closing(Index(listed)))
            self._file: BinaryIO = open_to_add(self.path)
            opened.callback(let_go, self._file)
            self._file.seek(0, os.SEEK_END)
            self._end = self._index.last.end if self._index.last is not None else 0
            if self._file.tell() < self._end:
                raise NotAllowed("files.changed", path=check_text(self.path))
            with translated(self.path):
                self._file.truncate(self._end)
            sync_folder(folder)
            self._opened = opened.pop_all()

    def holds(self, mail: Leaving) -> bool:
        return self._index.takes(mail)

    def write(self, mail: Leaving, raw: bytes) -> Problem | None:
        entry = with_flags(raw, mail.flags)
        data = write_mail(entry, return_path(raw), mail.date, self._dialect)
        self._observer("mail")
        with translated(self.path):
            self._file.write(data)
        self._end += len(data)
        self._index.add(mail, end=self._end)
        whole = entry if self._dialect in COUNTED else _ended(entry)
        return None if is_exact(whole, self._dialect) else Problem("export.inexact")

    def flush(self) -> None:
        with translated(self.path):
            self._file.flush()
            self._observer("flush")
            os.fsync(self._file.fileno())
        self._observer("index")
        self._index.save()

    def close(self) -> None:
        with self._opened:
            self.flush()


def _ended(entry: bytes) -> bytes:
    """An entry whose missing line end is told in its head counts as whole."""
    return entry if entry.endswith(b"\n") else entry + b"\n"
