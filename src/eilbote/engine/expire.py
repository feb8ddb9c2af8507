"""Forgets what can no longer be undone: old tombstones, closed debts, mails that lie nowhere, and what was
sent long ago.

Never touches anything that a server still has.
"""

from __future__ import annotations

from eilbote.engine.app import App

_DAY = 24 * 3600.0
_LEAST_DAYS = 7
_LEAST_DAYS_OF_RULES = 30


def forget_expired(app: App) -> int:
    """Forgets removals older than the setting `undo_days`; returns how many mails went with them.
    Costs one look where nothing is that old."""
    now = app.clock.now()
    before = now - app.config.undo_days * _DAY
    # A submitter's key counts for a week at least (reliability C4).
    app.store.outbox.forget_ended(now - max(app.config.undo_days, _LEAST_DAYS) * _DAY)
    days_of_rules = max(app.config.undo_days, _LEAST_DAYS_OF_RULES)
    app.store.rule_runs.prune(now, days_of_rules)
    if not app.store.messages.has_expired(before):
        return 0
    ids = app.store.messages.expire(before, now - days_of_rules * _DAY)
    app.store.search.forget(ids, for_good=False)
    return len(ids)
