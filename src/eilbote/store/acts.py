"""Local changes of mail: what the user sees at once, and the debt to the server, in one transaction.

Placements are named by (mailbox, uid). One that is gone meanwhile is passed over: nothing is
owed for it. In a local account every change is complete at once: new placements get the mailbox's own
numbers, and the debt is born paid, kept for undo. What may be done by whom is decided above, in the
engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import SEEN, Flags, Uid, flags_from_text, flags_to_text
from eilbote.store import changes
from eilbote.store import placed as placements
from eilbote.store.applying import save_flags
from eilbote.store.bodies import take_numbers
from eilbote.store.database import Row, Session, integer
from eilbote.store.debts import owe
from eilbote.store.envelopes import clean
from eilbote.store.local import new_uids
from eilbote.store.mailboxes import by_id
from eilbote.store.placed import Placed, newly_there
from eilbote.store.tombstones import bury, take_away
from eilbote.store.values import Debt, DebtKind, DebtState, Mailbox

Places = Sequence[tuple[int, Uid]]
"""Placements as (mailbox, uid)."""


def change_flags(
    session: Session, places: Places, add: Flags, remove: Flags, origin: str, now: float, undo_of: int = 0
) -> list[Debt]:
    """Adds and removes flags; a placement that has them so already owes nothing."""
    owing: list[Debt] = []
    for mailbox, found in _by_mailbox(session, places):
        rows: list[Row] = []
        changed: list[int] = []
        unread = 0
        for one in found:
            had = flags_from_text(one.flags)
            added, removed = add - had, (remove & had) - add
            if not added and not removed:
                continue
            flags = clean(flags_to_text((had | added) - removed))
            rows.append((one.uid, flags, one.modseq))
            changed.append(one.message)
            unread += (SEEN not in flags) - (SEEN not in one.flags)
            owing.append(
                _debt(DebtKind.FLAG, mailbox, one, origin, now, undo_of=undo_of, add=added, remove=removed)
            )
        save_flags(session, mailbox.id, rows)
        session.run("UPDATE mailbox SET unread = unread + ? WHERE id = ?", (unread, mailbox.id))
        changes.record(session, mailbox.account, [(changes.FLAGS, mailbox.id, sorted(changed))])
    return owe(session, owing)


def move(
    session: Session, places: Places, target: int, origin: str, now: float, undo_of: int = 0
) -> list[Debt]:
    """Moves placements to another mailbox of the same account; there they wait for their UID."""
    return _transfer(session, places, target, DebtKind.MOVE, origin, now, undo_of)


def copy(
    session: Session, places: Places, target: int, origin: str, now: float, undo_of: int = 0
) -> list[Debt]:
    """Copies placements. A copy is a new message with an id of its own and the same content."""
    return _transfer(session, places, target, DebtKind.COPY, origin, now, undo_of)


def delete(session: Session, places: Places, origin: str, now: float, undo_of: int = 0) -> list[Debt]:
    """Deletes placements for good on the server; here they stay as tombstones for undo."""
    owing: list[Debt] = []
    for mailbox, found in _by_mailbox(session, places):
        bury(session, mailbox, found, now)
        owing += [_debt(DebtKind.DELETE, mailbox, one, origin, now, undo_of=undo_of) for one in found]
    return owe(session, owing)


def append(
    session: Session,
    mailbox: Mailbox,
    mails: Sequence[tuple[int, Flags, float]],
    origin: str,
    now: float,
    undo_of: int = 0,
) -> list[Debt]:
    """Places stored messages, given with their flags and dates, in a mailbox under negative UIDs, owing
    the upload of each."""
    uids = new_uids(session, mailbox, len(mails))
    placed = [
        Placed(uid, message, clean(flags_to_text(flags)), int(date), 0)
        for uid, (message, flags, date) in zip(uids, mails, strict=True)
    ]
    put(session, mailbox, placed)
    owing = [
        _debt(
            DebtKind.APPEND,
            mailbox,
            one._replace(uid=0),
            origin,
            now,
            undo_of=undo_of,
            target=mailbox,
            placement=one.uid,
            add=flags,
        )
        for one, (_, flags, _) in zip(placed, mails, strict=True)
    ]
    return owe(session, owing)


def put(session: Session, mailbox: Mailbox, found: Sequence[Placed]) -> None:
    """New live placements with the mailbox's counts and the change feed."""
    placements.insert(session, mailbox.id, found)
    unread = sum(SEEN not in one.flags for one in found)
    session.run(
        "UPDATE mailbox SET messages = messages + ?, unread = unread + ? WHERE id = ?",
        (len(found), unread, mailbox.id),
    )
    arrived = newly_there(session, mailbox.id, [one.message for one in found])
    changes.record(session, mailbox.account, [(changes.NEW, mailbox.id, arrived)])


def _transfer(
    session: Session, places: Places, target_id: int, kind: DebtKind, origin: str, now: float, undo_of: int
) -> list[Debt]:
    target = by_id(session, target_id)
    owing: list[Debt] = []
    arriving: list[Placed] = []
    for mailbox, found in _by_mailbox(session, places):
        if mailbox.account != target.account or (kind is DebtKind.MOVE and mailbox.id == target.id):
            continue
        uids = new_uids(session, target, len(found))
        if kind is DebtKind.MOVE:
            take_away(session, mailbox, found)
            ids = [one.message for one in found]
        else:
            ids = [_twin(session, one.message) for one in found]
        for uid, one, message in zip(uids, found, ids, strict=True):
            waiting = Placed(uid, message, one.flags, one.date, 0)
            arriving.append(waiting)
            owing.append(
                _debt(
                    kind,
                    mailbox,
                    Placed(one.uid, message, one.flags, one.date, 0),
                    origin,
                    now,
                    undo_of=undo_of,
                    target=target,
                    placement=waiting.uid,
                )
            )
    put(session, target, arriving)
    return owe(session, owing)


def _twin(session: Session, message: int) -> int:
    """A new message like another, sharing its content."""
    new = take_numbers(session, "message", 1)
    rest = (
        "account, content, size, message_key, thread, date, internal_date, attachments, message_id,"
        " refs, subject, sender, recipient, copied, email_id"
    )
    session.run(
        f"INSERT INTO message (id, {rest}) SELECT ?, {rest} FROM message WHERE id = ?", (new, message)
    )
    return new


def _by_mailbox(session: Session, places: Places) -> list[tuple[Mailbox, list[Placed]]]:
    """The live ones of some placements, grouped; order within a mailbox is kept."""
    grouped: dict[int, list[Uid]] = {}
    for mailbox, uid in dict.fromkeys(places):
        grouped.setdefault(mailbox, []).append(uid)
    found: list[tuple[Mailbox, list[Placed]]] = []
    for number, uids in grouped.items():
        live = placements.at_uids(session, number, uids)
        if live:
            found.append((by_id(session, number), [live[uid] for uid in uids if uid in live]))
    return found


def _debt(
    kind: DebtKind,
    mailbox: Mailbox,
    one: Placed,
    origin: str,
    now: float,
    *,
    undo_of: int,
    target: Mailbox | None = None,
    placement: Uid = 0,
    add: Flags = frozenset(),
    remove: Flags = frozenset(),
) -> Debt:
    return Debt(
        id=0,
        account=mailbox.account,
        kind=kind,
        state=DebtState.OPEN,
        mailbox=mailbox.id,
        uidvalidity=mailbox.watermarks.uidvalidity,
        uid=one.uid,
        message=one.message,
        target=target.name if target else "",
        target_mailbox=target.id if target else 0,
        placement=placement,
        add=add,
        remove=remove,
        origin=origin,
        created=now,
        undo_of=undo_of,
    )


def live_at(session: Session, mailbox: int, uid: Uid) -> Placed | None:
    """The live placement there, if any."""
    return placements.at_uids(session, mailbox, [uid]).get(uid)


def place_of(session: Session, message: int, mailbox: int) -> Uid | None:
    """The UID under which a message lies in a mailbox now."""
    row = session.one("SELECT uid FROM placement WHERE message = ? AND mailbox = ?", (message, mailbox))
    return integer(row[0]) if row else None
