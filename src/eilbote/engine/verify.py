"""Are server and store the same? Counts, UIDs, flags and sizes of every mailbox; with `content`
every mail is read again and its hash compared. A local account has no server: there the store is held
against itself. Reads only; repairs nothing: what it finds it gives to whoever repairs (`repair.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, ImapConnections
from eilbote.engine.keep import window_of
from eilbote.engine.maildrop import compare_maildrop
from eilbote.engine.observe import ALL_UIDS
from eilbote.engine.progress import Progress, Report
from eilbote.errors import EilboteError, Problem, Refused
from eilbote.mail.keep import Share
from eilbote.mail.mailbox import RECENT, SpecialUse, UidSet
from eilbote.net.imap import ImapSession
from eilbote.store.values import Account, DebtKind, DebtState, Finding, FindingKind, Mailbox
from eilbote.sync.window import out_of_sight

_EXAMPLES = 10


class Healed(Struct, frozen=True):
    """How many differences of each kind a repair has put right."""

    missing: int = 0
    extra: int = 0
    flags: int = 0
    content: int = 0
    counts: int = 0
    quarantined: int = 0


class VerifyReport(Struct, frozen=True):
    """One mailbox compared. `missing`: on the server only; `extra`: in the store only;
    `content_differ` counts wrong sizes and, with `content`, wrong hashes. `pending` are local
    changes not carried yet, `left_out` mails that are here in part because the mode of the mailbox
    says so, `out_of_sight` mails that the server has and shows no more (it shows its newest only); none
    of these is a difference. `counts_differ`: the kept numbers of mails or of unread ones
    are not those of the mails. `examples` name the first UIDs that differ. `healed`: what a repair
    has put right, None where none was asked for. In a local account `server` is what the mailbox itself
    counts."""

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
    left_out: int = 0
    out_of_sight: int = 0
    counts_differ: bool = False
    examples: tuple[int, ...] = ()
    problem: Problem | None = None
    local: bool = False
    healed: Healed | None = None

    @property
    def ok(self) -> bool:
        differences = self.missing + self.extra + self.flags_differ + self.content_differ
        wrong = differences + self.quarantined + self.counts_differ
        return not wrong and self.problem is None


class Compared(Struct, frozen=True):
    """One mailbox compared, and what a repair of it would have to see to."""

    report: VerifyReport
    findings: tuple[Finding, ...] = ()


async def verify_accounts(
    app: App,
    accounts: Sequence[Account],
    *,
    content: bool = False,
    report: Report = lambda progress: None,
) -> AsyncIterator[VerifyReport]:
    """Compares every mailbox of each account. What cannot be compared is a report with a problem."""
    for account in accounts:
        async with aclosing(compare_account(app, account, content=content, report=report)) as compared:
            async for one in compared:
                yield one.report


async def compare_account(
    app: App,
    account: Account,
    *,
    content: bool = False,
    own_bodies: bool = False,
    report: Report = lambda progress: None,
) -> AsyncGenerator[Compared, None]:
    """Compares every mailbox of an account. `own_bodies`: also those bodies on our own disk that are
    not read from the server again are checked against their hashes."""
    if is_local(account):
        for mailbox in app.store.mailboxes.all(account.id):
            report(Progress(account.address, "verify", mailbox.name))
            here = await asyncio.to_thread(_compare_local, app, account, mailbox, content or own_bodies)
            if account.pop3 is not None and mailbox.role is SpecialUse.INBOX:
                here = replace(
                    here, report=await _verify_maildrop(app, account, here.report, content=content)
                )
            yield here
        return
    budget = HostBudget(app.config.connections_per_host)
    try:
        connections = ImapConnections(app, account, budget, most=1)
    except EilboteError as error:
        yield Compared(VerifyReport(account.address, "", problem=error.problem))
        return
    try:
        async with connections.session() as imap:
            work = _Comparing(app, account, imap, content=content, own_bodies=own_bodies or content)
            async for one in work.run(report):
                yield one
    except EilboteError as error:
        yield Compared(VerifyReport(account.address, "", problem=error.problem))
    finally:
        await connections.close()


def _compare_local(app: App, account: Account, mailbox: Mailbox, bodies: bool) -> Compared:
    """Does the mailbox count what lies in it, is every number one that it gave, and with `bodies`,
    has every body the hash that it was stored under? There is nowhere to fetch anything anew from."""
    checked = app.store.keeping.check(mailbox.id, bodies=bodies)
    held = checked.uids
    stray = UidSet.of(uid for uid in held if uid >= mailbox.watermarks.uidnext)
    report = VerifyReport(
        account.address,
        mailbox.name,
        server=mailbox.messages,
        store=len(held),
        missing=max(0, mailbox.messages - len(held)),
        extra=len(stray) + max(0, len(held) - mailbox.messages),
        content_differ=len(checked.damaged),
        counts_differ=not checked.counts_right,
        local=True,
        examples=tuple(islice(stray | checked.damaged, _EXAMPLES)),
    )
    return Compared(report)


async def _verify_maildrop(app: App, account: Account, here: VerifyReport, *, content: bool) -> VerifyReport:
    """The inbox, and whether everything in the maildrop (POP3) was collected. `examples` are message
    numbers of the server then. What lies only here is no difference."""
    try:
        found = await compare_maildrop(app, account, content=content)
    except EilboteError as error:
        return replace(here, problem=error.problem)
    return replace(
        here,
        server=found.listed,
        store=found.listed - len(found.missing),
        missing=here.missing + len(found.missing),
        content_differ=here.content_differ + len(found.wrong),
        pending=found.owed,
        examples=tuple(list(found.missing | found.wrong)[:_EXAMPLES]) or here.examples,
        local=False,
    )


class _Comparing:
    """One account being compared over one session."""

    def __init__(
        self, app: App, account: Account, imap: ImapSession, *, content: bool, own_bodies: bool
    ) -> None:
        self.app = app
        self.account = account
        self.imap = imap
        self.content = content
        self.own_bodies = own_bodies

    async def run(self, report: Report) -> AsyncIterator[Compared]:
        """Every mailbox of either side."""
        address = self.account.address
        listed = await self.imap.list_mailboxes(status=False)
        # In the order in which they are shown elsewhere.
        listings = sorted(listed, key=lambda one: (one.name != "INBOX", one.name))
        held = {mailbox.name: mailbox for mailbox in self.app.store.mailboxes.all(self.account.id)}
        for listing in listings:
            mailbox = held.pop(listing.name, None)
            if not listing.selectable or self.imap.is_mirror(listing):
                continue
            report(Progress(address, "verify", listing.name))
            try:
                if mailbox is None:
                    there = (await self.imap.select(listing.name, read_only=True)).exists
                    one = Compared(VerifyReport(address, listing.name, server=there, missing=there))
                else:
                    one = await self.mailbox(mailbox)
            except Refused as refusal:  # this mailbox is closed to us; the others are compared all the same
                one = Compared(VerifyReport(address, listing.name, problem=refusal.problem))
            yield one
        for mailbox in held.values():
            count = len(self.app.store.messages.held_uids(mailbox.id))
            if mailbox.selectable and count:
                yield Compared(VerifyReport(address, mailbox.name, store=count, extra=count))

    async def mailbox(self, mailbox: Mailbox) -> Compared:
        """One mailbox that both sides have."""
        messages = self.app.store.messages
        selected = await self.imap.select(mailbox.name, read_only=True)
        flags_there = {}
        sizes_there: dict[int, int] = {}
        listed = UidSet()
        if selected.exists:
            listed = await self.imap.search_uids()
            flags_there = {one.uid: one.flags - {RECENT} for one in await self.imap.fetch_flags(ALL_UIDS)}
            if self.imap.sizes_are_true:
                sizes_there = await self.imap.fetch_sizes(ALL_UIDS)
        checked = await asyncio.to_thread(self.app.store.keeping.check, mailbox.id, bodies=self.own_bodies)
        held = checked.uids
        if mailbox.watermarks.uidvalidity not in (selected.uidvalidity, 0):  # 0: never looked at
            problem = Problem("verify.uidvalidity", {"mailbox": mailbox.name})
            report = VerifyReport(self.account.address, mailbox.name, len(listed), len(held), problem=problem)
            return Compared(report, (Finding(mailbox.id, FindingKind.LOOK),))
        flagged, leaving, pending = _owed(self.app, self.account, mailbox)
        stranded = _stranded(self.app, self.account, mailbox)
        quarantined = messages.quarantined(mailbox.id) & listed
        missing = listed - held - leaving - quarantined
        hidden = out_of_sight(held, listed, self.imap.shows_at_most)
        extra = held - listed - hidden
        both = held & listed
        flags_here = messages.held_flags(mailbox.id)
        flags_differ = UidSet.of(
            uid for uid in both - flagged if uid in flags_there and flags_there[uid] != flags_here.get(uid)
        )
        sizes_here = messages.sizes(mailbox.id)
        both_sized = (uid for uid in both if uid in sizes_there)
        wrong = UidSet.of(uid for uid in both_sized if sizes_there[uid] != sizes_here.get(uid))
        wrong = wrong | (checked.damaged & both)
        in_part = self.app.store.keeping.in_part(mailbox.id)
        partly = UidSet.of(one.uid for one in in_part)
        if mailbox.applied == str(wanted := window_of(self.app, self.account, mailbox)):
            # Mails that the mode wants whole and that are not; under another mode they are on their way.
            short = (one.uid for one in in_part if wanted.share(one.size, one.arrived) is Share.WHOLE)
            wrong = wrong | (UidSet.of(short) & both)
        if self.content:
            wrong = wrong | await self._other_content(mailbox, both - partly - wrong)
            messages_of = {one.uid: one.message for one in in_part if one.uid in both - wrong}
            wrong = wrong | await self._other_headers(messages_of)
        report = VerifyReport(
            self.account.address,
            mailbox.name,
            server=len(listed),
            store=len(held),
            missing=len(missing),
            extra=len(extra) + stranded,
            flags_differ=len(flags_differ),
            content_differ=len(wrong),
            pending=pending,
            quarantined=len(quarantined),
            out_of_sight=len(hidden),
            left_out=len((partly & both) - wrong),
            counts_differ=not checked.counts_right,
            examples=tuple(islice(missing | extra | flags_differ | wrong, _EXAMPLES)),
        )
        look = bool(missing or extra or flags_differ)
        kinds = [
            *([FindingKind.LOOK] if look else []),
            *([FindingKind.BROKEN] if checked.broken else []),
            *([FindingKind.COUNT] if not checked.counts_right else []),
            *([FindingKind.RETRY] if quarantined else []),
        ]
        of_mails = [Finding(mailbox.id, FindingKind.DAMAGED, uid) for uid in wrong]
        return Compared(report, (*(Finding(mailbox.id, kind) for kind in kinds), *of_mails))

    async def _other_content(self, mailbox: Mailbox, uids: UidSet) -> UidSet:
        """Reads the mails again from the server, and compares them with the hash that was stored when
        they came."""
        if not uids:
            return UidSet()
        hashes = self.app.store.messages.hashes(mailbox.id)
        wrong = []

        async def compare(chosen: UidSet) -> UidSet:
            got = UidSet()
            async with aclosing(self.imap.fetch_messages(chosen)) as batches:
                async for batch in batches:
                    whole = [one for one in batch if one.raw is not None and one.uid in chosen]
                    got = got | UidSet.of(one.uid for one in whole)
                    for one in whole:
                        if hashlib.sha256(one.raw or b"").hexdigest() != hashes.get(one.uid):
                            wrong.append(one.uid)
            return chosen - got

        # Some servers give a body only when it is asked for alone.
        for uid in await compare(uids):
            wrong += await compare(UidSet.of([uid]))
        return UidSet.of(wrong)

    async def _other_headers(self, messages: Mapping[int, int]) -> UidSet:
        """Mails that are here in part (UID to message) and do not begin with the server's header."""
        uids = UidSet.of(messages)
        wrong = []
        async with aclosing(self.imap.fetch_messages(uids, headers_only=True)) as batches:
            async for batch in batches:
                for one in batch:
                    if one.uid not in uids:
                        continue
                    header = (one.raw or b"").rstrip(b"\r\n")
                    if not self.app.store.messages.raw(messages[one.uid]).startswith(header):
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
