"""Carries local changes to the server, in the order they were made, until evidence closes each.

A debt is marked as sent before its command is written. After a crash the outcome of a sent
command is looked for on the server first (C3 rules 9 and 10), so that nothing is done twice;
flag changes and deletions may simply be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from eilbote.engine.push_mailbox import push_mailbox_change
from eilbote.engine.round import Round
from eilbote.engine.settle import give_up, settle_waiting
from eilbote.errors import EilboteError, Garbled, Gone, Misused, Problem, Refused
from eilbote.store.values import Debt, DebtKind, DebtState

MAILBOX_KINDS = frozenset(
    {DebtKind.CREATE, DebtKind.RENAME, DebtKind.REMOVE_MAILBOX, DebtKind.SUBSCRIBE, DebtKind.UNSUBSCRIBE}
)

_ENDS_ONE = (Refused, Misused, Gone, Garbled)
"""What goes wrong with one change, and not with the server as a whole."""
_QUESTIONS = frozenset({"SELECT", "EXAMINE", "LIST", "UID SEARCH", "UID FETCH"})


async def push_mailbox_changes(round_: Round) -> None:
    """Creates, renames, deletes and subscribes on the server what was created, renamed, ... here:
    before the server's listing is compared with ours."""
    for debt in await _open_debts(round_):
        if debt.kind in MAILBOX_KINDS:
            try:
                await push_mailbox_change(round_, debt)
            except _ENDS_ONE as error:
                await _put_aside(round_, [debt], error)


async def push_message_changes(round_: Round, *, last: bool = False) -> None:
    """Carries flags, moves, copies, deletions and appends.

    A debt whose message is no longer where it was stays open until the server's changes are
    known; with `last` they are, and the written rules of `settle.py` decide.
    """
    debts = [debt for debt in await _open_debts(round_) if debt.kind not in MAILBOX_KINDS]
    if debts:
        await _carry(round_, debts, last=last)
    if last:
        await settle_waiting(round_)


async def _carry(round_: Round, debts: Sequence[Debt], *, last: bool) -> None:
    # Loaded here, because most passes owe nothing.
    from eilbote.engine.push_message import push_append, push_group  # noqa: PLC0415

    done = 0
    for group in in_groups(debts):
        round_.tell("push", done=done, total=len(debts))
        done += len(group)
        # An earlier debt of this pass may have given the message its number: read it afresh.
        current = await round_.call(_refreshed, round_, group)
        if not current:
            continue
        try:
            if current[0].kind is DebtKind.APPEND:
                await push_append(round_, current[0])
            else:
                await push_group(round_, current, last=last)
        except _ENDS_ONE as error:
            await _put_aside(round_, current, error)


async def _put_aside(round_: Round, debts: Sequence[Debt], error: EilboteError) -> None:
    """What becomes of debts that could not be carried; the other debts go on.

    A refusal for good takes the local change back. One for now, or one of a question that we had
    to ask first, leaves them open. After an answer that nobody could read they stay sent: the next
    pass looks for their result.
    """
    if error.problem.parameters.get("code") == "EXPUNGEISSUED":
        return  # RFC 5530: a message went a moment ago; the next look knows which
    name = await round_.call(_mailbox_name, round_, debts[0])
    round_.problems.append((name, error.problem))
    if isinstance(error, Garbled):
        return
    if not isinstance(error, Refused) or _is_final(error.problem):
        for debt in debts:
            await round_.call(give_up, round_, debt, error.problem)
    elif debts[0].kind is not DebtKind.MOVE:  # a MOVE may have been carried in part (RFC 6851 4.3)
        await round_.call(round_.app.store.journal.reopen, [debt.id for debt in debts], round_.now)


def _is_final(refusal: Problem) -> bool:
    return refusal.retry_after is None and refusal.parameters.get("command") not in _QUESTIONS


def _mailbox_name(round_: Round, debt: Debt) -> str:
    mailboxes = round_.app.store.mailboxes.all(round_.account.id)
    return next((one.name for one in mailboxes if one.id == debt.mailbox), debt.source)


def in_groups(debts: Iterable[Debt]) -> Iterator[list[Debt]]:
    """Runs of debts that one command can carry, in the order they were made."""

    def command(debt: Debt) -> tuple[object, ...]:
        alone = debt.id if debt.kind is DebtKind.APPEND or debt.uid < 0 else 0
        place = (debt.mailbox, debt.uidvalidity, debt.target_mailbox)
        return (debt.kind, debt.state, place, debt.add, debt.remove, alone)

    for _, group in groupby(debts, key=command):
        yield list(group)


async def _open_debts(round_: Round) -> list[Debt]:
    return await round_.call(round_.app.store.journal.open_debts, round_.account.id)


def _refreshed(round_: Round, group: Sequence[Debt]) -> list[Debt]:
    fresh = [round_.app.store.journal.get(debt.id) for debt in group]
    return [debt for debt in fresh if debt.state in (DebtState.OPEN, DebtState.SENT)]
