"""When the nightly check is due: once a night, in the hour that is set, account after account.

Decides only; `repair` checks and heals.
"""

from __future__ import annotations

from eilbote.clock import local_day_and_hour


class Nights:
    """Which nights have had their check. A night without one, because nobody served, is not made up
    for at noon."""

    def __init__(self, hour: int) -> None:
        self._hour = hour
        self._last = ""

    def is_due(self, now: float) -> bool:
        """Whether the check has to begin now; true once a night."""
        day, hour = local_day_and_hour(now)
        if hour != self._hour or day == self._last:
            return False
        self._last = day
        return True
