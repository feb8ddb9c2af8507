"""The truth that the test server serves: mailboxes, messages, flags, and what became of them.

A plain model in memory, which tests may read and change directly; whoever changes it through its
methods has the changes told to every connected client. It must never know a word of IMAP's syntax.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from eilbote.mail.mailbox import RECENT, Flags, SpecialUse, UidSet, canonical_flag

_BARE_LF = re.compile(rb"(?<!\r)\n")
_REFERENCE = re.compile(rb"<[^<>\s]{1,250}>")


class MailboxProblem(Exception):
    """What the server answers NO to: `code` is an IMAP response code (RFC 5530) or empty."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Message(Struct):
    """One message in one mailbox. `internal_date` is in seconds since 1970 UTC. `mail`, `labels`
    and `conversation` are Gmail's: the number of the mail, the same in every mailbox that shows it, its
    other labels, and the conversation that it was put in, 0 for the one that its references tell."""

    uid: int
    raw: bytes
    flags: Flags
    internal_date: float
    modseq: int
    mail: int = 0
    labels: tuple[str, ...] = ()
    conversation: int = 0

    @property
    def email_id(self) -> str:
        """The same for the same content wherever it lies (RFC 8474 section 4)."""
        return "E" + hashlib.sha256(self.raw).hexdigest()[:20]

    @property
    def thread_id(self) -> str:
        """The same for all messages of a conversation: named by the first message it refers to."""
        head = self.raw.partition(b"\r\n\r\n")[0]
        found: dict[bytes, bytes] = {}
        for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"):
            name, _, value = line.partition(b":")
            reference = _REFERENCE.search(value)
            if reference:
                found.setdefault(name.strip().lower(), reference.group())
        root = found.get(b"references") or found.get(b"in-reply-to") or found.get(b"message-id") or self.raw
        return "T" + hashlib.sha256(root).hexdigest()[:20]


class Mailbox:
    """One mailbox. Messages are kept by UID, ascending; every change takes a new mod-sequence."""

    def __init__(self, store: Mailstore, name: str, uidvalidity: int, mailbox_id: str) -> None:
        self._store = store
        self.name = name
        self.uidvalidity = uidvalidity
        self.mailbox_id = mailbox_id
        self.uidnext = 1
        self.highestmodseq = 1
        self.messages: dict[int, Message] = {}
        self.role: SpecialUse | None = SpecialUse.INBOX if name == "INBOX" else None
        self.vanished: list[tuple[int, int]] = []
        """(mod-sequence, UID) of every message that was expunged, oldest first."""
        self.vanished_since = 0
        """Expunges up to this mod-sequence are forgotten."""
        self.hidden: set[int] = set()
        """UIDs that EXISTS counts already and that FETCH and SEARCH do not show yet."""
        self.no_modseq = False
        """Tells NOMODSEQ, as a mailbox without persistent mod-sequences does (RFC 7162 section 3.1.2.2)."""
        self.older: dict[int, Message] = {}
        """Mails that are there and not shown, because newer ones are as many as are shown at most."""
        self.gone = False
        self._keywords: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Mailbox({self.name!r}, {len(self.messages)} messages)"

    @property
    def uids(self) -> UidSet:
        return UidSet.of(self.messages)

    @property
    def keywords(self) -> frozenset[str]:
        """Every keyword that was ever used here, as first spelled."""
        return frozenset(self._keywords.values())

    @property
    def unseen(self) -> int:
        return sum("\\Seen" not in message.flags for message in self.messages.values())

    @property
    def size(self) -> int:
        """Bytes of all messages."""
        return sum(len(message.raw) for message in self.messages.values())

    def append(
        self,
        raw: bytes,
        flags: Iterable[str] = (),
        internal_date: float | None = None,
        *,
        uid: int | None = None,
    ) -> Message:
        """A new message; bare LF becomes CRLF, as real servers store it. `uid` may leave a gap."""
        if b"\n" in raw and _BARE_LF.search(raw):
            raw = _BARE_LF.sub(b"\r\n", raw)
        number = max(self.uidnext, uid or 0)
        when = self._store.now() if internal_date is None else internal_date
        message = Message(number, raw, self.spelled(flags), float(int(when)), self._next_modseq())
        self.messages[number] = message
        self.uidnext = number + 1
        self._slide()
        self._store.tell()
        return message

    def _slide(self) -> None:
        """Shows the newest mails, where no more than so many are shown."""
        most = self._store.shows_at_most
        while most and len(self.messages) > most:
            oldest = next(iter(self.messages))
            self.older[oldest] = self.messages.pop(oldest)
            self.vanished.append((self._next_modseq(), oldest))
        while self.older and len(self.messages) < most:
            newest = max(self.older)
            back = self.older.pop(newest)
            back.modseq = self._next_modseq()
            self.messages = {newest: back, **self.messages}

    def set_flags(self, uid: int, flags: Iterable[str]) -> bool:
        """Replaces the flags; False, and no new mod-sequence, where they were so already."""
        message = self.messages[uid]
        wanted = self.spelled(flags)
        if wanted == message.flags:
            return False
        message.flags = wanted
        message.modseq = self._next_modseq()
        self._store.tell()
        return True

    def expunge(self, uids: Iterable[int]) -> None:
        """Removes these messages, in one mod-sequence; UIDs that are not there are ignored."""
        gone = [uid for uid in uids if self.messages.pop(uid, None) is not None]
        if not gone:
            return
        modseq = self._next_modseq()
        self.vanished += [(modseq, uid) for uid in sorted(gone)]
        self.hidden -= set(gone)
        self._slide()
        self._store.tell()

    def changed_since(self, modseq: int) -> list[Message]:
        return [message for message in self.messages.values() if message.modseq > modseq]

    def vanished_after(self, modseq: int, known: UidSet | None) -> UidSet:
        """What was expunged after `modseq`; all that is missing where that is forgotten."""
        asked = known if known is not None else UidSet.range(1, self.uidnext - 1)
        if modseq < self.vanished_since:
            return (asked & UidSet.range(1, self.uidnext - 1)) - self.uids
        return asked & UidSet.of(uid for at, uid in self.vanished if at > modseq)

    def forget_vanished(self) -> None:
        """Loses the log of expunges, as servers do after a while."""
        self.vanished.clear()
        self.vanished_since = self.highestmodseq

    def renumber(self, *, uidvalidity: int | None = None, first_uid: int = 1) -> None:
        """The same messages under a new UIDVALIDITY and new UIDs, in the same order."""
        self.uidvalidity = uidvalidity or self._store.new_uidvalidity()
        kept = list(self.messages.values())
        self.messages.clear()
        self.vanished.clear()
        self.uidnext = first_uid
        for message in kept:
            message.uid = self.uidnext
            message.modseq = self._next_modseq()
            self.messages[message.uid] = message
            self.uidnext += 1
        self.vanished_since = self.highestmodseq
        self._store.tell()

    def spelled(self, flags: Iterable[str]) -> Flags:
        """Flags as this mailbox spells them: keywords are compared without case."""
        return frozenset(
            flag if flag.startswith("\\") else self._keywords.setdefault(flag.lower(), flag)
            for flag in map(canonical_flag, flags)
            if flag != RECENT
        )

    def touch(self, uid: int) -> None:
        """The message changed in some way: it takes a new mod-sequence."""
        self.messages[uid].modseq = self._next_modseq()
        self._store.tell()

    def _next_modseq(self) -> int:
        self.highestmodseq += 1
        return self.highestmodseq


class Mailstore(Struct):
    """One user's mail. `now` gives seconds since 1970; `uidvalidity` is the first one given out.
    `shows_at_most`: so many mails of a mailbox are shown, the newest; 0: all."""

    now: Callable[[], float]
    delimiter: str = "/"
    uidvalidity: int = 1_700_000_001
    quota_bytes: int | None = None
    shows_at_most: int = 0
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        self._add("INBOX")

    def __getitem__(self, name: str) -> Mailbox:
        """The mailbox of that name; MailboxProblem NONEXISTENT if there is none."""
        found = self.mailboxes.get(self.normal(name))
        if found is None:
            raise MailboxProblem("NONEXISTENT", f"Mailbox doesn't exist: {name}")
        return found

    @property
    def used_bytes(self) -> int:
        return sum(mailbox.size for mailbox in self.mailboxes.values())

    def normal(self, name: str) -> str:
        """INBOX is INBOX in any case (RFC 9051 section 5.1), and so is its part of a child's name."""
        head, delimiter, rest = name.partition(self.delimiter)
        return f"INBOX{delimiter}{rest}" if head.upper() == "INBOX" else name

    def create(self, name: str, role: SpecialUse | None = None) -> Mailbox:
        name = self.normal(name).removesuffix(self.delimiter)
        if not name or self.delimiter * 2 in name or name.startswith(self.delimiter):
            raise MailboxProblem("CANNOT", f"Invalid mailbox name: {name}")
        if name in self.mailboxes:
            raise MailboxProblem("ALREADYEXISTS", "Mailbox already exists")
        made = self._add(name)
        made.role = role
        self.tell()
        return made

    def delete(self, name: str) -> None:
        mailbox = self[name]
        if mailbox.name == "INBOX":
            raise MailboxProblem("CANNOT", "INBOX can't be deleted.")
        del self.mailboxes[mailbox.name]
        mailbox.gone = True
        self.tell()

    def rename(self, old: str, new: str) -> None:
        """Moves a mailbox with its children. INBOX goes without them, and a new, empty one takes its
        place (RFC 9051 section 6.3.6)."""
        source, target = self[old], self.normal(new).removesuffix(self.delimiter)
        if target in self.mailboxes:
            raise MailboxProblem("ALREADYEXISTS", "Target mailbox already exists")
        if target.startswith(source.name + self.delimiter):
            raise MailboxProblem("CANNOT", "Can't rename a mailbox into itself")
        if source.name == "INBOX":
            source.name, source.role = target, None
            self.mailboxes[target] = source
            self._add("INBOX")
            self.tell()
            return
        below = source.name + self.delimiter
        moved = [box for name, box in self.mailboxes.items() if box is source or name.startswith(below)]
        for mailbox in moved:
            del self.mailboxes[mailbox.name]
            mailbox.name = target + mailbox.name[len(source.name) :] if mailbox is not source else target
            self.mailboxes[mailbox.name] = mailbox
        self.tell()

    def copy(self, source: Mailbox, uids: Iterable[int], target: Mailbox) -> list[tuple[int, int]]:
        """Copies, all or none; (source UID, new UID) of each."""
        chosen = [source.messages[uid] for uid in uids]
        self.check_quota(sum(len(message.raw) for message in chosen))
        return [
            (message.uid, target.append(message.raw, message.flags, message.internal_date).uid)
            for message in chosen
        ]

    def check_quota(self, more_bytes: int) -> None:
        if self.quota_bytes is not None and self.used_bytes + more_bytes > self.quota_bytes:
            raise MailboxProblem("OVERQUOTA", "Quota exceeded (mailbox for user is full)")

    def tell(self) -> None:
        """Tells every connected client's session that something changed."""
        for listener in tuple(self.listeners):
            listener()

    def new_uidvalidity(self) -> int:
        self._made += 1
        return self.uidvalidity + self._made - 1

    def _add(self, name: str) -> Mailbox:
        mailbox = Mailbox(self, name, self.new_uidvalidity(), f"M{self._made:08x}")
        self.mailboxes[name] = mailbox
        return mailbox
