"""Files and folders of mail: opened, listed, and written so that they last.

Foreign files are read with bounds and never followed out of their folder; what the system refuses
becomes one Problem (`files.*`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem, Unreachable
from eilbote.files.values import Unread

LARGEST_MAIL = 150 << 20
"""As much as is taken from a server."""

PIECE_BYTES = 1 << 20
_DEEPEST = 50
"""So many folders inside each other are gone through."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns what the system says into one of ours: Gone `files.missing`, Unreachable `files.full`,
    NotAllowed `files.refused`."""
    try:
        yield
    except FileNotFoundError:
        raise Gone("files.missing", path=path) from None
    except OSError as error:
        if error.errno in _FULL:
            raise Unreachable("files.full", path=path) from None
        raise NotAllowed("files.refused", path=path, reason=error.strerror or type(error).__name__) from None


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading. NotAllowed `files.not_regular` for links (in a folder of somebody's
    they may lead anywhere), pipes, sockets and devices."""
    return _opened(path, os.O_RDONLY, "rb")


def open_to_add(path: Path) -> BinaryIO:
    """Opens a file for reading and for writing at its end, made if need be. NotAllowed as
    `open_regular`, and in this module's words whatever else stands in the way."""
    with translated(path):
        return _opened(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, "a+b")


def open_anew(path: Path) -> BinaryIO:
    """Opens an empty file for writing, made or emptied. Errors as `open_to_add`."""
    with translated(path):
        return _opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "wb")


def _opened(path: Path, flags: int, mode: str) -> BinaryIO:
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotAllowed("files.not_regular", path=check_text(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAllowed("files.not_regular", path=check_text(path))
    return os.fdopen(handle, mode)  # type: ignore[return-value]  # each mode is a binary one


def let_go(file: BinaryIO) -> None:
    """Closes a file that was made to last as far as it ever will be. What the system could not write
    then, it is not asked for again, and was told."""
    with suppress(OSError):
        file.close()


def read_mail_file(path: Path) -> bytes | Problem:
    """A file's bytes, or why they cannot be had: it is no file, too large, not readable."""
    try:
        with translated(path), open_regular(path) as file:
            about = os.fstat(file.fileno())
            if about.st_size > LARGEST_MAIL:
                return Problem("files.too_large", {"size": str(about.st_size), "limit": str(LARGEST_MAIL)})
            return file.read(LARGEST_MAIL + 1)
    except EilboteError as error:
        return error.problem


def pieces(path: Path) -> Iterator[bytes]:
    """A file piece by piece."""
    with translated(path), open_regular(path) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def entries(folder: Path) -> tuple[list[str], list[str]]:
    """The names of what lies in a folder, and of the folders in it, each sorted. Links are never
    followed: one is among the first, whatever it leads to."""
    files: list[str] = []
    folders: list[str] = []
    with translated(folder), os.scandir(folder) as found:
        for entry in found:
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return sorted(files), sorted(folders)


class Inside(Struct, frozen=True):
    """What lies in a folder that is gone through: names of files and of folders, and what is not read
    because it is another folder that a link leads to."""

    files: list[str]
    folders: list[str]
    linked: list[Unread]


def inside(folder: Path, depth: int) -> Inside:
    """What lies in a folder with `depth` others above it. NotAllowed `files.too_deep`, and as
    `entries`."""
    if depth > _DEEPEST:
        raise NotAllowed("files.too_deep", path=check_text(folder), limit=_DEEPEST)
    names, folders = entries(folder)
    linked = {name for name in names if (folder / name).is_symlink() and (folder / name).is_dir()}
    paths = [check_text(folder / name) for name in sorted(linked)]
    return Inside(
        [name for name in names if name not in linked],
        folders,
        [Unread(path, Problem("files.not_regular", {"path": path}), is_mail=False) for path in paths],
    )


def unread_folder(folder: Path, problem: Problem) -> Unread:
    """A folder, or a list beside mails, that could not be read."""
    return Unread(check_text(folder), problem, is_mail=False)


def make_folder(folder: Path) -> None:
    """The folder, and those above it, where they are not there yet."""
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_lasting(path: Path, data: bytes, *, by_way_of: Path) -> None:
    """A whole file or none: written beside, made to last, then given its name."""
    with translated(path):
        file = open_anew(by_way_of)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        finally:
            let_go(file)
        by_way_of.replace(path)


class Batch:
    """Files on their way to last: written beside, and given their names together. Making a hundred of
    them last at once costs hardly more than one alone."""

    def __init__(self) -> None:
        self._waiting: list[tuple[BinaryIO, Path, Path]] = []

    def add(self, path: Path, data: bytes, *, by_way_of: Path, date: float) -> None:
        """A whole file or none; `date` becomes its time of modification, where the file system has it."""
        with translated(path):
            file = open_anew(by_way_of)
            try:
                file.write(data)
                file.flush()
            except BaseException:  # half a mail never gets its name
                let_go(file)
                by_way_of.unlink(missing_ok=True)
                raise
            with suppress(OverflowError, OSError):
                os.utime(file.fileno(), (date, date))
            self._waiting.append((file, by_way_of, path))

    def settle(self) -> None:
        """Makes all of them last under their names."""
        waiting, self._waiting = self._waiting, []
        try:
            for file, _, path in waiting:
                with translated(path):
                    os.fsync(file.fileno())
            for _, by_way_of, path in waiting:
                with translated(path):
                    by_way_of.replace(path)
        finally:
            for file, _, _ in waiting:
                let_go(file)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder last."""
    with translated(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def named_by_user(path: Path) -> Path:
    """Where a path leads that a person gave: this one link is followed."""
    return Path(os.path.realpath(path))


def check_text(path: Path) -> str:
    """A path as a person reads it: undecodable bytes of a name shown as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def missing_source(path: Path) -> Misused:
    """What was named is neither a file nor a folder."""
    return Misused("files.no_source", path=check_text(path))
