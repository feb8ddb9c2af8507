"""The IMAP words that cross the border of this package: what was listed, opened and fetched.

Values only. `wire`, `connection` and `session` make them; net, sync and engine read them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, field

from eilbote.mail.mailbox import Flags, MailboxName, ModSeq, SpecialUse, Uid, UidSet, UidValidity


class MailboxStatus(Struct, frozen=True):
    """STATUS data items (RFC 9051 section 6.3.11); None where the server did not say."""

    messages: int | None = None
    uidnext: Uid | None = None
    uidvalidity: UidValidity | None = None
    unseen: int | None = None
    highestmodseq: ModSeq | None = None
    size: int | None = None
    mailbox_id: str | None = None


class MailboxListing(Struct, frozen=True):
    """One LIST response, with its STATUS where LIST-STATUS gave it (RFC 5819)."""

    name: MailboxName
    delimiter: str | None
    attributes: frozenset[str]
    role: SpecialUse | None = None
    subscribed: bool = False
    status: MailboxStatus | None = None

    @property
    def selectable(self) -> bool:
        return not self.attributes & {"\\noselect", "\\nonexistent"}


class Selected(Struct, frozen=True):
    """What SELECT or EXAMINE told, and with QRESYNC what changed since (RFC 7162 section 3.2.5).

    `highestmodseq` is 0 with NOMODSEQ or without CONDSTORE. `uidvalidity` 0: the server gave none.
    `resynced` is True only when a QRESYNC parameter was sent and the server honoured it, so that
    `vanished` and `changed` are complete. `permanent_flags` None: the server did not say, so all
    may be stored; `\\*` in it: new keywords may be created.
    """

    name: MailboxName
    uidvalidity: UidValidity
    uidnext: Uid
    exists: int
    highestmodseq: ModSeq = 0
    read_only: bool = False
    uid_not_sticky: bool = False
    permanent_flags: frozenset[str] | None = None
    mailbox_id: str = ""
    resynced: bool = False
    vanished: UidSet = field(default_factory=UidSet)
    changed: tuple[FetchedFlags, ...] = ()


class FetchedFlags(Struct, frozen=True):
    """UID, flags and mod-sequence of one message."""

    uid: Uid
    flags: Flags
    modseq: ModSeq = 0


class FetchedIdentity(Struct, frozen=True):
    """What recognises a message without its body (C3 rule 2 of the sync rules). `size` 0: the server
    tells no true one."""

    uid: Uid
    size: int
    internal_date: float
    message_id: str
    email_id: str = ""
    flags: Flags = frozenset()
    modseq: ModSeq = 0


class FetchedMessage(NamedTuple):
    """A whole message as fetched. `raw` None: the server answered OK but gave no body. A tuple,
    because a first sync makes a hundred thousand of them."""

    uid: Uid
    flags: Flags
    internal_date: float
    size: int
    modseq: ModSeq
    raw: bytes | None
    email_id: str = ""
    labels: tuple[str, ...] = ()
    thread_id: str = ""


class FetchedLabels(Struct, frozen=True):
    """Gmail's labels of one message, and the conversation that it has put it in (X-GM-THRID)."""

    uid: Uid
    labels: tuple[str, ...]
    thread_id: str


class Known(Struct, frozen=True):
    """What we hold of a mailbox, for SELECT's QRESYNC parameter."""

    uidvalidity: UidValidity
    modseq: ModSeq
    uids: UidSet | None = None


class StoreMode(StrEnum):
    ADD = "+"
    REMOVE = "-"
    REPLACE = ""


class Stored(Struct, frozen=True):
    """Outcome of a UID STORE: UIDs left unchanged because they were modified meanwhile
    (MODIFIED, RFC 7162 section 3.1.3), and the flags the server told."""

    modified: UidSet = field(default_factory=UidSet)
    flags: tuple[FetchedFlags, ...] = ()


class CopyUid(Struct, frozen=True):
    """COPYUID (RFC 4315): pairs of (source, destination) UIDs."""

    uidvalidity: UidValidity
    pairs: tuple[tuple[Uid, Uid], ...]


class AppendUid(Struct, frozen=True):
    """APPENDUID (RFC 4315) of one appended message."""

    uidvalidity: UidValidity
    uid: Uid


class Unsolicited(Struct, frozen=True):
    """Everything about the selected mailbox that was told without being asked for, since the last take.

    `exists` is the latest EXISTS, None if there was none; `expunged` counts EXPUNGE responses, whose
    sequence numbers mean nothing to us; `vanished` names what QRESYNC told instead. `flags` hold the
    latest per UID; `nameless` counts flag changes that came without a UID. `incomplete`: more came
    than is kept, so only a full comparison tells.
    """

    exists: int | None = None
    expunged: int = 0
    vanished: UidSet = field(default_factory=UidSet)
    flags: tuple[FetchedFlags, ...] = ()
    nameless: int = 0
    incomplete: bool = False

    def __bool__(self) -> bool:
        """True if the mailbox changed."""
        return bool(
            self.exists is not None
            or self.expunged
            or self.vanished
            or self.flags
            or self.nameless
            or self.incomplete
        )


class Elsewhere(Struct, frozen=True):
    """What was told of mailboxes that are not open: names as the server writes them; that the list of
    mailboxes has changed; that not everything was told."""

    names: frozenset[bytes] = frozenset()
    listing: bool = False
    overflow: bool = False
