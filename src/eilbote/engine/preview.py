"""What a pass would do, as printable steps: `eilbote sync --dry-run`. Changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.collect import INBOX
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.keep import is_due, lacking
from eilbote.engine.listing import looks_unchanged
from eilbote.engine.maildrop import plan_collection
from eilbote.engine.pull import plan_mailbox
from eilbote.engine.push import in_groups
from eilbote.engine.round import Round
from eilbote.errors import EilboteError, Problem
from eilbote.mail.mailbox import MailboxName, UidSet, flags_to_text
from eilbote.store.values import Account, Debt, DebtKind, Mailbox, Watermarks
from eilbote.sync.state import Push, Step


class Preview(Struct, frozen=True):
    """What a pass over one account would do; `failed` where that could not be found out."""

    account: str
    steps: tuple[Step, ...] = ()
    failed: Problem | None = None


async def preview_accounts(
    app: App, accounts: Sequence[Account], *, mailbox: str | None = None
) -> list[Preview]:
    """The plan of a pass over each account. Needs no ownership of the home."""
    budget = HostBudget(app.config.connections_per_host)
    previews = []
    for account in accounts:
        if is_local(account):
            previews.append(await _preview_local(app, account, mailbox))
            continue
        connections = ImapConnections(app, account, budget, most=1)
        round_ = Round(app, account, connections, lambda progress: None)
        try:
            previews.append(Preview(account.address, await _planned_steps(round_, mailbox)))
        except EilboteError as error:
            previews.append(Preview(account.address, failed=error.problem))
        finally:
            await connections.close()
    return previews


async def _preview_local(app: App, account: Account, only: str | None) -> Preview:
    if account.pop3 is None or only not in (None, INBOX):
        return Preview(account.address)
    try:
        return Preview(account.address, await plan_collection(app, account))
    except EilboteError as error:
        return Preview(account.address, failed=error.problem)


async def _planned_steps(round_: Round, only: str | None) -> tuple[Step, ...]:
    """The debts to be carried, then the steps of every mailbox that may have changed."""
    store, account = round_.app.store, round_.account
    held = {mailbox.name: mailbox for mailbox in await round_.call(store.mailboxes.all, account.id)}
    names = {mailbox.id: mailbox.name for mailbox in held.values()}
    debts = await round_.call(store.journal.open_debts, account.id)
    steps: list[Step] = [_push(group, names) for group in in_groups(debts)]
    async with round_.connections.session() as imap:
        for listing in await imap.list_mailboxes(status=True):
            if not listing.selectable or only not in (None, listing.name):
                continue
            mailbox = held.get(listing.name) or _not_held(account.id, listing.name)
            if mailbox.messages and is_due(round_.app, account, mailbox):
                more = mailbox.watermarks.backfill | await round_.call(lacking, round_.app, account, mailbox)
                mailbox = replace(mailbox, watermarks=replace(mailbox.watermarks, backfill=more))
            if not looks_unchanged(mailbox, listing.status):
                steps += await plan_mailbox(round_, imap, mailbox)
    return tuple(steps)


def _push(group: list[Debt], names: dict[int, MailboxName]) -> Push:
    first = group[0]
    detail = first.target or names.get(first.target_mailbox, "")
    if first.kind is DebtKind.FLAG:
        detail = " ".join(
            sign + flag
            for sign, flags in (("+", first.add), ("-", first.remove))
            for flag in flags_to_text(flags).split()
        )
    uids = UidSet.of(debt.uid for debt in group if debt.uid > 0)
    return Push(names.get(first.mailbox, MailboxName("")), "changed-here", first.kind.value, uids, detail)


def _not_held(account: int, name: MailboxName) -> Mailbox:
    """A mailbox that the store does not know yet: nothing held, nothing seen."""
    return Mailbox(0, account, name, "", None, True, False, Watermarks())
