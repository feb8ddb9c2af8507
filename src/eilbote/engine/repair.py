"""Puts right what a comparison with the server finds: by day when asked, at night from `serve`.

The comparison only reads and files what it found; the owner of the home acts on it in a pass of its
own, where every rule of a pass holds: what seems gone is asked for again before it becomes a
tombstone, flags follow the rules of conflicts, and no snapshot that is older than a sync decides
anything (C3 rule 13, museum M6, M7).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.engine.verify import Compared, Healed, VerifyReport, compare_account
from eilbote.store.values import Account

_MOST_ROUNDS = 3
"""One heals nearly everything. A mail that is fetched again may turn out to share damaged bytes."""

Heal = Callable[[Account], Awaitable[object]]
"""One pass over an account, by whoever owns the home."""


async def repair_accounts(
    app: App,
    accounts: Sequence[Account],
    *,
    content: bool = False,
    report: Report = lambda progress: None,
) -> AsyncIterator[VerifyReport]:
    """Compares and repairs each account; where another process owns the home, that one repairs."""

    async def heal(account: Account) -> Sequence[SyncReport]:
        return await sync_accounts(app, [account.address], report=report)

    for account in accounts:
        for one in await _repair(app, account, heal, content=content, report=report):
            yield one


async def nightly_repair(
    app: App,
    account: Account,
    heal: Heal | None = None,
    *,
    report: Report = lambda progress: None,
) -> list[VerifyReport]:
    """The same by the process that owns the home, with its own bodies checked and none read from the
    server again. `heal` makes one pass over the account, in turn with those that whoever watches the
    account makes; without it, one of our own, and then no other may be under way."""

    async def pass_of_our_own(account: Account) -> Sequence[SyncReport]:
        return await sync_owned(app, [account], report=report)

    return await _repair(app, account, heal or pass_of_our_own, content=False, report=report)


async def file_findings(
    app: App, account: Account, *, content: bool = False, report: Report = lambda progress: None
) -> list[Compared]:
    """Compares an account, and leaves what was found to the owner's next pass. A reader: it may run
    beside anything; what a pass under way changes meanwhile is found once too often and looked at
    once more."""
    compared = await _compare(app, account, content=content, report=report)
    found = [finding for one in compared for finding in one.findings]
    if found:
        app.store.findings.file(found, app.clock.now())
    return compared


async def _repair(
    app: App, account: Account, heal: Heal, *, content: bool, report: Report
) -> list[VerifyReport]:
    reports = _reports(await file_findings(app, account, content=content, report=report))
    for _ in range(_MOST_ROUNDS):
        if all(one.ok for one in reports) or any(not one.mailbox for one in reports):
            break
        await heal(account)
        after = _reports(await file_findings(app, account, content=content, report=report))
        before, reports = reports, _compared(reports, after)
        if [_differences(one) for one in reports] == [_differences(one) for one in before]:
            break  # whatever is left does not heal
    return reports


def _reports(compared: Sequence[Compared]) -> list[VerifyReport]:
    return [replace(one.report, healed=Healed()) for one in compared]


def _compared(before: Sequence[VerifyReport], after: Sequence[VerifyReport]) -> list[VerifyReport]:
    """The later reports, with what was healed between; a mailbox that is on neither side any more has
    nothing left to differ in."""
    latest = {one.mailbox: one for one in after}
    known = [_with_healed(one, latest.pop(one.mailbox, _gone(one))) for one in before]
    return [*known, *latest.values()]


def _gone(report: VerifyReport) -> VerifyReport:
    return VerifyReport(report.account, report.mailbox)


def _differences(report: VerifyReport) -> tuple[object, ...]:
    return (
        report.mailbox,
        report.missing,
        report.extra,
        report.flags_differ,
        report.content_differ,
        report.counts_differ,
        report.quarantined,
        report.problem,
    )


async def _compare(app: App, account: Account, *, content: bool, report: Report) -> list[Compared]:
    account = app.store.accounts.get(account.id)  # its mode may be another than when its watch began
    comparing = compare_account(app, account, content=content, own_bodies=True, report=report)
    async with aclosing(comparing) as compared:
        return [one async for one in compared]


def _with_healed(before: VerifyReport, after: VerifyReport) -> VerifyReport:
    known = before.healed or Healed()
    healed = Healed(
        missing=known.missing + max(0, before.missing - after.missing),
        extra=known.extra + max(0, before.extra - after.extra),
        flags=known.flags + max(0, before.flags_differ - after.flags_differ),
        content=known.content + max(0, before.content_differ - after.content_differ),
        counts=known.counts + (before.counts_differ and not after.counts_differ),
        quarantined=known.quarantined + max(0, before.quarantined - after.quarantined),
    )
    return replace(after, healed=healed)
