"""Applies what one step of a sync found in one mailbox: all of it in one transaction, or nothing.

The watermarks move with the mail they stand for, never before it and never without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import SEEN, Uid, flags_to_text
from eilbote.store import changes, findings, labels
from eilbote.store import placed as placements
from eilbote.store.arrivals import Outcome, store_arrivals
from eilbote.store.bodies import Bodies
from eilbote.store.database import Row, Session, Value, chunked, in_list, integer, real, values_list
from eilbote.store.envelopes import clean
from eilbote.store.mailboxes import by_id, save_watermarks
from eilbote.store.overlay import Overlay, owed_flags
from eilbote.store.placed import Placed
from eilbote.store.problems import problem_to_text
from eilbote.store.settling import adoptable, settle
from eilbote.store.tombstones import bury
from eilbote.store.update_values import Applied, FlagChange, MailboxUpdate
from eilbote.store.values import Mailbox

_UPDATES_A_STEP = 2000


def apply(session: Session, bodies: Bodies, mailbox_id: int, update: MailboxUpdate, now: float) -> Applied:
    """See `Messages.apply`."""
    mailbox = by_id(session, mailbox_id)
    overlay = Overlay()
    if update.arrivals or update.flags or update.moved_in:
        overlay = owed_flags(session, mailbox.account, mailbox.id)
    outcome = Outcome()
    if update.arrivals:
        outcome = store_arrivals(session, bodies, mailbox, update.arrivals, update.blocks, overlay, now)
    moved = _move_in(session, mailbox, update.moved_in, overlay)
    changed, unread = _change_flags(session, mailbox, update.flags, overlay)
    relabelled = labels.change(session, mailbox.id, update.labels)
    placed = [*outcome.placed, *moved]
    unread += sum(SEEN not in one.flags for one in placed)
    if placed or unread:
        session.run(
            "UPDATE mailbox SET messages = messages + ?, unread = unread + ? WHERE id = ?",
            (len(placed), unread, mailbox.id),
        )
    fresh = set(outcome.fresh)
    known = placements.newly_there(
        session, mailbox.id, [one.message for one in placed if one.message not in fresh]
    )
    changes.record(
        session,
        mailbox.account,
        [
            (changes.NEW, mailbox.id, sorted([*outcome.fresh, *known])),
            (changes.FLAGS, mailbox.id, sorted({*changed, *relabelled, *outcome.settled, *outcome.replaced})),
        ],
    )
    gone = placements.within(session, mailbox.id, update.removed) if update.removed else []
    bury(session, mailbox, gone, now)
    _quarantine(session, mailbox, update, now)
    if update.arrivals:
        findings.arrived(session, mailbox.id, [one.uid for one in update.arrivals])
    if update.quarantined:
        findings.put_aside(session, mailbox.id, [uid for uid, _ in update.quarantined])
    if update.watermarks is not None:
        save_watermarks(session, mailbox.id, update.watermarks)
    return Applied(
        new=len(outcome.placed),
        changed=len({*changed, *relabelled}) + len(moved) + len(outcome.settled) + len(outcome.replaced),
        deleted=len(gone),
        ids=outcome.ids,
        fresh=outcome.fresh,
    )


def _move_in(
    session: Session, mailbox: Mailbox, moved: Sequence[tuple[Uid, int, FlagChange]], overlay: Overlay
) -> list[Placed]:
    """Places messages that the account holds already; they keep their ids."""
    if not moved:
        return []
    live = placements.at_uids(session, mailbox.id, [uid for uid, _, _ in moved])
    waiting = {one.message: one for one in adoptable(session, mailbox.id)}
    dates: dict[int, float] = {}
    for chunk in chunked({message for _, message, _ in moved}):
        sql = f"SELECT id, internal_date FROM message WHERE id IN {in_list(len(chunk))}"
        dates.update((integer(message), real(date)) for message, date in session.rows(sql, chunk))
    found: dict[Uid, Placed] = {}
    for uid, message, change in moved:
        if uid in live or message not in dates:
            continue
        if message in waiting:
            settle(session, mailbox.id, waiting.pop(message).uid, uid)
            continue
        flags = clean(flags_to_text(overlay.over(uid, change.flags)))
        found[uid] = Placed(uid, message, flags, int(dates[message]), change.modseq)
    placements.insert(session, mailbox.id, found.values())
    return list(found.values())


def _change_flags(
    session: Session, mailbox: Mailbox, wanted: Sequence[FlagChange], overlay: Overlay
) -> tuple[list[int], int]:
    """Takes over flags. Returns the messages whose flags are others now, and the change of unread."""
    live = placements.at_uids(session, mailbox.id, [change.uid for change in wanted])
    rows: dict[Uid, Row] = {}
    changed: list[int] = []
    unread = 0
    for change in wanted:
        held = live.get(change.uid)
        if held is None:
            continue
        flags = clean(flags_to_text(overlay.over(change.uid, change.flags)))
        if flags != held.flags:
            changed.append(held.message)
            unread += (SEEN not in flags) - (SEEN not in held.flags)
        elif change.modseq in (0, held.modseq):
            continue
        rows[change.uid] = (change.uid, flags, change.modseq or held.modseq)
        live[change.uid] = Placed(change.uid, held.message, flags, held.date, change.modseq or held.modseq)
    save_flags(session, mailbox.id, list(rows.values()))
    return changed, unread


def save_flags(session: Session, mailbox: int, rows: Sequence[Row]) -> None:
    """Writes rows of (uid, flags, modseq) into live placements."""
    for start in range(0, len(rows), _UPDATES_A_STEP):
        part = rows[start : start + _UPDATES_A_STEP]
        params: list[Value] = [value for row in part for value in row]
        session.run(
            "UPDATE placement SET flags = v.column2, modseq = v.column3"
            f" FROM (VALUES {values_list(3, len(part))}) AS v"
            " WHERE placement.mailbox = ? AND placement.uid = v.column1",
            (*params, mailbox),
        )


def _quarantine(session: Session, mailbox: Mailbox, update: MailboxUpdate, now: float) -> None:
    """Puts aside what could not be read, and forgets what arrived or went since."""
    if update.quarantined:
        session.insert_many(
            "quarantine",
            ("mailbox", "uid", "problem", "created"),
            [(mailbox.id, uid, problem_to_text(problem), now) for uid, problem in update.quarantined],
            "ON CONFLICT (mailbox, uid) DO UPDATE SET problem = excluded.problem, created = excluded.created",
        )
    if not update.arrivals and not update.removed:
        return
    arrived = {arrival.uid for arrival in update.arrivals}
    rows = session.rows("SELECT uid FROM quarantine WHERE mailbox = ?", (mailbox.id,))
    over = [uid for (uid,) in rows if uid in arrived or uid in update.removed]
    for chunk in chunked(integer(uid) for uid in over):
        session.run(
            f"DELETE FROM quarantine WHERE mailbox = ? AND uid IN {in_list(len(chunk))}", (mailbox.id, *chunk)
        )
