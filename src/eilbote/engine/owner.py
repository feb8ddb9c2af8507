"""Who does the work of a home: this process if nobody else does, else the one that does.

Only one process owns the connections of a home. Everything else leaves a wish and waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from eilbote.engine.app import App
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.store.values import Account, AccountState

_POLL_SECONDS = 0.05
SYNC_WISH = "sync"


class SyncWish(msgspec.Struct, frozen=True):
    """What a `sync` beside a running `serve` asks for. Empty `accounts`: all that are not paused."""

    accounts: tuple[str, ...]
    mailbox: str | None = None


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
    wish = SyncWish(tuple(account.address for account in accounts), mailbox)
    return await _as_owner_or_ask(
        app,
        wish,
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
    app: App, wish: SyncWish, work: Callable[[], Awaitable[list[SyncReport]]]
) -> list[SyncReport]:
    asked: int | None = None
    try:
        while True:
            try:
                owner = app.store.ownership.acquire(app.clock.now(), "sync")
            except NotAllowed:
                if asked is None:
                    asked = app.store.wishes.ask(
                        SYNC_WISH, msgspec.json.encode(wish).decode(), app.clock.now()
                    )
                answer = app.store.wishes.answered(asked)
                if answer is not None:
                    asked = None
                    return msgspec.json.decode(answer, type=list[SyncReport], strict=False)
                await app.clock.sleep(_POLL_SECONDS)
                continue
            with owner:
                return await work()
    finally:
        if asked is not None:
            try:
                app.store.wishes.withdraw(asked)
            except Gone:
                asked = None
