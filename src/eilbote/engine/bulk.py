"""What a user does with many mails at once, and taking it back with one click.

The user's rights to every mail are asked before the first is changed, and once more before an undo. Each
part is a transaction of its own, so that other work is never kept waiting for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eilbote.engine import act, browse
from eilbote.engine.act import Act, Origin
from eilbote.engine.app import App
from eilbote.engine.users import may_change, may_read
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.store.values import Batch, User

MOST_AT_ONCE = 10_000
"""Mails that one act may change."""

_AT_A_TIME = 500


def change(
    app: App, user: User, name: str, ids: Sequence[int], change: Callable[[Sequence[int]], list[int]]
) -> int:
    """Does something with mails; `change` returns the journal's numbers. Returns the number with which
    it is taken back. Misused `page.too_many`; Gone and NotAllowed as `browse.changeable_mail`."""
    if len(ids) > MOST_AT_ONCE:
        raise Misused("page.too_many", limit=MOST_AT_ONCE)
    for part in _parts(ids):
        browse.changeable_mail(app, user, part)
    debts: list[int] = []
    try:
        for part in _parts(ids):
            debts += change(part)
    finally:
        # What was done before something went wrong can be taken back as well.
        number = app.store.batches.add(user.id, name, len(ids), debts, app.clock.now())
    return number


def done(app: App, user: User, batch: int) -> Batch:
    """What the user did. Gone `batch.gone`."""
    return app.store.batches.get(batch, user.id)


def undo(app: App, user: User, batch: int) -> int:
    """Takes a batch back: of every mail what can be and was not yet. Returns of how many. Gone
    `batch.gone`; NotAllowed `user.may_not_change` where the right to an account is gone meanwhile."""
    act.check_allowed(Origin.USER, Act.UNDO)
    found = done(app, user, batch)
    accounts = app.store.journal.accounts_of(found.debts)
    if not all(may_read(user, account) for account in accounts):
        raise Gone("batch.gone")
    if not all(may_change(user, account) for account in accounts):
        raise NotAllowed("user.may_not_change")
    if found.undone or not app.store.batches.undo(batch):
        return 0
    newest_first = sorted(found.debts, reverse=True)
    now = app.clock.now()
    return sum(app.store.journal.undo_all(part, now) for part in _parts(newest_first))


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[at : at + _AT_A_TIME] for at in range(0, len(ids), _AT_A_TIME)]
