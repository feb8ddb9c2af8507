"""Recognising mail without its bytes: after a UIDVALIDITY change, and when mail was moved.

It only looks and renumbers; what is the same mail is decided by its callers.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import Uid, UidSet
from eilbote.mail.thread import message_key
from eilbote.store import changes
from eilbote.store.database import Row, Session, chunked, in_list, integer, real, text, values_list
from eilbote.store.mailboxes import by_id, save_watermarks
from eilbote.store.placed import within
from eilbote.store.threads import by_keys
from eilbote.store.tombstones import bury
from eilbote.store.values import Candidate, HeldIdentity, Identity, Watermarks

UNFOUND = -1
"""The UIDVALIDITY of a debt whose message a renumbered mailbox did not show any more."""

_IDENTITY = "m.email_id, m.message_id, m.size, m.internal_date"


def identity_of(session: Session, message: int) -> Identity | None:
    """By what a message, live or removed, is recognised; None if it is unknown."""
    row = session.one(f"SELECT {_IDENTITY} FROM message m WHERE m.id = ?", (message,))
    return _identity(row) if row else None


def held_identities(session: Session, mailbox: int) -> list[HeldIdentity]:
    """Every numbered placement of a mailbox with its identity, by UID."""
    rows = session.stream(
        f"SELECT p.uid, p.message, {_IDENTITY} FROM placement p JOIN message m ON m.id = p.message"
        " WHERE p.mailbox = ? AND p.uid > 0 ORDER BY p.uid",
        (mailbox,),
    )
    return [HeldIdentity(integer(row[0]), integer(row[1]), _identity(row[2:])) for row in rows]


def candidates(session: Session, account: int, identities: Sequence[Identity]) -> list[list[Candidate]]:
    """For each identity what the account holds, or held, that could be the same mail: of the same
    EMAILID where both have one, else of the same Message-ID and size. Live ones first."""
    keys = {message_key(one.message_id) for one in identities if one.message_id}
    rows: list[Row] = []
    columns = f"m.id, {_IDENTITY}"
    for chunk in chunked(keys, 2000):
        rows += session.rows(by_keys(columns, len(chunk)), (*chunk, account, *chunk, account))
    emails = sorted({one.email_id for one in identities if one.email_id})
    for start in range(0, len(emails), 2000):
        part = emails[start : start + 2000]
        rows += session.rows(
            f"SELECT {columns} FROM message m WHERE email_id IN {in_list(len(part))} AND email_id <> ''"
            " AND account = ?",
            (*part, account),
        )
    held = {integer(row[0]): _identity(row[1:]) for row in rows}
    places = _places(session, held)
    alike: dict[str, list[int]] = {}
    for message, identity in held.items():
        for name in {identity.email_id, identity.message_id} - {""}:
            alike.setdefault(name, []).append(message)
    return [
        [
            place
            for message in dict.fromkeys((*alike.get(one.email_id, ()), *alike.get(one.message_id, ())))
            if _alike(held[message], one)
            for place in places.get(message, ())
        ]
        for one in identities
    ]


def renumber(
    session: Session,
    mailbox_id: int,
    watermarks: Watermarks,
    pairs: Sequence[tuple[Uid, Uid]],
    lost: UidSet,
    now: float,
) -> None:
    """See `Messages.renumber`."""
    mailbox = by_id(session, mailbox_id)
    bury(session, mailbox, within(session, mailbox_id, lost) if lost else [], now)
    # Two passes over numbers that no UID can have, because old and new ranges overlap.
    away = 2**40
    for start in range(0, len(pairs), 2000):
        part = pairs[start : start + 2000]
        params = [value for old, new in part for value in (old, new + away)]
        for table in ("placement", "journal"):
            session.run(
                f"UPDATE {table} SET uid = v.column2 FROM (VALUES {values_list(2, len(part))}) AS v"
                f" WHERE {table}.mailbox = ? AND {table}.uid = v.column1",
                (*params, mailbox_id),
            )
    unknown = "SELECT uid FROM placement WHERE mailbox = ? AND uid > 0 AND uid < ?"
    left = UidSet.of(integer(uid) for (uid,) in session.rows(unknown, (mailbox_id, away)))
    bury(session, mailbox, within(session, mailbox_id, left) if left else [], now)
    # A debt whose message was not found again must never meet another that has its old number now.
    session.run(
        "UPDATE journal SET uidvalidity = CASE WHEN uid >= ? OR uid <= 0 THEN ? ELSE ? END"
        " WHERE mailbox = ? AND state IN ('open', 'sent')",
        (away, watermarks.uidvalidity, UNFOUND, mailbox_id),
    )
    for table in ("placement", "journal"):
        session.run(
            f"UPDATE {table} SET uid = uid - ? WHERE mailbox = ? AND uid >= ?", (away, mailbox_id, away)
        )
    session.run("DELETE FROM quarantine WHERE mailbox = ?", (mailbox_id,))
    session.run("DELETE FROM finding WHERE mailbox = ? AND uid <> 0", (mailbox_id,))
    save_watermarks(session, mailbox_id, watermarks)
    changes.record(session, mailbox.account, [(changes.MAILBOX, mailbox_id, (0,))])


def _alike(held: Identity, shown: Identity) -> bool:
    if held.email_id and shown.email_id:
        return held.email_id == shown.email_id
    same_size = shown.size in (held.size, 0)  # 0: the server tells no true size
    return bool(held.message_id) and held.message_id == shown.message_id and same_size


def _places(session: Session, messages: dict[int, Identity]) -> dict[int, list[Candidate]]:
    places: dict[int, list[Candidate]] = {}
    for chunk in chunked(messages):
        wanted = in_list(len(chunk))
        rows = session.rows(
            f"SELECT message, mailbox, uid, NULL FROM placement WHERE message IN {wanted}", chunk
        )
        rows += session.rows(
            "SELECT message, mailbox, uid, removed_at FROM tombstone"
            f" WHERE message IN {wanted} ORDER BY removed_at DESC",
            chunk,
        )
        for message, mailbox, uid, removed in rows:
            number = integer(message)
            removed_at = None if removed is None else real(removed)
            place = Candidate(number, integer(mailbox), integer(uid), messages[number], removed_at)
            places.setdefault(number, []).append(place)
    return places


def _identity(row: Row) -> Identity:
    return Identity(text(row[0]), text(row[1]), integer(row[2]), real(row[3]))
