"""Which bodies lie together in one record of a pack, and which are compressed there.

Arithmetic on bytes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backports import zstd

BLOCK_BYTES = 128 * 1024
"""Small bodies are stored together until a block is this long: they compress better and faster."""
_SMALL_BODY = 16 * 1024
_SAMPLE = 4 * 1024
_LEVEL = 1
_WORTH = 0.9  # of its length is what a block must shrink to, at the most


def grouped(raws: Sequence[bytes]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """The places of bodies that belong into one record, and whether compressing it may pay. Small
    ones that shrink come together; a large one stands alone, and so does one that would not shrink."""
    members: list[int] = []
    size = 0
    for at, raw in enumerate(raws):
        pays = shrinks(raw)
        if len(raw) >= BLOCK_BYTES // 2 or not pays:
            yield (at,), pays
            continue
        members.append(at)
        size += len(raw)
        if size >= BLOCK_BYTES:
            yield tuple(members), True
            members, size = [], 0
    if members:
        yield tuple(members), True


def shrinks(body: bytes) -> bool:
    """Whether compressing pays: true of small bodies, and of large ones of whose middle a sample
    shrinks by a third. Base64 of compressed files does not, and would take more time to compress
    than to write."""
    if len(body) <= _SMALL_BODY:
        return True
    middle = len(body) // 2
    sample = body[middle : middle + _SAMPLE]
    return len(zstd.compress(sample, level=_LEVEL)) < 0.67 * len(sample)


def compressed(decoded: bytes) -> bytes | None:
    """The bytes in a zstd frame; None where that is hardly shorter."""
    packed = zstd.compress(decoded, level=_LEVEL)
    return packed if len(packed) < _WORTH * len(decoded) else None
