"""What a long work tells about itself while it runs, and what it says at its end. Values only."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from eilbote.errors import Problem


class Progress(Struct, frozen=True):
    """Where a pass stands: `phase` is `connect`, `push`, `look`, `fetch`, `index`, `verify`,
    `export` or `import`; `done` of `total` messages (0 where unknown), `bytes` received so far."""

    account: str
    phase: str
    mailbox: str = ""
    done: int = 0
    total: int = 0
    bytes: int = 0


Report = Callable[[Progress], None]


class SyncReport(Struct, frozen=True):
    """The outcome of one pass over one account. `stored_seconds` (all mail stored and listed) and
    `seconds` (search complete too) count from the start of the process. `problems` are those that
    one mailbox met while the others went on; `failed` is the one that ended the pass."""

    account: str
    new: int = 0
    changed: int = 0
    deleted: int = 0
    pushed: int = 0
    conflicts: int = 0
    stored_seconds: float = 0.0
    seconds: float = 0.0
    round_trips: int = 0
    bytes: int = 0
    problems: tuple[tuple[str, Problem], ...] = ()
    failed: Problem | None = None
    alerts: tuple[str, ...] = ()
    """What the server wants a person to be shown (ALERT, RFC 9051 section 7.1)."""


class Tally(Struct):
    """The running counts of one account's pass."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    pushed: int = 0
    conflicts: int = 0
