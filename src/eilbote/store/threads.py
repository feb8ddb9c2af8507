"""Which conversation arriving messages join, given what the account holds already.

`mail.thread` decides; here the keys it needs are looked up, and the merges it finds are written.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.thread import Links, join
from eilbote.store.database import Row, Session, chunked, in_list, integer
from eilbote.store.values import Prepared


def assign(
    session: Session, account: int, mails: Sequence[Prepared], ids: Sequence[int]
) -> list[tuple[int, int]]:
    """For each new message (`ids` are their message ids) its own key and its thread. Threads that
    the new messages prove to be one are merged. A mail without a Message-ID gets a negative key,
    which no id ever has."""
    links = [Links(mail.own or -number, mail.ancestors) for mail, number in zip(mails, ids, strict=True)]
    wanted: set[int] = set()
    for own, ancestors in links:
        if ancestors:
            wanted.add(own)
            wanted.update(ancestors)
    if not wanted:  # nothing can link them: each is a thread of its own, or founds one that waits
        return [(own, own) for own, _ in links]
    threaded = join(links, _held(session, account, wanted))
    for old, new in threaded.merged.items():
        session.run("UPDATE message SET thread = ? WHERE thread = ? AND account = ?", (new, old, account))
    return [(own, thread) for (own, _), thread in zip(links, threaded.threads, strict=True)]


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
    """The thread of every key that a held message has or that names a held thread. The first mail of
    a thread is found by its thread's name, so only the others are looked up by their own key."""
    rows: list[Row] = []
    for chunk in chunked(keys):
        wanted = in_list(len(chunk))
        rows += session.rows(
            f"SELECT thread, thread FROM message WHERE thread IN {wanted} AND account = ? GROUP BY thread",
            (*chunk, account),
        )
        rows += session.rows(
            "SELECT message_key, thread FROM message"
            f" WHERE message_key IN {wanted} AND message_key <> thread AND account = ?",
            (*chunk, account),
        )
    return {integer(key): integer(thread) for key, thread in rows}
