"""Who does the work of an account: this process if nobody else does, else the one that does.

Only one process owns the connections of an account. Everything else leaves a wish and waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from msgspec.structs import replace

from eilbote.clock import process_seconds
from eilbote.engine.app import App
from eilbote.engine.progress import Report, SyncReport
from eilbote.engine.sync import sync_owned
from eilbote.engine.tenure import lasting
from eilbote.errors import Misused, NotAllowed
from eilbote.store.ownership import Tenure
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

    Those that another process holds, it is asked for, and its report waited for; the others are held
    here for the time of the pass. Returns when all are done. Raises Gone for an unknown account and
    Misused where there is no account at all.
    """
    accounts = chosen_accounts(app, names)
    asking = _Asking(app, mailbox)
    done: dict[int, SyncReport] = {}
    with ExitStack() as leaving:
        leaving.callback(asking.withdraw)
        tenure: Tenure | None = None
        while len(done) < len(accounts):
            left = {one.id: one for one in accounts if one.id not in done}
            if tenure is None:
                tenure = _joined(app, leaving)
            mine = [] if tenure is None else tenure.claim(left)
            asking.ask({key: one for key, one in left.items() if key not in mine})
            if tenure is not None and mine:
                async with lasting(app, tenure) as under:
                    held = [left[key] for key in mine]
                    reports = await sync_owned(app, held, mailbox=mailbox, report=report, under=under)
                tenure.give_back(mine)
                done.update(zip(mine, reports, strict=True))
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


def _joined(app: App, leaving: ExitStack) -> Tenure | None:
    """None where another process holds the whole home."""
    try:
        return leaving.enter_context(app.store.ownership.join(app.clock, "sync"))
    except NotAllowed:
        return None


class _Asking:
    """Wishes for accounts that others hold, and their answers."""

    def __init__(self, app: App, mailbox: str | None) -> None:
        self._app = app
        self._mailbox = mailbox
        self._asked: dict[int, int] = {}

    def ask(self, accounts: Mapping[int, Account]) -> None:
        """Asks for these alone, each once; for others nobody needs to care any more."""
        from eilbote.engine.wish import SYNC_WISH, SyncWish  # noqa: PLC0415  # seldom

        self._forget([account for account in self._asked if account not in accounts])
        wanted = {
            key: SyncWish((account.address,), self._mailbox).written()
            for key, account in accounts.items()
            if key not in self._asked
        }
        if wanted:
            self._asked |= self._app.store.wishes.ask_each(SYNC_WISH, wanted, self._app.clock.now())

    def answered(self) -> dict[int, SyncReport]:
        """The reports that have come, by account."""
        if not self._asked:
            return {}
        from eilbote.engine.wish import read_reports  # noqa: PLC0415  # seldom

        answers = self._app.store.wishes.all_answered(list(self._asked.values()))
        # The holder counts from its own start, days ago perhaps; who asked, from theirs.
        now = process_seconds()
        return {
            account: replace(read_reports(answers[wish])[0], stored_seconds=now, seconds=now)
            for account, wish in self._asked.items()
            if wish in answers
        }

    def withdraw(self) -> None:
        """Nobody waits any longer."""
        self._forget(list(self._asked))

    def _forget(self, accounts: Sequence[int]) -> None:
        wishes = [self._asked.pop(account) for account in accounts]
        if wishes:
            self._app.store.wishes.withdraw(*wishes)
