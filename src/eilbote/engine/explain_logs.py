"""Reads a log of a mail server, however large, and says what failed and why.

Decides nothing about what a line means (`diagnosis/logs` does); keeps no more of the file in memory than a
block, and never fails for what stands in it.
"""

from __future__ import annotations

import gzip
import io
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from eilbote.diagnosis.logs.grouping import Grouping
from eilbote.diagnosis.logs.values import Explained
from eilbote.errors import Misused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 20
_LONGEST_LINE = 64 * 1024
_GZIP = b"\x1f\x8b"


def explain_file(path: Path, tell: Callable[[int], None]) -> Explained:
    """What a log file says, packed with gzip or not; `tell` is given the bytes read so far. Misused
    `logs.unreadable`."""
    try:
        with path.open("rb") as stream:
            return explain(stream, tell)
    except OSError as problem:
        raise Misused("logs.unreadable", file=path, reason=problem.strerror or str(problem)) from None


def explain(stream: IO[bytes], tell: Callable[[int], None]) -> Explained:
    """As `explain_file`, of an open stream that need not be seekable."""
    grouping = Grouping()
    problem = ""
    try:
        for line in _lines(stream, tell):
            grouping.add(line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as failure:
        problem = str(failure)[:200]  # what came before counts
    return grouping.explained(problem)


def _lines(stream: IO[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    """Lines without their ends; of one that is longer than any log has, the beginning."""
    rest, is_cut = b"", False
    for block in _blocks(stream, tell):
        *lines, last = block.split(b"\n")
        if not lines:
            rest, is_cut = _grown(rest, last, is_cut=is_cut)
            continue
        yield rest if is_cut else rest + lines[0]
        yield from lines[1:]
        rest, is_cut = _grown(b"", last, is_cut=False)
    if rest:
        yield rest


def _grown(rest: bytes, more: bytes, *, is_cut: bool) -> tuple[bytes, bool]:
    if is_cut or len(rest) + len(more) > _LONGEST_LINE:
        return (rest + more)[:_LONGEST_LINE], True
    return rest + more, False


def _blocks(stream: IO[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    first = stream.read(_BLOCK).removeprefix(BOM_UTF8)
    if first[:2] == _GZIP:
        yield from _unpacked(first, stream, tell)
        return
    # Windows keeps in UTF-16 what a command has written into a file.
    wide = getincrementaldecoder("utf-16")("replace") if first[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else None
    read = 0
    block = first
    while block:
        read += len(block)
        tell(read)
        yield wide.decode(block).encode("utf-8", "replace") if wide is not None else block
        block = stream.read(_BLOCK)


def _unpacked(first: bytes, stream: IO[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    with gzip.GzipFile(mode="rb", fileobj=io.BufferedReader(_Joined(first, stream))) as packed:
        read = 0
        while block := packed.read1(_BLOCK):  # what was unpacked before a torn end is not lost
            read += len(block)
            tell(read)
            yield block


class _Joined(io.RawIOBase):
    """The block that was read already, then the stream."""

    def __init__(self, first: bytes, stream: IO[bytes]) -> None:
        super().__init__()
        self._first, self._stream = first, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer)
        if not self._first:
            self._first = self._stream.read(_BLOCK)
        count = min(len(room), len(self._first))
        room[:count] = self._first[:count]
        self._first = self._first[count:]
        return count
