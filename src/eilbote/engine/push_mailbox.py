"""One local change of the mailboxes themselves, carried to the server: create, rename, delete,
subscribe, unsubscribe. Saying one twice does no harm: what is already so counts as done."""

from __future__ import annotations

from msgspec.structs import replace

from eilbote.engine.round import Round
from eilbote.errors import Misused, Refused
from eilbote.mail.mailbox import MailboxName
from eilbote.net.imap import ImapSession
from eilbote.store.values import Debt, DebtKind


async def push_mailbox_change(round_: Round, debt: Debt) -> None:
    """Says the command of `debt` and closes it. Raises Refused where the server will not."""
    store = round_.app.store
    await round_.call(store.journal.mark_sent, [debt.id], round_.now)
    async with round_.connections.session() as imap:
        debt = await _below_prefix(round_, imap, debt)
        try:
            await _say(imap, debt)
        except Refused:
            if not await _is_already_so(imap, debt):
                raise
    await round_.call(store.journal.close, debt.id, round_.now)
    round_.tally.pushed += 1


async def _below_prefix(round_: Round, imap: ImapSession, debt: Debt) -> Debt:
    """The same change with its names where the server keeps personal mailboxes. They lie there already
    unless the mailbox was named before anything else than INBOX was known of the server."""
    source = imap.personal_name(MailboxName(debt.source))
    target = imap.personal_name(MailboxName(debt.target)) if debt.target else ""
    made = target if debt.kind is DebtKind.RENAME else source
    if debt.kind in (DebtKind.CREATE, DebtKind.RENAME) and made not in (debt.source, debt.target):
        await round_.call(round_.app.store.mailboxes.renamed, debt.mailbox, MailboxName(made))
    return replace(debt, source=source, target=target)


async def _say(imap: ImapSession, debt: Debt) -> None:
    name = MailboxName(debt.source)
    if debt.kind is DebtKind.CREATE:
        await imap.create(name)
    elif debt.kind is DebtKind.RENAME:
        await imap.rename(name, MailboxName(debt.target))
    elif debt.kind is DebtKind.REMOVE_MAILBOX:
        await imap.delete(name)
    elif debt.kind is DebtKind.SUBSCRIBE:
        await imap.subscribe(name)
    elif debt.kind is DebtKind.UNSUBSCRIBE:
        await imap.unsubscribe(name)
    else:
        raise Misused("sync.not_a_mailbox_change", kind=debt.kind)


async def _is_already_so(imap: ImapSession, debt: Debt) -> bool:
    """After a refusal: is the wish fulfilled all the same, by us before a crash or by somebody?"""
    listings = {one.name: one for one in await imap.list_mailboxes(status=False)}
    name = MailboxName(debt.source)
    if debt.kind is DebtKind.CREATE:
        return name in listings
    if debt.kind is DebtKind.RENAME:
        return name not in listings and debt.target in listings
    if debt.kind is DebtKind.REMOVE_MAILBOX:
        return name not in listings
    if debt.kind is DebtKind.SUBSCRIBE:
        return name in listings and listings[name].subscribed
    return name not in listings or not listings[name].subscribed
