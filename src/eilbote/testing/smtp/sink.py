"""What an SMTP server of the tests knows, accepts, got, and is told to do wrong. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from msgspec import Struct, field

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING")
"""Announced by default, beside SIZE, STARTTLS and AUTH where they are switched on."""


class Received(Struct, frozen=True):
    """One accepted mail. `data` is unstuffed, with CRLF line ends; `user` is "" without login.
    `parameters` are those of MAIL and of each RCPT, as they were said."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    user: str
    smtputf8: bool = False
    body_8bit: bool = False
    parameters: tuple[str, ...] = field(default=())


class Then(Enum):
    """What follows a played reply."""

    GO_ON = auto()
    CLOSE = auto()
    """The line is closed in order."""
    RESET = auto()
    """The line is torn down."""
    SILENCE = auto()
    """Nothing is said any more, and the line stays."""
    ENDLESS = auto()
    """Continuation lines follow for ever."""
    HOLD = auto()
    """Everything from this reply on waits until the server's `release`."""


class Play(Struct, frozen=True):
    """A reply that is played instead of the right one.

    `reply` None says nothing at all; it may hold several lines, CRLF between. `takes`: whether what
    was asked happens nevertheless, None where a 2xx or 3xx says so. `times`: how often, None always.
    """

    reply: str | None
    then: Then = Then.GO_ON
    takes: bool | None = None
    times: int | None = None


class Sink(Struct):
    """What the server knows: who may log in, what it accepts, what it got.

    `replies` overrides an answer: keyed by command (`MAIL`, `DATA`, `BDAT`), `GREETING`, `RCPT address`,
    `CONTENT` for what is said in the middle of a mail after DATA (what came of it is thrown away), or `.`
    for the answer to the end of a mail, whether by a dot or by BDAT LAST. A mail counts as
    received only after a 2xx there. `extensions` and `limits` (RFC 9422: `RCPTMAX=5`) are announced;
    what is not announced is not known. `hidden` is known and not announced.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    size_limit: int = 32 * 1024 * 1024
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    login_needed: bool = True
    starttls: bool = False
    extensions: tuple[str, ...] = EXTENSIONS
    limits: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    replies: dict[str, str | Play] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    """Every command line, of all connections."""
    deliver: Callable[[Received], None] | None = None
    knows: Callable[[str], bool] = lambda address: True
    """Whether a recipient exists."""

    def play(self, key: str) -> Play | None:
        """What to play for this key now, if anything; counts it."""
        told = self.replies.get(key)
        if told is None:
            return None
        if isinstance(told, str):
            return Play(told)
        if told.times is not None:
            if told.times <= 1:
                del self.replies[key]
            else:
                self.replies[key] = Play(told.reply, told.then, told.takes, told.times - 1)
        return told
