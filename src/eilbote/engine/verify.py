"""Are server and store the same? Counts, UIDs, flags and sizes of every mailbox; with `content`
every mail is read again and its hash compared. A local account has no server: there the store is held
against itself. Reads only; repairs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import islice

from msgspec import Struct

from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.observe import ALL_UIDS
from eilbote.engine.progress import Progress, Report
from eilbote.errors import EilboteError, Problem, Refused
from eilbote.mail.mailbox import RECENT, UidSet
from eilbote.net.imap import ImapSession
from eilbote.store.values import Account, DebtKind, DebtState, Mailbox

_EXAMPLES = 10


class VerifyReport(Struct, frozen=True):
    """One mailbox compared. `missing`: on the server only; `extra`: in the store only;
    `content_differ` counts wrong sizes and, with `content`, wrong hashes. `pending` are local
    changes not carried yet, which are no difference. `examples` name the first UIDs that differ.
    In a local account `server` is what the mailbox itself counts."""

    account: str
    mailbox: str
    server: int = 0
    store: int = 0
    missing: int = 0
    extra: int = 0
    flags_differ: int = 0
    content_differ: int = 0
    pending: int = 0
    quarantined: int = 0
    examples: tuple[int, ...] = ()
    problem: Problem | None = None
    local: bool = False

    @property
    def ok(self) -> bool:
        differences = self.missing + self.extra + self.flags_differ + self.content_differ
        return not differences and not self.quarantined and self.problem is None


async def verify_accounts(
    app: App,
    accounts: Sequence[Account],
    *,
    content: bool = False,
    report: Report = lambda progress: None,
) -> AsyncIterator[VerifyReport]:
    """Compares every mailbox of each account. What cannot be compared is a report with a problem."""
    budget = HostBudget(app.config.connections_per_host)
    for account in accounts:
        if is_local(account):
            for mailbox in app.store.mailboxes.all(account.id):
                report(Progress(account.address, "verify", mailbox.name))
                yield _verify_local(app, account, mailbox, content=content)
            continue
        try:
            connections = ImapConnections(app, account, budget, most=1)
        except EilboteError as error:
            yield VerifyReport(account.address, "", problem=error.problem)
            continue
        try:
            async with connections.session() as imap:
                async for one in _verify_account(app, account, imap, content=content, report=report):
                    yield one
        except EilboteError as error:
            yield VerifyReport(account.address, "", problem=error.problem)
        finally:
            await connections.close()


async def _verify_account(
    app: App, account: Account, imap: ImapSession, *, content: bool, report: Report
) -> AsyncIterator[VerifyReport]:
    listed = await imap.list_mailboxes(status=False)
    listings = sorted(listed, key=lambda one: (one.name != "INBOX", one.name))  # as they are shown elsewhere
    held = {mailbox.name: mailbox for mailbox in app.store.mailboxes.all(account.id)}
    for listing in listings:
        if not listing.selectable:
            continue
        mailbox = held.pop(listing.name, None)
        report(Progress(account.address, "verify", listing.name))
        try:
            if mailbox is None:
                exists = (await imap.select(listing.name, read_only=True)).exists
                one = VerifyReport(account.address, listing.name, server=exists, missing=exists)
            else:
                one = await _verify_mailbox(app, account, imap, mailbox, content=content)
        except Refused as refusal:  # this mailbox is closed to us; the others are compared all the same
            one = VerifyReport(account.address, listing.name, problem=refusal.problem)
        yield one
    for mailbox in held.values():
        count = len(app.store.messages.held_uids(mailbox.id))
        if mailbox.selectable and count:
            yield VerifyReport(account.address, mailbox.name, store=count, extra=count)


async def _verify_mailbox(
    app: App, account: Account, imap: ImapSession, mailbox: Mailbox, *, content: bool
) -> VerifyReport:
    messages = app.store.messages
    selected = await imap.select(mailbox.name, read_only=True)
    flags_there = {}
    sizes_there: dict[int, int] = {}
    listed = UidSet()
    if selected.exists:
        listed = await imap.search_uids()
        flags_there = {one.uid: one.flags - {RECENT} for one in await imap.fetch_flags(ALL_UIDS)}
        sizes_there = await imap.fetch_sizes(ALL_UIDS)
    held = messages.held_uids(mailbox.id)
    if mailbox.watermarks.uidvalidity not in (selected.uidvalidity, 0):  # 0: never looked at
        problem = Problem("verify.uidvalidity", {"mailbox": mailbox.name})
        return VerifyReport(account.address, mailbox.name, len(listed), len(held), problem=problem)
    flagged, leaving, pending = _owed(app, account, mailbox)
    stranded = _stranded(app, account, mailbox)
    quarantined = messages.quarantined(mailbox.id) & listed
    missing = listed - held - leaving - quarantined
    extra = held - listed
    both = held & listed
    flags_here = messages.held_flags(mailbox.id)
    flags_differ = UidSet.of(
        uid for uid in both - flagged if uid in flags_there and flags_there[uid] != flags_here.get(uid)
    )
    sizes_here = messages.sizes(mailbox.id)
    wrong = UidSet.of(uid for uid in both if uid in sizes_there and sizes_there[uid] != sizes_here.get(uid))
    if content:
        wrong = wrong | await _wrong_content(app, imap, mailbox, both - messages.without_body(mailbox.id))
    return VerifyReport(
        account.address,
        mailbox.name,
        server=len(listed),
        store=len(held),
        missing=len(missing),
        extra=len(extra) + stranded,
        flags_differ=len(flags_differ),
        content_differ=len(wrong),
        pending=pending,
        quarantined=len(quarantined),
        examples=tuple(islice(missing | extra | flags_differ | wrong, _EXAMPLES)),
    )


def _verify_local(app: App, account: Account, mailbox: Mailbox, *, content: bool) -> VerifyReport:
    """Does the mailbox count what lies in it, is every number one that it gave, and with `content`,
    has every body the hash that it was stored under?"""
    messages = app.store.messages
    held = messages.held_uids(mailbox.id)
    stray = UidSet.of(uid for uid in held if uid >= mailbox.watermarks.uidnext)
    damaged = UidSet.of(uid for uid in held if content and not messages.is_intact(mailbox.id, uid))
    return VerifyReport(
        account.address,
        mailbox.name,
        server=mailbox.messages,
        store=len(held),
        missing=max(0, mailbox.messages - len(held)),
        extra=len(stray) + max(0, len(held) - mailbox.messages),
        content_differ=len(damaged),
        local=True,
        examples=tuple(list(stray | damaged)[:_EXAMPLES]),
    )


async def _wrong_content(app: App, imap: ImapSession, mailbox: Mailbox, uids: UidSet) -> UidSet:
    """Reads the mails again, from the server and from our own disk, and compares both with the
    hash that was stored when they came."""
    if not uids:
        return UidSet()
    hashes = app.store.messages.hashes(mailbox.id)
    wrong = []
    async with aclosing(imap.fetch_messages(uids)) as batches:
        async for batch in batches:
            for one in batch:
                if one.uid not in uids:
                    continue
                there = hashlib.sha256(one.raw or b"").hexdigest()
                if there != hashes.get(one.uid) or not app.store.messages.is_intact(mailbox.id, one.uid):
                    wrong.append(one.uid)
    return UidSet.of(wrong)


def _stranded(app: App, account: Account, mailbox: Mailbox) -> int:
    """Mails that lie only here and that nothing will carry to the server: it refused them."""
    coming = {debt.placement for debt in app.store.journal.open_debts(account.id)}
    stranded = 0
    for uid, _ in app.store.messages.waiting(mailbox.id):
        maker = app.store.journal.maker_of(uid)
        stranded += uid not in coming and (maker is None or maker.state is not DebtState.DONE)
    return stranded


def _owed(app: App, account: Account, mailbox: Mailbox) -> tuple[UidSet, UidSet, int]:
    """UIDs with open flag changes, UIDs that leave, and the number of open changes here."""
    debts = [
        debt
        for debt in app.store.journal.open_debts(account.id)
        if debt.mailbox == mailbox.id and debt.state in (DebtState.OPEN, DebtState.SENT)
    ]
    flagged = UidSet.of(debt.uid for debt in debts if debt.kind is DebtKind.FLAG and debt.uid > 0)
    leaving = UidSet.of(
        debt.uid for debt in debts if debt.kind in (DebtKind.MOVE, DebtKind.DELETE) and debt.uid > 0
    )
    return flagged, leaving, len(debts)
