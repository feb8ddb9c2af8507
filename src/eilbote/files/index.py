"""The list that an export keeps beside what it writes: one line of JSON for each mail that is there.

It says what a run that was killed had finished, holds the flags that a format has no place for, and is
read again by `import`. A line is written only after the mail it names lasts.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from eilbote.errors import NotAllowed
from eilbote.files.disk import check_text, let_go, open_regular, open_to_add, translated
from eilbote.files.values import Leaving
from eilbote.mail.mailbox import flags_to_text

_LONGEST_LINE = 64 * 1024


class Entry(msgspec.Struct, frozen=True):
    """A mail that was written: its hash (hex), when it arrived, its flags; in a folder of files the
    file's `name`, in one file the place where its bytes `end`."""

    sha256: str
    date: int
    flags: list[str]
    name: str = ""
    end: int = 0


class Index:
    """An open list. What an earlier run had finished is in `done`; `last` is its last entry."""

    def __init__(self, path: Path) -> None:
        """NotAllowed `files.no_index` where the file is no list of ours."""
        self.path = path
        self.last: Entry | None = None
        self.count = 0
        self._done: Counter[tuple[bytes, int]] = Counter()
        self._waiting: list[Entry] = []
        self._file: BinaryIO = open_to_add(path)
        try:
            self._read()
        except BaseException:
            let_go(self._file)
            raise

    def _read(self) -> None:
        whole = 0
        for entry, end in _entries_to(self._file, self.path):
            self._done[bytes.fromhex(entry.sha256), entry.date] += 1
            self.last = entry
            self.count += 1
            whole = end
        with translated(self.path):
            self._file.truncate(whole)  # a line that a kill tore is written again

    def takes(self, mail: Leaving) -> bool:
        """Whether the mail is in the list; each entry answers once."""
        key = (mail.sha256, int(mail.date))
        if not self._done[key]:
            del self._done[key]
            return False
        self._done[key] -= 1
        return True

    def add(self, mail: Leaving, *, name: str = "", end: int = 0) -> None:
        """To be written at the next `save`."""
        flags = flags_to_text(mail.flags).split()
        self._waiting.append(Entry(mail.sha256.hex(), int(mail.date), flags, name, end))
        self.count += 1

    def save(self) -> None:
        """Makes what was added last. The mails themselves must last already."""
        with translated(self.path):
            self._file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in self._waiting))
            self._file.flush()
            os.fsync(self._file.fileno())
        self._waiting.clear()

    def close(self) -> None:
        let_go(self._file)


def read_index(path: Path) -> dict[str, Entry]:
    """What a list says of the files of its folder; empty where there is none, or none of ours."""
    try:
        with open_regular(path) as file:
            return {entry.name: entry for entry, _ in _entries_to(file, path) if entry.name}
    except (OSError, NotAllowed):
        return {}


def _entries_to(file: BinaryIO, path: Path) -> Iterator[tuple[Entry, int]]:
    """Every whole line, and where it ends. A torn last line is none."""
    file.seek(0)
    end = 0
    while line := file.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            return
        end += len(line)
        try:
            entry = msgspec.json.decode(line, type=Entry)
            bytes.fromhex(entry.sha256)
        except (msgspec.MsgspecError, ValueError):
            raise NotAllowed("files.no_index", path=check_text(path)) from None
        yield entry, end
