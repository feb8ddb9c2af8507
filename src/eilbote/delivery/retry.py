"""When a mail that could not be delivered is tried again, when its sender is told, when it is given up.

Pure arithmetic: chance comes in as a number between 0 and 1.
"""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

_FIRST = (1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE)

LIFETIME = 5 * DAY
"""A mail is given up that long after it was accepted (RFC 5321 section 4.5.4.1: 4 to 5 days)."""

JITTER = 0.2

NOTICES = (15 * MINUTE, 4 * HOUR, DAY)
"""Ages at which its sender is told that a mail is still waiting; the last notice is its end."""


def next_try(attempts: int, created: float, now: float, chance: float, at_least: float = 0.0) -> float | None:
    """The moment of the next attempt after `attempts` failed ones, None where the mail is too old.

    1, 5, 15, 30, 60 minutes, then hourly to the end of the first day, then every 4 hours, each 20 %
    sooner or later by `chance`. `at_least`: seconds that the server asked to be left alone. The last
    try falls on the end of the lifetime, so that no mail ends untried for hours.
    """
    age = now - created
    if age >= LIFETIME:
        return None
    later = HOUR if age < DAY else 4 * HOUR
    pause = _FIRST[max(attempts, 1) - 1] if attempts <= len(_FIRST) else later
    pause *= 1 - JITTER + 2 * JITTER * chance
    return min(now + max(pause, at_least), max(created + LIFETIME, now + MINUTE))


def notice_due(told: int, created: float, now: float) -> int:
    """Up to which notice (1, 2, 3) the sender of a waiting mail should have been told by now; not more
    than `told` where nothing new is due."""
    due = sum(1 for age in NOTICES if now - created >= age)
    return max(due, told)
