"""Files that go with a mail while it is written: on disk in a folder of the home, each once, however often
the text is saved. Their names there are ours; what people call them stands in the store alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.send import LARGEST, sending_of
from eilbote.errors import Gone, Misused
from eilbote.mail.download_name import download_name
from eilbote.mail.draft import Draft, File, Image
from eilbote.mail.media_type import media_type_for
from eilbote.mail.part import safe_file_name
from eilbote.store.failures import files_at
from eilbote.store.values import Account
from eilbote.store.writings import WrittenFile

MOST_FILES = 100
"""Files of one mail."""

_FOLDER = "uploads"
_NAME_BYTES = 16
_STRAY_SECONDS = 3600.0
"""A file that nobody needs is removed when it is so old: an upload may still be on its way."""


class Upload(Struct, frozen=True):
    """A file that a browser has sent: where it lies for now, and what it is called there."""

    name: str
    size: int
    path: Path


class Received(Struct, frozen=True):
    """The files of a form; `too_large`: they were more than any mail holds, so many bytes, and none was
    kept; the fields of the form count all the same."""

    files: tuple[Upload, ...] = ()
    too_large: int = 0


def uploads_folder(app: App) -> Path:
    """Where files come to lie; made if it is not there. For nobody else's eyes."""
    folder = app.store.home / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def fresh_file(app: App) -> Path:
    """A file that is not there yet."""
    return uploads_folder(app) / app.clock.random_bytes(_NAME_BYTES).hex()


def kept_uploads(app: App, uploads: Sequence[Upload]) -> list[WrittenFile]:
    """The uploads as files of a mail, moved to where they stay. Safe against a loss of power."""
    kept: list[WrittenFile] = []
    with files_at(app.store.home / _FOLDER):
        for number, one in enumerate(uploads, 1):
            path = fresh_file(app)
            one.path.rename(path)
            _sync(path)
            name = shown_name(one.name, number)
            kept.append(WrittenFile(name, media_type_for(name), one.size, path.name))
        if kept:
            _sync(uploads_folder(app))
    return kept


def kept_of(app: App, draft: Draft) -> list[WrittenFile]:
    """What a draft brings with it."""
    kept = [
        WrittenFile(one.name, one.type, len(one.content), _write(app, one.content)) for one in draft.files
    ]
    for one in draft.images:
        file = _write(app, one.content)
        kept.append(WrittenFile(one.name, one.type, len(one.content), file, one.content_id))
    return kept


def copied(app: App, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    """The same files for another mail, of which each is removed for itself; one that is gone is left out. No
    byte is copied."""
    made: list[WrittenFile] = []
    for one in files:
        source, path = uploads_folder(app) / one.file, fresh_file(app)
        if source.exists():
            with files_at(path):
                path.hardlink_to(source)
            made.append(replace(one, file=path.name, id=0))
    return made


def with_files(app: App, draft: Draft, files: Sequence[WrittenFile]) -> Draft:
    """The draft with the content of its files. Gone `draft.file_gone`."""
    contents = [(one, _read(app, one)) for one in files]
    return replace(
        draft,
        files=tuple(File(one.name, data, one.type) for one, data in contents if not one.content_id),
        images=tuple(
            Image(one.content_id, data, one.type, one.name) for one, data in contents if one.content_id
        ),
    )


def check_room(account: Account, files: Sequence[WrittenFile], more: Received) -> None:
    """Misused `draft.too_large`, `draft.too_many_files`: no server takes that much."""
    count = len(files) + len(more.files)
    if count > MOST_FILES:
        raise Misused("draft.too_many_files", count=count, limit=MOST_FILES)
    size = sum(one.size for one in files) + (more.too_large or sum(one.size for one in more.files))
    limit = room_of(account)
    if size > limit:
        raise Misused("draft.too_large", size=size, limit=limit)


def room_of(account: Account) -> int:
    """Bytes of files that a mail of this account can carry: base64 (RFC 2045 section 6.8) makes 78 of 57."""
    grants = sending_of(account)
    return min(LARGEST, (grants and grants.largest_message) or LARGEST) * 57 // 78


def removed(app: App, files: Iterable[WrittenFile]) -> None:
    """They are not needed any more."""
    for one in files:
        (uploads_folder(app) / one.file).unlink(missing_ok=True)


def sweep(app: App) -> int:
    """Removes what no mail needs; returns how many files that were."""
    needed, before = app.store.writings.files_on_disk(), app.clock.now() - _STRAY_SECONDS
    stray = [
        path
        for path in uploads_folder(app).iterdir()
        if path.name not in needed and path.is_file() and path.stat().st_mtime < before
    ]
    for path in stray:
        path.unlink(missing_ok=True)
    return len(stray)


def shown_name(name: str, number: int) -> str:
    """A name as it goes out: without path, direction and control characters."""
    return download_name(safe_file_name(name), str(number))


def _write(app: App, content: bytes) -> str:
    with files_at(app.store.home / _FOLDER):
        path = fresh_file(app)
        path.write_bytes(content)
        _sync(path)
    return path.name


def _read(app: App, file: WrittenFile) -> bytes:
    try:
        return (uploads_folder(app) / file.file).read_bytes()
    except OSError:  # gone, or not to be read
        raise Gone("draft.file_gone", file=file.name) from None


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
