"""Brings one mailbox of the store to what the server shows: looks, plans, and performs the plan.

Flags, removals and watermarks of a round are one transaction. Fetching the mails themselves is
`fetch.py`'s; what is still to be fetched is remembered in the watermarks (`backfill`).
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from eilbote.engine.keep import ask_for_more, make_less
from eilbote.engine.listing import QUARANTINE_SECONDS
from eilbote.engine.observe import observe, still_there
from eilbote.engine.rematch import has_shifted, rematch
from eilbote.engine.round import Round
from eilbote.errors import Garbled
from eilbote.mail.mailbox import UidSet
from eilbote.net.imap import ImapSession
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import DebtKind, Mailbox, Watermarks
from eilbote.sync.plan import plan
from eilbote.sync.state import (
    Advance,
    ApplyFlags,
    ApplyLabels,
    Compare,
    Confirm,
    Fetch,
    FlagWish,
    Held,
    LabelsNow,
    Limits,
    Owed,
    Push,
    Rematch,
    Remove,
    Shown,
    Step,
)


async def plan_mailbox(round_: Round, imap: ImapSession, mailbox: Mailbox) -> tuple[Step, ...]:
    """The steps of this round, after as many looks as the evidence needs. Changes nothing."""
    for complete in (False, True):
        shown = await observe(imap, mailbox, complete=complete)
        if imap.uids_may_shift and shown.exists and await has_shifted(round_, imap, mailbox):
            shown = replace(shown, sticky=False)
        held, owed = await round_.call(_gather, round_, mailbox, shown)
        steps = plan(mailbox.name, shown, held, owed, Limits())
        if not any(isinstance(step, Compare) for step in steps):
            return steps
    raise Garbled("sync.no_agreement", mailbox=mailbox.name)


async def pull_mailbox(round_: Round, mailbox: Mailbox) -> UidSet:
    """One round of `mailbox`: everything but the mails themselves. Returns the UIDs to fetch."""
    round_.tell("look", mailbox.name)
    mailbox = await round_.call(_prepare, round_, mailbox)
    wanted = await _pull(round_, mailbox)
    await round_.call(make_less, round_, mailbox)
    return wanted


def _prepare(round_: Round, mailbox: Mailbox) -> Mailbox:
    """The mailbox with what was found in it, and what its mode wants, made the work of this round."""
    if round_.app.store.findings.of(mailbox.id):
        mailbox = round_.app.store.findings.take_up(mailbox.id)
    return ask_for_more(round_, mailbox)


async def _pull(round_: Round, mailbox: Mailbox) -> UidSet:
    async with round_.connections.session(mailbox=mailbox.name) as imap:
        steps = await plan_mailbox(round_, imap, mailbox)
        renumbered = any(isinstance(step, Rematch) for step in steps)
        arrived = await rematch(round_, imap, mailbox) if renumbered else None
    if not renumbered:
        return await _perform(round_, mailbox, steps)
    if arrived is None:  # everything seems gone: asked once more on a connection of its own
        async with round_.connections.session(fresh=True, mailbox=mailbox.name) as imap:
            arrived = await rematch(round_, imap, mailbox, anew=True)
    return arrived or UidSet()


async def _perform(round_: Round, mailbox: Mailbox, steps: tuple[Step, ...]) -> UidSet:
    """Does what was planned; the local part in one transaction."""
    flags: list[FlagChange] = []
    labels: tuple[LabelsNow, ...] = ()
    removed, wanted, denied = UidSet(), UidSet(), UidSet()
    watermarks: Watermarks | None = None
    for step in steps:
        match step:
            case ApplyFlags(changes=changes):
                flags += [FlagChange(one.uid, one.flags, one.modseq) for one in changes]
            case ApplyLabels(changes=relabelled):
                labels = relabelled
            case Remove(uids=uids):
                removed = removed | uids
            case Confirm(uids=uids):
                there = await _still_there(round_, mailbox, step)
                removed = removed | (uids - there)
                denied = denied | there
            case Fetch(uids=uids):
                wanted = uids
            case Advance():
                watermarks = Watermarks(
                    uidvalidity=step.uidvalidity,
                    uidnext=step.uidnext,
                    cursor=step.cursor,
                    # The server contradicted itself: the next round takes nothing for granted.
                    modseq=0 if denied else step.modseq,
                    exists=step.exists,
                    backfill=step.backfill,
                )
            case Rematch() | Compare() | Push():
                raise Garbled("sync.no_agreement", mailbox=mailbox.name)
            case _:
                assert_never(step)
    if flags or labels or removed or watermarks is not None:
        update = MailboxUpdate(flags=flags, labels=labels, removed=removed, watermarks=watermarks)
        applied = await round_.call(round_.app.store.messages.apply, mailbox.id, update, round_.now)
        round_.tally.changed += applied.changed
        round_.tally.deleted += applied.deleted
        round_.removed = round_.removed or applied.deleted > 0
    return wanted


async def _still_there(round_: Round, mailbox: Mailbox, step: Confirm) -> UidSet:
    """Asks for exactly the UIDs that were not listed; returns those that are there after all."""
    async with round_.connections.session(fresh=step.anew, mailbox=mailbox.name) as imap:
        await imap.select(mailbox.name)
        there = await still_there(imap, step.uids)
    if step.anew and there:
        # The server contradicts itself: nothing is removed, and somebody should know.
        raise Garbled("sync.everything_gone", mailbox=mailbox.name, count=len(step.uids))
    return there


def _gather(round_: Round, mailbox: Mailbox, shown: Shown) -> tuple[Held, Owed]:
    """What we hold and owe of this mailbox, as far as the planning of `shown` needs it."""
    store = round_.app.store
    marks = mailbox.watermarks
    changed = UidSet.of(change.uid for change in shown.changed)
    flags = store.messages.held_flags(mailbox.id, changed) if changed else {}
    labelled = UidSet.of(one.uid for one in shown.labelled)
    again = store.messages.quarantined(mailbox.id, round_.now - QUARANTINE_SECONDS)
    held = Held(
        uidvalidity=marks.uidvalidity,
        cursor=marks.cursor,
        modseq=marks.modseq,
        uids=store.messages.held_uids(mailbox.id),
        uidnext=marks.uidnext,
        exists=marks.exists,
        backfill=marks.backfill | again,
        quarantined=store.messages.quarantined(mailbox.id) - again,
        flags=flags,
        labels=store.messages.held_labels(mailbox.id, labelled) if labelled else {},
    )
    debts = [debt for debt in store.journal.open_debts(round_.account.id) if debt.mailbox == mailbox.id]
    wishes = tuple(FlagWish(debt.uid, debt.add, debt.remove) for debt in debts if debt.kind is DebtKind.FLAG)
    leaving = (debt.uid for debt in debts if debt.kind in (DebtKind.MOVE, DebtKind.DELETE) and debt.uid > 0)
    return held, Owed(wishes, UidSet.of(leaving))
