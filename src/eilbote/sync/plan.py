"""From what a server shows and what we hold to what should happen: one mailbox, one round.

Pure: the same three values give the same steps, and performing them and planning again gives
none that change anything. It must never plan a deletion from absence alone (C3 rules 3, 6, 7).
"""

from __future__ import annotations

from eilbote.mail.mailbox import Flags, MailboxName, Uid, UidSet
from eilbote.sync.state import (
    Advance,
    ApplyFlags,
    ApplyLabels,
    Compare,
    Confirm,
    Fetch,
    FlagsNow,
    FlagWish,
    Held,
    Limits,
    Owed,
    Rematch,
    Remove,
    Shown,
    Step,
)
from eilbote.sync.window import out_of_sight


def plan(mailbox: MailboxName, shown: Shown, held: Held, owed: Owed, limits: Limits) -> tuple[Step, ...]:
    """The ordered steps that bring our copy of `mailbox` to what the server shows.

    A single `Rematch` or `Compare` means that this round's evidence is not enough: perform it,
    look again, and plan again.
    """
    anything_held = bool(held.uidvalidity or held.uids)
    if anything_held and (held.uidvalidity != shown.uidvalidity or not shown.sticky):
        reason = "uidvalidity-changed" if shown.sticky else "uids-not-sticky"
        return (Rematch(mailbox, reason, shown.uidvalidity),)
    known = held.uids | held.quarantined | held.backfill | owed.leaving
    vanished = shown.vanished & known
    changed_uids = UidSet.of(change.uid for change in shown.changed)
    if shown.present is None:
        arrived = changed_uids - known - shown.vanished
        # What the server says must add up to its own count; else it is not believed (C3 rule 3).
        if len(known - vanished) + len(arrived) != shown.exists:
            return (Compare(mailbox, "count-differs"),)
        missing = hidden = UidSet()
    else:
        arrived = shown.present - known
        hidden = out_of_sight(known, shown.present, shown.shows_at_most)
        missing = known - shown.present - vanished - hidden
        vanished = vanished - shown.present - hidden  # listed after all, or only out of sight: not gone
    vanished, missing = vanished - owed.leaving, missing - owed.leaving
    steps: list[Step] = []
    changes = _flag_changes(shown.changed, held, owed.flags)
    if changes:
        steps.append(ApplyFlags(mailbox, "flags-on-server", changes))
    relabelled = tuple(one for one in shown.labelled if held.labels.get(one.uid) not in (None, one))
    if relabelled:
        steps.append(ApplyLabels(mailbox, "labels-on-server", relabelled))
    everything = len(held.uids) > limits.suspicious_loss and not (held.uids - vanished - missing)
    if everything:
        steps.append(Confirm(mailbox, "everything-gone", vanished | missing, anew=True))
    else:
        if vanished:
            steps.append(Remove(mailbox, "vanished-on-server", vanished))
        if missing:
            steps.append(Confirm(mailbox, "not-listed", missing))
    backfill = (held.backfill - vanished - missing - hidden) | arrived
    if backfill:
        steps.append(Fetch(mailbox, "arrived" if arrived else "interrupted", backfill))
    # What is just leaving counts for nothing: should it stay after all, the next round must see it.
    accounted = len((known - vanished - missing - hidden - owed.leaving) | arrived)
    advance = _advance(mailbox, shown, held, backfill, arrived, accounted)
    if advance is not None:
        steps.append(advance)
    return tuple(steps)


def _advance(
    mailbox: MailboxName, shown: Shown, held: Held, backfill: UidSet, arrived: UidSet, accounted: int
) -> Advance | None:
    # Only the UIDNEXT of this round's SELECT may lift the cursor over UIDs that no longer exist
    # (C3 rule 4); what is listed and not yet stored stays named in `backfill`, so that both
    # watermarks only ever cover what is stored or still remembered as owed (museum M1).
    cursor = max(held.cursor, shown.uidnext - 1, arrived.highest)
    # The count remembered is the one we can account for, not the one claimed: a message that the
    # server counts and does not list yet makes the next round look again.
    reached = (shown.uidvalidity, shown.uidnext, cursor, shown.modseq, accounted, backfill)
    if reached == (held.uidvalidity, held.uidnext, held.cursor, held.modseq, held.exists, held.backfill):
        return None
    return Advance(mailbox, "round-complete", *reached)


def _flag_changes(
    changed: tuple[FlagsNow, ...], held: Held, wishes: tuple[FlagWish, ...]
) -> tuple[FlagsNow, ...]:
    """The flags to take over: those of messages we hold, with our unsent changes laid on top."""
    wish_of: dict[Uid, FlagWish] = {}
    for wish in wishes:  # later wishes override earlier ones, flag by flag
        before = wish_of.get(wish.uid)
        if before is None:
            wish_of[wish.uid] = wish
        else:
            add = (before.add - wish.remove) | wish.add
            remove = (before.remove - wish.add) | wish.remove
            wish_of[wish.uid] = FlagWish(wish.uid, add, remove)
    taken = []
    for change in changed:
        mine = held.flags.get(change.uid)
        if mine is None:
            continue
        merged = merge_flags(change.flags, wish_of.get(change.uid))
        if merged != mine:
            taken.append(FlagsNow(change.uid, merged, change.modseq))
    return tuple(taken)


def merge_flags(server: Flags, wish: FlagWish | None) -> Flags:
    """The written rule for flags: each flag by itself; what we changed and have not sent yet wins,
    everything else is the server's."""
    return server if wish is None else (server - wish.remove) | wish.add
