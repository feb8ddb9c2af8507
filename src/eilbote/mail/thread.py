"""Which conversation a mail belongs to.

A thread is named by a 63-bit key: that of the Message-ID its first known mail has, or would have.
Mails are joined by what they say of each other (Message-ID, References, In-Reply-To; RFC 5322
section 3.6.4), never by subject alone: two invoices called "Invoice" are no conversation.

Everything here is a function of its arguments; what is held already comes in as a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from eilbote.mail.envelope import Envelope

NEAREST = 3
"""How many of a mail's nearest ancestors count besides its root. Mailers cut long References in
the middle, so these find the thread; and a hostile mail can link at most four threads."""


@dataclass(frozen=True, slots=True)
class Threaded:
    """What joining some mails gave: for each, in order, its own key and its thread; and which
    threads that were held before are now part of another (old name -> new name)."""

    keys: tuple[int, ...]
    threads: tuple[int, ...]
    merged: Mapping[int, int]


def message_key(message_id: str) -> int:
    """63 bits that stand for a Message-ID, the same on every machine and in every version."""
    digest = blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def own_key(envelope: Envelope, fallback: int) -> int:
    """The key of the mail itself. `fallback` (1 or more, another for every mail: its number in the
    store) stands for a mail without a Message-ID; it gives a negative key, which no id ever has."""
    return message_key(envelope.message_id) if envelope.message_id else -fallback


def root_key(envelope: Envelope, fallback: int) -> int:
    """The key of the conversation as the mail alone tells it: its first reference, else itself."""
    return message_key(envelope.references[0]) if envelope.references else own_key(envelope, fallback)


def ancestor_keys(envelope: Envelope) -> tuple[int, ...]:
    """The keys of the mails this one says it answers, nearest first, the root last."""
    references = envelope.references
    near = references[-NEAREST:]
    ids = dict.fromkeys((*reversed(near), references[0])) if references else ()
    own = envelope.message_id
    return tuple(message_key(one) for one in ids if one != own)


def join(mails: Iterable[tuple[int, Envelope]], held: Mapping[int, int]) -> Threaded:
    """Threads for new mails (number in the store, envelope), and the merges they cause.

    `held` gives the thread of every key, among the mails' own and their ancestors', that is known:
    keys of held mails, and the names of held threads (which stand for themselves, also where the
    mail of that name never came). The result does not depend on the order of `mails` but for the
    names of the threads.
    """
    union = _Union(held)
    keys: list[int] = []
    starts: list[int] = []
    for number, envelope in mails:
        key = own_key(envelope, number)
        keys.append(key)
        ancestors = ancestor_keys(envelope)
        root = ancestors[-1] if ancestors else key
        starts.append(root)
        for linked in (*ancestors[-2::-1], key):
            union.link(root, linked)
    threads = tuple(union.name(start) for start in starts)
    merged = {old: new for old in set(held.values()) if (new := union.name(old)) != old}
    return Threaded(tuple(keys), threads, merged)


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
        if first != second:
            self._parent[second] = first
