"""Servers that show only the newest mails of a mailbox: what slid out of sight is there all the same.

Pure. It must never say of a mail that it is gone.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from eilbote.mail.mailbox import UidSet


def out_of_sight(held: UidSet, listed: UidSet, shows_at_most: AbstractSet[int]) -> UidSet:
    """Those of `held` that are older than all that the server lists, where it lists exactly as many as
    it lists at most (`shows_at_most`: the numbers at which it stops; none: it lists all)."""
    if len(listed) not in shows_at_most:
        return UidSet()
    return held & UidSet.range(1, listed.lowest - 1)
