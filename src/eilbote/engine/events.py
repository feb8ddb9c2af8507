"""What happens while a home is served, as values: for faces that show it live. Values only."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from eilbote.engine.progress import Delivered, SyncReport
from eilbote.engine.verify import VerifyReport
from eilbote.errors import Problem
from eilbote.store.values import Holder


class WatchState(StrEnum):
    """What an account's watch is doing.

    `syncing`: a pass. `notify`: the server tells of every mailbox; `idle`: of some, the others are
    asked at an interval; `polling`: all are asked. `waiting`: a failure, the next try comes `until`.
    `stopped`: its login was refused too often; it waits for a change of the account.
    """

    SYNCING = "syncing"
    NOTIFY = "notify"
    IDLE = "idle"
    POLLING = "polling"
    WAITING = "waiting"
    STOPPED = "stopped"


class Watching(Struct, frozen=True):
    """An account's watch is in this state since `since`; `until` (both seconds since 1970) and
    `problem` where it waits."""

    id: int
    account: str
    state: WatchState
    since: float
    until: float | None = None
    problem: Problem | None = None


class Passed(Struct, frozen=True):
    """A pass has ended; `mailboxes` are those that it had to look into."""

    account: str
    at: float
    report: SyncReport
    mailboxes: tuple[str, ...] = ()


class Checked(Struct, frozen=True):
    """The nightly check of an account has ended: what it found in each mailbox, and healed."""

    account: str
    at: float
    reports: tuple[VerifyReport, ...]


class Sent(Struct, frozen=True):
    """Mails of an account's outbox were handed over, or could not be."""

    account: str
    at: float
    delivered: Delivered


class Shared(Struct, frozen=True):
    """Which accounts this process keeps current since `at`, and which other processes do; told where
    accounts are shared (several `serve` on one PostgreSQL), at each change."""

    at: float
    mine: tuple[str, ...]
    others: tuple[tuple[str, Holder], ...]


class Interrupted(Struct, frozen=True):
    """The store cannot be reached since `at`; it is tried again until it can."""

    at: float
    problem: Problem


class PageOpened(Struct, frozen=True):
    """The web page is at `address`. `link`, while there is no user: where the first one is made, good
    once and for 15 minutes."""

    at: float
    address: str
    link: str = ""


Event = Watching | Passed | Checked | Sent | Shared | Interrupted | PageOpened
Told = Callable[[Event], None]
