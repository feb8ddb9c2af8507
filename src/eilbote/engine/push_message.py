"""One local change of messages, carried to the server: flags, move, copy, delete, append.

Each function marks its debts as sent, says the command, and closes them with the evidence of the
answer. A sent debt found at the start is first looked up on the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from eilbote.engine.observe import is_sticky, still_there
from eilbote.engine.rematch import may_be_same, rematch
from eilbote.engine.round import Round
from eilbote.engine.settle import give_up, look_again, settle, settle_append, take_flags_back
from eilbote.errors import Gone, Misused, Problem, Refused
from eilbote.mail.mailbox import (
    DELETED,
    MAX_UID,
    Flag,
    Flags,
    MailboxName,
    SpecialUse,
    Uid,
    UidSet,
    flags_to_text,
)
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.types import AppendUid, CopyUid, Selected, StoreMode
from eilbote.store.values import Debt, DebtKind, DebtState, Mailbox
from eilbote.sync.window import out_of_sight

T = TypeVar("T")

_OF_THE_MAIL = ("", "LIMIT", "CANNOT")
"""Codes (RFC 5530) with which a server may refuse a mail because of its keywords."""


async def push_group(round_: Round, debts: Sequence[Debt], *, last: bool) -> None:
    """Carries debts that one command can carry. Those whose message is not there (any more) wait
    for the server's changes to be known, and are settled when `last`."""
    first = debts[0]
    mailboxes = await round_.call(_mailboxes, round_)
    mailbox = mailboxes.get(first.mailbox)
    if first.target_mailbox and first.target_mailbox not in mailboxes:
        raise Gone("sync.target_gone", mailbox=first.target)
    if mailbox is None or not _is_of(first, mailbox):
        gone = list(debts)
    elif first.uid < 0:
        return  # not numbered yet
    else:
        gone = await _carry_present(round_, mailbox, debts)
    if first.kind is DebtKind.DELETE:
        for debt in gone:  # both sides wanted it gone
            await _close(round_, debt, None)
    elif last:
        for debt in gone:
            await settle(round_, debt)


def _mailboxes(round_: Round) -> dict[int, Mailbox]:
    return {one.id: one for one in round_.app.store.mailboxes.all(round_.account.id)}


def _is_of(debt: Debt, mailbox: Mailbox) -> bool:
    """Whether the debt's number still means its message: it does not where the mailbox was renumbered
    and the message not found again. 0: the debt is older than our first look at the mailbox."""
    return debt.uid < 0 or debt.uidvalidity in (0, mailbox.watermarks.uidvalidity)


async def _carry_present(round_: Round, mailbox: Mailbox, debts: Sequence[Debt]) -> list[Debt]:
    """Carries what can be carried; returns the debts whose message is not in `mailbox`."""
    first = debts[0]
    async with round_.connections.session(mailbox=mailbox.name) as imap:
        selected = await imap.select(mailbox.name)
        if not is_sticky(selected):
            # The numbers are others each time: they are found out on the connection that uses them.
            await rematch(round_, imap, mailbox)
            debts = await round_.call(_renumbered, round_, debts, selected.uidvalidity)
            if not debts:
                return []
        elif selected.uidvalidity != mailbox.watermarks.uidvalidity:
            return []  # to be rematched first
        if first.kind in (DebtKind.MOVE, DebtKind.DELETE) or imap.uids_may_shift:
            there, shifted = await _recognised(round_, imap, debts)
            if shifted:  # another message would be moved or deleted (museum M15)
                await rematch(round_, imap, mailbox)
                debts = await round_.call(_renumbered, round_, debts, selected.uidvalidity)
                there = await still_there(imap, UidSet.of(debt.uid for debt in debts))
        else:
            there = await still_there(imap, UidSet.of(debt.uid for debt in debts))
        gone = [debt for debt in debts if debt.uid not in there]
        if gone and selected.exists in imap.shows_at_most:
            gone = await _given_up_out_of_sight(round_, imap, mailbox, gone)
        if first.state is DebtState.SENT and first.kind in (DebtKind.MOVE, DebtKind.COPY):
            debts = await _look_up_sent(round_, imap, mailbox, debts, there)
            await imap.select(mailbox.name)
        present = [debt for debt in debts if debt.uid in there]
        if present:
            await _carry(round_, imap, present, selected)
    return [debt for debt in gone if debt in debts]


async def _given_up_out_of_sight(
    round_: Round, imap: ImapSession, mailbox: Mailbox, debts: Sequence[Debt]
) -> list[Debt]:
    """Takes back what cannot be done to mails that the server shows no more, though it has them; returns
    the debts whose message is gone."""
    listed = await imap.search_uids()
    hidden = out_of_sight(UidSet.of(debt.uid for debt in debts), listed, imap.shows_at_most)
    problem = Problem("sync.out_of_sight", {"mailbox": mailbox.name, "count": str(len(listed))})
    for debt in debts:
        if debt.uid in hidden:
            await round_.call(give_up, round_, debt, problem)
    if hidden:
        round_.problems.append((mailbox.name, problem))
    return [debt for debt in debts if debt.uid not in hidden]


async def _recognised(round_: Round, imap: ImapSession, debts: Sequence[Debt]) -> tuple[UidSet, bool]:
    """Which of the debts' UIDs exist, and whether one of them names another message than the one that
    the change is about. Costs no more than asking whether they are there."""
    uids = UidSet.of(debt.uid for debt in debts)
    shown = {one.uid: one for one in await imap.fetch_identities(uids)}
    there = UidSet.of(shown) & uids
    for debt in debts:
        if debt.uid in there:
            held = await round_.call(round_.app.store.messages.identity, debt.message)
            if not may_be_same(held, shown[debt.uid]):
                return there, True
    # Absence from one answer is no evidence (C3 rules 3 and 6).
    return there | (await imap.search_uids(within=uids - there)), False


def _renumbered(round_: Round, debts: Sequence[Debt], uidvalidity: int) -> list[Debt]:
    fresh = [round_.app.store.journal.get(debt.id) for debt in debts]
    return [debt for debt in fresh if debt.uidvalidity == uidvalidity]


async def _carry(round_: Round, imap: ImapSession, debts: Sequence[Debt], selected: Selected) -> None:
    await round_.call(round_.app.store.journal.mark_sent, [debt.id for debt in debts], round_.now)
    uids = UidSet.of(debt.uid for debt in debts)
    first = debts[0]
    numbers: dict[Uid, Uid] = {}
    if first.kind is DebtKind.FLAG:
        await _store_flags(round_, imap, debts, selected)
        return
    if first.kind is DebtKind.DELETE:
        if imap.expunge_takes_a_label:
            uids = await _into_the_trash(round_, imap, first.mailbox, uids)
        await _expunge(round_, imap, debts, uids)
    elif first.kind is DebtKind.COPY:
        numbers = await _copied(round_, imap, first, uids)
    elif first.kind is DebtKind.MOVE:
        numbers = await _moved(round_, imap, debts, uids)
        if imap.has_labels:
            # Out of All Mail nothing is moved, only a label added: it shall be seen there again.
            await round_.call(look_again, round_, first.mailbox)
    else:
        raise Misused("sync.not_a_message_change", kind=first.kind)
    for debt in debts:
        await _close(round_, debt, numbers.get(debt.uid))


async def _store_flags(round_: Round, imap: ImapSession, debts: Sequence[Debt], selected: Selected) -> None:
    """Adds and removes. What the mailbox does not keep (PERMANENTFLAGS, RFC 9051 section 7.1; or its
    own answer) is not asked for again: it is taken back here and told."""
    uids = UidSet.of(debt.uid for debt in debts)
    add = frozenset(flag for flag in debts[0].add if _keeps(selected, flag))
    lacking = dict.fromkeys(uids, debts[0].add - add)
    if add:
        stored = await imap.store_flags(uids, StoreMode.ADD, add)
        for told in stored.flags:
            shown = {flag.lower() for flag in told.flags}
            if told.uid in lacking:
                lacking[told.uid] |= {flag for flag in add if flag.lower() not in shown}
    if debts[0].remove:
        await imap.store_flags(uids, StoreMode.REMOVE, debts[0].remove)
    for debt in debts:
        if lacking[debt.uid]:
            await round_.call(take_flags_back, round_, debt, lacking[debt.uid])
        else:
            await _close(round_, debt, None)


def _keeps(selected: Selected, flag: Flag) -> bool:
    kept = selected.permanent_flags
    if kept is None or flag.lower() in {one.lower() for one in kept}:
        return True
    return "\\*" in kept and not flag.startswith("\\")


async def _expunge(round_: Round, imap: ImapSession, debts: Sequence[Debt], uids: UidSet) -> None:
    await imap.store_flags(uids, StoreMode.ADD, frozenset({DELETED}))
    if imap.has_uidplus:
        await imap.expunge(uids)
        return
    # Without UIDPLUS an EXPUNGE also removes what another client marked meanwhile (museum M14): the
    # mail stays on the server, marked as deleted, and that is told. It will be listed here again.
    detail = {"kind": debts[0].kind.value}
    for debt in debts:
        if debt.kind is DebtKind.DELETE:
            journal = round_.app.store.journal
            await round_.call(journal.conflict, debt.id, "no-uidplus", detail, round_.now)
            round_.tally.conflicts += 1


async def _into_the_trash(round_: Round, imap: ImapSession, source: int, uids: UidSet) -> UidSet:
    """Moves what shall be deleted to where this server deletes, and opens it; returns the numbers there."""
    mailboxes = await round_.call(_mailboxes, round_)
    trash = next((one for one in mailboxes.values() if one.role is SpecialUse.TRASH), None)
    if mailboxes[source].role in (SpecialUse.TRASH, SpecialUse.JUNK) or trash is None or not imap.has_move:
        return uids
    moved = await imap.move(uids, trash.name)
    await imap.select(trash.name)
    return UidSet.of(new for _, new in moved.pairs) if moved is not None else UidSet()


async def _copied(round_: Round, imap: ImapSession, debt: Debt, uids: UidSet) -> dict[Uid, Uid]:
    target = await round_.call(round_.app.store.mailboxes.get, debt.target_mailbox)
    copied = await _with_target(imap, target.name, lambda: imap.copy(uids, target.name))
    return _numbers(copied, target)


async def _moved(round_: Round, imap: ImapSession, debts: Sequence[Debt], uids: UidSet) -> dict[Uid, Uid]:
    target = await round_.call(round_.app.store.mailboxes.get, debts[0].target_mailbox)
    if imap.has_move:
        moved = await _with_target(imap, target.name, lambda: imap.move(uids, target.name))
        return _numbers(moved, target)
    copied = await _with_target(imap, target.name, lambda: imap.copy(uids, target.name))
    await _expunge(round_, imap, debts, uids)
    return _numbers(copied, target)


async def _with_target(imap: ImapSession, target: MailboxName, act: Callable[[], Awaitable[T]]) -> T:
    """TRYCREATE (RFC 9051 section 6.4.7): the mailbox is made once, and the command said again."""
    try:
        return await act()
    except Refused as refusal:
        if refusal.problem.parameters.get("code", "").upper() != "TRYCREATE":
            raise
    await imap.create(target)
    return await act()


def _numbers(answer: CopyUid | None, target: Mailbox) -> dict[Uid, Uid]:
    """The new UIDs, where the server told them and they are of the UIDVALIDITY that we know."""
    if answer is None or target.watermarks.uidvalidity not in (0, answer.uidvalidity):
        return {}
    return dict(answer.pairs)


async def _look_up_sent(
    round_: Round, imap: ImapSession, source: Mailbox, debts: Sequence[Debt], there: UidSet
) -> list[Debt]:
    """Closes those sent moves and copies whose result is already in the target; returns the rest."""
    target = await round_.call(round_.app.store.mailboxes.get, debts[0].target_mailbox)
    found = await find_arrived(round_, imap, target, debts)
    left = []
    for debt in debts:
        if debt.id not in found:
            left.append(debt)
            continue
        if debt.kind is DebtKind.MOVE and debt.uid in there:
            # Copied but not yet removed from its old place (a server without MOVE).
            await imap.select(source.name)
            await _expunge(round_, imap, [debt], UidSet.of([debt.uid]))
        await _close(round_, debt, found[debt.id])
    return left


async def find_arrived(
    round_: Round, imap: ImapSession, target: Mailbox, debts: Sequence[Debt]
) -> dict[int, Uid]:
    """Which debts' results lie in `target` among the mails that we do not hold yet: by Message-ID
    and size, or size and date for mail without a Message-ID; each mail for one debt only."""
    selected = await imap.select(target.name)
    if not selected.exists:
        return {}
    held = await round_.call(round_.app.store.messages.held_uids, target.id)
    unknown = await imap.search_uids() - held
    if not unknown:
        return {}
    arrived = {one.uid: one for one in await imap.fetch_identities(unknown)}
    found: dict[int, Uid] = {}
    for debt in debts:
        identity = await round_.call(round_.app.store.messages.identity, debt.message)
        for uid, one in sorted(arrived.items(), reverse=True):
            same_date = int(one.internal_date) == int(identity.internal_date)
            same_size = one.size == identity.size or (not one.size and bool(one.message_id))  # 0: not known
            if one.message_id == identity.message_id and same_size and (identity.message_id or same_date):
                found[debt.id] = uid
                del arrived[uid]
                break
    return found


async def push_append(round_: Round, debt: Debt) -> None:
    """Puts a mail that was made or imported here into its mailbox on the server."""
    store = round_.app.store
    target = (await round_.call(_mailboxes, round_)).get(debt.target_mailbox)
    if target is None:
        await round_.call(settle_append, round_, debt)
        return
    async with round_.connections.session(mailbox=target.name) as imap:
        if debt.state is DebtState.SENT:
            found = await find_arrived(round_, imap, target, [debt])
            if debt.id in found:
                await _close(round_, debt, found[debt.id])
                return
        claimed = await round_.call(store.journal.mark_sent, [debt.id], round_.now)
        if debt.state is DebtState.OPEN and not claimed:
            return  # withdrawn a moment ago: another draft took its place
        raw = await round_.call(store.messages.whole, debt.message)
        identity = await round_.call(store.messages.identity, debt.message)
        flags = await _kept_there(round_, imap, target, debt.add)

        async def say(flags: Flags) -> AppendUid | None:
            return await _with_target(
                imap, target.name, lambda: imap.append(target.name, raw, flags, identity.internal_date)
            )

        bare = frozenset(flag for flag in flags if flag.startswith("\\"))
        try:
            appended = await say(flags)
        except Refused as refused:
            if bare == flags or refused.problem.parameters.get("code") not in _OF_THE_MAIL:
                raise
            appended = await say(bare)  # Cyrus: "Too many user flags in mailbox"
            round_.problems.append((target.name, _not_kept(target, flags - bare)))
    known = (
        appended is not None
        and target.watermarks.uidvalidity in (0, appended.uidvalidity)
        and 0 < appended.uid <= MAX_UID
    )
    await _close(round_, debt, appended.uid if appended is not None and known else None)


async def _kept_there(round_: Round, imap: ImapSession, target: Mailbox, flags: Flags) -> Flags:
    """Those of `flags` that the mailbox keeps; the others are told. The next look takes them away here."""
    if not flags:
        return flags
    try:
        selected = imap.selected
        if selected is None or selected.name != target.name:
            selected = await imap.select(target.name)
    except Refused:  # a mailbox that is yet to be made: TRYCREATE will tell
        return flags
    kept = frozenset(flag for flag in flags if _keeps(selected, flag))
    if kept != flags:
        round_.problems.append((target.name, _not_kept(target, flags - kept)))
    return kept


def _not_kept(target: Mailbox, flags: Flags) -> Problem:
    return Problem("sync.flags_not_kept", {"mailbox": target.name, "flags": flags_to_text(flags)})


async def _close(round_: Round, debt: Debt, uid: Uid | None) -> None:
    await round_.call(round_.app.store.journal.close, debt.id, round_.now, uid)
    round_.tally.pushed += 1
