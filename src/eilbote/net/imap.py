"""An IMAP session over the network: log in, list, open, search, fetch, change, wait.

Runs the flows of `protocols.imap` over a `Stream`; holds no opinion on what should be fetched or
changed. One task at a time uses a session. After Unreachable or Garbled it is of no more use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from eilbote.clock import Clock
from eilbote.errors import Garbled, Unreachable
from eilbote.mail.mailbox import Flags, MailboxName, ModSeq, SpecialUse, Uid, UidSet
from eilbote.net.conversation import Conversation
from eilbote.net.credential import Credential
from eilbote.net.stream import Unverified
from eilbote.net.trace import Trace
from eilbote.protocols import sasl
from eilbote.protocols.deflate import ENOUGH, is_worth_it
from eilbote.protocols.imap import folders, mails, notify
from eilbote.protocols.imap import session as flows
from eilbote.protocols.imap.connection import Greeting, Idling, Reply
from eilbote.protocols.imap.dialogue import Flow, check, has_too_many_connections
from eilbote.protocols.imap.encode import Command, command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.notify import Heard
from eilbote.protocols.imap.quirks import Quirk, Trait
from eilbote.protocols.imap.responses import Quota, Status
from eilbote.protocols.imap.search import ALL, SearchKey
from eilbote.protocols.imap.types import (
    AppendUid,
    CopyUid,
    FetchedFlags,
    FetchedIdentity,
    FetchedMessage,
    Known,
    MailboxListing,
    MailboxStatus,
    Selected,
    Stored,
    StoreMode,
    Unsolicited,
)
from eilbote.store.values import Security, Server

_BATCH_COUNT = 4000
_BATCH_SECONDS = 2.0  # a slow line hands out what it has at this pace
_AHEAD = 2  # streaming commands on the wire at once

QUIET_SECONDS = 300.0
"""IDLE is begun anew after so long without a word from the server: shorter than any NAT's patience."""

LONGEST_IDLE = 1740.0
"""RFC 2177: before the 30 minutes after which a server may hang up."""


class ImapSession:
    """A logged-in connection. Make one with `ImapSession.open`."""

    def __init__(self, talk: Conversation, clock: Clock) -> None:
        self._talk = talk
        self._clock = clock
        self._dialogue = talk.dialogue
        self._fetched = 0  # bytes of mail, and the seconds spent waiting for them
        self._waited = 0.0
        self._idling: asyncio.Timeout | None = None
        self._woken = False

    # --- opening and ending ----------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        server: Server,
        credential: Credential,
        *,
        clock: Clock,
        trusted: Sequence[str] = (),
        trace: Trace | None = None,
        connect_timeout: float = 30.0,
        read_timeout: float = 60.0,
        limits: Limits | None = None,
        guard: Callable[[], None] | None = None,
    ) -> ImapSession:
        """Connects, protects the line, logs in, and switches on what makes a sync cheap.

        Raises Unreachable, Refused (`imap.login_refused`, `imap.no_mechanism`), Garbled, NotAllowed.
        A certificate that does not verify is `net.certificate` unless its SHA-256 fingerprint
        (lower-case hex) is among `trusted`. Timeouts in seconds. `guard` is asked before every word to
        the server; what it raises ends the session.
        """
        reason: str | None = None
        while True:
            try:
                talk = await Conversation.connect(
                    server,
                    verify=reason is None,
                    connect_timeout=connect_timeout,
                    read_timeout=read_timeout,
                    trace=trace,
                    limits=limits,
                    guard=guard,
                )
                try:
                    session = cls(talk, clock)
                    await session._begin(credential, trusted, reason, connect_timeout)
                except BaseException:
                    talk.stream.abort()
                    raise
            except Unverified as failure:
                # Once more, without a word to the server before its certificate matches a pin.
                assert reason is None
                reason = failure.reason
            else:
                return session

    async def _begin(
        self, credential: Credential, trusted: Sequence[str], unverified: str | None, connect_timeout: float
    ) -> None:
        security = self._talk.server.security
        if unverified is not None and security is Security.TLS:
            self._talk.stream.check_pin(trusted, unverified)
        greeting = await self._greeting(connect_timeout)
        self._dialogue.learn(greeting)
        if security is Security.STARTTLS:
            await self._talk.run(flows.secure(self._dialogue, greeting))
            if unverified is not None:
                self._talk.stream.check_pin(trusted, unverified)
        if greeting.kind != "PREAUTH":
            await self._talk.run(self._log_in(credential))
        await self._talk.run(flows.prepare(self._dialogue, credential.user))

    async def _greeting(self, within: float) -> Status:
        server = self._talk.server
        try:
            async with asyncio.timeout(within):  # all of it: single bytes now and then are no greeting
                event = await self._talk.next_event(within)
        except TimeoutError:
            raise Unreachable(
                "net.silent", 60.0, host=server.host, port=server.port, seconds=f"{within:g}"
            ) from None
        if not isinstance(event, Greeting):
            raise Garbled("imap.no_greeting", host=self._talk.server.host)
        if event.status.kind == "BYE" and has_too_many_connections(event.status.text):
            raise Unreachable("imap.too_many_connections", 60.0, host=server.host, text=event.status.text)
        if event.status.kind == "BYE":
            raise Unreachable("imap.bye", 60.0, host=self._talk.server.host, text=event.status.text)
        return event.status

    def _log_in(self, credential: Credential) -> Flow[None]:
        binding = self._talk.stream.channel_binding()

        def start(mechanism: str) -> sasl.Exchange:
            return sasl.start(
                mechanism,
                user=credential.user,
                secret=credential.secret,
                host=self._talk.server.host,
                port=self._talk.server.port,
                nonce=self._clock.random_bytes(18).hex(),
                channel_binding=binding if mechanism.endswith("-PLUS") else None,
            )

        return flows.log_in(
            self._dialogue,
            user=credential.user,
            secret=credential.secret,
            oauth=credential.oauth,
            # Without TLS only this machine itself is spoken to (`Stream.connect` sees to it).
            protected=self._talk.stream.is_protected or self._talk.server.security is Security.NONE,
            start=start,
            channel_binding=binding is not None,
        )

    async def compress(self, policy: str) -> bool:
        """Compresses the line from here on where that is worth it (`protocols.deflate.is_worth_it`)
        and the server agrees; no command may be under way. True if the line is compressed now."""
        talk = self._talk
        if talk.stream.is_compressed:
            return True
        offered = self._dialogue.can("COMPRESS=DEFLATE")
        throughput = self._fetched / self._waited if self._fetched >= ENOUGH and self._waited > 0 else None
        loopback = talk.stream.is_loopback
        if not is_worth_it(policy, offered=offered, loopback=loopback, throughput=throughput):
            return False
        return await talk.run(flows.compress(self._dialogue))

    async def logout(self) -> None:
        """Says good-bye and closes the connection."""
        try:
            await self._talk.run(flows.log_out())
        finally:
            await self._talk.stream.close()

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._talk.stream.abort()

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
    def has_idle(self) -> bool:
        return self._dialogue.can("IDLE")

    @property
    def hears_all(self) -> bool:
        """News of every mailbox come in IDLE (`notify`)."""
        return self._dialogue.hears_all

    @property
    def is_gmail(self) -> bool:
        return self._dialogue.can("X-GM-EXT-1")

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
        """The mailbox only shows mail that lies elsewhere too; it needs no sync of its own. On Gmail
        those of the star and of importance, which nobody can put a mail into."""
        if self.is_gmail and listing.role in (SpecialUse.FLAGGED, SpecialUse.IMPORTANT):
            return True
        return self._dialogue.is_mirror(listing.name, listing.delimiter)

    @property
    def append_limit(self) -> int | None:
        """The largest mail that APPEND takes, in bytes; None if the server has not said."""
        return mails.append_limit(self.capabilities)

    @property
    def round_trips(self) -> int:
        """How often an answer was waited for."""
        return self._talk.round_trips

    @property
    def skipped(self) -> int:
        """FETCH responses that could not be used so far: unreadable, or without a UID."""
        return self._talk.skipped

    @property
    def bytes_received(self) -> int:
        return self._talk.stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._talk.stream.bytes_sent

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
        return self._batches(commands, batch_bytes)

    async def _batches(
        self, commands: list[Command], batch_bytes: int
    ) -> AsyncGenerator[list[FetchedMessage], None]:
        waiting = list(reversed(commands))
        under_way = 0
        batch: list[FetchedMessage] = []
        size, since = 0, self._clock.monotonic()
        refused: Reply | None = None
        try:
            while under_way or (waiting and refused is None):
                while waiting and under_way < _AHEAD and refused is None:
                    self._talk.send(waiting.pop())
                    under_way += 1
                asked = self._clock.monotonic()
                event = await self._talk.next_event()
                self._waited += self._clock.monotonic() - asked
                if isinstance(event, Reply):
                    under_way -= 1
                    self._talk.note(event)
                    if event.status.kind != "OK":
                        refused = refused or event
                elif isinstance(event, list):
                    batch += event
                    came = sum([len(one.raw) for one in event if one.raw is not None])
                    size += came
                    self._fetched += came
                    full = size >= batch_bytes or len(batch) >= _BATCH_COUNT
                    if full or self._clock.monotonic() - since > _BATCH_SECONDS:
                        yield batch
                        batch, size, since = [], 0, self._clock.monotonic()
            if batch:
                yield batch
            if refused is not None:
                check(refused)  # what came before the refusal was handed out
        finally:
            if under_way:
                self.abort()

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

    async def notify(self) -> dict[MailboxName, MailboxStatus] | None:
        """Asks to hear of every mailbox in IDLE from now on (RFC 5465), and how each is now. None where
        the server does not do it."""
        return await self._talk.run(notify.start(self._dialogue))

    async def idle(self, *, quiet: float = QUIET_SECONDS, most: float = LONGEST_IDLE) -> Heard:
        """Waits for news in IDLE (RFC 2177), which may be none: it ends after `quiet` seconds without
        a sign of life, after `most` in any case, and when `wake` is called. News of other mailboxes
        that came before are given at once. What changed in the open one tells `take_unsolicited`.

        The end of IDLE has to be answered within the read timeout, so that a line that died without
        a word is noticed soon after `quiet` (Unreachable `net.timeout`).
        """
        self._woken = False
        if earlier := notify.heard(self._dialogue):
            return earlier
        self._talk.connection.framer.let_go()
        self._talk.send(command("IDLE", alone=True))
        event = await self._talk.next_event()
        if isinstance(event, Idling):
            await self._news(quiet, self._clock.monotonic() + most)
            self._talk.connection.finish_idle()
            event = await self._talk.next_event()
        while not isinstance(event, Reply):
            event = await self._talk.next_event()
        self._talk.note(event)
        check(event)
        return notify.heard(self._dialogue)

    async def _news(self, quiet: float, ends: float) -> None:
        """Waits in IDLE until something is told that is news, or was told just before IDLE began."""
        unsolicited = self._talk.connection.unsolicited
        while not (self._woken or unsolicited.has_news):
            left = min(quiet, ends - self._clock.monotonic())
            if left <= 0:
                break
            try:
                async with asyncio.timeout(left) as self._idling:
                    await self._talk.next_event(2 * left)
            except TimeoutError:
                break
            finally:
                self._idling = None

    def wake(self) -> None:
        """Ends the IDLE that is under way, in order."""
        self._woken = True
        if self._idling is not None and not self._idling.expired():
            self._idling.reschedule(0.0)
