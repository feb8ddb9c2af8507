"""Remembers what a server tells about the selected mailbox without being asked.

All of it after every command, not in IDLE alone (museum M2). Bounded: what is too much to keep is
marked as incomplete, never silently dropped.
"""

from __future__ import annotations

from eilbote.mail.mailbox import Uid, UidSet
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.responses import Exists, Expunged, Listed, Status, StatusTold, Untagged, Vanished
from eilbote.protocols.imap.types import Elsewhere, FetchedFlags, Unsolicited

_MOST_FLAGS = 100_000
_MOST_ALERTS = 20
_MOST_RANGES = 500_000
_MOST_NAMES = 10_000


class UnsolicitedLog:
    """Collects responses; `take` gives what came since the last take and starts anew."""

    def __init__(self) -> None:
        self._alerts: list[str] = []
        self._start()
        self._start_elsewhere()

    def _start_elsewhere(self) -> None:
        self._names: set[bytes] = set()
        self._listing = False
        self._overflow = False

    @property
    def is_stirred(self) -> bool:
        """Something was told of the open mailbox that no command of ours asked for."""
        return self._stirred

    @property
    def has_news(self) -> bool:
        """Of the open mailbox, of others, or of the list of mailboxes."""
        return self._stirred or bool(self._names) or self._listing or self._overflow

    def _start(self) -> None:
        self._exists: int | None = None
        self._expunged = 0
        self._ranges: list[tuple[int, int]] = []
        self._merge_at = 1000
        self._flags: dict[Uid, FetchedFlags] = {}
        self._nameless = 0
        self._incomplete = False
        self._stirred = False

    def note(self, response: Untagged) -> None:
        """Remembers `response` if it is of a kind that tells of the selected mailbox."""
        match response:
            case Exists(count=count):
                self._exists = count
            case Expunged():
                self._expunged += 1
            case Vanished(uids=uids, earlier=False):
                self._note_vanished(uids)
            case Fetch():
                self._note_flags(response)
            case Status(code=code, text=text) if code is not None and code.name == "ALERT":
                if len(self._alerts) < _MOST_ALERTS:
                    self._alerts.append(text[:500])
            case _:
                pass

    def note_uninvited(self, response: Untagged) -> None:
        """Remembers what no command asked for: that it told of the open mailbox, and what it tells of
        others (NOTIFY, RFC 5465)."""
        match response:
            case Exists() | Expunged() | Vanished() | Fetch():
                self._stirred = True
            case StatusTold(wire_name=name) if len(self._names) < _MOST_NAMES:
                self._names.add(name)
            case Status(code=code) if code is not None:
                self._overflow = self._overflow or code.name == "NOTIFICATIONOVERFLOW"
            case StatusTold():
                self._overflow = True
            case Listed():
                self._listing = True
            case _:
                pass

    def take_elsewhere(self) -> Elsewhere:
        """What was told of other mailboxes since the last take; ends what stirred the open one, too."""
        self._stirred = False
        taken = Elsewhere(frozenset(self._names), self._listing, self._overflow)
        self._start_elsewhere()
        return taken

    def _note_vanished(self, uids: UidSet) -> None:
        self._ranges += uids.ranges
        if len(self._ranges) > self._merge_at:
            self._ranges = list(UidSet(self._ranges).ranges)
            self._merge_at = max(1000, 2 * len(self._ranges))
            if len(self._ranges) > _MOST_RANGES:
                self._ranges, self._incomplete = [], True

    def _note_flags(self, fetch: Fetch) -> None:
        told = fetch.as_flags()
        if told is None:
            self._nameless += 1
        elif len(self._flags) < _MOST_FLAGS or told.uid in self._flags:
            self._flags[told.uid] = told
        else:
            self._incomplete = True

    def forget_mailbox(self) -> None:
        """Another mailbox is being opened: what was told of the old one is void."""
        self._start()

    def take_alerts(self) -> list[str]:
        """What a person has to be shown (ALERT, RFC 9051 section 7.1)."""
        taken, self._alerts = self._alerts, []
        return taken

    def take(self) -> Unsolicited:
        """Everything since the last take."""
        taken = Unsolicited(
            self._exists,
            self._expunged,
            UidSet(self._ranges),
            tuple(self._flags.values()),
            self._nameless,
            self._incomplete,
        )
        self._start()
        return taken
