"""Bodies on disk: append-only files of self-describing records.

A record is a header, a table of the bodies inside (hash and size of each) and the stored bytes,
so that a pack can be scanned and checked without the database. It knows files, never rows: where
a pack ends is told by its caller, who learns it from the last commit. Bytes beyond that end are
the torn tail of a crash; the next append overwrites them.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import assert_never
from zlib import crc32

from backports import zstd
from msgspec import Struct

from eilbote.errors import Gone
from eilbote.store.database import Observer, unobserved
from eilbote.store.failures import files_at, from_os

PACK_BYTES = 256 * 1024 * 1024
"""A pack that is longer than this gets no further record."""
_LARGEST_DECODED = 2**31

_MAGIC = b"EILB"
_HEADER = struct.Struct(">4sBBHIQQ")  # magic, version, encoding, 0, count of bodies, stored, decoded bytes
_CHECK = struct.Struct(">I")  # CRC-32 of header and table; the bodies are checked by their hashes
_ENTRY = struct.Struct(">32sQ")  # sha256 and size of one body
_ALONE = _HEADER.size + _ENTRY.size + _CHECK.size
"""What a record of one body has before the body."""
_VERSION = 1
_STEP = 1024 * 1024
"""Bytes of one write: a batch is never in memory twice, and writes of 4 MB were measured to be eight
times slower than writes of 1 MB."""


class Encoding(IntEnum):
    """How a record's bytes are stored. `ERASED` marks a record that was overwritten for good."""

    RAW = 0
    ZSTD = 1
    ERASED = 255


_ENCODINGS = frozenset(Encoding)


class Record(Struct, frozen=True):
    """One block of bodies, ready to be appended: `pieces` in their order are the record on disk,
    `table` says which bodies (hash, size) it holds."""

    pieces: tuple[bytes, ...]
    length: int
    encoding: Encoding
    table: tuple[tuple[bytes, int], ...]


class Scanned(Struct, frozen=True):
    """A record found by a scan: where it lies and which bodies (hash, size) it holds."""

    position: int
    length: int
    bodies: tuple[tuple[bytes, int], ...]
    intact: bool
    erased: bool


def make_record(bodies: Sequence[tuple[bytes, bytes]], packed: bytes | None) -> Record:
    """A record of bodies given as (sha256, bytes); `packed` is what `blocks.compressed` made of
    them."""
    table = tuple([(digest, len(body)) for digest, body in bodies])
    stored = (packed,) if packed is not None else tuple([body for _, body in bodies])
    encoding = Encoding.RAW if packed is None else Encoding.ZSTD
    size = sum(map(len, stored))
    head = _head(encoding, len(table), size, sum([size for _, size in table]))
    head += b"".join([_ENTRY.pack(digest, size) for digest, size in table])
    head += _CHECK.pack(crc32(head))
    return Record((head, *stored), len(head) + size, encoding, table)


def _head(encoding: Encoding, count: int, stored: int, decoded: int) -> bytes:
    return _HEADER.pack(_MAGIC, _VERSION, encoding, 0, count, stored, decoded)


class Packs:
    """The folder of packs. Reading is safe from any thread; one writer at a time (the caller's
    write transaction sees to that)."""

    def __init__(self, folder: Path, observer: Observer | None = None) -> None:
        self.folder = folder
        self._observe = observer or unobserved
        self._lock = threading.Lock()
        self._files: dict[int, int] = {}
        self._recent: tuple[tuple[int, int], bytes] | None = None
        with files_at(folder):
            folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, pack: int) -> Path:
        return self.folder / f"{pack:06d}.pack"

    def append(
        self,
        pack: int,
        end: int,
        records: Sequence[Record],
        still: Callable[[], object] = lambda: None,
    ) -> bool:
        """Writes records at `end`, the committed length, and makes them and the pack's name last.
        Unreachable `store.full` without room: nothing is lost, the caller rolls back.

        False, and nothing is written, where another writer has the pack: one that was stopped in the
        middle of writing goes on when it wakes, whatever became of its transaction. `still` raises
        where the caller's own is over; asked when no other can have the pack any more."""
        path = self.path(pack)
        with files_at(path):
            created = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                still()
                self._observe("before:pack-write")
                _write_all(descriptor, [piece for record in records for piece in record.pieces], end)
                self._observe("after:pack-write")
                self._observe("before:pack-sync")
                os.fdatasync(descriptor)
                if created:
                    _sync_folder(self.folder)
                self._observe("after:pack-sync")
            finally:
                os.close(descriptor)
        return True

    def body(self, pack: int, position: int, length: int, skip: int, size: int, digest: bytes) -> bytes:
        """One body, checked against its hash. Gone `store.body_missing` or `store.body_damaged`."""
        body = self._decoded(pack, position, length, size)[skip : skip + size]
        if sha256(body).digest() != digest:
            raise Gone("store.body_damaged", pack=self.path(pack), position=position)
        return body

    def unchecked_body(
        self, pack: int, position: int, length: int, skip: int, size: int, digest: bytes
    ) -> bytes:
        """One body as `body` gives it, but not hashed: for derived data about what was stored a
        moment ago. Bytes that rotted on disk are not noticed; an erased or moved record is. Gone as
        with `body`."""
        if length != _ALONE + size:  # a block, or compressed
            return self._decoded(pack, position, length, size)[skip : skip + size]
        body = self._read(pack, position + _ALONE, size)
        # Read after the body: erasing overwrites a record from its beginning.
        head = self._read(pack, position, _ALONE)
        encoding, end = head[5], _ALONE - _CHECK.size
        if (
            encoding != Encoding.RAW
            or _CHECK.unpack_from(head, end)[0] != crc32(head[:end])
            or _ENTRY.unpack_from(head, _HEADER.size) != (digest, size)
        ):
            raise Gone("store.body_damaged", pack=self.path(pack), position=position)
        return body

    def reread(self) -> None:
        """The next body is read from the disk, even if its record was the last one read."""
        self._recent = None

    def _decoded(self, pack: int, position: int, length: int, size: int) -> bytes:
        """The decoded bytes of a record of which a body of `size` is wanted. The last one with more
        than that in it is kept, because neighbours are read together."""
        recent = self._recent
        if recent is not None and recent[0] == (pack, position):
            return recent[1]
        data = self._read(pack, position, length)
        decoded = _decode(data)
        if decoded is None:
            raise Gone("store.body_damaged", pack=self.path(pack), position=position)
        if len(decoded) > size:
            self._recent = ((pack, position), decoded)
        return decoded

    def _read(self, pack: int, position: int, length: int) -> bytes:
        try:
            with self._lock:  # a pack that is removed meanwhile must not lend its descriptor to another
                data = os.pread(self._descriptor(pack), length, position)
        except FileNotFoundError as error:
            raise Gone("store.body_missing", pack=self.path(pack)) from error
        except OSError as error:
            raise from_os(error, self.path(pack)) from error
        if len(data) < length:
            raise Gone("store.body_missing", pack=self.path(pack))
        return data

    def _descriptor(self, pack: int) -> int:
        known = self._files.get(pack)
        if known is None:
            known = os.open(self.path(pack), os.O_RDONLY | os.O_CLOEXEC)
            self._files[pack] = known
        return known

    def scan(self, pack: int, end: int) -> Iterator[Scanned]:
        """Every record up to `end`, each checked; stops at the first that is no record at all."""
        position = 0
        while position + _HEADER.size <= end:
            magic, version, encoding, _, count, stored, _ = _HEADER.unpack(
                self._read(pack, position, _HEADER.size)
            )
            length = _HEADER.size + count * _ENTRY.size + _CHECK.size + stored
            if magic != _MAGIC or version != _VERSION or position + length > end:
                return
            bodies = _bodies(self._read(pack, position, length))
            erased = encoding == Encoding.ERASED
            yield Scanned(position, length, bodies or (), bodies is not None, erased)
            position += length

    def overwrite(self, pack: int, ranges: Sequence[tuple[int, int]]) -> None:
        """Replaces records (position, length) by zeros under a header marked erased, for good."""
        path = self.path(pack)
        with files_at(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                self._observe("before:pack-erase")
                for position, length in ranges:
                    room = length - _HEADER.size - _CHECK.size
                    head = _head(Encoding.ERASED, 0, room, 0)
                    _write_all(descriptor, [head, _CHECK.pack(crc32(head)), bytes(room)], position)
                os.fdatasync(descriptor)
                self._observe("after:pack-erase")
            finally:
                os.close(descriptor)
        self._recent = None

    def remove(self, pack: int) -> None:
        """Deletes a pack that no content lies in."""
        with self._lock:
            known = self._files.pop(pack, None)
            if known is not None:
                os.close(known)
        self._recent = None
        with files_at(self.path(pack)):
            self.path(pack).unlink(missing_ok=True)
            _sync_folder(self.folder)

    def numbers(self) -> list[int]:
        """The packs on disk, committed or not."""
        with files_at(self.folder):
            return sorted(int(path.stem) for path in self.folder.glob("*.pack") if path.stem.isdigit())

    def close(self) -> None:
        with self._lock:
            for descriptor in self._files.values():
                os.close(descriptor)
            self._files.clear()


def _table(data: bytes) -> tuple[Encoding, int, int, list[tuple[bytes, int]]] | None:
    """Encoding, start of the stored bytes, decoded size and bodies of a record; None if it is broken."""
    if len(data) < _HEADER.size + _CHECK.size:
        return None
    magic, version, encoding, _, count, stored, decoded = _HEADER.unpack_from(data)
    end = _HEADER.size + count * _ENTRY.size
    start = end + _CHECK.size
    if magic != _MAGIC or version != _VERSION or len(data) != start + stored or decoded > _LARGEST_DECODED:
        return None
    if encoding not in _ENCODINGS:
        return None
    if _CHECK.unpack_from(data, end)[0] != crc32(memoryview(data)[:end]):
        return None
    bodies = [(digest, size) for digest, size in _ENTRY.iter_unpack(memoryview(data)[_HEADER.size : end])]
    return Encoding(encoding), start, decoded, bodies


def _decode(data: bytes) -> bytes | None:
    """The bodies of a record, one after the other; None if it cannot be read."""
    table = _table(data)
    if table is None:
        return None
    encoding, start, size, _ = table
    match encoding:
        case Encoding.RAW:
            return data[start:]
        case Encoding.ERASED:
            return None
        case Encoding.ZSTD:
            try:
                decoded = zstd.ZstdDecompressor().decompress(memoryview(data)[start:], max_length=size)
            except zstd.ZstdError:
                return None
            return decoded if len(decoded) == size else None
        case _:
            assert_never(encoding)


def _bodies(data: bytes) -> tuple[tuple[bytes, int], ...] | None:
    """Hashes and sizes of a record's bodies, every one checked; none if erased; None if broken."""
    table = _table(data)
    if table is None:
        return None
    if table[0] is Encoding.ERASED:
        return ()
    decoded = _decode(data)
    if decoded is None:
        return None
    start = 0
    for digest, size in table[3]:
        if sha256(memoryview(decoded)[start : start + size]).digest() != digest:
            return None
        start += size
    return tuple(table[3])


def _write_all(descriptor: int, pieces: Sequence[bytes], position: int) -> None:
    for step in _steps(pieces):
        data = memoryview(step)
        while data:
            written = os.pwrite(descriptor, data, position)
            data = data[written:]
            position += written


def _steps(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The pieces in steps of at most `_STEP` bytes."""
    step: list[memoryview] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), _STEP):
            part = memoryview(piece)[start : start + _STEP]
            if size + len(part) > _STEP:
                yield b"".join(step)
                step, size = [], 0
            step.append(part)
            size += len(part)
    yield b"".join(step)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
