"""What of one mailbox is still to be copied into another: decided from what both hold, never by asking.

Every mail of the source answers for one mail of the target: of the same content, else of the same
Message-ID and size (servers rewrite mail when they take it). Two equal mails in the source are two in
the target.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct


class Held(Struct, frozen=True):
    """A mail that an account holds: our number of it, its content's hash, its Message-ID and size."""

    message: int
    sha256: bytes
    message_id: str
    size: int


class Copies(Struct, frozen=True):
    """`copy`: mails of the source that the target lacks, in their order. `present`: how many it has."""

    copy: Sequence[Held]
    present: int


def lacking(source: Sequence[Held], target: Iterable[Held]) -> Copies:
    """Content decides first for all mails; only what is left over is compared by its Message-ID, so
    that of two mails with one Message-ID none stands for the other."""
    there = Counter[bytes]()
    alike: defaultdict[tuple[str, int], Counter[bytes]] = defaultdict(Counter)
    for one in target:
        there[one.sha256] += 1
        if one.message_id:
            alike[one.message_id, one.size][one.sha256] += 1
    left = []
    for one in source:
        if there[one.sha256] > 0:
            there[one.sha256] -= 1
            alike[one.message_id, one.size][one.sha256] -= 1
        else:
            left.append(one)
    copy = []
    for one in left:
        of_id = alike.get((one.message_id, one.size), Counter()) if one.message_id else Counter()
        same = next((sha for sha, count in of_id.items() if count > 0), None)
        if same is None:
            copy.append(one)
        else:
            of_id[same] -= 1
    return Copies(copy, len(source) - len(copy))
