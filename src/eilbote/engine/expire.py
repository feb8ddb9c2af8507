"""Forgets what can no longer be undone: old tombstones, closed debts, and mails that lie nowhere.

Never touches anything that a server still has.
"""

from __future__ import annotations

from eilbote.engine.app import App

_DAY = 24 * 3600.0


def forget_expired(app: App) -> int:
    """Forgets removals older than the setting `undo_days`; returns how many mails went with them.
    Costs one look where nothing is that old."""
    before = app.clock.now() - app.config.undo_days * _DAY
    if not app.store.messages.has_expired(before):
        return 0
    ids = app.store.messages.expire(before)
    app.store.search.forget(ids, for_good=False)
    return len(ids)
