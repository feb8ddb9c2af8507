"""What one session knows of its server, and how its answers are judged.

Pure state: capabilities as last announced, what was enabled, names as the server spells them, the
open mailbox. Flows ask it what may be used; it must never send anything.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from typing import TypeAlias, TypeVar

from eilbote.errors import Refused, Unreachable
from eilbote.mail import mutf7
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.connection import ImapConnection, Reply
from eilbote.protocols.imap.encode import Command, Piece
from eilbote.protocols.imap.quirks import quirks_of
from eilbote.protocols.imap.responses import Capabilities, Enabled, Namespaces, ServerId, Status
from eilbote.protocols.imap.traits import Quirk, Trait
from eilbote.protocols.imap.types import Selected
from eilbote.protocols.upgrade import StartDeflate, StartTls

T = TypeVar("T")


Flow: TypeAlias = Generator[tuple[Command, ...] | StartTls | StartDeflate, list[Reply], T]
"""A long exchange: yields commands that may go out together, is sent their replies in that order,
and returns its result. Whoever runs it does the I/O and nothing else."""

# RFC 9051 appendix E: what IMAP4rev2 brings without naming it.
_IN_REV2 = frozenset(
    {
        "ENABLE",
        "ESEARCH",
        "IDLE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "LITERAL-",
        "MOVE",
        "NAMESPACE",
        "SASL-IR",
        "SEARCHRES",
        "SPECIAL-USE",
        "STATUS=SIZE",
        "UIDPLUS",
        "UNSELECT",
    }
)
_BACKOFF = re.compile(r"Backoff Time: (\d{1,9}) milliseconds", re.IGNORECASE)
_BANDWIDTH = re.compile(r"bandwidth|throttl|too many (?:commands|requests)", re.IGNORECASE)
_NOT_CONNECTED = re.compile(r"authenticated but not connected", re.IGNORECASE)
_TOO_MANY = re.compile(
    r"(?:maximum number of|too many)(?: simultaneous| concurrent| open| imap)* (?:connections|sessions)",
    re.IGNORECASE,
)
_THROTTLED_SECONDS = 300.0
_LATER = frozenset({"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "THROTTLED", "CONTACTADMIN"})
_LATER_SECONDS = 60.0
_LONGEST_BACKOFF = 300.0
_MOST_NAMES = 100_000


class Dialogue:
    """The shared state of the flows over one connection to `host`."""

    def __init__(self, connection: ImapConnection, host: str) -> None:
        self.connection = connection
        self.host = host
        self.capabilities: frozenset[str] = frozenset()
        """Upper-case, as last announced."""
        self.enabled: frozenset[str] = frozenset()
        self.server_id: dict[str, str] = {}
        self.namespaces = Namespaces()
        self.selected: Selected | None = None
        self.quirks: tuple[Quirk, ...] = ()
        """What this server does not keep, or does in its own way."""
        self._distrusted: frozenset[str] = frozenset()
        self.judge_server()
        self._wire_names: dict[MailboxName, bytes] = {}
        self.hears_all = False
        """News of every mailbox come unasked (NOTIFY)."""
        self._left: set[MailboxName] = set()

    def leave_mailbox(self) -> None:
        """The open mailbox is left, and what was told of it is void. With NOTIFY its name is kept where
        something was told: of the open mailbox nothing is told a second time."""
        unsolicited = self.connection.unsolicited
        if self.hears_all and self.selected is not None and unsolicited.is_stirred:
            self._left.add(self.selected.name)
        self.selected = None
        self.connection.messages = 0
        unsolicited.forget_mailbox()

    def take_left(self) -> frozenset[MailboxName]:
        """Mailboxes that changed while they were open, and were left."""
        left, self._left = frozenset(self._left), set()
        return left

    # --- what the server can do ----------------------------------------------------------------

    def can(self, name: str) -> bool:
        """The server announces it, or a revision that includes it, and is known to keep it."""
        kept = self.capabilities - self._distrusted
        included = name in _IN_REV2 and "IMAP4REV2" in kept
        return name in kept or (included and name not in self._distrusted)

    def shows(self, trait: Trait) -> bool:
        """The server is known for this behaviour."""
        return any(trait in quirk.traits for quirk in self.quirks)

    def is_mirror(self, name: MailboxName, delimiter: str | None, role: SpecialUse | None) -> bool:
        """The mailbox only shows mail that lies elsewhere."""
        if any(role in quirk.mirror_roles for quirk in self.quirks):
            return True
        level = f"{name}{delimiter or '/'}"
        known = (mirror for quirk in self.quirks for mirror in quirk.mirrors)
        return any(
            level.startswith(mirror.replace("/", delimiter or "/"))
            if mirror.endswith("/")
            else name == mirror
            for mirror in known
        )

    @property
    def has_qresync(self) -> bool:
        return self.can("QRESYNC") and "QRESYNC" in self.enabled

    @property
    def has_condstore(self) -> bool:
        # RFC 7162 section 3.2.3: QRESYNC includes CONDSTORE
        return self.can("CONDSTORE") or self.has_qresync

    @property
    def utf8(self) -> bool:
        """Names and quoted strings are UTF-8 (RFC 6855; RFC 9051 section 5.1)."""
        return bool(self.enabled & {"UTF8=ACCEPT", "IMAP4REV2"})

    # --- learning ------------------------------------------------------------------------------

    def learn(self, status: Status) -> None:
        """Takes a CAPABILITY code out of a greeting or reply."""
        if status.code is not None and status.code.name == "CAPABILITY":
            self._announced(status.code.words)

    def learn_all(self, reply: Reply) -> None:
        """Takes what a reply tells of the server itself."""
        for one in reply.untagged:
            match one:
                case Capabilities(names=names):
                    self._announced(names)
                case Enabled(names=names):
                    self.enabled |= names
                    if self.utf8:
                        self.connection.utf8_enabled()
                case ServerId(fields=fields):
                    self.server_id = fields
                case Namespaces():
                    self.namespaces = one
                case Status():
                    self.learn(one)
        self.learn(reply.status)

    def _announced(self, names: frozenset[str]) -> None:
        self.capabilities = names
        outgoing = self.connection.outgoing
        if "LITERAL+" in names:
            outgoing.non_synchronising = None
        else:  # RFC 7888 section 5: LITERAL- allows up to 4096 bytes
            outgoing.non_synchronising = 4096 if self.can("LITERAL-") else 0

    def forget_before_tls(self) -> None:
        """Nothing that was told in plain text counts after STARTTLS (RFC 9051 section 6.2.1)."""
        self.capabilities = frozenset()
        self.connection.outgoing.non_synchronising = 0

    def judge_server(self) -> None:
        """After ID and capabilities are known: what this server does not keep."""
        name = f"{self.server_id.get('name', '')} {self.server_id.get('vendor', '')}"
        self.quirks = quirks_of(self.host, name, self.capabilities)
        self._distrusted = frozenset[str]().union(*(one.distrusted for one in self.quirks))

    # --- names ---------------------------------------------------------------------------------

    def name_from_wire(self, raw: bytes) -> MailboxName:
        """The name that the server wrote. One that no encoder would produce is remembered, so that
        `name_to_wire` gives back the server's own bytes."""
        if raw.upper() == b"INBOX":
            return MailboxName("INBOX")
        try:
            name = raw.decode() if self.utf8 or not raw.isascii() else mutf7.decode(raw)
        except ValueError:
            name = raw.decode("utf-8", "replace")
        # Line breaks in a name would tear every list and log that shows it.
        made = MailboxName("".join(mark if mark >= " " and mark != "\x7f" else "\ufffd" for mark in name))
        try:
            natural = made.encode() if self.utf8 else mutf7.encode(made)
        except UnicodeEncodeError:
            natural = b""
        if natural != raw and len(self._wire_names) < _MOST_NAMES:
            self._wire_names[made] = raw
        return made

    def name_to_wire(self, name: MailboxName) -> Piece:
        """The name as an argument. Misused where it cannot be sent."""
        raw = self._wire_names.get(name)
        return encode.mailbox(name, utf8=self.utf8) if raw is None else encode.wire_mailbox(raw)

    def personal_name(self, name: MailboxName) -> MailboxName:
        """The name below the prefix of personal mailboxes, where there is one and the name lies below
        no namespace's prefix yet."""
        told = self.namespaces
        spaces = (*told.personal, *told.other, *told.shared)
        prefixes = [self.name_from_wire(prefix) for prefix, _ in spaces]
        inside = any(prefix and name.upper().startswith(prefix.upper()) for prefix in prefixes)
        if not told.personal or not prefixes[0] or inside or name.upper() == "INBOX":
            return name
        return MailboxName(prefixes[0] + name)


def ask(*commands: Command) -> Flow[list[Reply]]:
    """Sends commands together; all must succeed. Raises Refused for the first that did not."""
    replies = yield commands
    for reply in replies:
        check(reply)
    return replies


def ask_one(command: Command) -> Flow[Reply]:
    """Sends one command, which must succeed."""
    replies = yield from ask(command)
    return replies[0]


def check(reply: Reply) -> None:
    """Raises Refused unless the server said OK; Unreachable `imap.throttled` where it asks to be left
    alone for a while: nothing else may be asked of it either."""
    status = reply.status
    if status.kind == "OK":
        return
    if is_throttled(status):
        code = status.code.name if status.code is not None else ""
        seconds = retry_after(code, status.text) or _THROTTLED_SECONDS
        raise Unreachable("imap.throttled", seconds, text=status.text[:1000])
    raise refusal(reply)


def is_throttled(status: Status) -> bool:
    """Exchange's and Gmail's ways of saying that too much was asked for."""
    code = status.code.name if status.code is not None else ""
    told_code = code in ("OVERQUOTA", "LIMIT", "THROTTLED")
    return bool(_BACKOFF.search(status.text)) or (told_code and bool(_BANDWIDTH.search(status.text)))


def is_not_connected(status: Status) -> bool:
    """Exchange took the login and has no mailbox for it: wrong user, scope or licence, or IMAP off."""
    return bool(_NOT_CONNECTED.search(status.text))


def has_too_many_connections(text: str) -> bool:
    """Dovecot's `Maximum number of connections from user+IP exceeded`, Gmail's `Too many simultaneous
    connections`."""
    return bool(_TOO_MANY.search(text))


def refusal(reply: Reply) -> Refused:
    """A NO or BAD as the error that quotes the server; `retry_after` where it asks for patience."""
    status = reply.status
    code = status.code.name if status.code is not None else ""
    return Refused(
        "imap.refused",
        retry_after(code, status.text),
        command=reply.command.name,
        text=status.text[:1000],
        code=code,
        kind=status.kind,
    )


def retry_after(code: str, text: str) -> float | None:
    """Seconds after which it may work: what Exchange suggests (five minutes at most), a minute for
    codes that say "later" (RFC 5530), None for a no that is final."""
    told = _BACKOFF.search(text)
    if told is not None:
        return min(int(told[1]) / 1000, _LONGEST_BACKOFF)
    return _LATER_SECONDS if code in _LATER else None


def statuses(replies: Iterable[Reply]) -> list[Status]:
    """Every status response of these replies, the tagged ones last in each."""
    return [
        status
        for reply in replies
        for status in (*(one for one in reply.untagged if isinstance(one, Status)), reply.status)
    ]
