"""Which mail has come since rules are there, and which of it rules have looked at.

A mail is known by its id, which moves and UIDVALIDITY changes leave alone, and after a download anew by
what it is. What people and rules put into the inbox themselves has not come. Decides nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from eilbote.mail.mailbox import flags_from_text
from eilbote.mail.thread import message_key
from eilbote.store.database import Row, Session, chunked, in_list, integer, real, text
from eilbote.store.local import is_local
from eilbote.store.rule_values import Unfiltered
from eilbote.store.values import Mailbox

_DAY = 86_400.0
_WHAT = (
    "SELECT m.id, m.account, c.sha_key, m.message_id, m.size, m.internal_date, c.size"
    " FROM message m JOIN content c ON c.id = m.content"
)


def begin_all(session: Session, now: float) -> None:
    """Rules are there from now on: what each account has brought so far is old. An account whose first
    sync is not complete begins with its end (`begin`)."""
    rows = session.rows(
        "SELECT a.id, a.synced IS NOT NULL, a.servers FROM account a"
        " WHERE NOT EXISTS (SELECT 1 FROM rule_cursor r WHERE r.account = a.id)"
    )
    for account, synced, servers in rows:
        known = json.loads(text(servers))
        if synced or (known["imap"] is None and known["pop3"] is None):  # the latter is never synced
            begin(session, integer(account), now)


def begin(session: Session, account: int, now: float) -> None:
    """What the account has now counts as there before. Nothing happens where its inbox lies on a server and
    was never looked at."""
    inbox = session.one(
        "SELECT uidvalidity, uidnext, cursor_uid FROM mailbox WHERE account = ? AND role = 'inbox'"
        " UNION ALL SELECT uidvalidity, uidnext, cursor_uid FROM mailbox"
        " WHERE account = ? AND name = 'INBOX' LIMIT 1",
        (account, account),
    )
    uidvalidity, uid = 0, 0
    if inbox is not None:
        uidvalidity, uid = integer(inbox[0]), max(integer(inbox[1]), integer(inbox[2]) + 1)
    if not uidvalidity and not is_local(session, account):
        return
    session.run(
        "INSERT INTO rule_cursor (account, change_number, message, uidvalidity, uid, since)"
        " SELECT a.id, a.change_number, c.value, ?, ?, ? FROM account a, counter c"
        " WHERE a.id = ? AND c.name = 'message'"
        " ON CONFLICT (account) DO UPDATE SET change_number = excluded.change_number,"
        " message = excluded.message, uidvalidity = excluded.uidvalidity, uid = excluded.uid,"
        " since = excluded.since",
        (uidvalidity, uid, now, account),
    )


def cursor(session: Session, account: int) -> int | None:
    """Up to which change the account's mail was looked at; None: it was not begun."""
    row = session.one("SELECT change_number FROM rule_cursor WHERE account = ?", (account,))
    return integer(row[0]) if row else None


def advance(session: Session, account: int, change: int) -> None:
    """All mail up to this change was looked at."""
    session.run(
        "UPDATE rule_cursor SET change_number = ? WHERE account = ? AND change_number < ?",
        (change, account, change),
    )


def unfiltered(session: Session, inbox: Mailbox, messages: Sequence[int], now: float) -> list[Unfiltered]:
    """Those of some messages that lie in the inbox, have come, and were not looked at; oldest first."""
    begun = session.one(
        "SELECT message, uidvalidity, uid, since FROM rule_cursor WHERE account = ?", (inbox.account,)
    )
    if begun is None:
        return []
    newest, uidvalidity, first_uid = (integer(value) for value in begun[:3])
    since = min(real(begun[3]), now)  # a clock that was ahead then would make all mail old for long
    same_numbers = uidvalidity in (0, inbox.watermarks.uidvalidity)  # 0: there was no inbox then
    found: list[Unfiltered] = []
    for chunk in chunked(one for one in dict.fromkeys(messages) if one > newest):
        rows = session.rows(
            "SELECT p.message, p.uid, p.flags, m.internal_date, m.size, c.size >= m.size, p.mailbox"
            " FROM placement p JOIN message m ON m.id = p.message JOIN content c ON c.id = m.content"
            f" WHERE p.message IN {in_list(len(chunk))}"
            " AND NOT EXISTS (SELECT 1 FROM rule_mark r WHERE r.message = p.message)"
            " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.message = p.message"
            " AND j.target_mailbox = p.mailbox AND j.kind IN ('move', 'copy', 'append'))",
            chunk,
        )
        for message, uid, flags, date, size, whole, mailbox in rows:
            old = integer(uid) < first_uid if same_numbers else real(date) < since - _DAY
            if mailbox != inbox.id or (old and integer(uid) > 0):
                continue
            found.append(
                Unfiltered(
                    integer(message),
                    integer(uid),
                    flags_from_text(text(flags)),
                    real(date),
                    integer(size),
                    bool(whole),
                    real(date) < since - _DAY,
                )
            )
    again = _looked_at_before(session, [one.message for one in found])
    return sorted((one for one in found if one.message not in again), key=lambda one: (one.uid <= 0, one.uid))


def is_marked(session: Session, message: int) -> bool:
    """Whether rules have looked at it."""
    return session.one("SELECT 1 FROM rule_mark WHERE message = ?", (message,)) is not None


def mark(session: Session, messages: Sequence[int], revision: int, now: float) -> None:
    """These are not filtered again, whatever becomes of them."""
    for chunk in chunked(messages):
        rows: list[Row] = [
            (row[0], row[1], row[2], _key(row), row[4], int(real(row[5])), now, revision)
            for row in session.rows(f"{_WHAT} WHERE m.id IN {in_list(len(chunk))}", chunk)
        ]
        session.insert_many(
            "rule_mark",
            ("message", "account", "sha_key", "message_key", "size", "date", "marked", "revision"),
            rows,
            "ON CONFLICT (message) DO NOTHING",
        )


def mark_copies(session: Session, messages: Sequence[int], revision: int, now: float) -> list[int]:
    """Marks those of some messages that are a mail which was looked at under another id."""
    known = sorted(_looked_at_before(session, messages))
    mark(session, known, revision, now)
    return known


def prune(session: Session, before: float) -> None:
    """Forgets marks of mails that are nowhere any more, made before that time."""
    session.run(
        "DELETE FROM rule_mark WHERE marked < ?"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE id = rule_mark.message)",
        (before,),
    )


def _looked_at_before(session: Session, messages: Sequence[int]) -> set[int]:
    """Downloaded anew: the same bytes, or the same Message-ID and size, with the same date."""
    known: set[int] = set()
    for chunk in chunked(messages):
        for row in session.rows(f"{_WHAT} WHERE m.id IN {in_list(len(chunk))}", chunk):
            same = session.one(
                "SELECT 1 FROM rule_mark WHERE account = ? AND date = ? AND message <> ?"
                " AND (sha_key = ? OR (message_key <> 0 AND message_key = ? AND size = ?))",
                (row[1], int(real(row[5])), row[0], row[2], _key(row), row[4]),
            )
            if same is not None:
                known.add(integer(row[0]))
    return known


def _key(row: Row) -> int:
    return message_key(text(row[3])) if row[3] else 0
