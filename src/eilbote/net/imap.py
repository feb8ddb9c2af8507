"""An IMAP session over the network: log in, list, open, search, fetch, change, wait.

Runs the flows of `protocols.imap` over a line; holds no opinion on what should be fetched or
changed. One task at a time uses a session. After Unreachable or Garbled it is of no more use.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from eilbote.clock import Clock
from eilbote.mail.mailbox import Flags, MailboxName, ModSeq, SpecialUse, Uid, UidSet
from eilbote.net.credential import Credential
from eilbote.net.idle import Listening
from eilbote.net.imap_conversation import ImapConversation
from eilbote.net.mail_stream import MailStream
from eilbote.net.opening import enter
from eilbote.net.terms import Terms
from eilbote.protocols.deflate import is_worth_it
from eilbote.protocols.imap import folders, mails
from eilbote.protocols.imap import session as flows
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import Quota
from eilbote.protocols.imap.search import ALL, SearchKey
from eilbote.protocols.imap.traits import Quirk, Trait
from eilbote.protocols.imap.types import (
    AppendUid,
    CopyUid,
    FetchedFlags,
    FetchedIdentity,
    FetchedLabels,
    FetchedMessage,
    Known,
    MailboxListing,
    MailboxStatus,
    Selected,
    Stored,
    StoreMode,
    Unsolicited,
)
from eilbote.store.values import Server


class ImapSession:
    """A logged-in connection. Make one with `ImapSession.open`."""

    def __init__(self, talk: ImapConversation, clock: Clock) -> None:
        self._talk = talk
        self._dialogue = talk.dialogue
        self._mails = MailStream(talk, clock)
        self.news = Listening(talk, clock)
        """Waiting for news."""

    # --- opening and ending ----------------------------------------------------------------------

    @classmethod
    async def open(
        cls, server: Server, credential: Credential, terms: Terms, *, limits: Limits | None = None
    ) -> ImapSession:
        """Connects, protects the line, logs in, and switches on what makes a sync cheap.

        Raises Unreachable (`net.certificate` and others), Refused (`imap.login_refused`,
        `imap.no_mechanism`), Garbled, NotAllowed.
        """
        talk = await enter(
            server,
            terms,
            lambda verify: ImapConversation.connect(server, terms, limits, verify=verify),
            lambda talk: talk.log_in(credential, terms.clock),
        )
        return cls(talk, terms.clock)

    async def compress(self, policy: str) -> bool:
        """Compresses the line from here on where that is worth it (`protocols.deflate.is_worth_it`)
        and the server agrees; no command may be under way. True if the line is compressed now."""
        stream = self._talk.line.stream
        if stream.is_compressed:
            return True
        offered = self._dialogue.can("COMPRESS=DEFLATE")
        throughput = self._mails.throughput
        if not is_worth_it(policy, offered=offered, loopback=stream.is_loopback, throughput=throughput):
            return False
        return await self._talk.run(flows.compress(self._dialogue))

    @property
    def is_compressed(self) -> bool:
        return self._talk.line.stream.is_compressed

    async def logout(self) -> None:
        """Says good-bye and closes the connection."""
        try:
            await self._talk.run(flows.log_out())
        finally:
            await self._talk.line.stream.close()

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._talk.line.abort()

    # --- what the server can do ------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case, as last announced."""
        return self._dialogue.capabilities

    @property
    def enabled(self) -> frozenset[str]:
        """What ENABLE switched on, upper case."""
        return self._dialogue.enabled

    @property
    def selected(self) -> Selected | None:
        """The open mailbox as it was when it was opened."""
        return self._dialogue.selected

    @property
    def has_qresync(self) -> bool:
        return self._dialogue.has_qresync

    @property
    def has_condstore(self) -> bool:
        return self._dialogue.has_condstore

    @property
    def has_uidplus(self) -> bool:
        return self._dialogue.can("UIDPLUS")

    @property
    def has_move(self) -> bool:
        return self._dialogue.can("MOVE")

    @property
    def has_labels(self) -> bool:
        """A mailbox is a label: the same mail lies in several, as on Gmail."""
        return self._dialogue.shows(Trait.LABELS)

    @property
    def expunge_takes_a_label(self) -> bool:
        """UID EXPUNGE deletes in the trash and in spam only."""
        return self._dialogue.shows(Trait.EXPUNGE_TAKES_A_LABEL)

    @property
    def sizes_are_true(self) -> bool:
        """RFC822.SIZE is the number of bytes that come."""
        return not self._dialogue.shows(Trait.SIZES_UNRELIABLE)

    @property
    def shows_at_most(self) -> frozenset[int]:
        """Numbers of mails at which a mailbox stops showing older ones; none: it shows all."""
        return frozenset[int]().union(*(quirk.shows_at_most for quirk in self.quirks))

    @property
    def uids_may_shift(self) -> bool:
        """A UID may come to name another message under the same UIDVALIDITY (museum M15)."""
        return self._dialogue.shows(Trait.UIDS_MAY_SHIFT)

    @property
    def pushes_flags(self) -> bool:
        """IDLE tells of changed flags."""
        return not self._dialogue.shows(Trait.FLAGS_UNPUSHED)

    @property
    def quirks(self) -> tuple[Quirk, ...]:
        """What this server is known to do in its own way."""
        return self._dialogue.quirks

    def is_mirror(self, listing: MailboxListing) -> bool:
        """The mailbox only shows mail that lies elsewhere too; it needs no sync of its own."""
        return self._dialogue.is_mirror(listing.name, listing.delimiter, listing.role)

    @property
    def append_limit(self) -> int | None:
        """The largest mail that APPEND takes, in bytes; None if the server has not said."""
        return mails.append_limit(self.capabilities)

    @property
    def round_trips(self) -> int:
        """How often an answer was waited for."""
        return self._talk.line.round_trips

    @property
    def skipped(self) -> int:
        """FETCH responses that could not be used so far: unreadable, or without a UID."""
        return self._talk.skipped

    @property
    def bytes_received(self) -> int:
        return self._talk.line.stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._talk.line.stream.bytes_sent

    def take_unsolicited(self) -> Unsolicited:
        """What the server told unasked about the open mailbox since the last call."""
        return self._talk.connection.unsolicited.take()

    def take_alerts(self) -> list[str]:
        """What the server wants a person to be shown, since the last call."""
        return self._talk.connection.unsolicited.take_alerts()

    # --- mailboxes -------------------------------------------------------------------------------

    async def list_mailboxes(self, *, status: bool = True) -> tuple[MailboxListing, ...]:
        """Every mailbox with its role, whether it is subscribed, and (with `status`) its STATUS."""
        return await self._talk.run(folders.list_mailboxes(self._dialogue, status=status))

    async def status(self, names: Sequence[MailboxName]) -> dict[MailboxName, MailboxStatus]:
        """STATUS of each mailbox, pipelined; those that the server refuses are left out."""
        return await self._talk.run(folders.count(self._dialogue, names))

    async def exists(self, name: MailboxName) -> bool:
        """Is there a mailbox of exactly this name?"""
        return await self._talk.run(folders.exists(self._dialogue, name))

    async def select(
        self, name: MailboxName, *, read_only: bool = False, known: Known | None = None
    ) -> Selected:
        """Opens a mailbox. With `known` and QRESYNC the answer holds what changed since."""
        return await self._talk.run(mails.select(self._dialogue, name, read_only=read_only, known=known))

    async def close(self) -> None:
        """Leaves the open mailbox without expunging anything."""
        await self._talk.run(mails.unselect(self._dialogue))

    async def create(self, name: MailboxName, role: SpecialUse | None = None) -> None:
        """Makes a mailbox, with its role where the server keeps roles."""
        if role is None:
            await self._talk.run(folders.act(self._dialogue, "CREATE", name))
        else:
            await self._talk.run(folders.create_for(self._dialogue, name, role))

    async def delete(self, name: MailboxName) -> None:
        """Removes a mailbox with all its mail."""
        await self._talk.run(folders.act(self._dialogue, "DELETE", name))

    async def rename(self, name: MailboxName, new: MailboxName) -> None:
        await self._talk.run(folders.act(self._dialogue, "RENAME", name, new))

    async def subscribe(self, name: MailboxName) -> None:
        await self._talk.run(folders.act(self._dialogue, "SUBSCRIBE", name))

    async def unsubscribe(self, name: MailboxName) -> None:
        await self._talk.run(folders.act(self._dialogue, "UNSUBSCRIBE", name))

    async def quotas(self, name: MailboxName) -> tuple[Quota, ...]:
        """The quotas that bind a mailbox; empty where the server has none."""
        return await self._talk.run(folders.quotas(self._dialogue, name))

    def personal_name(self, name: MailboxName) -> MailboxName:
        """The name below the prefix of personal mailboxes (NAMESPACE, RFC 2342), unless it lies below
        the prefix of some namespace already. Never doubled."""
        return self._dialogue.personal_name(name)

    # --- messages: asking ------------------------------------------------------------------------

    async def search_uids(self, key: SearchKey = ALL, *, within: UidSet | None = None) -> UidSet:
        """The UIDs in the open mailbox that match `key`, all or of `within`."""
        if within is None:
            whole = key == ALL
            flow = mails.list_uids(self._dialogue) if whole else mails.search(self._dialogue, key)
            return await self._talk.run(flow)
        return await self._talk.run(mails.search_within(self._dialogue, within, key)) if within else UidSet()

    async def fetch_flags(self, uids: UidSet, *, changed_since: ModSeq = 0) -> tuple[FetchedFlags, ...]:
        """Flags of messages; with `changed_since` only those changed after that mod-sequence."""
        return await self._talk.run(mails.fetch_flags(self._dialogue, uids, changed_since)) if uids else ()

    async def fetch_labels(self, uids: UidSet, *, changed_since: ModSeq = 0) -> tuple[FetchedLabels, ...]:
        """Gmail's labels and conversations of messages."""
        return await self._talk.run(mails.fetch_labels(self._dialogue, uids, changed_since)) if uids else ()

    async def fetch_identities(self, uids: UidSet) -> tuple[FetchedIdentity, ...]:
        """What recognises messages without their bodies."""
        return await self._talk.run(mails.fetch_identities(self._dialogue, uids)) if uids else ()

    async def fetch_sizes(self, uids: UidSet) -> dict[Uid, int]:
        """RFC822.SIZE of messages."""
        return await self._talk.run(mails.fetch_sizes(uids)) if uids else {}

    async def fetch_arrivals(self, uids: UidSet) -> dict[Uid, tuple[int, float]]:
        """RFC822.SIZE and INTERNALDATE of messages."""
        return await self._talk.run(mails.fetch_arrivals(uids)) if uids else {}

    async def fetch_sections(self, wanted: Mapping[Uid, Sequence[str]]) -> tuple[Fetch, ...]:
        """Of each message its own sections, with flags, size and date; pipelined, held in memory
        until all have come."""
        return await self._talk.run(mails.fetch_sections(self._dialogue, wanted)) if wanted else ()

    async def fetch_structures(self, uids: UidSet) -> tuple[Fetch, ...]:
        """ENVELOPE and BODYSTRUCTURE of messages as the server made them."""
        return await self._talk.run(mails.fetch_structures(uids)) if uids else ()

    def fetch_messages(
        self, uids: UidSet, *, headers_only: bool = False, batch_bytes: int = 3 << 20
    ) -> AsyncGenerator[list[FetchedMessage], None]:
        """Streams whole messages in batches of about 4000 or `batch_bytes`, whichever comes first.

        Messages that the server leaves out are left out; one without a body has `raw` None (museum
        M3). Whoever stops early loses the connection: what is under way cannot be called back.
        """
        commands = mails.mail_fetches(self._dialogue, uids, headers_only=headers_only) if uids else []
        return self._mails.batches(commands, batch_bytes)

    # --- messages: changing ----------------------------------------------------------------------

    async def store_flags(
        self, uids: UidSet, mode: StoreMode, flags: Flags, *, unchanged_since: ModSeq = 0
    ) -> Stored:
        """Adds, removes or replaces flags. With `unchanged_since`, messages changed meanwhile are
        left alone and named."""
        return await self._talk.run(mails.store_flags(uids, mode, flags, unchanged_since))

    async def copy(self, uids: UidSet, target: MailboxName) -> CopyUid | None:
        """Copies; the new UIDs where the server tells them."""
        return await self._talk.run(mails.copy(self._dialogue, uids, target))

    async def move(self, uids: UidSet, target: MailboxName) -> CopyUid | None:
        """Moves. NotAllowed where the server has no MOVE."""
        return await self._talk.run(mails.move(self._dialogue, uids, target))

    async def expunge(self, uids: UidSet) -> None:
        """Removes exactly these messages, if they are marked as deleted. NotAllowed without UIDPLUS."""
        await self._talk.run(mails.expunge(self._dialogue, uids))

    async def append(
        self, name: MailboxName, raw: bytes, flags: Flags = frozenset(), internal_date: float | None = None
    ) -> AppendUid | None:
        """Puts a message into a mailbox, byte for byte; its UID where the server tells it."""
        return await self._talk.run(mails.append(self._dialogue, name, raw, flags, internal_date))

    async def noop(self) -> None:
        """Asks for news of the open mailbox; `take_unsolicited` has them."""
        await self._talk.run(mails.noop(self._dialogue))
