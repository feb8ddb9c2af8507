"""One complete pass over the accounts: local changes out, the server's changes in, all mail stored
and searchable. One process at a time does this for an account; the others ask it and wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from eilbote.clock import process_seconds
from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.expire import forget_expired
from eilbote.engine.gmail import HAVE_ALL_LABELS
from eilbote.engine.index import Indexer
from eilbote.engine.listing import looks_unchanged, refresh_mailboxes, seems_unchanged
from eilbote.engine.pace import storing_pace
from eilbote.engine.prepare import Preparer
from eilbote.engine.progress import Delivered, Progress, Report, SyncReport
from eilbote.engine.push import push_mailbox_changes, push_message_changes
from eilbote.engine.round import Round
from eilbote.engine.tenure import FENCED, Under
from eilbote.errors import EilboteError, Garbled, Gone, NotAllowed, Problem, Refused
from eilbote.mail.mailbox import MailboxName, SpecialUse, UidSet
from eilbote.store.values import Account, AccountState, Mailbox

T = TypeVar("T")

CONNECTIONS_PER_ACCOUNT = 3
_WORTH_COMPACTING = 1 << 20
"""Bytes that modes left out of stored mails from which packs are written anew without them."""


class Errand(Struct, frozen=True):
    """What a pass has to look at: every mailbox (`only` one of them), or just those that the server
    has spoken of (`heard`). `thorough`: also what a listing alone does not tell (flags on a server
    without CONDSTORE)."""

    only: str | None = None
    heard: frozenset[MailboxName] | None = None
    thorough: bool = True


EVERYTHING = Errand()


async def sync_owned(
    app: App,
    accounts: Sequence[Account],
    *,
    mailbox: str | None = None,
    report: Report = lambda progress: None,
    under: Under | None = None,
) -> list[SyncReport]:
    """One pass over `accounts` side by side, by the process that holds them: each `under` its
    lease, if that is given; else `app` is of one account and has it already. One account's trouble
    never stops another's pass; it stands in its report. A local account collects from its maildrop
    (POP3), if it has one. Mail that is due to be sent goes out first."""
    budget = HostBudget(app.config.connections_per_host)
    indexer, preparer = Indexer(app.store, app.config, app.clock), Preparer()
    own = {one.id: app if under is None else under(one.id) for one in accounts}
    rounds = [
        Round(
            own[account.id],
            account,
            ImapConnections(own[account.id], account, budget, most=CONNECTIONS_PER_ACCOUNT),
            report,
            indexer,
            preparer,
        )
        for account in accounts
        if not is_local(account)
    ]
    idle = {account.address: SyncReport(account.address) for account in accounts if is_local(account)}
    try:
        sent = await _send_due(app, accounts, own, budget)
        passes: list[Coroutine[Any, Any, SyncReport]] = [
            _pass_and_leave(one, Errand(only=mailbox)) for one in rounds
        ]
        maildrops = [account for account in accounts if is_local(account) and account.pop3 is not None]
        if maildrops:
            from eilbote.engine.collect import collect_account  # noqa: PLC0415  # others need no POP3

            passes += [
                collect_account(
                    own[account.id],
                    account,
                    budget=budget,
                    indexer=indexer,
                    preparer=preparer,
                    report=report,
                    mailbox=mailbox,
                )
                for account in maildrops
            ]
        with storing_pace():
            carried = await _side_by_side(passes)
        await _judge_local(accounts, own)
        await _send_queued(app, accounts, own, budget, sent)
        await _follow_up(accounts, own, sent)
        await preparer.close()
        await asyncio.to_thread(forget_expired, app)
        await indexer.complete(lambda done, total: report(Progress("", "index", done=done, total=total)))
    finally:
        await preparer.close()
        await indexer.close()
    seconds = process_seconds()
    done = idle | {one.account: one for one in carried}
    return [
        replace(
            done[account.address],
            stored_seconds=done[account.address].stored_seconds or seconds,
            seconds=seconds,
            delivered=sent.get(account.id),
        )
        for account in accounts
    ]


async def _judge_local(accounts: Sequence[Account], own: Mapping[int, App]) -> None:
    """Accounts that only live here have no pass; what was put into them is judged all the same."""
    for account in accounts:
        if is_local(account) and account.pop3 is None and account.id in own:
            from eilbote.engine.arrive import arrived  # noqa: PLC0415  # few accounts live here alone

            await arrived(own[account.id], account)


async def _send_due(
    app: App, accounts: Sequence[Account], own: Mapping[int, App], budget: HostBudget
) -> dict[int, Delivered]:
    """Delivers what is due, account beside account; those with nothing in the outbox are not in the
    result."""
    due = await asyncio.to_thread(app.store.outbox.next_due)
    unsettled = await asyncio.to_thread(app.store.outbox.unsettled_accounts)
    sending = [one for one in accounts if one.id in due or one.id in unsettled]
    if not sending:
        return {}
    from eilbote.engine.deliver import send_now  # noqa: PLC0415  # most passes send nothing

    results = await _side_by_side([send_now(own[one.id], one, budget) for one in sending])
    return {one.id: result for one, result in zip(sending, results, strict=True)}


async def _send_queued(
    app: App,
    accounts: Sequence[Account],
    own: Mapping[int, App],
    budget: HostBudget,
    sent: dict[int, Delivered],
) -> None:
    """What rules have queued goes out in the same pass; the counts join those in `sent`."""
    due = await asyncio.to_thread(app.store.outbox.next_due)
    now = app.clock.now()
    sending = [one for one in accounts if due.get(one.id, now + 1) <= now]
    if not sending:
        return
    for account, delivered in (await _send_due(app, sending, own, budget)).items():
        sent[account] = sent[account].and_then(delivered) if account in sent else delivered


async def _follow_up(
    accounts: Sequence[Account], own: Mapping[int, App], sent: Mapping[int, Delivered]
) -> None:
    """What the pass has brought may settle what was sent: copies that are on the server now, mails that
    nobody knew of."""
    if not sent:
        return
    from eilbote.engine.deliver import settle_sent  # noqa: PLC0415  # most passes send nothing

    for account in accounts:
        if account.id in sent:
            await settle_sent(own[account.id], account, sent[account.id])


async def pass_over(
    round_: Round, errand: Errand = EVERYTHING, unreached: Problem | None = None
) -> SyncReport:
    """One account's pass, up to its report; stores how it ended. Leaves the connections open, unless
    it failed. `unreached`: why the server could not even be reached; that is all of the pass then."""
    failed = unreached
    try:
        if unreached is None:
            await round_.connections.tried_plain(lambda: _pass(round_, errand))
        if round_.left_out > _WORTH_COMPACTING:
            round_.left_out = 0
            await round_.call(round_.app.store.compact)
    except EilboteError as error:
        failed = error.problem
        await round_.connections.close()
    if failed is not None or errand.heard is None or round_.account.state is not AccountState.READY:
        try:
            await round_.call(_remember_end, round_, failed)
        except NotAllowed as error:
            if error.problem.code != FENCED:
                raise
            failed = error.problem  # the account is another's, and so is what is to be remembered
            await round_.connections.close()
    if (trouble := round_.connections.take_compression_trouble()) is not None:
        round_.problems.append(("", trouble))
    return SyncReport(
        round_.account.address,
        new=round_.tally.new,
        changed=round_.tally.changed,
        deleted=round_.tally.deleted,
        pushed=round_.tally.pushed,
        conflicts=round_.tally.conflicts,
        stored_seconds=process_seconds(),
        round_trips=round_.connections.round_trips,
        bytes=round_.connections.bytes,
        problems=tuple(round_.problems),
        failed=failed,
        alerts=round_.connections.take_alerts(),
    )


async def _pass_and_leave(round_: Round, errand: Errand) -> SyncReport:
    try:
        return await pass_over(round_, errand)
    finally:
        await round_.connections.close()


async def _pass(round_: Round, errand: Errand) -> None:
    round_.tell("connect")
    await push_mailbox_changes(round_)
    await push_message_changes(round_)
    if errand.heard is None:
        todo = await _all_that_changed(round_, errand)
    else:
        held = await round_.call(round_.app.store.mailboxes.all, round_.account.id)
        todo = [mailbox for mailbox in held if mailbox.selectable and mailbox.name in errand.heard]
    if todo:
        round_.looked_at = frozenset(mailbox.name for mailbox in todo)
        await _bring_in(round_, _inbox_first(todo))
    await _judge_new(round_)
    # Twice: a settled debt may have become a new one.
    await push_message_changes(round_, last=True)
    await push_message_changes(round_, last=True)


async def _judge_new(round_: Round) -> None:
    """Rules act on what has come; mailboxes that they want are made at once."""
    from eilbote.engine.arrive import arrived, noted  # noqa: PLC0415  # most homes have no rules

    async def bring(mailbox: Mailbox) -> None:
        await _bring_in(round_, [await round_.call(round_.app.store.mailboxes.get, mailbox.id)])

    done = await arrived(round_.app, round_.account, bring)
    round_.problems += noted(done)
    if done.acted:
        await push_mailbox_changes(round_)


async def _all_that_changed(round_: Round, errand: Errand) -> list[Mailbox]:
    """Carries the server's listing into the store; returns the mailboxes that need a look."""
    listed = await refresh_mailboxes(round_)
    chosen = [(mailbox, status) for mailbox, status in listed if errand.only in (None, mailbox.name)]
    if errand.only is not None and not chosen:
        raise Gone("mailbox.unknown", mailbox=errand.only)
    quiet = looks_unchanged if errand.thorough else seems_unchanged
    return [mailbox for mailbox, status in chosen if not quiet(mailbox, status)]


async def _bring_in(round_: Round, todo: Sequence[Mailbox]) -> None:
    """The server's changes in `todo`, then the mails that came."""
    # Loaded here, because most passes find nothing and end without it.
    from eilbote.engine.fetch import fetch_mailbox  # noqa: PLC0415
    from eilbote.engine.pull import pull_mailbox  # noqa: PLC0415

    async def fetch(mailbox: Mailbox) -> UidSet:
        fresh = await round_.call(round_.app.store.mailboxes.get, mailbox.id)
        await fetch_mailbox(round_, fresh, wanted[mailbox.id])
        return wanted[mailbox.id]

    # Every mailbox is looked at before any mail is fetched: what left one mailbox and arrived in
    # another is then known as moved, and not downloaded again.
    wanted = await _each(round_, todo, lambda mailbox: pull_mailbox(round_, mailbox))
    lacking = [mailbox for mailbox in todo if wanted.get(mailbox.id)]
    if lacking and round_.account.state is not AccountState.PAUSED:
        await round_.call(round_.app.store.accounts.set_state, round_.account.id, AccountState.SYNCING)
    # On Gmail every mail lies in All Mail, Trash or Spam: after these the labels need no download.
    whole = [mailbox for mailbox in lacking if mailbox.role in HAVE_ALL_LABELS]
    if any(mailbox.role is SpecialUse.ALL for mailbox in whole):
        await _each(round_, whole, fetch)
        lacking = [mailbox for mailbox in lacking if mailbox not in whole]
    await _each(round_, lacking, fetch)


async def _each(
    round_: Round, mailboxes: Sequence[Mailbox], work: Callable[[Mailbox], Awaitable[UidSet]]
) -> dict[int, UidSet]:
    """Does `work` for several mailboxes at once, as many as the account may have connections.

    What the server refuses or garbles in one mailbox is noted, and the others go on; a server
    that cannot be reached any more ends the pass.
    """
    waiting = list(reversed(mailboxes))
    results: dict[int, UidSet] = {}

    async def worker() -> None:
        while waiting:
            mailbox = waiting.pop()
            try:
                results[mailbox.id] = await round_.connections.tried_plain(partial(work, mailbox))
            except (Refused, Garbled, Gone) as error:
                round_.problems.append((mailbox.name, error.problem))

    await _side_by_side([worker() for _ in range(min(round_.connections.most, len(mailboxes)))])
    return results


async def _side_by_side(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them at once; the first that fails ends the others before its error goes on."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in works]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [one.result() for one in tasks]


def _inbox_first(mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    return sorted(mailboxes, key=lambda mailbox: (mailbox.role is not SpecialUse.INBOX, mailbox.name))


def _remember_end(round_: Round, failed: Problem | None) -> None:
    """Notes the outcome in the account's state; one that is paused meanwhile stays so, and one that
    was removed meanwhile is forgotten."""
    accounts = round_.app.store.accounts
    state = AccountState.READY if failed is None else AccountState.FAILING
    account = next((one for one in accounts.all() if one.id == round_.account.id), None)
    asked_wrongly = failed is not None and failed.code == "mailbox.unknown"  # says nothing of the account
    if account is not None and not asked_wrongly:
        accounts.update(
            account.id,
            state=AccountState.PAUSED if account.state is AccountState.PAUSED else state,
            problem=failed,
            synced=round_.now if failed is None else account.synced,
        )
