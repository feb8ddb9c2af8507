"""Makes mails ready to be stored; run as a program, in a process of its own (`engine.prepare`).

Mails come and values go through memory that both processes see, in slots; over its standard input
it is told, one line a batch, `SERIAL SLOT LENGTH LENGTH ...`, and answers `SERIAL LENGTH`: how many
bytes of values it has written, 0 for none because they had no room. It opens no file, no database
and no connection, and ends when its input ends: it never outlives its parent.
"""

from __future__ import annotations

import gc
import mmap
import os
import sys
from collections.abc import Sequence
from itertools import accumulate, pairwise

from msgspec import msgpack

from eilbote.store.prepare import Batch, prepare

SLOTS = 2
"""One is worked on while the next is filled."""

INPUT_BYTES = 8 * 1024 * 1024
"""The mails of one batch at most."""

OUTPUT_BYTES = 24 * 1024 * 1024
"""The values of one batch: more than they can well be. Memory that is not written is not used."""

_SLOT_BYTES = INPUT_BYTES + OUTPUT_BYTES
_UNTIDY = 100_000


class Arena:
    """The memory that parent and child share; `descriptor` is that of an empty file or of one that
    another process has made an arena of."""

    def __init__(self, descriptor: int) -> None:
        os.ftruncate(descriptor, SLOTS * _SLOT_BYTES)
        self._memory = mmap.mmap(descriptor, SLOTS * _SLOT_BYTES)
        self._decoder = msgpack.Decoder(Batch)

    def put(self, slot: int, raws: Sequence[bytes]) -> None:
        """Lays mails into a slot, one after the other; together at most `INPUT_BYTES`."""
        at = slot * _SLOT_BYTES
        for raw in raws:
            self._memory[at : at + len(raw)] = raw
            at += len(raw)

    def work(self, slot: int, lengths: Sequence[int]) -> int:
        """Prepares the mails of a slot and writes the values beside them; how many bytes that is, 0
        if there is no room."""
        first = slot * _SLOT_BYTES
        raws = [self._memory[start:end] for start, end in pairwise(accumulate(lengths, initial=first))]
        values = msgpack.encode(prepare(raws))
        if len(values) > OUTPUT_BYTES:
            return 0
        self._memory[first + INPUT_BYTES : first + INPUT_BYTES + len(values)] = values
        return len(values)

    def take(self, slot: int, length: int) -> Batch:
        """Reads what `work` has written."""
        start = slot * _SLOT_BYTES + INPUT_BYTES
        with memoryview(self._memory) as whole, whole[start : start + length] as values:
            return self._decoder.decode(values)

    def close(self) -> None:
        self._memory.close()


def main() -> None:
    """The program; its one argument is the descriptor of the shared memory."""
    gc.freeze()
    gc.set_threshold(_UNTIDY)
    arena = Arena(int(sys.argv[1]))
    for line in sys.stdin.buffer:
        serial, slot, *lengths = map(int, line.split())
        answer = f"{serial} {arena.work(slot, lengths)}\n"
        try:
            sys.stdout.write(answer)
            sys.stdout.flush()
        except BrokenPipeError:  # the parent is gone; nothing is left to be said at the end either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return


if __name__ == "__main__":
    main()
