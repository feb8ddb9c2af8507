"""How accounts are doing: what is being done for each right now, how far its first sync is, what stands in
its way. Reads the store only, and decides nothing.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.engine import read
from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.events import WatchState
from eilbote.engine.users import accounts_of, may_read
from eilbote.errors import Gone, Problem
from eilbote.mail.mailbox import SpecialUse
from eilbote.store.sending_pauses import Pause
from eilbote.store.values import Account, AccountState, Mailbox, User, Watched

DAYS = 30
"""Days that the plot of incoming mail looks back."""

_DAY = 86_400
_LEAST_SECONDS = 5.0
_LEAST_MAILS = 100
"""From less nothing is foretold."""


class Doing(StrEnum):
    """`not-begun`: set up, waiting to be started. `local`: there is no server. `first`: the first sync
    is under way. `syncing`, `notify`, `idle`, `polling`, `waiting`, `stopped`: as the watch says.
    `failing`: the login was refused, and nobody keeps the account current. `resting`: nobody does."""

    NOT_BEGUN = "not-begun"
    PAUSED = "paused"
    LOCAL = "local"
    FIRST = "first"
    SYNCING = "syncing"
    NOTIFY = "notify"
    IDLE = "idle"
    POLLING = "polling"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILING = "failing"
    RESTING = "resting"


class Condition(Struct, frozen=True):
    """One account. `since` and `until` (the next try) are seconds since 1970. `here` mails lie here,
    `coming` more are known and still to be fetched; `seconds_left`, where that can be told. `unread` are
    those of the inbox. `sending`: why no mail leaves, where that is so."""

    account: Account
    doing: Doing
    since: float | None
    until: float | None
    problem: Problem | None
    mailboxes: tuple[Mailbox, ...]
    here: int
    coming: int
    seconds_left: float | None
    unread: int
    sending: Pause | None


class Trouble(Struct, frozen=True):
    """Why no mail of an account comes in just now. `until`: seconds since 1970 of the next try, where there
    will be one by itself."""

    problem: Problem
    until: float | None = None


def account_of(app: App, user: User, account: int) -> Account:
    """Gone `store.no_account`, also where the user may not read its mail."""
    if not may_read(user, account):
        raise Gone("store.no_account", account=account)
    return app.store.accounts.get(account)


def conditions(app: App, user: User) -> list[Condition]:
    """Of every account that the user may read, in the order of adding."""
    watched = app.store.watches.all()
    return [_condition(app, one, watched.get(one.id)) for one in accounts_of(app, user)]


def doing_now(app: App, user: User) -> tuple[object, ...]:
    """Values that are others once something else is done for an account of the user, or stands in its way."""
    watched = app.store.watches.all()
    return tuple(
        (one.id, one.state, one.synced, one.problem, watched.get(one.id)) for one in accounts_of(app, user)
    )


def troubles(app: App, user: User) -> dict[int, Trouble]:
    """By account of the user, for those that have one: what its watch waits for or has stopped at, else what
    is said of the account."""
    watched = app.store.watches.all()
    found = {one.id: _trouble(app, one, watched.get(one.id)) for one in accounts_of(app, user)}
    return {account: trouble for account, trouble in found.items() if trouble is not None}


def condition_of(app: App, account: Account) -> Condition:
    """Of one account."""
    return _condition(app, account, app.store.watches.all().get(account.id))


def mails_by_day(app: App, account: int) -> list[int]:
    """How many mails arrived on each of the last `DAYS` days (UTC), today last."""
    today = int(app.clock.now()) // _DAY
    found = app.store.messages.arrived_by_day(account, float((today - DAYS + 1) * _DAY))
    return [found.get(day, 0) for day in range(today - DAYS + 1, today + 1)]


def _trouble(app: App, account: Account, watched: Watched | None) -> Trouble | None:
    halted = watched is not None and watched.state in (WatchState.WAITING, WatchState.STOPPED)
    if watched is None or not halted or app.store.ownership.holder(account.id) is None:
        return Trouble(account.problem) if account.problem else None
    problem = watched.problem or account.problem
    return Trouble(problem, watched.until) if problem else None


def _condition(app: App, account: Account, watched: Watched | None) -> Condition:
    if watched is not None and app.store.ownership.holder(account.id) is None:
        watched = None  # left behind by a process that is gone
    mailboxes = tuple(box for _, box in read.list_mailboxes(app, account.address))
    here = sum(box.messages for box in mailboxes)
    coming = sum(len(box.watermarks.backfill) for box in mailboxes)
    doing = _doing(account, watched, here)
    since = watched.since if watched else None
    seconds = app.clock.now() - since if doing is Doing.FIRST and since is not None else 0.0
    foretold = coming and here >= _LEAST_MAILS and seconds >= _LEAST_SECONDS
    return Condition(
        account,
        doing,
        since,
        watched.until if watched else None,
        (watched.problem if watched else None) or account.problem,
        mailboxes,
        here,
        coming,
        seconds * coming / here if foretold else None,
        sum(box.unread for box in mailboxes if box.role is SpecialUse.INBOX),
        app.store.sending_pauses.of(account.id),
    )


def _doing(account: Account, watched: Watched | None, here: int) -> Doing:
    if account.state is AccountState.PAUSED:
        return Doing.NOT_BEGUN if account.synced is None and not here else Doing.PAUSED
    if is_local(account) and account.pop3 is None:
        return Doing.LOCAL
    if watched is None:
        return Doing.FAILING if account.state is AccountState.FAILING else Doing.RESTING
    state = WatchState(watched.state)
    if state is WatchState.SYNCING and account.synced is None:
        return Doing.FIRST
    return Doing(state.value)
