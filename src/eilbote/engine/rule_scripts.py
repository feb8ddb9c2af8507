"""The rules of an account, ready to judge mail: the book as it is now, compiled."""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.engine.filter import Decider
from eilbote.store.values import Account


def decider_of(app: App, account: Account) -> Decider | None:
    """What judges the mail of an account; None where no rule is carried out here for it."""
    return None
