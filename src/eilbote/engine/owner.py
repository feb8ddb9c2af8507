"""Who does the work of a home: this process if nobody else does, else the one that does.

Only one process owns the connections of a home. Everything else leaves a wish and waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from eilbote.clock import process_seconds
from eilbote.engine.app import App
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.errors import Misused, NotAllowed
from eilbote.store.values import Account, AccountState

_POLL_SECONDS = 0.05


async def sync_accounts(
    app: App,
    names: Sequence[str] = (),
    *,
    mailbox: str | None = None,
    report: Report = lambda progress: None,
) -> list[SyncReport]:
    """One pass over the named accounts (none named: all that are not paused).

    Where another process owns the home, asks it and waits for its report. Raises Gone for an
    unknown account and Misused where there is no account at all.
    """
    accounts = chosen_accounts(app, names)
    return await _as_owner_or_ask(
        app,
        [account.address for account in accounts],
        mailbox,
        lambda: sync_owned(app, accounts, mailbox=mailbox, report=report),
    )


def chosen_accounts(app: App, names: Sequence[str]) -> list[Account]:
    """The named accounts, or without names all that are not paused."""
    if names:
        return [app.store.accounts.get(name) for name in names]
    accounts = app.store.accounts.all()
    if not accounts:
        raise Misused("account.none")
    return [account for account in accounts if account.state is not AccountState.PAUSED]


async def _as_owner_or_ask(
    app: App,
    addresses: Sequence[str],
    mailbox: str | None,
    work: Callable[[], Awaitable[list[SyncReport]]],
) -> list[SyncReport]:
    asked: int | None = None
    try:
        while True:
            try:
                owner = app.store.ownership.acquire(app.clock.now(), "sync")
            except NotAllowed:
                from eilbote.engine.wish import SYNC_WISH, SyncWish, read_reports  # noqa: PLC0415  # seldom

                if asked is None:
                    wish = SyncWish(tuple(addresses), mailbox)
                    asked = app.store.wishes.ask(SYNC_WISH, wish.written(), app.clock.now())
                answer = app.store.wishes.answered(asked)
                if answer is not None:
                    # The owner counts from its own start, days ago perhaps; who asked, from theirs.
                    now = process_seconds()
                    return [replace(each, stored_seconds=now, seconds=now) for each in read_reports(answer)]
                await app.clock.sleep(_POLL_SECONDS)
                continue
            with owner:
                return await work()
    finally:
        if asked is not None:
            app.store.wishes.withdraw(asked)
