"""Mails that mail programs stumble over, among those that are kept here."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.evidence import OddMails
from eilbote.engine.app import App
from eilbote.store.values import Account, Placement

HUGE_BYTES = 100_000_000
_LOOKED_AT = 200
_YEAR = 365 * 86_400.0


def find_odd_mails(app: App, account: Account) -> OddMails:
    """What is odd about the account's newest mails. Blocks."""
    return odd_among(app.store.messages.list_placements(account=account.id, limit=_LOOKED_AT))


def odd_among(mails: Sequence[Placement]) -> OddMails:
    return OddMails(
        len(mails),
        huge=sum(one.size > HUGE_BYTES for one in mails),
        undated=sum(one.internal_date < _YEAR for one in mails),
    )
