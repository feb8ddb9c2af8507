"""How fast a provider lets an account send: from its limits and what was sent lately to the moment when
the next mail may go. Pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eilbote.providers.values import Sending

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

LONGEST_WINDOW = DAY


def may_send_at(limits: Sending, sends: Sequence[tuple[float, int]], now: float) -> float:
    """When one more mail may be handed over, `now` for at once. `sends`: time and recipients of what
    was taken during the last day, the newest first. A limit that is not known is none."""
    return max([now, *(_free_at(limit, window, sends, heads) for limit, window, heads in _windows(limits))])


def room(limits: Sending, sends: Sequence[tuple[float, int]], now: float, most: int) -> int:
    """How many mails of one recipient each may go at once, at most `most`."""
    free = most
    for limit, window, heads in _windows(limits):
        used = sum(taken if heads else 1 for at, taken in sends if at > now - window)
        free = min(free, limit - used)
    return max(free, 0)


def _windows(limits: Sending) -> Iterator[tuple[int, float, bool]]:
    """Each known limit with its window in seconds, and whether recipients are counted, not mails."""
    for limit, window, heads in (
        (limits.messages_per_minute, MINUTE, False),
        (limits.messages_per_hour, HOUR, False),
        (limits.messages_per_day, DAY, False),
        (limits.recipients_per_hour, HOUR, True),
        (limits.recipients_per_day, DAY, True),
    ):
        if limit is not None:
            yield limit, window, heads


def _free_at(limit: int, window: float, sends: Sequence[tuple[float, int]], heads: bool) -> float:
    """The moment at which the window has room for one more."""
    used = 0
    for at, taken in sends:
        used += taken if heads else 1
        if used >= limit:
            return at + window
    return 0.0
