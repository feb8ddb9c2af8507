"""Single messages: `.eml` files, one a mail, in folders named as the mailboxes.

The format has no place for flags and dates: an export writes them into a list beside the files
(`index.jsonl`), and an import reads them there.
"""

from __future__ import annotations

from pathlib import Path

from eilbote.errors import EilboteError, Misused, NotAllowed, Problem
from eilbote.files.disk import (
    Batch,
    check_text,
    entries,
    inside,
    make_folder,
    missing_source,
    read_mail_file,
    sync_folder,
    unread_folder,
)
from eilbote.files.index import Index, read_index
from eilbote.files.names import from_name, to_name
from eilbote.files.values import (
    INBOX,
    FoundFolder,
    FoundMail,
    Leaving,
    Levels,
    Observer,
    Reading,
    Unread,
    unobserved,
)
from eilbote.mail.mailbox import Flags

_INDEX = "index.jsonl"
_SUFFIX = ".eml"


# --- reading -----------------------------------------------------------------------------------------


def read_emls(source: Path) -> Reading:
    """A single file, or all `.eml` files in a folder and below. Those in the folder itself go to the
    inbox. Misused `files.no_source`, `files.no_eml`."""
    if source.is_file():
        yield FoundFolder(INBOX, 1)
        yield _read(source, frozenset(), None)
        return
    if not source.is_dir():
        raise missing_source(source)
    nothing = True
    for found in _read_folder(source, (), 0):
        nothing = False
        yield found
    if nothing:
        raise Misused("files.no_eml", path=check_text(source))


def _read_folder(folder: Path, levels: Levels, depth: int) -> Reading:
    try:
        here = inside(folder, depth)
    except EilboteError as error:
        yield unread_folder(folder, error.problem)
        return
    names = [name for name in here.files if name.lower().endswith(_SUFFIX) and not name.startswith(".")]
    if names or _INDEX in here.files:
        told = read_index(folder / _INDEX)
        yield FoundFolder(levels or INBOX, len(names))
        for name in names:
            entry = told.get(name)
            flags: Flags = frozenset(entry.flags) if entry is not None else frozenset()
            yield _read(folder / name, flags, float(entry.date) if entry is not None else None)
    yield from here.linked
    for name in here.folders:
        yield from _read_folder(folder / name, (*levels, from_name(name)), depth + 1)


def _read(path: Path, flags: Flags, date: float | None) -> FoundMail | Unread:
    raw = read_mail_file(path)
    where = check_text(path)
    return Unread(where, raw) if isinstance(raw, Problem) else FoundMail(where, raw, flags, date)


# --- writing -----------------------------------------------------------------------------------------


class EmlWriter:
    """Writes the files of one folder: `000001.eml` and so on."""

    def __init__(self, root: Path, levels: Levels, observer: Observer = unobserved) -> None:
        """NotAllowed `files.not_ours` where `.eml` files of another program lie in the folder."""
        self.path = root.joinpath(*(to_name(level) for level in levels))
        self._observer = observer
        make_folder(self.path)
        files, _ = entries(self.path)
        if _INDEX not in files and any(name.endswith(_SUFFIX) for name in files):
            raise NotAllowed("files.not_ours", path=check_text(self.path))
        self._index = Index(self.path / _INDEX)
        self._batch = Batch()

    def holds(self, mail: Leaving) -> bool:
        return self._index.takes(mail)

    def write(self, mail: Leaving, raw: bytes) -> Problem | None:
        name = f"{self._index.count + 1:06}{_SUFFIX}"
        self._observer("mail")
        half = self.path / f".{name}"
        self._batch.add(self.path / name, raw, by_way_of=half, date=float(int(mail.date)))
        self._index.add(mail, name=name)
        return None

    def flush(self) -> None:
        self._observer("flush")
        self._batch.settle()
        self._observer("names")
        sync_folder(self.path)
        self._observer("index")
        self._index.save()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._index.close()
