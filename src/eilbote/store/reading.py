"""What faces show: placements with their envelopes, newest first, by message or by thread."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

from eilbote.mail.mailbox import SEEN, MailboxName, flags_from_text
from eilbote.store.conditions import EVERYWHERE, Condition
from eilbote.store.database import Row, Session, blob, chunked, in_list, integer, real, text
from eilbote.store.envelopes import ENVELOPE_COLUMNS, from_columns
from eilbote.store.narrowing import LABELLED
from eilbote.store.values import Lying, Member, PageMark, Placement

_ENVELOPE = ", ".join(f"m.{name}" for name in ENVELOPE_COLUMNS)
_COLUMNS = (
    "m.id, m.account, a.address, b.name, p.uid, p.flags, m.internal_date, m.size, c.sha256, m.thread,"
    f" c.size, {_ENVELOPE}"
)
_FROM = (
    "FROM placement p JOIN message m ON m.id = p.message"
    " JOIN mailbox b ON b.id = p.mailbox JOIN account a ON a.id = m.account"
    " JOIN content c ON c.id = m.content"
)
_SELECT = f"SELECT {_COLUMNS} {_FROM}"
_BRIEF_BYTES = 4_000
"""Of the fields with addresses, for lists: a mail may have 10,000 recipients, of whom a row shows none."""


def _brief(columns: str) -> str:
    for name in ("m.sender", "m.recipient", "m.copied"):
        # A short value as it is: SQLite makes NULL of the beginning of an empty one.
        begun = f"CASE WHEN length({name}) > {_BRIEF_BYTES} THEN substr({name}, 1, {_BRIEF_BYTES})"
        columns = columns.replace(name, f"{begun} ELSE {name} END")
    return columns


_BRIEF_COLUMNS = _brief(_COLUMNS)
_SELECT_BRIEF = f"SELECT {_BRIEF_COLUMNS} {_FROM}"
_SELECT_MARKED = f"SELECT {_BRIEF_COLUMNS}, p.date, p.mailbox {_FROM}"
_AFTER_ALL = 2**62
"""After every date and UID that there is."""


def newest(session: Session, mailboxes: Sequence[int], limit: int) -> list[Placement]:
    """The newest placements of these mailboxes by internal date, at most `limit`."""
    sql = f"{_SELECT} WHERE p.mailbox = ? ORDER BY p.date DESC, p.uid DESC LIMIT ?"
    found = [session.rows(sql, (mailbox, limit)) for mailbox in mailboxes]
    merged = heapq.merge(*found, key=lambda row: -int(real(row[6])))
    return [_placement(row) for row, _ in zip(merged, range(limit), strict=False)]


def page(
    session: Session,
    mailboxes: Sequence[int],
    after: PageMark | None,
    limit: int,
    only: Condition = EVERYWHERE,
) -> list[tuple[Placement, PageMark]]:
    """Up to `limit` placements of these mailboxes after a mark, newest first, each with its own mark. By
    date, then mailbox, then UID, so that no page shows one twice or leaves one out; as fast at the end
    of a list as at its beginning. `only` narrows it. Their envelopes are brief (see `of_messages`)."""
    narrowed, params = only
    sql = f"{_SELECT_MARKED} WHERE p.mailbox = ? AND (p.date, p.uid) < (?, ?) AND {narrowed}"
    sql += " ORDER BY p.date DESC, p.uid DESC LIMIT ?"
    found = []
    for mailbox in mailboxes:
        date, uid = _AFTER_ALL, _AFTER_ALL
        if after is not None:
            date = after.date
            uid = (
                after.uid if mailbox == after.mailbox else _AFTER_ALL * (1 if mailbox > after.mailbox else -1)
            )
        found.append(session.rows(sql, (mailbox, date, uid, *params, limit)))
    merged = heapq.merge(*found, key=lambda row: (-integer(row[-2]), integer(row[-1])))
    return [
        (_placement(row[:-2]), PageMark(integer(row[-2]), integer(row[-1]), integer(row[4])))
        for row, _ in zip(merged, range(limit), strict=False)
    ]


def ids(session: Session, mailboxes: Sequence[int], limit: int, only: Condition) -> list[int]:
    """Up to `limit` messages of these mailboxes, the newest of each mailbox first, each once."""
    narrowed, params = only
    sql = "SELECT p.message FROM placement p JOIN message m ON m.id = p.message WHERE p.mailbox = ?"
    sql += f" AND {narrowed} ORDER BY p.date DESC, p.uid DESC LIMIT ?"
    found: dict[int, None] = {}
    for mailbox in mailboxes:
        found.update((integer(row[0]), None) for row in session.rows(sql, (mailbox, *params, limit)))
    return [*found][:limit]


def members(session: Session, mailboxes: Sequence[int], threads: Sequence[int], limit: int) -> list[Member]:
    """Up to `limit` placements in these mailboxes of mails of these conversations."""
    rows = session.rows(
        "SELECT m.account, m.thread, m.id, p.date, p.mailbox, p.uid, p.flags FROM message m"
        f" JOIN placement p ON p.message = m.id WHERE m.thread IN {in_list(len(threads))} LIMIT ?",
        (*threads, limit),
    )
    wanted = set(mailboxes)
    return [
        Member(
            account=integer(row[0]),
            thread=integer(row[1]),
            message=integer(row[2]),
            mark=PageMark(integer(row[3]), integer(row[4]), integer(row[5])),
            unread=SEEN not in text(row[6]),
        )
        for row in rows
        if row[4] in wanted
    ]


def keywords(session: Session, mailboxes: Sequence[int]) -> list[tuple[str, int]]:
    """The sets of flags of these mailboxes' labelled mails, and how many mails have each."""
    found: Counter[str] = Counter()
    # With the date, which says nothing, the index of labelled mails is better than that of all.
    sql = f"SELECT p.flags FROM placement p WHERE p.mailbox = ? AND p.date > ? AND {LABELLED}"
    for mailbox in mailboxes:
        found.update(text(flags) for (flags,) in session.rows(sql, (mailbox, -_AFTER_ALL)))
    return list(found.items())


def lying(session: Session, mailbox: int, after: int, limit: int) -> list[Lying]:
    """Up to `limit` placements of a mailbox with a UID above `after`, by UID."""
    rows = session.rows(
        "SELECT p.uid, p.message, p.flags, m.internal_date, m.size, c.sha256, m.message_id, c.size"
        " FROM placement p JOIN message m ON m.id = p.message JOIN content c ON c.id = m.content"
        " WHERE p.mailbox = ? AND p.uid > ? ORDER BY p.uid LIMIT ?",
        (mailbox, after, limit),
    )
    return [
        Lying(
            uid=integer(row[0]),
            message=integer(row[1]),
            flags=flags_from_text(text(row[2])),
            internal_date=real(row[3]),
            size=integer(row[4]),
            sha256=blob(row[5]),
            message_id=text(row[6]),
            whole=integer(row[7]) >= integer(row[4]),
        )
        for row in rows
    ]


def of_messages(session: Session, ids: Sequence[int], *, brief: bool = False) -> list[Placement]:
    """Live placements of messages, in the order of `ids`; a message may lie in several mailboxes. `brief`:
    their envelopes name the first people of each field only."""
    select = _SELECT_BRIEF if brief else _SELECT
    by_message: dict[int, list[Placement]] = {message: [] for message in ids}
    for chunk in chunked(by_message):
        sql = f"{select} WHERE p.message IN {in_list(len(chunk))} ORDER BY p.mailbox, p.uid"
        for row in session.rows(sql, chunk):
            by_message[integer(row[0])].append(_placement(row))
    return [placement for message in by_message for placement in by_message[message]]


def of_thread(session: Session, account: int, thread: int, *, brief: bool = False) -> list[Placement]:
    """Live placements of one conversation, oldest first; `brief` as in `of_messages`."""
    select = _SELECT_BRIEF if brief else _SELECT
    sql = f"{select} WHERE m.thread = ? AND m.account = ? ORDER BY m.internal_date, m.id, p.mailbox"
    return [_placement(row) for row in session.rows(sql, (thread, account))]


def _placement(row: Row) -> Placement:
    return Placement(
        id=integer(row[0]),
        account=integer(row[1]),
        address=text(row[2]),
        mailbox=MailboxName(text(row[3])),
        uid=integer(row[4]),
        flags=flags_from_text(text(row[5])),
        envelope=from_columns(row[11:]),
        internal_date=real(row[6]),
        size=integer(row[7]),
        sha256=blob(row[8]).hex(),
        thread=integer(row[9]),
        whole=integer(row[10]) >= integer(row[7]),
    )


def places(session: Session, ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Live placements of messages as (mailbox, uid, message), in the order of `ids`."""
    by_message: dict[int, list[tuple[int, int, int]]] = {message: [] for message in ids}
    for chunk in chunked(by_message):
        sql = f"SELECT mailbox, uid, message FROM placement WHERE message IN {in_list(len(chunk))}"
        for mailbox, uid, message in session.rows(sql + " ORDER BY mailbox, uid", chunk):
            found = (integer(mailbox), integer(uid), integer(message))
            by_message[found[2]].append(found)
    return [place for message in by_message for place in by_message[message]]
