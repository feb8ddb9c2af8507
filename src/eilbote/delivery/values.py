"""The words of sending: the states of a mail and of each recipient, what a server answered, how an
attempt ended. Values without logic, so that every layer may speak about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from eilbote.errors import Problem


class SendState(StrEnum):
    """Where a mail stands in the journal of sending. Each is on disk before the act it covers.

    `claimed`: this process may speak to a server about it. `data-open`: the server is being told
    sender, recipients and DATA. `dot-sent`: the end of the mail is about to be written, and from here
    on the server may have it. `sent`: the server took it; a copy of it may still be owed to the Sent
    mailbox. `held`: it waits for a person (sending is paused for it). `uncertain`: the connection died
    between the end of the mail and the answer.
    """

    ACCEPTED = "accepted"
    CLAIMED = "claimed"
    DATA_OPEN = "data-open"
    DOT_SENT = "dot-sent"
    SENT = "sent"
    DONE = "done"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    HELD = "held"
    CANCELLED = "cancelled"


WAITING = (SendState.ACCEPTED, SendState.DEFERRED)
"""States from which a mail may be claimed when its time has come."""

UNDER_WAY = (SendState.CLAIMED, SendState.DATA_OPEN, SendState.DOT_SENT)
"""States that only a process which is sending right now leaves behind."""

ENDED = (SendState.DONE, SendState.FAILED, SendState.CANCELLED)
"""States in which nothing more happens by itself."""


class RecipientState(StrEnum):
    """What has become of one recipient. `taken`: the server said yes to RCPT in the attempt under
    way; `sent`: the server took the mail for it."""

    WAITING = "waiting"
    TAKEN = "taken"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"


class Policy(StrEnum):
    """What becomes of an uncertain mail that is found nowhere: a person is asked (it goes out at most
    once), or it is sent once more (it goes out at least once)."""

    ASK = "ask"
    RESEND = "resend"


class Copy(StrEnum):
    """The copy in the Sent mailbox: wanted, none wanted, filed by the provider itself, or made."""

    WANTED = "wanted"
    NONE = "none"
    PROVIDER = "provider"
    MADE = "made"


class Foreseen(StrEnum):
    """`encrypted`: whoever delivers it as the domain's rules want can only do so encrypted, to a proven
    server. `maybe-plain`: nothing forbids a delivery in plain text, or to somebody in between.
    `impossible`: no server takes it. `unknown`: it could not be found out."""

    ENCRYPTED = "encrypted"
    MAYBE_PLAIN = "maybe-plain"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"


class Answer(Struct, frozen=True):
    """What an SMTP server answered: RFC 5321 code, RFC 3463 enhanced code (`5.1.1`) or "", its words."""

    code: int
    enhanced: str
    text: str


class Recipient(Struct, frozen=True):
    """One envelope recipient of a mail and what has become of it. `attempts` counts those in which a
    server was told of it. `report` is the newest delivery report's action, "" without one."""

    address: str
    state: RecipientState = RecipientState.WAITING
    answer: Answer | None = None
    attempts: int = 0
    report: str = ""
    problem: Problem | None = None


class Options(Struct, frozen=True):
    """How a mail is to be handed over. `notify` is the NOTIFY parameter of RFC 3461 (`SUCCESS`,
    `FAILURE`, `DELAY`, or `NEVER`), empty for the server's own way; `return_full` its RET.
    `require_tls`: RFC 8689."""

    notify: tuple[str, ...] = ()
    return_full: bool | None = None
    require_tls: bool = False
    envelope_id: str = ""


class Submission(Struct, frozen=True):
    """A mail as it is given to the outbox, before it has a number. `raw` is never changed again;
    `recipients` are envelope addresses. `not_before`: seconds since 1970, 0 for at once. `key`: the
    submitter's idempotency key, "" for none. `answers`: the message here that this one answers or
    forwards, 0 for none; `marks`: the flag that it gets once this one is sent. `digest`: the SHA-256 of
    the mail as it was submitted, where it was signed since; empty for that of `raw`. `message_id`: of a mail
    that is sent once more its Resent-Message-ID, since the other one names what it was before."""

    account: int
    sender: str
    recipients: Sequence[str]
    raw: bytes
    message_id: str
    subject: str = ""
    not_before: float = 0.0
    policy: Policy = Policy.ASK
    copy: Copy = Copy.WANTED
    key: str = ""
    origin: str = "user"
    options: Options = Options()
    answers: int = 0
    marks: str = ""
    digest: bytes = b""


class Outgoing(Struct, frozen=True):
    """A mail in the outbox. `sha256` is that of its bytes as they were submitted. `attempts`: how often a
    server was asked; `problem`: why it is not sent yet, or never will be; `queue_id`: the words of the
    server that took it. `told`: up to which
    stage its sender was told of the delay; `begins`: from when its lifetime counts, which is its
    scheduled time where it has one. `resent`: it was once
    uncertain and sent again."""

    id: int
    account: int
    state: SendState
    message_id: str
    sender: str
    subject: str
    size: int
    sha256: bytes
    recipients: tuple[Recipient, ...]
    not_before: float
    created: float
    touched: float
    policy: Policy
    copy: Copy
    origin: str = "user"
    key: str = ""
    attempts: int = 0
    problem: Problem | None = None
    queue_id: str = ""
    copy_debt: int = 0
    told: int = 0
    begins: float = 0.0
    resent: bool = False
    uncertain_since: float = 0.0
    options: Options = Options()
    answers: int = 0
    marks: str = ""


class Phase(StrEnum):
    """How far an attempt came. Up to `data` the server cannot have the mail; after `dot` nobody
    knows; `answered`: the server said what became of it."""

    CONNECT = "connect"
    LOGIN = "login"
    ENVELOPE = "envelope"
    DATA = "data"
    DOT = "dot"
    ANSWERED = "answered"


class Ended(Struct, frozen=True):
    """How one attempt to hand over one mail ended: the phase reached; the answer to each recipient
    that was asked about, by address; the answer to MAIL, DATA or the final dot, whichever came last;
    and what broke the attempt off, if something did. `hopeless`: the server could not be given this
    mail at all (too large, needs what the server has not), and `problem` says why. `asked`: the
    recipients that the attempt was about, empty for all that were waiting. `logs_in`: what the server
    says of a login is about ours; a stranger's server may say what it likes."""

    phase: Phase
    recipients: dict[str, Answer]
    answer: Answer | None = None
    problem: Problem | None = None
    hopeless: bool = False
    asked: tuple[str, ...] = ()
    logs_in: bool = True


class Settled(Struct, frozen=True):
    """What an attempt means for a mail, ready to be written down."""

    state: SendState
    recipients: tuple[Recipient, ...]
    not_before: float = 0.0
    problem: Problem | None = None
    queue_id: str = ""
    burns_attempt: bool = True
    pauses_queue: bool = False
    holds_until: float = 0.0
    """The server takes nothing of this account before that time: a sending limit is used up."""
