"""Who does the work of an account: this process if nobody else does, else the one that does.

Only one process owns the connections of an account. Everything else leaves a wish and waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

from msgspec.structs import replace

from eilbote.clock import process_seconds
from eilbote.engine.app import App
from eilbote.engine.progress import Delivered, Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.engine.tenure import Under, lasting
from eilbote.engine.wish import DELIVER_WISH, SYNC_WISH, SyncWish, read_delivered, read_reports
from eilbote.errors import Misused, NotAllowed
from eilbote.store.ownership import Tenure
from eilbote.store.values import Account, AccountState

_POLL_SECONDS = 0.05

R = TypeVar("R")


async def sync_accounts(
    app: App,
    names: Sequence[str] = (),
    *,
    mailbox: str | None = None,
    report: Report = lambda progress: None,
) -> list[SyncReport]:
    """One pass over the named accounts (none named: all that are not paused).

    Those that another process holds, it is asked for, and its report waited for; the others are held
    here for the time of the pass. Returns when all are done. Raises Gone for an unknown account and
    Misused where there is no account at all.
    """

    async def here(accounts: list[Account], under: Under) -> list[SyncReport]:
        return await sync_owned(app, accounts, mailbox=mailbox, report=report, under=under)

    def wish(account: Account) -> str:
        return SyncWish((account.address,), mailbox).written()

    def read(answer: str) -> SyncReport:
        # The holder counts from its own start, days ago perhaps; who asked, from theirs.
        now = process_seconds()
        return replace(read_reports(answer)[0], stored_seconds=now, seconds=now)

    return await _by_owners(app, chosen_accounts(app, names), "sync", here, SYNC_WISH, wish, read)


async def deliver_accounts(app: App, names: Sequence[str] = ()) -> list[Delivered]:
    """One run over the outbox of each of the named accounts (none named: all that are not paused): what
    is due goes out. By whom, and what it raises, as `sync_accounts`."""

    async def here(accounts: list[Account], under: Under) -> list[Delivered]:
        from eilbote.engine.connect import HostBudget  # noqa: PLC0415  # asking needs no network
        from eilbote.engine.deliver import send_now  # noqa: PLC0415

        budget = HostBudget(app.config.connections_per_host)
        runs = (send_now(under(one.id), one, budget) for one in accounts)
        return list(await asyncio.gather(*runs))

    def wish(account: Account) -> str:
        return account.address

    def read(answer: str) -> Delivered:
        return read_delivered(answer)

    return await _by_owners(app, chosen_accounts(app, names), "send", here, DELIVER_WISH, wish, read)


async def _by_owners(
    app: App,
    accounts: Sequence[Account],
    purpose: str,
    here: Callable[[list[Account], Under], Awaitable[list[R]]],
    kind: str,
    wish: Callable[[Account], str],
    read: Callable[[str], R],
) -> list[R]:
    """Work for each account, by this process (`here`) where it can hold the account, else by the one
    that does: it is left a `wish` of that `kind`, and its answer is `read`."""
    asking = _Asking(app, kind, wish, read)
    done: dict[int, R] = {}
    with ExitStack() as leaving:
        leaving.callback(asking.withdraw)
        tenure: Tenure | None = None
        while len(done) < len(accounts):
            left = {one.id: one for one in accounts if one.id not in done}
            if tenure is None:
                tenure = _joined(app, purpose, leaving)
            mine = [] if tenure is None else tenure.claim(left)
            asking.ask({key: one for key, one in left.items() if key not in mine})
            if tenure is not None and mine:
                async with lasting(app, tenure) as under:
                    results = await here([left[key] for key in mine], under)
                tenure.give_back(mine)
                done.update(zip(mine, results, strict=True))
            done.update(asking.answered())
            if len(done) < len(accounts):
                await app.clock.sleep(_POLL_SECONDS)
    return [done[account.id] for account in accounts]


def chosen_accounts(app: App, names: Sequence[str]) -> list[Account]:
    """The named accounts, or without names all that are not paused."""
    if names:
        return [app.store.accounts.get(name) for name in names]
    accounts = app.store.accounts.all()
    if not accounts:
        raise Misused("account.none")
    return [account for account in accounts if account.state is not AccountState.PAUSED]


def _joined(app: App, purpose: str, leaving: ExitStack) -> Tenure | None:
    """None where another process holds the whole home."""
    try:
        return leaving.enter_context(app.store.ownership.join(app.clock, purpose))
    except NotAllowed:
        return None


class _Asking(Generic[R]):
    """Wishes for accounts that others hold, and their answers."""

    def __init__(self, app: App, kind: str, wish: Callable[[Account], str], read: Callable[[str], R]) -> None:
        self._app = app
        self._kind = kind
        self._wish = wish
        self._read = read
        self._asked: dict[int, int] = {}

    def ask(self, accounts: Mapping[int, Account]) -> None:
        """Asks for these alone, each once; for others nobody needs to care any more."""
        self._forget([account for account in self._asked if account not in accounts])
        wanted = {key: self._wish(account) for key, account in accounts.items() if key not in self._asked}
        if wanted:
            self._asked |= self._app.store.wishes.ask_each(self._kind, wanted, self._app.clock.now())

    def answered(self) -> dict[int, R]:
        """The answers that have come, by account."""
        if not self._asked:
            return {}
        answers = self._app.store.wishes.all_answered(list(self._asked.values()))
        return {
            account: self._read(answers[wish]) for account, wish in self._asked.items() if wish in answers
        }

    def withdraw(self) -> None:
        """Nobody waits any longer."""
        self._forget(list(self._asked))

    def _forget(self, accounts: Sequence[int]) -> None:
        wishes = [self._asked.pop(account) for account in accounts]
        if wishes:
            self._app.store.wishes.withdraw(*wishes)
