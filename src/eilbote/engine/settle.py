"""The written rules for a local change whose message the server moved or removed meanwhile.

- Flags follow the message to where it was moved.
- A move follows a move: the user's own act here decides the place.
- The same move made on both sides is one move.
- A copy whose source is gone is uploaded from here.
- What the server removed stays removed; it is kept here as a tombstone for undo.

Every use of a rule but "the same on both sides" is logged as a conflict (`eilbote conflicts`).
"""

from __future__ import annotations

from eilbote.engine.round import Round
from eilbote.mail.mailbox import UidSet
from eilbote.mail.message import read_source
from eilbote.store.values import Debt, DebtKind, MailboxUpdate


async def settle(round_: Round, debt: Debt) -> None:
    """Decides one debt whose message is not at (mailbox, uid) any more, all changes being known."""
    await round_.call(_settle, round_, debt)


def _settle(round_: Round, debt: Debt) -> None:
    store, now = round_.app.store, round_.now
    journal = store.journal
    elsewhere = [(box, uid) for box, uid, _ in store.messages.places([debt.message]) if uid > 0]
    if debt.kind is DebtKind.MOVE:
        there = [uid for box, uid in elsewhere if box == debt.target_mailbox]
        if there:
            journal.close(debt.id, now, there[0])
            return
    if not journal.conflict(debt.id, _rule(debt, moved=bool(elsewhere)), _detail(debt), now):
        return
    round_.tally.conflicts += 1
    raw = store.messages.raw(debt.message) if debt.kind is DebtKind.COPY else b""
    if debt.placement < 0:
        # What was shown here in expectation of the server's number is taken back.
        waiting = MailboxUpdate(removed=UidSet.of([debt.placement]))
        store.messages.apply(debt.target_mailbox, waiting, now)
    if debt.kind is DebtKind.FLAG and elsewhere:
        journal.change_flags(elsewhere, debt.add, debt.remove, debt.origin, now)
    elif debt.kind is DebtKind.MOVE and elsewhere:
        journal.move(elsewhere[:1], debt.target_mailbox, debt.origin, now)
    elif debt.kind is DebtKind.COPY:
        date = store.messages.identity(debt.message).internal_date
        journal.append(debt.target_mailbox, raw, read_source(raw), debt.add, date, debt.origin, now)


def _rule(debt: Debt, *, moved: bool) -> str:
    match debt.kind:
        case DebtKind.COPY:
            return "copy-by-upload"
        case DebtKind.FLAG if moved:
            return "flags-follow-move"
        case DebtKind.MOVE if moved:
            return "move-follows-move"
        case _:
            return "removed-on-server"


def _detail(debt: Debt) -> dict[str, str]:
    """What was put aside, for the log."""
    flags = [f"+{flag}" for flag in sorted(debt.add)] + [f"-{flag}" for flag in sorted(debt.remove)]
    return {"kind": debt.kind.value, "target": debt.target, "flags": " ".join(flags)}
