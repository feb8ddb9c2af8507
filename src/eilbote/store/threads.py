"""Which conversation an arriving message joins, given what the account holds already.

A thread is named by the key of its first known message. A reply names its ancestors, so a lookup
of their keys finds the thread; a parent that arrives after its replies takes them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from eilbote.mail.envelope import Envelope
from eilbote.store.database import Session, chunked, in_list, integer

_ANCESTORS = 3
"""How many of a reply's nearest ancestors are looked up, besides the root."""


def message_key(message_id: str) -> int:
    """63 bits that stand for a Message-ID in indexes."""
    digest = blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def assign(
    session: Session, account: int, envelopes: Sequence[Envelope], ids: Sequence[int]
) -> list[tuple[int, int]]:
    """For each new message (`ids` are their message ids) its own key and its thread. A message
    without a Message-ID and without references is a thread of its own."""
    keys: list[int] = []
    threads: list[int] = []
    replies: list[tuple[int, list[int]]] = []
    for at, (envelope, number) in enumerate(zip(envelopes, ids, strict=True)):
        key = message_key(envelope.message_id) if envelope.message_id else -number
        keys.append(key)
        references = envelope.references
        if references:
            near = references[-_ANCESTORS:]
            ancestors = [message_key(one) for one in (*reversed(near), references[0])]
            threads.append(ancestors[-1])
            replies.append((at, ancestors))
        else:
            threads.append(key)
    if replies:
        _join(session, account, keys, threads, replies)
    return list(zip(keys, threads, strict=True))


def _join(
    session: Session, account: int, keys: list[int], threads: list[int], replies: list[tuple[int, list[int]]]
) -> None:
    """Lets replies follow ancestors that are held, and takes over orphans that were waiting."""
    wanted = {key for _, ancestors in replies for key in ancestors}
    thread_of = dict(_held(session, account, wanted))
    thread_of.update({key: thread for key, thread in zip(keys, threads, strict=True) if key == thread})
    for at, ancestors in replies:
        known = next((thread_of[key] for key in ancestors if key in thread_of), None)
        if known is not None:
            threads[at] = known
        thread_of[keys[at]] = threads[at]
    moved = {keys[at]: threads[at] for at, _ in replies if keys[at] != threads[at]}
    for old in _waiting(session, account, sorted(moved)):
        session.run(
            "UPDATE message SET thread = ? WHERE thread = ? AND account = ?", (moved[old], old, account)
        )


def _held(session: Session, account: int, keys: set[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for chunk in chunked(sorted(keys), 2000):
        wanted = in_list(len(chunk))
        rows = session.rows(
            "SELECT message_key, thread FROM message"
            f" WHERE thread IN {wanted} AND message_key = thread AND account = ?"
            " UNION ALL SELECT message_key, thread FROM message"
            f" WHERE message_key IN {wanted} AND message_key <> thread AND account = ?",
            (*chunk, account, *chunk, account),
        )
        found += [(integer(key), integer(thread)) for key, thread in rows]
    return found


def _waiting(session: Session, account: int, keys: Sequence[int]) -> list[int]:
    found: list[int] = []
    for chunk in chunked(keys):
        rows = session.rows(
            f"SELECT DISTINCT thread FROM message WHERE thread IN {in_list(len(chunk))} AND account = ?",
            (*chunk, account),
        )
        found += [integer(thread) for (thread,) in rows]
    return found
