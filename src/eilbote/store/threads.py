"""Which conversation arriving messages join, given what the account holds already.

`mail.thread` decides; here the keys it needs are looked up, and the merges it finds are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.mail.thread import Links, join
from eilbote.store.database import Row, Session, chunked, in_list, integer
from eilbote.store.update_values import Prepared


def assign(
    session: Session, account: int, mails: Sequence[Prepared], ids: Sequence[int], kept: Sequence[int]
) -> list[tuple[int, int]]:
    """For each new message (`ids` are their message ids) its own key and its thread: the one in which the
    server keeps it (`kept`, 0: in none), else the one that it says it belongs to. Threads that the new
    messages prove to be one are merged, but for the server's own. A mail without a Message-ID gets a
    negative key, which no id ever has."""
    if all(kept):
        return [(mail.own or -number, thread) for mail, number, thread in zip(mails, ids, kept, strict=True)]
    links = [Links(mail.own or -number, mail.ancestors) for mail, number in zip(mails, ids, strict=True)]
    wanted: set[int] = set()
    for own, ancestors in links:
        if ancestors:
            wanted.add(own)
            wanted.update(ancestors)
    if not wanted:  # nothing can link them: each is a thread of its own, or founds one that waits
        return [(own, here or own) for (own, _), here in zip(links, kept, strict=True)]
    threaded = join(links, _held(session, account, wanted))
    for old, new in threaded.merged.items():
        session.run("UPDATE message SET thread = ? WHERE thread = ? AND account = ?", (new, old, account))
    return [
        (own, here or thread) for (own, _), thread, here in zip(links, threaded.threads, kept, strict=True)
    ]


def rename(session: Session, threads: Mapping[int, int]) -> None:
    """Puts messages (by id) into other threads."""
    for message, thread in threads.items():
        session.run("UPDATE message SET thread = ? WHERE id = ?", (thread, message))


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
