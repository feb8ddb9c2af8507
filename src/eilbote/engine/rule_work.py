"""What rules did with the mail of one user, and what the user lets them do with mail that is there. Asks for
the user's rights to each account before anything is shown, done or taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.engine import rule_history
from eilbote.engine.app import App
from eilbote.engine.chosen_rules import Wanted
from eilbote.engine.rule_history import Told
from eilbote.engine.rules_of_user import seen_book
from eilbote.engine.run_rules import Done, run_rules
from eilbote.engine.try_rules import Tell
from eilbote.engine.users import accounts_of, may_change, may_read
from eilbote.errors import Gone, NotAllowed
from eilbote.store.rule_runs import Undone
from eilbote.store.rule_values import Asked
from eilbote.store.values import Account, User

__all__ = ["accounts_of"]

_MOST_RUNS = 1_000
_AT_ONCE = 500


class Shown(Struct, frozen=True):
    """Which rows of history are meant: of a rule, an account, a run over old mail; `before`: only older than
    this row."""

    rule: str = ""
    account: str = ""
    batch: int | None = None
    before: int | None = None


class Seen(Struct, frozen=True):
    """A row of history, and whether the user may take it back. That is possible for as long as undo is."""

    told: Told
    changeable: bool

    @property
    def can_go_back(self) -> bool:
        run = self.told.run
        return self.changeable and run.undone is None and bool(run.debts or run.outgoing)


def history_of_user(app: App, user: User, wanted: Shown, limit: int) -> list[Seen]:
    """The newest first, of the accounts whose mail the user may read."""
    found: list[Told] = []
    for account in _accounts(app, user, wanted.account):
        asked = Asked(account=account, rule=wanted.rule, batch=wanted.batch)
        runs = app.store.rule_runs.history(asked, limit, wanted.before)
        found += rule_history.told(app, [run for run in runs if may_read(user, run.account)])
    found.sort(key=lambda one: -one.run.id)
    return [_seen(user, one) for one in found[:limit]]


def history_of_mail(app: App, user: User, mail: int) -> list[Seen]:
    """What was done with one mail that the user reads, the newest first."""
    runs = app.store.rule_runs.of_messages([mail]).get(mail, [])
    return [_seen(user, one) for one in rule_history.told(app, runs) if may_read(user, one.run.account)]


def names_of_rules(app: App, user: User) -> list[str]:
    """To narrow history by."""
    return [one.entry.name for one in seen_book(app, user).entries]


def undo_runs(app: App, user: User, runs: Sequence[int]) -> Undone:
    """Takes these rows back. Gone `rules.no_run`, also where the user may not see one; NotAllowed
    `rules.not_yours`: then nothing is."""
    chosen = runs[:_MOST_RUNS]
    for run in chosen:
        _check(app, user, app.store.rule_runs.get(run).account, run)
    return rule_history.undo(app, chosen) if chosen else Undone()


def undo_shown(app: App, user: User, wanted: Shown) -> Undone:
    """Takes back all of this that still stands, in the accounts that the user may change."""
    total = Undone()
    for account in accounts_of(app, user):
        if may_change(user, account.id) and wanted.account.lower() in ("", account.address.lower()):
            asked = Asked(account=account.id, rule=wanted.rule, batch=wanted.batch, standing=True)
            total = total + app.store.rule_runs.undo_all(asked, app.clock.now())
    return total


def run_over_mail(
    app: App,
    user: User,
    name: str,
    account: str,
    query: str,
    *,
    sure: bool,
    tell: Tell = lambda looked: None,
) -> list[Done]:
    """Carries a rule out over the mail that is there, account by account. NotAllowed `rules.not_yours`,
    `rules.too_much` unless the user is `sure`; Gone `rules.unknown`; Misused `search.*`."""
    entry = seen_book(app, user).named(name).entry
    wanted = [
        one
        for one in accounts_of(app, user)
        if entry.account.lower() in ("", one.address.lower()) and account.lower() in ("", one.address.lower())
    ]
    for one in wanted:
        if not may_change(user, one.id):
            raise NotAllowed("rules.not_yours", account=one.address)
    if len(wanted) == len(app.store.accounts.all()):  # one run, so that one click takes it back
        return [run_rules(app, Wanted(rule=entry.name, query=query or None), sure=sure, tell=tell)]
    return [
        run_rules(
            app, Wanted(rule=entry.name, account=one.address, query=query or None), sure=sure, tell=tell
        )
        for one in wanted
    ]


def _accounts(app: App, user: User, address: str) -> list[int | None]:
    """None alone: all of them, which the store answers at once."""
    mine: list[Account] = accounts_of(app, user)
    if not address and len(mine) == len(app.store.accounts.all()):
        return [None]
    return [one.id for one in mine if not address or one.address.lower() == address.lower()]


def _seen(user: User, told: Told) -> Seen:
    return Seen(told, may_change(user, told.run.account))


def _check(app: App, user: User, account: int, run: int) -> None:
    if not may_read(user, account):
        raise Gone("rules.no_run", id=run)
    if not may_change(user, account):
        raise NotAllowed("rules.not_yours", account=app.store.accounts.get(account).address)
