"""Runs over the outbox, once or until nothing waits in it any more. By whom, `owner` decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eilbote.delivery.recovery import LOOKING
from eilbote.delivery.values import Outgoing, Policy, SendState
from eilbote.engine.app import App
from eilbote.engine.backoff import Backoff
from eilbote.engine.owner import chosen_accounts, deliver_accounts
from eilbote.engine.progress import Delivered

_LONGEST_PAUSE = 30.0
"""Seconds after which it is looked again at what waits: another process may have queued something."""


async def run_outbox(
    app: App,
    names: Sequence[str] = (),
    *,
    wait: bool = False,
    told: Callable[[Delivered], None] = lambda delivered: None,
) -> list[Delivered]:
    """Delivers what is due in the outboxes of the named accounts, none named: of all that are not paused.

    With `wait` it goes on until no mail waits for a time or for its server any more; what waits for a
    person ends it. `told` hears of every run in which something happened. Returns one sum for each
    account, its `problem` that of the last run. Raises Gone `account.unknown`, Misused `account.none`.
    """
    sums: dict[str, Delivered] = {}
    backoff = Backoff()
    while True:
        runs = await deliver_accounts(app, names)
        for one in runs:
            if one.has_news:
                told(one)
            sums[one.account] = _sum(sums.get(one.account), one)
        due = next_moment(app, names) if wait else None
        if due is None:
            return list(sums.values())
        seconds = max(due - app.clock.now(), 0.05)
        met = [one.problem for one in runs if one.problem is not None and not one.paused]
        if met and not any(one.sent for one in runs):
            # More is due, and no server can be reached: it is not asked for each mail at once.
            backoff = backoff.failed(met[0], 0.0)
            seconds = max(seconds, backoff.seconds(met[0], 1.0))
        else:
            backoff = Backoff()
        await app.clock.sleep(min(seconds, _LONGEST_PAUSE))


def next_moment(app: App, names: Sequence[str] = ()) -> float | None:
    """When there is something to do next for what waits in these outboxes; None: nothing waits, or only
    for a person."""
    accounts = [account.id for account in chosen_accounts(app, names) if account.can_send]
    due = app.store.outbox.next_due()
    moments = [due[account] for account in accounts if account in due]
    waiting = set(accounts) & app.store.outbox.unsettled_accounts()
    for account in waiting:
        moments += [
            mail.uncertain_since + LOOKING for mail in app.store.outbox.unsettled(account) if _goes_on(mail)
        ]
    return min(moments, default=None)


def _goes_on(mail: Outgoing) -> bool:
    """It is uncertain, and goes out once more when the time of looking for it is over."""
    return mail.state is SendState.UNCERTAIN and mail.policy is Policy.RESEND and not mail.resent


def _sum(before: Delivered | None, now: Delivered) -> Delivered:
    if before is None:
        return now
    return Delivered(
        now.account,
        sent=before.sent + now.sent,
        deferred=now.deferred,
        failed=before.failed + now.failed,
        uncertain=before.uncertain + now.uncertain,
        refused=before.refused + now.refused,
        problem=now.problem,
        next_at=now.next_at,
        paused=now.paused,
        asked=now.asked,
    )
