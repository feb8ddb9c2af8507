"""How much an SMTP server may make us hold and how long it may take: every bound in one place. Values
only."""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct

KIB = 1024


class Limits(Struct, frozen=True):
    """Bytes where nothing else is said.

    `line`: one line of a reply; RFC 5321 section 4.5.3.1.5 wants 512. `lines` and `reply`: lines of one
    reply, and their bytes together. `challenges`: continuations in one login. `buffer`: the receive
    buffer; at least four times `line`.
    """

    line: int = 8 * KIB
    lines: int = 500
    reply: int = 64 * KIB
    challenges: int = 20
    buffer: int = 64 * KIB


class Waiting(Enum):
    """What is waited for."""

    COMMAND = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    BLOCK = auto()
    END = auto()


class TimeLimits(Struct, frozen=True):
    """How long to wait, in seconds (RFC 5321 section 4.5.3.2): for the `greeting`, for the reply to each
    command, until the system has taken a `block` of a mail, and for the reply to the `end` of a mail.
    """

    greeting: float = 300.0
    command: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    end: float = 600.0

    def of(self, waiting: Waiting) -> float:
        match waiting:
            case Waiting.COMMAND:
                return self.command
            case Waiting.MAIL:
                return self.mail
            case Waiting.RCPT:
                return self.rcpt
            case Waiting.DATA:
                return self.data
            case Waiting.BLOCK:
                return self.block
            case Waiting.END:
                return self.end


class Window(Struct, frozen=True):
    """How far a session runs ahead of the server's answers.

    With CHUNKING so many `mails` of so many `bytes` together are under way at once; a larger one goes
    by itself, after its recipients were answered. What is under way when a line dies is uncertain, so
    a window is also the most that one cut can leave in doubt. `block`: bytes of a mail handed to the
    system at once. `pipelining`, `chunking`: whether they are used where the server has them; not all
    that stands before a server can do what the server announces.
    """

    mails: int = 16
    bytes: int = 512 * KIB
    block: int = 64 * KIB
    pipelining: bool = True
    chunking: bool = True
