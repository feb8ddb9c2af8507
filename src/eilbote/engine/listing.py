"""Keeps our list of mailboxes the server's: new ones, renamed ones, and those that are gone.

An answer that lacks a mailbox is no proof; each is asked for by name, in two ways, before it is
given up.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.engine.keep import is_due
from eilbote.engine.round import Round
from eilbote.mail.mailbox import MailboxName
from eilbote.protocols.imap.types import MailboxListing, MailboxStatus
from eilbote.store.values import ListedMailbox, Mailbox
from eilbote.sync.mailboxes import MailboxFacts, match_mailboxes

QUARANTINE_SECONDS = 24 * 3600.0
"""After so long a mail that could not be read is asked for once more."""


async def refresh_mailboxes(round_: Round) -> list[tuple[Mailbox, MailboxStatus | None]]:
    """One listing of the account, carried into the store. Returns the mailboxes to be synced with the
    STATUS that came with the listing (None: look at it in any case): those that can be opened and do not
    only show what lies elsewhere."""
    store, account = round_.app.store, round_.account
    async with round_.connections.session() as imap:
        listings = await imap.list_mailboxes(status=True)
        mirrors = {one.name for one in listings if imap.is_mirror(one)}
        held = await round_.call(store.mailboxes.all, account.id)
        match = match_mailboxes(
            [_facts_of_listing(one) for one in listings], [_facts_of_mailbox(one) for one in held]
        )
        id_of = {mailbox.name: mailbox.id for mailbox in held}
        for old, new in match.renamed:
            await round_.call(store.mailboxes.renamed, id_of[old], new)
        for name in match.gone:
            if not await imap.exists(name) and not await imap.status([name]):
                await round_.call(store.mailboxes.gone, id_of[name], round_.now)
                round_.removed = True
    mailboxes = await round_.call(store.mailboxes.upsert, account.id, [_listed(one) for one in listings])
    statuses = {one.name: one.status for one in listings}
    again = await round_.call(_to_be_looked_at, round_, mailboxes)
    return [
        (mailbox, None if mailbox.id in again else statuses[mailbox.name])
        for mailbox in mailboxes
        if mailbox.selectable and mailbox.name in statuses and mailbox.name not in mirrors
    ]


def _to_be_looked_at(round_: Round, mailboxes: Sequence[Mailbox]) -> set[int]:
    """Mailboxes to be looked at whatever their STATUS says: a mail put aside is due to be tried again,
    somebody found or wants something, or the mode is another than before."""
    store, account = round_.app.store, round_.account
    again = store.messages.mailboxes_with_quarantine(account.id, round_.now - QUARANTINE_SECONDS)
    again |= store.findings.mailboxes(account.id)
    return again | {mailbox.id for mailbox in mailboxes if is_due(round_.app, account, mailbox)}


def looks_unchanged(mailbox: Mailbox, status: MailboxStatus | None) -> bool:
    """True where the mailbox's STATUS proves that a round would find nothing.

    Only a mod-sequence proves it: without CONDSTORE flags change unseen. An expunge without
    QRESYNC need not raise HIGHESTMODSEQ, but then the number of messages or UIDNEXT tells.
    """
    marks = mailbox.watermarks
    return (
        status is not None
        and bool(status.highestmodseq)
        and not marks.backfill
        and marks.uidvalidity > 0
        and (status.uidvalidity, status.uidnext, status.highestmodseq, status.messages)
        == (marks.uidvalidity, marks.uidnext, marks.modseq, marks.exists)
    )


def seems_unchanged(mailbox: Mailbox, status: MailboxStatus | None) -> bool:
    """As `looks_unchanged`; without CONDSTORE also where no mail came, went, was read or became
    unread: other flags wait for the next thorough pass."""
    if looks_unchanged(mailbox, status):
        return True
    marks = mailbox.watermarks
    return (
        status is not None
        and not status.highestmodseq
        and not marks.modseq
        and not marks.backfill
        and marks.uidvalidity > 0
        and (status.uidvalidity, status.uidnext, status.messages, status.unseen)
        == (marks.uidvalidity, marks.uidnext, marks.exists, mailbox.unread)
    )


def _listed(listing: MailboxListing) -> ListedMailbox:
    return ListedMailbox(
        listing.name,
        listing.delimiter or "",
        listing.role,
        listing.selectable,
        listing.subscribed,
        (listing.status.mailbox_id if listing.status else None) or "",
    )


def _facts_of_listing(listing: MailboxListing) -> MailboxFacts:
    status = listing.status or MailboxStatus()
    return MailboxFacts(listing.name, status.mailbox_id or "", status.uidvalidity or 0, status.uidnext or 0)


def _facts_of_mailbox(mailbox: Mailbox) -> MailboxFacts:
    marks = mailbox.watermarks
    return MailboxFacts(MailboxName(mailbox.name), mailbox.object_id, marks.uidvalidity, marks.uidnext)
