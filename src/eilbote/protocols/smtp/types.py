"""The words of SMTP as values: what a server can do, what is to be sent, what came of it. No logic but
how a value is read."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct, field

from eilbote.errors import Problem


class Reply(Struct, frozen=True):
    """A server's answer: three digits, the enhanced code of RFC 3463 (`5.1.1`, "" if there was none)
    and the text of its lines without both."""

    code: int
    enhanced: str = ""
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All lines as one."""
        return " ".join(self.lines)

    @property
    def is_ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_later(self) -> bool:
        """A no that may become a yes. The enhanced class counts more than the digits: servers send
        `550 4.7.1` for what will pass."""
        return self.enhanced.startswith("4.") if self.enhanced else 400 <= self.code < 500

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class Extensions(Struct, frozen=True):
    """What the server announced in its answer to EHLO (RFC 5321 section 4.1.1.1).

    `names` are upper case. `size`: the largest mail in bytes (RFC 1870), None where not told.
    `mechanisms`: SASL, upper case. `mail_max`, `rcpt_max`, `domain_max`: transactions of a session,
    recipients and their domains of a transaction (RFC 9422), None where not told. `esmtp` is False
    where the server knew only HELO, or nothing was asked yet.
    """

    esmtp: bool = False
    names: frozenset[str] = frozenset()
    size: int | None = None
    mechanisms: tuple[str, ...] = ()
    mail_max: int | None = None
    rcpt_max: int | None = None
    domain_max: int | None = None
    greeting: str = ""


class Notify(StrEnum):
    """When to report on a recipient (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class Recipient(Struct, frozen=True):
    """Whom a mail is for. `notify` and `original` (the address first written) go out only where the
    server knows DSN."""

    address: str
    notify: tuple[Notify, ...] = ()
    original: str = ""


class Mail(Struct, frozen=True):
    """A mail to hand over. `key` is the sender's own name for it and never leaves.

    `sender` "" is the null reverse-path of a report. `content` is the whole message; it leaves with
    CRLF line ends alone, otherwise as it is. `envelope_id` and `headers_only` (what a failure report
    quotes) are for servers that know DSN. `require_tls`: RFC 8689. `longest_line`: octets without
    CRLF; a mail with longer lines is not sent (RFC 5321 section 4.5.3.1.6 allows 998), None for any.
    """

    key: int
    sender: str
    recipients: tuple[Recipient, ...]
    content: bytes
    envelope_id: str = ""
    headers_only: bool | None = None
    require_tls: bool = False
    longest_line: int | None = None


class Phase(IntEnum):
    """How far a mail came. The server can have it only from ENDED on."""

    NOT_BEGUN = 0
    """Not a word of it was sent."""
    ENVELOPE = 1
    """Sender and recipients were told."""
    CONTENT = 2
    """The server asked for the content."""
    ENDED = 3
    """The end of the content was handed to the line."""
    ANSWERED = 4
    """The server answered it: taken or refused for good or for now."""


class RecipientResult(Struct, frozen=True):
    """What the server said of one recipient; None where it said nothing."""

    address: str
    reply: Reply | None = None

    @property
    def is_accepted(self) -> bool:
        return self.reply is not None and self.reply.is_ok


class Said(Struct, frozen=True):
    """One line of a dialogue, as it may be kept and shown. `by_us` or by the server."""

    by_us: bool
    text: str


class MailResult(Struct, frozen=True):
    """What became of one mail.

    `phase` is how far it came for certain. `recipients`: whom this was about, which may be fewer than
    the mail is for: a transaction may take no more. `refusal` is the reply that ended it before its content
    (to MAIL or DATA); `final` the reply to its end. `problem`: why there is no final reply, or why
    nothing was sent. `transcript` shows commands and replies; contents by their size alone.
    """

    key: int
    phase: Phase
    recipients: tuple[RecipientResult, ...]
    refusal: Reply | None = None
    final: Reply | None = None
    problem: Problem | None = None
    transcript: tuple[Said, ...] = ()

    @property
    def is_sent(self) -> bool:
        """The server took it, for the accepted recipients."""
        return self.final is not None and self.final.is_ok

    @property
    def is_uncertain(self) -> bool:
        """Its end left and nobody answered: the server may have it or not (RFC 1047)."""
        return self.phase is Phase.ENDED

    @property
    def queue_text(self) -> str:
        """What the server said when it took it; mostly holds its queue id."""
        return self.final.text if self.final is not None and self.final.is_ok else ""


class Checkpoint(Struct, frozen=True):
    """What must be kept before the session goes on.

    `ending`: the end of these mails leaves next, and has not yet; from now on they may have been
    sent. `recipients`: for whom, and what was answered for them so far. `finished`: results
    that are final. All of them are of one moment and belong into one transaction.
    """

    ending: tuple[int, ...] = ()
    recipients: tuple[tuple[int, tuple[RecipientResult, ...]], ...] = ()
    finished: tuple[MailResult, ...] = field(default=())
