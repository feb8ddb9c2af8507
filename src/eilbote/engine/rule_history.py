"""What rules did with which mail and why, and taking it back: one row, a run, a rule since a time."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.engine.accounts import find_account
from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.engine.read import checked_id
from eilbote.errors import Gone, Misused
from eilbote.store.rule_runs import Undone
from eilbote.store.rule_values import Asked, Batch, Run
from eilbote.store.values import Placement


class Told(Struct, frozen=True):
    """A row of history with the mail it is about, as it lies now; None where it lies nowhere any more."""

    run: Run
    address: str
    mail: Placement | None


class Chosen(Struct, frozen=True):
    """Which rows are meant, as they are named on the command line or the page. Times: seconds since 1970."""

    account: str | None = None
    mail: str | None = None
    rule: str = ""
    batch: int | None = None
    since: float | None = None
    until: float | None = None
    standing: bool = False


def history(app: App, chosen: Chosen, limit: int = 50, before: int | None = None) -> list[Told]:
    """The newest first; `before`: only older than this row. Gone `account.unknown`, Misused `mail.bad_id`."""
    return told(app, app.store.rule_runs.history(asked(app, chosen), limit, before))


def of_mail(app: App, mail_id: str) -> list[Told]:
    """What was done with one mail, the newest first. Misused `mail.bad_id`."""
    return told(app, app.store.rule_runs.of_messages([checked_id(mail_id)]).get(checked_id(mail_id), []))


def looked_at(app: App, mail_id: str) -> float | None:
    """When rules looked at a mail, whatever came of it; None: never. Misused `mail.bad_id`."""
    return app.store.rule_runs.filtered_at(checked_id(mail_id))


def one(app: App, run: int) -> Told:
    """Gone `rules.no_run`."""
    return told(app, [app.store.rule_runs.get(run)])[0]


def batches(app: App, limit: int = 50) -> list[Batch]:
    """Runs that people began, the newest first."""
    return app.store.rule_runs.batches(limit)


def undo(app: App, runs: Sequence[int]) -> Undone:
    """Takes these rows back, each as far as nobody changed it since. Gone `rules.no_run`: then nothing is."""
    check_allowed(Origin.USER, Act.UNDO)
    for run in runs:
        app.store.rule_runs.get(run)
    total = Undone()
    for run in runs:
        total = total + app.store.rule_runs.undo(run, app.clock.now())
    return total


def undo_all(app: App, chosen: Chosen) -> Undone:
    """Takes back all that is meant. Misused `rules.undo_what` where nothing narrows it; Gone `rules.unknown`
    where no rule of the name ever did anything."""
    check_allowed(Origin.USER, Act.UNDO)
    if chosen == Chosen(standing=chosen.standing):
        raise Misused("rules.undo_what")
    undone = app.store.rule_runs.undo_all(asked(app, chosen), app.clock.now())
    if chosen.rule and not undone.runs and not app.store.rule_runs.history(Asked(rule=chosen.rule), 1):
        raise Gone("rules.unknown", name=chosen.rule)
    return undone


def asked(app: App, chosen: Chosen) -> Asked:
    """The same in the words of the store."""
    return Asked(
        account=None if chosen.account is None else find_account(app, chosen.account).id,
        message=None if chosen.mail is None else checked_id(chosen.mail),
        batch=chosen.batch,
        rule=chosen.rule,
        since=chosen.since,
        until=chosen.until,
        standing=chosen.standing,
    )


def told(app: App, runs: Sequence[Run]) -> list[Told]:
    """The rows with their mails."""
    addresses = {account.id: account.address for account in app.store.accounts.all()}
    mails = {
        place.id: place for place in app.store.messages.placements([run.message for run in runs], brief=True)
    }
    return [Told(run, addresses.get(run.account, ""), mails.get(run.message)) for run in runs]
