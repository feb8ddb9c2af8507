"""The written rules for a local change that cannot be carried as it was meant.

The message moved or went on the server meanwhile:

- Flags follow the message to where it was moved.
- A move follows a move: the user's own act here, the latest of them, decides the place.
- The same move made on both sides is one move.
- A copy whose source is gone is uploaded from here, and so is a move of a mail that was never there.
- What the server removed stays removed; it is kept here as a tombstone for undo.

The server will not:

- What it refuses for good is taken back here. Flags that a mailbox does not keep are, too.
- A mail that waits for the upload into a mailbox that is gone is uploaded into the inbox.
- A mail that the server said it took, and that a complete look at its mailbox in a later pass does
  not show, is gone: it is kept here as a tombstone.

Every use of a rule but "the same on both sides" is logged as a conflict (`eilbote conflicts`).
Where a debt ends without the server's evidence, the next round reads the mailbox whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from eilbote.engine.round import Round
from eilbote.errors import Problem
from eilbote.mail.mailbox import Flags, Uid, UidSet, flags_to_text
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import Debt, DebtKind, DebtState, Mailbox


async def settle(round_: Round, debt: Debt) -> None:
    """Decides one debt whose message is not at (mailbox, uid) any more, all changes being known."""
    await round_.call(_settle, round_, debt)


def give_up(round_: Round, debt: Debt, problem: Problem) -> None:
    """The change will never be made there: it is taken back here."""
    look_again(round_, debt.mailbox)
    round_.app.store.journal.fail(debt.id, problem, round_.now)


def take_flags_back(round_: Round, debt: Debt, flags: Flags) -> None:
    """The mailbox does not keep `flags`: told once, and never asked for again."""
    look_again(round_, debt.mailbox)
    _log(round_, debt, "flag-not-kept", {"kind": debt.kind.value, "flags": flags_to_text(flags)})


def settle_append(round_: Round, debt: Debt) -> None:
    """The mailbox that a mail waited in is gone, and the mail lies nowhere else."""
    journal = round_.app.store.journal
    journal.restore([debt.message], debt.origin, round_.now)  # a second time it finds nothing to do
    _log(round_, debt, "mailbox-gone", _detail(debt))


async def settle_waiting(round_: Round) -> None:
    """Ends the waiting for mails that the server took and that never turned up, and for the numbers of
    mails whose upload, move or copy came to nothing."""
    journal, account = round_.app.store.journal, round_.account
    for debt in await round_.call(journal.unanswered, account.id, account.synced or 0.0):
        mailboxes = await round_.call(round_.app.store.mailboxes.all, account.id)
        mailbox = next((one for one in mailboxes if one.id == debt.target_mailbox), None)
        if mailbox is None or await _all_is_known(round_, mailbox):
            detail = _detail(debt)
            if await round_.call(journal.lost, debt.id, "never-turned-up", detail, round_.now):
                round_.tally.conflicts += 1
    for debt in await round_.call(journal.open_debts, account.id):
        if debt.uid < 0:
            await round_.call(_settle_orphan, round_, debt)


async def _all_is_known(round_: Round, mailbox: Mailbox) -> bool:
    """Whether the server's mailbox holds nothing that we have not seen."""
    if mailbox.watermarks.backfill:
        return False
    messages = round_.app.store.messages
    held = await round_.call(messages.held_uids, mailbox.id)
    quarantined = await round_.call(messages.quarantined, mailbox.id)
    async with round_.connections.session(mailbox=mailbox.name) as imap:
        selected = await imap.select(mailbox.name)
    same = selected.uidvalidity == mailbox.watermarks.uidvalidity
    return same and selected.exists == len(held | quarantined)


def _settle_orphan(round_: Round, debt: Debt) -> None:
    """A change of a mail that waits for its number, when that number will never come."""
    journal = round_.app.store.journal
    maker = journal.maker_of(debt.uid)
    if maker is not None and maker.state not in (DebtState.FAILED, DebtState.CONFLICT):
        return
    only_here = maker is not None and maker.kind is DebtKind.APPEND
    waits = any(uid == debt.uid for _, uid, _ in round_.app.store.messages.places([debt.message]))
    if debt.kind is DebtKind.DELETE or (debt.kind is DebtKind.FLAG and only_here and waits):
        journal.close(debt.id, round_.now)
    else:
        _settle(round_, debt, upload=only_here)


def _settle(round_: Round, debt: Debt, *, upload: bool = False) -> None:
    store, now = round_.app.store, round_.now
    journal = store.journal
    elsewhere = [(box, uid) for box, uid, _ in store.messages.places([debt.message]) if uid > 0]
    if debt.kind is DebtKind.FLAG and (debt.mailbox, debt.uid) in elsewhere:
        return  # it went a moment ago: the next pass knows where to
    if debt.kind is DebtKind.MOVE:
        there = [uid for box, uid in elsewhere if box == debt.target_mailbox]
        if there:
            journal.close(debt.id, now, there[0])
            return
    upload = upload or debt.kind is DebtKind.COPY
    raw = store.messages.whole(debt.message) if upload else b""
    look_again(round_, debt.mailbox)
    if not _log(round_, debt, _rule(debt, moved=bool(elsewhere), upload=upload), _detail(debt)):
        return
    _take_back_waiting(round_, debt)
    if debt.kind is DebtKind.FLAG and elsewhere:
        journal.change_flags(elsewhere, debt.add, debt.remove, debt.origin, now)
    elif debt.kind is DebtKind.MOVE and elsewhere:
        _follow(round_, debt, elsewhere[0])
    elif upload and debt.target_mailbox:
        # Loaded here, because it is seldom needed and every pass loads this module.
        from eilbote.mail.message import read_source  # noqa: PLC0415
        from eilbote.mail.uploading import ready_to_upload  # noqa: PLC0415

        raw = ready_to_upload(raw)
        date = store.messages.identity(debt.message).internal_date
        journal.append(debt.target_mailbox, raw, read_source(raw), debt.add, date, debt.origin, now)


def _follow(round_: Round, debt: Debt, place: tuple[int, Uid]) -> None:
    """A moved message lies at `place` now, because somebody else moved it too: the latest of the user's
    acts that built on this move decides what becomes of it."""
    journal, now = round_.app.store.journal, round_.now
    latest, left = debt, journal.open_debts(round_.account.id)
    while latest.placement < 0:
        kinds = (DebtKind.MOVE, DebtKind.DELETE)
        after = next((one for one in left if one.uid == latest.placement and one.kind in kinds), None)
        if after is None:
            break
        journal.close(after.id, now)
        _take_back_waiting(round_, after)
        latest = after
    if latest.kind is DebtKind.DELETE:
        journal.delete([place], latest.origin, now)
    elif latest.target_mailbox != place[0]:
        journal.move([place], latest.target_mailbox, latest.origin, now)


def _take_back_waiting(round_: Round, debt: Debt) -> None:
    """What was shown here in expectation of the server's number is taken back."""
    if debt.placement < 0:
        waiting = MailboxUpdate(removed=UidSet.of([debt.placement]))
        round_.app.store.messages.apply(debt.target_mailbox, waiting, round_.now)


def look_again(round_: Round, mailbox: int) -> None:
    """Lets the next round read the mailbox whole: without a mod-sequence nothing counts as known."""
    mailboxes = round_.app.store.mailboxes
    for one in mailboxes.all(round_.account.id):
        if one.id == mailbox and one.watermarks.modseq:
            mailboxes.set_watermarks(mailbox, replace(one.watermarks, modseq=0))


def _log(round_: Round, debt: Debt, rule: str, detail: Mapping[str, str]) -> bool:
    """Ends the debt by a rule; False if it had ended already."""
    if not round_.app.store.journal.conflict(debt.id, rule, detail, round_.now):
        return False
    round_.tally.conflicts += 1
    return True


def _rule(debt: Debt, *, moved: bool, upload: bool) -> str:
    match debt.kind:
        case DebtKind.FLAG if moved:
            return "flags-follow-move"
        case DebtKind.MOVE if moved:
            return "move-follows-move"
        case DebtKind.COPY | DebtKind.MOVE if upload:
            return "copy-by-upload"
        case _:
            return "removed-on-server"


def _detail(debt: Debt) -> dict[str, str]:
    """What was put aside, for the log."""
    flags = [f"+{flag}" for flag in sorted(debt.add)] + [f"-{flag}" for flag in sorted(debt.remove)]
    return {"kind": debt.kind.value, "target": debt.target, "flags": " ".join(flags)}
