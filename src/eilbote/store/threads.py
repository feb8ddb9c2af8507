"""Which conversation arriving messages join, given what the account holds already.

`mail.thread` decides; here the keys it needs are looked up, and the merges it finds are written.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.envelope import Envelope
from eilbote.mail.thread import ancestor_keys, join, own_key
from eilbote.store.database import Row, Session, chunked, in_list, integer


def assign(
    session: Session, account: int, envelopes: Sequence[Envelope], ids: Sequence[int]
) -> list[tuple[int, int]]:
    """For each new message (`ids` are their message ids) its own key and its thread. Threads that
    the new messages prove to be one are merged."""
    replies = [at for at, envelope in enumerate(envelopes) if envelope.references]
    if not replies:  # nothing can link them: each is a thread of its own, or founds one that waits
        keys = [own_key(envelope, number) for envelope, number in zip(envelopes, ids, strict=True)]
        return list(zip(keys, keys, strict=True))
    wanted: set[int] = set()
    for at in replies:
        wanted.add(own_key(envelopes[at], ids[at]))
        wanted.update(ancestor_keys(envelopes[at]))
    threaded = join(zip(ids, envelopes, strict=True), _held(session, account, wanted))
    for old, new in threaded.merged.items():
        session.run("UPDATE message SET thread = ? WHERE thread = ? AND account = ?", (new, old, account))
    return list(zip(threaded.keys, threaded.threads, strict=True))


def by_keys(columns: str, count: int) -> str:
    """A query for messages of one account by `count` keys: takes the keys, the account, the keys
    again, the account. Two halves, because the index on keys leaves out the first mails of threads."""
    wanted = in_list(count)
    return (
        f"SELECT {columns} FROM message m WHERE thread IN {wanted} AND message_key = thread AND account = ?"
        f" UNION ALL SELECT {columns} FROM message m WHERE message_key IN {wanted}"
        " AND message_key <> thread AND account = ?"
    )


def _held(session: Session, account: int, keys: set[int]) -> dict[int, int]:
    """The thread of every key that a held message has or that names a held thread."""
    rows: list[Row] = []
    for chunk in chunked(keys, 2000):
        rows += session.rows(
            f"SELECT DISTINCT thread, thread FROM message WHERE thread IN {in_list(len(chunk))}"
            " AND account = ?",
            (*chunk, account),
        )
        sql = by_keys("message_key, thread", len(chunk))
        rows += session.rows(sql, (*chunk, account, *chunk, account))
    return {integer(key): integer(thread) for key, thread in rows}
