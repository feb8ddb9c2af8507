"""One mail on its way to a server: the commands that tell of it, what was answered, and why a server cannot
be given it at all.

Nothing here is sent. It must never ask for more recipients, or with more words, than the server knows.
"""

from __future__ import annotations

from itertools import chain

from eilbote.errors import EilboteError, Misused, Problem
from eilbote.mail.domain import domain_for_wire, is_domain_on_wire
from eilbote.protocols.smtp import encode
from eilbote.protocols.smtp.content import Traits, longest_line, traits_of
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.limits import Window
from eilbote.protocols.smtp.session import Dialogue
from eilbote.protocols.smtp.types import Mail, Recipient, RecipientResult, Reply, Said

_LINES = 200  # of a transcript
_LONGEST_LINE = 500


class Transaction:
    """One mail on its way."""

    __slots__ = (
        "asked",
        "begin_at",
        "chunked",
        "commands",
        "end_at",
        "is_clean",
        "is_open",
        "mail",
        "replies",
        "size",
        "told",
    )

    def __init__(
        self,
        mail: Mail,
        asked: tuple[Recipient, ...],
        commands: list[Command],
        traits: Traits,
        *,
        chunked: bool,
    ) -> None:
        self.mail = mail
        self.asked = asked
        self.commands = commands  # for the sender, and for each that is asked for
        self.replies: list[Reply | None] = [None] * len(commands)
        self.size = traits.size
        self.is_clean = traits.is_clean
        self.chunked = chunked
        self.told: list[tuple[Command, Reply]] = []  # to what else was sent
        self.begin_at: int | None = None  # what the connection had queued in all before it
        self.is_open = False
        self.end_at: int | None = None  # what the connection had queued in all with its end

    @property
    def sender(self) -> Reply | None:
        return self.replies[0]

    @property
    def is_accepted(self) -> bool:
        """The sender and at least one recipient are."""
        sender = self.replies[0]
        return sender is not None and sender.is_ok and any(one and one.is_ok for one in self.replies[1:])

    def recipients(self) -> tuple[RecipientResult, ...]:
        """What was said of each that is asked for in this transaction; nothing, and of everybody, where the
        sender was refused: then it is not about them."""
        if self.sender is not None and not self.sender.is_ok:
            return self.everybody()
        return tuple(
            RecipientResult(one.address, reply)
            for one, reply in zip(self.asked, self.replies[1:], strict=True)
        )

    def everybody(self) -> tuple[RecipientResult, ...]:
        """Whom the mail is for, nothing being said of them."""
        return tuple(RecipientResult(one.address) for one in self.mail.recipients)


def prepare(mail: Mail, dialogue: Dialogue, window: Window) -> Transaction | Problem:
    """The commands of a mail, or why this server cannot be given it: before anything is sent."""
    prepared = _prepare_for(mail.recipients, mail, dialogue, window)
    if isinstance(prepared, Problem):
        # Whoever this server cannot be told of keeps the mail from nobody else.
        others = tuple(one for one in mail.recipients if _can_be_told(one.address, dialogue))
        if 0 < len(others) < len(mail.recipients):
            return _prepare_for(others, mail, dialogue, window)
    return prepared


def _can_be_told(address: str, dialogue: Dialogue) -> bool:
    wire = _on_wire(address)
    return encode.is_sendable(wire) and (dialogue.can("SMTPUTF8") or not encode.needs_utf8(wire))


def _prepare_for(
    recipients: tuple[Recipient, ...], mail: Mail, dialogue: Dialogue, window: Window
) -> Transaction | Problem:
    extensions = dialogue.extensions
    traits = traits_of(mail.content)
    recipients = _that_fit(recipients, extensions.rcpt_max, extensions.domain_max)
    from_address = _on_wire(mail.sender)
    addresses = [_on_wire(one.address) for one in recipients]
    utf8 = traits.has_utf8_header or any(map(encode.needs_utf8, (from_address, *addresses)))
    problem = _missing(mail, dialogue, traits, utf8=utf8)
    if problem is not None:
        return problem
    reports = dialogue.can("DSN")
    try:
        sender = encode.mail(
            from_address,
            utf8=utf8,
            size=traits.size if dialogue.can("SIZE") else None,
            body_8bit=traits.has_8bit,
            require_tls=mail.require_tls,
            headers_only=mail.headers_only if reports else None,
            envelope_id=mail.envelope_id if reports else "",
        )
        commands = [
            encode.rcpt(address, utf8=utf8, notify=one.notify, original=one.original)
            if reports
            else encode.rcpt(address, utf8=utf8)
            for one, address in zip(recipients, addresses, strict=True)
        ]
    except Misused as refused:
        return refused.problem
    chunked = chunks(dialogue, window) and traits.size <= window.bytes
    return Transaction(mail, recipients, [sender, *commands], traits, chunked=chunked)


def chunks(dialogue: Dialogue, window: Window) -> bool:
    """Whether whole mails follow each other; a chunk that waits for nothing gains nothing alone."""
    wanted = window.chunking and window.pipelining
    return wanted and dialogue.can("CHUNKING") and dialogue.can("PIPELINING")


def _on_wire(address: str) -> str:
    """With its domain in ASCII where that is all it takes to do without SMTPUTF8."""
    if address.isascii() or not address.isprintable():
        return address
    local, _, domain = address.rpartition("@")
    wire = domain_for_wire(domain)
    return f"{local}@{wire}" if local.isascii() and is_domain_on_wire(wire) else address


def _missing(mail: Mail, dialogue: Dialogue, traits: Traits, *, utf8: bool) -> Problem | None:
    """What the mail needs and the server has not."""
    largest = dialogue.extensions.size
    found: EilboteError | None = None
    if not mail.recipients:
        found = Misused("smtp.no_recipient")
    elif traits.has_nul:
        found = Misused("smtp.nul")
    elif mail.longest_line is not None and (longest := longest_line(mail.content)) > mail.longest_line:
        found = Misused("smtp.long_line", length=longest, limit=mail.longest_line)
    elif largest is not None and traits.size > largest:
        found = Misused("smtp.too_big", host=dialogue.host, size=traits.size, limit=largest)
    elif utf8 and not dialogue.can("SMTPUTF8"):
        found = Misused("smtp.no_smtputf8", host=dialogue.host)
    elif traits.has_8bit and not dialogue.can("8BITMIME"):
        found = Misused("smtp.no_8bitmime", host=dialogue.host)
    elif mail.require_tls and not (dialogue.is_protected and dialogue.can("REQUIRETLS")):
        found = Misused("smtp.no_requiretls", host=dialogue.host)
    return found.problem if found is not None else None


def _that_fit(
    recipients: tuple[Recipient, ...], most: int | None, domains: int | None
) -> tuple[Recipient, ...]:
    """The first recipients, as many as one transaction takes (RFC 9422)."""
    fitting = recipients[:most]
    if domains is None:
        return fitting
    seen: set[str] = set()
    for at, one in enumerate(fitting):
        seen.add(one.address.rpartition("@")[2].lower())
        if len(seen) > domains:
            return fitting[:at]
    return fitting


def transcript(one: Transaction) -> tuple[Said, ...]:
    """Commands and replies; of the content only its size."""
    said: list[Said] = []
    for command, reply in chain(zip(one.commands, one.replies, strict=True), one.told):
        if command.name in (".", "BDAT"):
            said.append(Said(True, f"<{one.size} bytes>"))
        said.append(Said(True, _shortened(command.line.decode("utf-8", "replace"))))
        if reply is not None:
            said.append(Said(False, _shortened(str(reply))))
    if one.end_at is not None and not any(command.name in (".", "BDAT") for command, _ in one.told):
        said.append(Said(True, f"<{one.size} bytes>"))
    if len(said) > _LINES:
        said[_LINES // 2 : -_LINES // 2] = [Said(False, f"… {len(said) - _LINES} …")]
    return tuple(said)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "…"
