"""What a mailbox looks like from both sides, and the single acts that bring them together.

Values without logic: `Shown` (by the server, this round), `Held` (by us), `Owed` (to the server)
and the `Step`s that `plan` makes of them. A list of steps can be printed, logged and compared.
"""

from __future__ import annotations

from msgspec import Struct, field

from eilbote.mail.mailbox import Flags, MailboxName, ModSeq, Uid, UidSet, UidValidity


class FlagsNow(Struct, frozen=True):
    """The flags a message has on the server; `modseq` 0 without CONDSTORE."""

    uid: Uid
    flags: Flags
    modseq: ModSeq = 0


class LabelsNow(Struct, frozen=True):
    """Gmail's labels of one mail as the server shows them now, and the thread that its conversation is."""

    uid: Uid
    labels: frozenset[str]
    thread: int


class Shown(Struct, frozen=True):
    """What the server showed of one mailbox in this round. The same facts whatever they cost:

    - `present`: every UID there is, from a complete listing; None where the server's own account
      of what vanished made that listing needless (QRESYNC);
    - `vanished`: UIDs that the server itself said are gone (it may name UIDs that never were);
    - `changed`: flags of messages that may differ from ours, new ones included;
    - `modseq`: HIGHESTMODSEQ as the SELECT of this round gave it, 0 where there is none;
    - `labelled`: labels and conversations of mails that may differ from ours (Gmail);
    - `shows_at_most`: numbers of mails at which the server stops listing older ones;
    - `sticky`: False where UIDs do not outlive the connection (UIDNOTSTICKY, no UIDVALIDITY).
    """

    uidvalidity: UidValidity
    uidnext: Uid
    exists: int
    modseq: ModSeq = 0
    present: UidSet | None = None
    vanished: UidSet = field(default_factory=UidSet)
    changed: tuple[FlagsNow, ...] = ()
    sticky: bool = True
    shows_at_most: frozenset[int] = frozenset()
    labelled: tuple[LabelsNow, ...] = ()


class Held(Struct, frozen=True):
    """What we hold of the mailbox: watermarks, every live UID, and those put aside in quarantine.

    `flags` need hold only the messages that `Shown.changed` names, `labels` those of `Shown.labelled`."""

    uidvalidity: UidValidity
    cursor: Uid
    modseq: ModSeq
    uids: UidSet
    uidnext: Uid = 0
    exists: int = 0
    backfill: UidSet = field(default_factory=UidSet)
    quarantined: UidSet = field(default_factory=UidSet)
    flags: dict[Uid, Flags] = field(default_factory=dict)
    labels: dict[Uid, LabelsNow] = field(default_factory=dict)


class FlagWish(Struct, frozen=True):
    """An unsent local flag change of one message: it overrides what the server shows, flag by flag."""

    uid: Uid
    add: Flags
    remove: Flags


class Owed(Struct, frozen=True):
    """Open local changes that bear on reading this mailbox.

    `leaving`: UIDs that were moved away or deleted here and must not come back as arrivals."""

    flags: tuple[FlagWish, ...] = ()
    leaving: UidSet = field(default_factory=UidSet)


class Limits(Struct, frozen=True):
    """When a round must not be believed without a second look (C3 rule 7)."""

    suspicious_loss: int = 20


class Rematch(Struct, frozen=True):
    """UIDVALIDITY is another: recognise every message by its content's identity; delete nothing."""

    mailbox: MailboxName
    reason: str
    uidvalidity: UidValidity


class Compare(Struct, frozen=True):
    """The numbers do not add up: list every UID before anything is believed."""

    mailbox: MailboxName
    reason: str


class ApplyFlags(Struct, frozen=True):
    """Take over the server's flags."""

    mailbox: MailboxName
    reason: str
    changes: tuple[FlagsNow, ...]


class ApplyLabels(Struct, frozen=True):
    """Take over the server's labels and conversations."""

    mailbox: MailboxName
    reason: str
    changes: tuple[LabelsNow, ...]


class Remove(Struct, frozen=True):
    """The server said that these are gone: keep them as tombstones."""

    mailbox: MailboxName
    reason: str
    uids: UidSet


class Confirm(Struct, frozen=True):
    """These were not listed: ask for exactly them, and remove those that are still not there.
    `anew`: ask on a new connection, because everything seems gone."""

    mailbox: MailboxName
    reason: str
    uids: UidSet
    anew: bool = False


class Fetch(Struct, frozen=True):
    """Get these messages, newest first."""

    mailbox: MailboxName
    reason: str
    uids: UidSet


class Push(Struct, frozen=True):
    """Carry a local change to the server. `kind` is the debt's kind, `detail` its flags or target."""

    mailbox: MailboxName
    reason: str
    kind: str
    uids: UidSet
    detail: str = ""


class Advance(Struct, frozen=True):
    """Remember how far this round reached; saved together with what it covers.
    `backfill` are the UIDs that remain to be fetched."""

    mailbox: MailboxName
    reason: str
    uidvalidity: UidValidity
    uidnext: Uid
    cursor: Uid
    modseq: ModSeq
    exists: int
    backfill: UidSet


Step = Rematch | Compare | ApplyFlags | ApplyLabels | Remove | Confirm | Fetch | Push | Advance
