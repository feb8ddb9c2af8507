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


class Delivered(Struct):
    """What one run over an account's outbox did: mails by what became of them; why it ended early, if it
    did; and when the next mail may go (None: none waits, or a person must act first). `refused`:
    recipients that a server will not have. `asked`: mails of which nobody knows whether they were sent,
    and a person is to say what happens. `delayed`: mails that have waited so long by now that their
    writer should know."""

    account: str
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0
    refused: int = 0
    problem: Problem | None = None
    next_at: float | None = None
    paused: bool = False
    asked: tuple[int, ...] = ()
    delayed: tuple[int, ...] = ()

    @property
    def has_news(self) -> bool:
        """Something happened that a person may want to see."""
        counts = self.sent or self.deferred or self.failed or self.uncertain or self.delayed
        return bool(counts) or self.problem is not None

    def and_then(self, later: Delivered) -> Delivered:
        """Both runs as one; how things stand is told by the later."""
        return Delivered(
            self.account,
            self.sent + later.sent,
            self.deferred + later.deferred,
            self.failed + later.failed,
            self.uncertain + later.uncertain,
            self.refused + later.refused,
            later.problem or self.problem,
            later.next_at,
            later.paused,
            tuple(dict.fromkeys((*self.asked, *later.asked))),
            tuple(dict.fromkeys((*self.delayed, *later.delayed))),
        )


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
    delivered: Delivered | None = None
    """What became of the mail that was due to be sent, if some was."""


class Tally(Struct):
    """The running counts of one account's pass."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    pushed: int = 0
    conflicts: int = 0
