"""Which conversation a mail belongs to.

A thread is named by a 63-bit key: that of the Message-ID its first known mail has, or would have.
Mails are joined by what they say of each other (Message-ID, References, In-Reply-To; RFC 5322
section 3.6.4), never by subject alone: two invoices called "Invoice" are no conversation.

Where the server keeps conversations of its own (Gmail), those are the threads, and what is made here
joins them by the same links.

Everything here is a function of its arguments; what is held already comes in as a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

NEAREST = 3
"""How many of a mail's nearest ancestors count besides its root. Mailers cut long References in
the middle, so these find the thread; and a hostile mail can link at most four threads."""


class Links(NamedTuple):
    """What a mail says of itself and of the mails it answers, as keys: `ancestors` nearest first,
    the root last. A tuple, because a first sync makes a hundred thousand of them."""

    own: int
    ancestors: tuple[int, ...]


class Threaded(Struct, frozen=True):
    """What joining some mails gave: the thread of each, in order; and which threads that were held
    before are now part of another (old name -> new name)."""

    threads: tuple[int, ...]
    merged: Mapping[int, int]


def message_key(message_id: str) -> int:
    """63 bits that stand for a Message-ID, the same on every machine and in every version."""
    digest = blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


_SERVERS = -(2**62)
"""Names of threads from here down were given by a server; no key of a Message-ID is negative."""


def server_thread(name: str) -> int:
    """The thread of a conversation that the server itself keeps (Gmail's X-GM-THRID), 0 for no name.
    What the server joined or kept apart is never joined otherwise here."""
    return _SERVERS - (message_key(name) >> 1) if name else 0


def is_of_server(thread: int) -> bool:
    """Whether a thread is a conversation of the server's."""
    return thread <= _SERVERS


def ancestor_keys(message_id: str, references: tuple[str, ...]) -> tuple[int, ...]:
    """The keys of the mails that a mail answers, nearest first, the root last; `references` is not
    empty."""
    near = references[-NEAREST:]
    ids = dict.fromkeys((*reversed(near), references[0]))
    return tuple([message_key(one) for one in ids if one != message_id])


def join(mails: Iterable[Links], held: Mapping[int, int]) -> Threaded:
    """Threads for new mails, and the merges they cause.

    `held` gives the thread of every key, among the mails' own and their ancestors', that is known:
    keys of held mails, and the names of held threads (which stand for themselves, also where the
    mail of that name never came). The result does not depend on the order of `mails` but for the
    names of the threads.
    """
    union = _Union(held)
    starts: list[int] = []
    for own, ancestors in mails:
        root = ancestors[-1] if ancestors else own
        starts.append(root)
        for linked in ancestors[-2::-1]:
            union.link(root, linked)
        if ancestors:
            union.link(root, own)
    threads = tuple([union.name(start) for start in starts])
    merged = {old: new for old in set(held.values()) if (new := union.name(old)) != old}
    return Threaded(threads, merged)


class _Union:
    """Keys that belong together; the key linked from is the name of what it is linked with."""

    def __init__(self, held: Mapping[int, int]) -> None:
        self._parent = {key: thread for key, thread in held.items() if key != thread}

    def name(self, key: int) -> int:
        parent = self._parent
        root = key
        while root in parent:
            root = parent[root]
        while key != root:
            parent[key], key = root, parent[key]
        return root

    def link(self, elder: int, younger: int) -> None:
        first, second = self.name(elder), self.name(younger)
        if is_of_server(second):
            if is_of_server(first):
                return
            first, second = second, first
        if first != second:
            self._parent[second] = first
