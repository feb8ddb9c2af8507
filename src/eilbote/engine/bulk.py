"""What a user does with many mails at once, and taking it back with one click.

The user's rights to every mail are asked before the first is changed, once more before each part, and before
an undo. Each part is a transaction of its own, so that other work is never kept waiting for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from eilbote.engine import act
from eilbote.engine.act import Act, Origin
from eilbote.engine.app import App
from eilbote.engine.users import may_change, may_read
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.store.values import Batch, User

MOST_AT_ONCE = 10_000
"""Mails that one act may change."""

_AT_A_TIME = 500


class Changed(Struct, frozen=True):
    """How many mails were changed, and the number with which all of it is taken back."""

    batch: int
    mails: int


def change(
    app: App, user: User, name: str, ids: Sequence[int], change: Callable[[Sequence[int]], list[int]]
) -> Changed:
    """Does something with mails; `change` returns the journal's numbers. Mails that are gone meanwhile are
    left out. Misused `page.too_many`; Gone `store.no_message` where none is there, or none that the user
    may read; NotAllowed `user.may_not_change`."""
    if len(ids) > MOST_AT_ONCE:
        raise Misused("page.too_many", limit=MOST_AT_ONCE)
    there = [id_ for part in _parts(ids) for id_ in _there(app, user, part)]
    if ids and not there:
        raise Gone("store.no_message", id=ids[0])
    debts: list[int] = []
    mails = 0
    try:
        for part in _parts(there):
            left = _there(app, user, part)
            debts += change(left) if left else []
            mails += len(left)
    finally:
        # What was done before something went wrong can be taken back as well.
        batch = app.store.batches.add(user.id, name, mails, debts, app.clock.now())
    return Changed(batch, mails)


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
    if found.undone:
        return 0
    newest_first = sorted(found.debts, reverse=True)
    now = app.clock.now()
    mails = sum(app.store.journal.undo_all(part, now) for part in _parts(newest_first))
    # Only now: where the process ends before, the rest can still be taken back, and nothing is twice.
    app.store.batches.undo(batch)
    return mails


def _there(app: App, user: User, ids: Sequence[int]) -> list[int]:
    """The mails that are there and that the user may read. NotAllowed `user.may_not_change`."""
    found = {
        one.id: one.account
        for one in app.store.messages.placements(ids, brief=True)
        if may_read(user, one.account)
    }
    if not all(may_change(user, account) for account in found.values()):
        raise NotAllowed("user.may_not_change")
    return [id_ for id_ in ids if id_ in found]


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[at : at + _AT_A_TIME] for at in range(0, len(ids), _AT_A_TIME)]
