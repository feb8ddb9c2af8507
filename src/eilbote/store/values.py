"""What the store remembers, as values: accounts, mailboxes, placements, debts.

Values without logic, so that every layer may speak about stored things.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from eilbote.errors import Problem
from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.keep import Keep
from eilbote.mail.mailbox import Flags, MailboxName, ModSeq, SpecialUse, Uid, UidSet, UidValidity
from eilbote.sync.values import OnServer


class Security(StrEnum):
    """How a connection is protected. `none` is for loopback only."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class AccountState(StrEnum):
    NEW = "new"
    SYNCING = "syncing"
    READY = "ready"
    FAILING = "failing"
    PAUSED = "paused"


class AuthKind(StrEnum):
    """Where the account's secret comes from."""

    PASSWORD = "password"  # noqa: S105  # a kind, not a secret
    COMMAND = "command"
    OAUTH = "oauth"
    SIGNED_IN = "signed-in"
    """Tokens that a provider granted and that are renewed here (see `store/grants`)."""
    OAUTH_COMMAND = "oauth-command"

    @property
    def is_token(self) -> bool:
        """Whether the secret is an access token."""
        return self in (AuthKind.OAUTH, AuthKind.SIGNED_IN, AuthKind.OAUTH_COMMAND)


class Server(Struct, frozen=True):
    """Where a server listens and how the line is protected."""

    host: str
    port: int
    security: Security


class Account(Struct, frozen=True):
    """One mail account; one without `imap` is local: its mailboxes live only here.

    `sealed` is the secret (password, command line or token) as the vault wrote it; `trusted` holds
    SHA-256 fingerprints (lower-case hex) of certificates that the user trusts by name. `change` is
    the account's change counter: the number of its latest change."""

    id: int
    address: str
    name: str
    state: AccountState
    user: str
    auth: AuthKind
    sealed: bytes
    imap: Server | None
    smtp: Server | None
    pop3: Server | None
    trusted: tuple[str, ...] = ()
    problem: Problem | None = None
    change: int = 0
    created: float = 0.0
    synced: float | None = None
    keep: Keep = Keep()
    on_server: OnServer = OnServer()
    """Of a POP3 account: what becomes of a collected mail on the server."""
    direct: bool = False
    """Mail goes straight to the servers of its recipients: there is no submission server."""
    sieve: Server | None = None
    """Where its scripts lie (ManageSieve), if the user has named it."""

    @property
    def can_send(self) -> bool:
        return self.direct or self.smtp is not None


class NewAccount(Struct, frozen=True):
    """What is known of an account before it is stored; the fields are those of `Account`."""

    address: str
    name: str
    user: str
    auth: AuthKind
    sealed: bytes
    imap: Server | None = None
    smtp: Server | None = None
    pop3: Server | None = None
    trusted: tuple[str, ...] = ()
    state: AccountState = AccountState.NEW
    on_server: OnServer = OnServer()
    direct: bool = False
    sieve: Server | None = None


class Watched(Struct, frozen=True):
    """What the process that serves does for an account: `state` is a `WatchState` of the engine,
    `since` and `until` (where it waits) are seconds since 1970."""

    state: str
    since: float
    until: float | None = None
    problem: Problem | None = None


class ListedMailbox(Struct, frozen=True):
    """A mailbox as the server lists it, to be remembered."""

    name: MailboxName
    delimiter: str = "/"
    role: SpecialUse | None = None
    selectable: bool = True
    subscribed: bool = True
    object_id: str = ""


class Watermarks(Struct, frozen=True):
    """How far a mailbox is known, saved in one transaction with the mail it describes (museum M1).

    `cursor`: every UID up to here is stored, quarantined or known to be gone.
    `modseq`: every flag change and expunge up to here is applied; 0 where the server has none.
    `backfill`: UIDs at or below the cursor that are still to be fetched (newest first syncs).
    """

    uidvalidity: UidValidity = 0
    uidnext: Uid = 0
    cursor: Uid = 0
    modseq: ModSeq = 0
    exists: int = 0
    backfill: UidSet = field(default_factory=UidSet)


class Mailbox(Struct, frozen=True):
    """One mailbox of an account as we hold it. `messages` and `unread` count live placements.
    `keep`: its own mode, None for the account's; `applied`: the mode (as `Window` writes it) that
    its mail was last brought to."""

    id: int
    account: int
    name: MailboxName
    delimiter: str
    role: SpecialUse | None
    selectable: bool
    subscribed: bool
    watermarks: Watermarks
    object_id: str = ""
    messages: int = 0
    unread: int = 0
    keep: Keep | None = None
    applied: str = ""


class Identity(Struct, frozen=True):
    """By what a mail is recognised without its bytes (C3 rule 2)."""

    email_id: str
    message_id: str
    size: int
    internal_date: float


class DebtKind(StrEnum):
    """What we can owe a server: one local change that it has not confirmed yet."""

    FLAG = "flag"
    MOVE = "move"
    COPY = "copy"
    DELETE = "delete"
    APPEND = "append"
    CREATE = "create"
    RENAME = "rename"
    REMOVE_MAILBOX = "remove-mailbox"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


class DebtState(StrEnum):
    """`open`: never sent. `sent`: written to the wire, outcome unknown until evidence closes it.
    `done`, `failed` (the server refused for good), `conflict` (a written rule decided against it)."""

    OPEN = "open"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    CONFLICT = "conflict"


class Debt(Struct, frozen=True):
    """A journal row. Addressed by (mailbox, uidvalidity, uid) and the message's id, never by row
    numbers of the server (C3 rule 11). `add`/`remove` are flags; `target` is the mailbox moved or
    copied to, or the new name; `placement` is the negative uid of the local placement that waits
    for the server's number (move, copy, append), or its own number once it has one."""

    id: int
    account: int
    kind: DebtKind
    state: DebtState
    mailbox: int
    uidvalidity: UidValidity
    uid: Uid
    message: int
    target: str = ""
    target_mailbox: int = 0
    placement: Uid = 0
    add: Flags = frozenset()
    remove: Flags = frozenset()
    origin: str = "user"
    created: float = 0.0
    attempts: int = 0
    problem: Problem | None = None
    undo_of: int = 0
    source: str = ""
    """The mailbox's name on the server before a rename or removal."""


class People(Struct, frozen=True):
    """Who wrote a message and whom it was for; `date` is its internal date."""

    date: float
    sender: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]


class Placement(Struct, frozen=True):
    """A message where it lies: what `list` and `search` show one line of."""

    id: int
    account: int
    address: str
    mailbox: MailboxName
    uid: Uid
    flags: Flags
    envelope: Envelope
    internal_date: float
    size: int
    sha256: str
    thread: int
    whole: bool = True
    """False where only a part of its bytes is here, as the mode of its mailbox says; `sha256` is
    that of the bytes here."""


class PageMark(Struct, frozen=True):
    """A place in a list that goes by date, newest first: that of one placement."""

    date: int
    mailbox: int
    uid: Uid


class Member(Struct, frozen=True):
    """A mail of a conversation where it lies, as much of it as tells which of them is the newest."""

    account: int
    thread: int
    message: int
    mark: PageMark
    unread: bool


class Only(StrEnum):
    """Which mails of a list are shown; `mine`: those written to an address of one's own."""

    EVERYTHING = ""
    UNREAD = "unread"
    FLAGGED = "flagged"
    ATTACHED = "attached"
    MINE = "mine"


class Narrowed(Struct, frozen=True):
    """What a list is narrowed to: a kind of mail, and a keyword if any. `addresses`: one's own."""

    only: Only = Only.EVERYTHING
    keyword: str = ""
    addresses: tuple[str, ...] = ()


class Batch(Struct, frozen=True):
    """What a user did with how many mails at once; `debts` are the journal's rows of it."""

    id: int
    person: int
    act: str
    mails: int
    debts: tuple[int, ...]
    undone: bool
    created: float


class Lying(Struct, frozen=True):
    """A mail where it lies, without what lists show: for work that goes through whole mailboxes.
    `whole` is False where only its headers are here."""

    uid: Uid
    message: int
    flags: Flags
    internal_date: float
    size: int
    sha256: bytes
    message_id: str
    whole: bool


class HeldIdentity(Struct, frozen=True):
    """By what a held message of one mailbox is recognised after a UIDVALIDITY change."""

    uid: Uid
    message: int
    identity: Identity


class Candidate(Struct, frozen=True):
    """A message that the account holds, or held until `removed_at`, and where: for recognising
    moves. `mailbox` and `uid` are those of the placement or of its tombstone."""

    message: int
    mailbox: int
    uid: Uid
    identity: Identity
    removed_at: float | None = None


class Conflict(Struct, frozen=True):
    """A decision between two truths, kept for the user: which rule (`rule`, stable code) decided
    about which message, and what was put aside (`detail`)."""

    id: int
    account: int
    mailbox: int
    message: int
    debt: int
    rule: str
    detail: Mapping[str, str]
    created: float


class Wish(Struct, frozen=True):
    """What another process asks of whoever holds an account, 0: the home (`kind`: `sync`, ...)."""

    id: int
    kind: str
    payload: str
    created: float
    account: int = 0


class Holder(Struct, frozen=True):
    """Who holds an account, or the home: process id, host, since when, and for what (`serve`, `sync`).
    `table` names the process table in which the id counts, "" where that is not known."""

    pid: int
    host: str
    since: float
    purpose: str
    table: str = ""


class FindingKind(StrEnum):
    """What a reader found (see `store/findings`). `look`: the mailbox does not add up. `count`: kept
    counts are wrong. `broken`: rows are missing. `damaged`: a body on disk is. `wanted`: somebody
    asked for a whole mail. `retry`: quarantine is to be tried again."""

    LOOK = "look"
    COUNT = "count"
    BROKEN = "broken"
    DAMAGED = "damaged"
    WANTED = "wanted"
    RETRY = "retry"


class Finding(Struct, frozen=True):
    """One finding; `uid` 0 where it is about the whole mailbox."""

    mailbox: int
    kind: FindingKind
    uid: Uid = 0


class InPart(Struct, frozen=True):
    """A mail as far as its mode is concerned: its size on the server, how many bytes of it are here,
    when it arrived."""

    uid: Uid
    message: int
    size: int
    here: int
    arrived: float


class Checked(Struct, frozen=True):
    """One mailbox's own rows and bytes: the UIDs that are here, those without a message row, those
    with bytes that are missing or do not fit their hash any more, and whether the kept counts are
    right. Each UID was read: `Messages.held_uids` believes the kept counts."""

    uids: UidSet
    broken: UidSet
    damaged: UidSet
    counts_right: bool


class Quarantined(Struct, frozen=True):
    """A mail that the server lists and that could not be taken in; tried last at `since`."""

    account: str
    mailbox: MailboxName
    uid: Uid
    problem: Problem
    since: float


class Erased(Struct, frozen=True):
    """What an erasure took away: messages, and bytes of their content (stored once each)."""

    messages: int
    bytes: int


class Change(Struct, frozen=True):
    """One row of the change feed: what happened to which message, numbered per account."""

    number: int
    account: int
    kind: str
    message: int
    mailbox: int


class Role(StrEnum):
    """`owner`: everything, other users included. `member`: the mail of the accounts they have a right
    to. `auditor`: reads that mail and changes nothing."""

    OWNER = "owner"
    MEMBER = "member"
    AUDITOR = "auditor"


class Right(StrEnum):
    """To the mail of one account."""

    READ = "read"
    CHANGE = "change"


class User(Struct, frozen=True):
    """One person. `password` is its hash in the PHC form, empty while none was chosen; `factor` the sealed
    secret of the second factor, empty where there is none; `rights` by account; `preferences` as
    `engine/preferences` writes them."""

    id: int
    name: str
    role: Role
    password: str
    factor: bytes = b""
    rights: Mapping[int, Right] = field(default_factory=dict)
    preferences: str = ""


class SignedIn(Struct, frozen=True):
    """One session of a user. `id` is the hash of its token; `begun` and `seen` are seconds since 1970;
    `browser` as it called itself, in short."""

    id: str
    begun: float
    seen: float
    browser: str
