"""What the work of one account hangs on where accounts change hands: its lease, and the lines to its
servers, which end with it.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from eilbote.errors import NotAllowed
from eilbote.store.fencing import Lease


class Line(Protocol):
    """A connection to a server."""

    def abort(self) -> None:
        """Ends it at once, without a word."""
        ...


class Leash:
    """One account's."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._lines: WeakSet[Line] = WeakSet()

    def check(self) -> None:
        """NotAllowed `store.fenced` where the account may be another's. Asked before every word."""
        self._lease.check()

    def hold(self, line: Line) -> None:
        """This line ends when the account is lost."""
        self._lines.add(line)

    def cut_if_lost(self) -> None:
        """Ends every line if the account may be another's, whatever its work is waiting for."""
        try:
            self._lease.check()
        except NotAllowed:
            for line in list(self._lines):
                line.abort()
            self._lines.clear()
