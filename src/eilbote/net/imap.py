"""An IMAP session over the network: log in, list, open, search, fetch, change.

Drives `protocols.imap` over a `Stream`; holds no opinion on what should be fetched or changed.
One task at a time uses a session. After Unreachable or Garbled it is of no more use.
"""

from __future__ import annotations

import binascii
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from eilbote.clock import Clock
from eilbote.errors import Garbled, NotAllowed, Problem, Refused, Unreachable
from eilbote.mail.mailbox import RECENT, Flags, MailboxName, ModSeq, Uid, UidSet
from eilbote.net.stream import Stream, Unverified
from eilbote.net.trace import Trace
from eilbote.protocols import sasl
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.answers import (
    append_uid,
    copy_uid,
    fetched_flags,
    fetched_identity,
    fetched_message,
    listings_of,
    selected_of,
    uid_set_of,
)
from eilbote.protocols.imap.connection import ImapConnection
from eilbote.protocols.imap.encode import Argument, Literal
from eilbote.protocols.imap.quirks import distrusted
from eilbote.protocols.imap.responses import (
    Continuation,
    Exists,
    Expunge,
    Fetch,
    Found,
    ListedName,
    MailboxStatusOf,
    Other,
    Response,
    Status,
    Unreadable,
    Vanished,
    text_of,
)
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
)
from eilbote.protocols.imap.wire import WireLimits
from eilbote.secret import Secret
from eilbote.store.values import Security, Server

_BATCH_COUNT = 1000
_MOST_UNSOLICITED = 10_000
_STATUS_ITEMS = (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")
_LATER_CODES = frozenset({"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "THROTTLED"})


@dataclass(frozen=True, slots=True)
class Credential:
    """Who logs in. `oauth`: the secret is an access token."""

    user: str
    secret: Secret
    oauth: bool = False


@dataclass(slots=True)
class Unsolicited:
    """What the server told without being asked, since it was last taken (museum M2)."""

    exists: int | None = None
    vanished: UidSet = field(default_factory=UidSet)
    expunged: int = 0
    flags: list[FetchedFlags] = field(default_factory=list)
    unreadable: int = 0


class ImapSession:
    """A logged-in connection. Make one with `ImapSession.open`."""

    def __init__(
        self, server: Server, stream: Stream, trace: Trace | None, limits: WireLimits | None
    ) -> None:
        self._server = server
        self._stream = stream
        self._trace = trace
        self._peer = f"{server.host}:{server.port}"
        self._connection = ImapConnection(
            limits, observer=None if trace is None else lambda pieces: trace.response(self._peer, pieces)
        )
        self._unsolicited = Unsolicited()
        self._distrusted: frozenset[str] = frozenset()
        self.selected: Selected | None = None
        self.round_trips = 0
        self.server_name = ""

    # --- opening -------------------------------------------------------------------------------

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
        limits: WireLimits | None = None,
    ) -> ImapSession:
        """Connects, protects the line, logs in, and switches on what makes a sync cheap.

        Raises Unreachable, Refused (`imap.login_refused`), Garbled, NotAllowed. A certificate that
        does not verify is `net.certificate` unless its fingerprint is among `trusted`.
        """
        timeouts = (connect_timeout, read_timeout)
        try:
            return await cls._open(server, credential, clock, trusted, trace, timeouts, limits, None)
        except Unverified as failure:
            # Once more, without a word to the server before its certificate is compared with the pins.
            reason = failure.reason
        return await cls._open(server, credential, clock, trusted, trace, timeouts, limits, reason)

    @classmethod
    async def _open(
        cls,
        server: Server,
        credential: Credential,
        clock: Clock,
        trusted: Sequence[str],
        trace: Trace | None,
        timeouts: tuple[float, float],
        limits: WireLimits | None,
        unverified: str | None,
    ) -> ImapSession:
        connect_timeout, read_timeout = timeouts
        stream = await Stream.connect(
            server,
            verify=unverified is None,
            connect_timeout=connect_timeout,
            read_timeout=max(connect_timeout, read_timeout),
        )
        try:
            session = cls(server, stream, trace, limits)
            if unverified is not None and server.security is Security.TLS:
                stream.check_pin(trusted, unverified)
            greeting = await session._greeting()
            if server.security is Security.STARTTLS:
                await session._start_tls(greeting, connect_timeout)
                if unverified is not None:
                    stream.check_pin(trusted, unverified)
            if greeting.kind != "PREAUTH":
                await session._log_in(credential, clock)
            await session._prepare()
        except BaseException:
            stream.abort()
            raise
        return session

    async def _greeting(self) -> Status:
        async for response in self._responses():
            if isinstance(response, Status) and not response.tag:
                if response.kind == "BYE":
                    raise Unreachable("imap.bye", host=self._server.host, text=response.text)
                if response.kind in ("OK", "PREAUTH"):
                    return response
            raise Garbled("imap.no_greeting", host=self._server.host)
        raise Unreachable("net.closed", host=self._server.host)

    async def _start_tls(self, greeting: Status, connect_timeout: float) -> None:
        # A server that is logged in before STARTTLS cannot be protected any more: the line stays
        # open to whoever made it so (RFC 9051 section 11.1, CVE-2020-12398).
        if greeting.kind == "PREAUTH":
            raise NotAllowed("imap.preauth_before_tls", host=self._server.host)
        await self._ensure_capabilities()
        if "STARTTLS" not in self.capabilities:
            raise NotAllowed("imap.no_starttls", host=self._server.host)
        await self._run([b"STARTTLS"])
        if self._connection.has_leftover:
            raise Garbled("net.injected", host=self._server.host)
        await self._stream.start_tls(connect_timeout)
        self._connection.protect()

    async def _log_in(self, credential: Credential, clock: Clock) -> None:
        await self._ensure_capabilities()
        protected = self._stream.is_protected or self._server.security is Security.NONE
        offered = [name[5:] for name in self.capabilities if name.startswith("AUTH=")]
        binding = self._binding()
        mechanism = sasl.choose(
            offered, oauth=credential.oauth, channel_binding=binding is not None, protected=protected
        )
        try:
            if mechanism is not None:
                await self._authenticate(mechanism, credential, clock, binding)
            elif credential.oauth or "LOGINDISABLED" in self.capabilities:
                raise Refused("imap.no_mechanism", host=self._server.host, offered=" ".join(offered))
            else:
                await self._run(
                    [b"LOGIN", encode.astring(credential.user), encode.string(credential.secret.reveal())]
                )
        except Refused as refusal:
            parameters = refusal.problem.parameters
            if refusal.problem.code != "imap.refused":
                raise
            if parameters.get("code") in _LATER_CODES:
                raise Unreachable(
                    "imap.unavailable", host=self._server.host, text=parameters["text"]
                ) from None
            raise Refused(
                "imap.login_refused",
                host=self._server.host,
                user=credential.user,
                text=parameters["text"],
                response=parameters["code"],
            ) from None

    def _binding(self) -> tuple[str, bytes] | None:
        for kind in ("tls-exporter", "tls-unique"):
            data = self._stream.channel_binding(kind)
            if data:
                return kind, data
        return None

    async def _authenticate(
        self, mechanism: str, credential: Credential, clock: Clock, binding: tuple[str, bytes] | None
    ) -> None:
        exchange = sasl.start(
            mechanism,
            user=credential.user,
            secret=credential.secret,
            host=self._server.host,
            port=self._server.port,
            nonce=clock.random_bytes(18).hex(),
            channel_binding=binding if mechanism.endswith("-PLUS") else None,
        )
        arguments: list[Argument] = [b"AUTHENTICATE", encode.atom(mechanism)]
        initial = exchange.initial_response()
        if initial is not None and "SASL-IR" in self.capabilities:
            # An empty initial response is spelled `=` (RFC 4959 section 3).
            arguments.append(_base64(initial) or b"=")
            initial = None
        tag = await self._send(arguments, interactive=True)
        try:
            async for response in self._until(tag):
                if isinstance(response, Continuation):
                    answer = initial if initial is not None else exchange.respond(_unbase64(response.text))
                    initial = None
                    if self._trace is not None:
                        self._trace.secret(self._peer)
                    self._connection.send_line(_base64(answer))
                    await self._flush()
                    self.round_trips += 1
        except Refused as refusal:
            refused = sasl.refusal_of(exchange)
            if refused and refusal.problem.code == "imap.refused":
                problem = refusal.problem
                told = {
                    **problem.parameters,
                    "text": f"{problem.parameters.get('text', '')} {refused}".strip(),
                }
                raise Refused(Problem(problem.code, told)) from None
            raise
        exchange.finish(None)

    async def _ensure_capabilities(self) -> None:
        if not self.capabilities:
            await self._run([b"CAPABILITY"])

    async def _prepare(self) -> None:
        """After the login: capabilities, ID where it is known, and what is to be switched on; one
        round trip (RFC 9051 section 5.5 allows all of these together)."""
        commands: list[list[Argument]] = []
        if not self.capabilities or not self.capabilities - {"LOGINDISABLED"}:
            commands.append([b"CAPABILITY"])
        answers = await self._run_all(commands) if commands else []
        del answers
        commands = []
        if "ID" in self.capabilities:
            # `ID NIL` says nothing about us; some servers refuse an empty list (GMX, Exchange).
            commands.append([b"ID", encode.in_parentheses([b'"name"', b'"eilbote"'])])
        wanted = self._wanted_extensions()
        if "ENABLE" in self.capabilities and wanted:
            commands.append([b"ENABLE", *wanted])
        for _, responses in await self._run_all(commands, allow_refusal=True):
            for response in responses:
                if isinstance(response, Other) and response.name == "ID":
                    self._remember_id(response)
        self._distrusted = distrusted(self._server.host, self.server_name)

    def _wanted_extensions(self) -> list[bytes]:
        wanted = []
        if "QRESYNC" in self.capabilities:
            wanted.append(b"QRESYNC")
        elif "CONDSTORE" in self.capabilities:
            wanted.append(b"CONDSTORE")
        if "UTF8=ACCEPT" in self.capabilities or "UTF8=ONLY" in self.capabilities:
            wanted.append(b"UTF8=ACCEPT")
        return wanted

    def _remember_id(self, response: Other) -> None:
        pairs = response.arguments[0] if response.arguments else None
        if isinstance(pairs, list):
            told = {text_of(pairs[at]).lower(): text_of(pairs[at + 1]) for at in range(0, len(pairs) - 1, 2)}
            self.server_name = told.get("name", "")[:200]

    # --- what the server can do ------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case, as last announced."""
        return self._connection.capabilities

    def _can(self, name: str) -> bool:
        return name in self.capabilities and name not in self._distrusted

    @property
    def has_qresync(self) -> bool:
        return self._can("QRESYNC") and "QRESYNC" in self._connection.enabled

    @property
    def has_condstore(self) -> bool:
        return self._can("CONDSTORE") or self._can("QRESYNC")

    @property
    def has_uidplus(self) -> bool:
        return self._can("UIDPLUS") or self._can("IMAP4REV2")

    @property
    def has_move(self) -> bool:
        return self._can("MOVE") or self._can("IMAP4REV2")

    @property
    def has_object_ids(self) -> bool:
        return self._can("OBJECTID")

    @property
    def has_esearch(self) -> bool:
        return self._can("ESEARCH") or self._can("IMAP4REV2")

    @property
    def is_gmail(self) -> bool:
        return "X-GM-EXT-1" in self.capabilities

    @property
    def bytes_received(self) -> int:
        return self._stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._stream.bytes_sent

    def take_unsolicited(self) -> Unsolicited:
        """What the server told unasked since the last call."""
        taken, self._unsolicited = self._unsolicited, Unsolicited()
        return taken

    # --- mailboxes -------------------------------------------------------------------------------

    async def list_mailboxes(self, *, status: bool = True) -> tuple[MailboxListing, ...]:
        """Every mailbox, with its role, whether it is subscribed, and (with `status`) its STATUS.

        One command where the server has LIST-EXTENDED and LIST-STATUS (RFC 5258, RFC 5819), else
        LIST and LSUB together and one STATUS each, pipelined.
        """
        items = self._status_items()
        extended = self._can("LIST-EXTENDED") or self._can("IMAP4REV2")
        with_status = status and extended and (self._can("LIST-STATUS") or self._can("IMAP4REV2"))
        if not extended:
            commands: list[list[Argument]] = [
                [b"LIST", b'""', b'"*"'],
                [b"LSUB", b'""', b'"*"'],
            ]
            answers = await self._run_all(commands, allow_refusal=True)
            if answers[0][0].kind != "OK":
                _refuse([b"LIST"], answers[0][0])
            listed = [one for _, responses in answers for one in responses if isinstance(one, ListedName)]
            statuses: dict[MailboxName, MailboxStatus] = {}
        else:
            options = [b"SUBSCRIBED"]
            if self._can("SPECIAL-USE") or self._can("IMAP4REV2"):
                options.append(b"SPECIAL-USE")
            if with_status:
                options.append(b"STATUS " + encode.in_parentheses(items))
            _, responses = await self._run(
                [b"LIST", b'""', b'"*"', b"RETURN " + encode.in_parentheses(options)]
            )
            listed = [one for one in responses if isinstance(one, ListedName)]
            statuses = {one.name: one.status for one in responses if isinstance(one, MailboxStatusOf)}
        listings = listings_of(listed, statuses)
        if status and not with_status:
            names = [one.name for one in listings if one.selectable]
            found = await self.status(names)
            listings = tuple(replace(one, status=found.get(one.name)) for one in listings)
        return listings

    def _status_items(self) -> list[bytes]:
        items = list(_STATUS_ITEMS)
        if self.has_condstore:
            items.append(b"HIGHESTMODSEQ")
        if self.has_object_ids:
            items.append(b"MAILBOXID")
        return items

    async def status(self, names: Sequence[MailboxName]) -> dict[MailboxName, MailboxStatus]:
        """STATUS of each mailbox, all pipelined; those that the server refuses are left out."""
        items = encode.in_parentheses(self._status_items())
        commands: list[list[Argument]] = [[b"STATUS", self._name(name), items] for name in names]
        found: dict[MailboxName, MailboxStatus] = {}
        for _, responses in await self._run_all(commands, allow_refusal=True):
            for one in responses:
                if isinstance(one, MailboxStatusOf):
                    found[one.name] = one.status
        return found

    async def exists(self, name: MailboxName) -> bool:
        """Is there a mailbox of this name? Asked for exactly it."""
        _, responses = await self._run([b"LIST", b'""', self._name(name)])
        listed = [one for one in responses if isinstance(one, ListedName) and one.name == name]
        return any("\\nonexistent" not in one.attributes for one in listed)

    async def select(
        self, name: MailboxName, *, read_only: bool = False, known: Known | None = None
    ) -> Selected:
        """Opens a mailbox. With `known` and QRESYNC the answer holds what changed since."""
        command: list[Argument] = [b"EXAMINE" if read_only else b"SELECT", self._name(name)]
        if known is not None and self.has_qresync:
            parts = [encode.number(known.uidvalidity), encode.number(known.modseq)]
            if known.uids:
                parts.append(encode.uid_set(known.uids))
            command.append(b"(QRESYNC " + encode.in_parentheses(parts) + b")")
        elif self.has_condstore:
            command.append(b"(CONDSTORE)")
        self.selected = None
        status, responses = await self._run(command, most=None)
        self.selected = selected_of(name, status, responses, resync=known is not None and self.has_qresync)
        return self.selected

    async def close(self) -> None:
        """Leaves the open mailbox without expunging anything (UNSELECT, RFC 3691)."""
        if self.selected is not None and (self._can("UNSELECT") or self._can("IMAP4REV2")):
            await self._run([b"UNSELECT"])
            self.selected = None

    async def create(self, name: MailboxName) -> None:
        await self._run([b"CREATE", self._name(name)])

    async def delete(self, name: MailboxName) -> None:
        await self._run([b"DELETE", self._name(name)])

    async def rename(self, name: MailboxName, new: MailboxName) -> None:
        await self._run([b"RENAME", self._name(name), self._name(new)])

    async def subscribe(self, name: MailboxName) -> None:
        await self._run([b"SUBSCRIBE", self._name(name)])

    async def unsubscribe(self, name: MailboxName) -> None:
        await self._run([b"UNSUBSCRIBE", self._name(name)])

    def _name(self, name: MailboxName) -> Argument:
        return encode.mailbox(name, utf8=self._connection.utf8)

    # --- messages: asking ------------------------------------------------------------------------

    async def search_uids(self, *, within: UidSet | None = None) -> UidSet:
        """The UIDs that exist in the open mailbox (RFC 9051 section 6.4.4), all or of `within`."""
        if within is not None and not within:
            return UidSet()
        criteria: list[Argument] = [b"ALL"] if within is None else [b"UID " + encode.uid_set(within)]
        found = await self._search(criteria)
        return found if within is None else found & within

    async def search_header(self, header: str, value: str) -> UidSet:
        """UIDs of mails whose header holds this text."""
        return await self._search([b"HEADER", encode.astring(header), encode.string(value)])

    async def _search(self, criteria: list[Argument]) -> UidSet:
        returning: list[Argument] = [b"RETURN (ALL)"] if self.has_esearch else []
        _, responses = await self._run([b"UID SEARCH", *returning, *criteria])
        found = UidSet()
        for response in responses:
            if isinstance(response, Found):
                found = found | response.numbers
        return found

    async def fetch_flags(self, uids: UidSet, *, changed_since: ModSeq = 0) -> tuple[FetchedFlags, ...]:
        """Flags of messages; with `changed_since` only those changed after that mod-sequence."""
        items = b"(UID FLAGS MODSEQ)" if self.has_condstore else b"(UID FLAGS)"
        command: list[Argument] = [b"UID FETCH", encode.uid_set(uids), items]
        if changed_since:
            command.append(b"(CHANGEDSINCE " + encode.number(changed_since) + b")")
        _, responses = await self._run(command, most=None)
        return tuple(one for response in responses if (one := fetched_flags(response)) is not None)

    async def fetch_identities(self, uids: UidSet) -> tuple[FetchedIdentity, ...]:
        """What recognises messages without their bodies: some 300 bytes each."""
        extra = b""
        if self.has_object_ids:
            extra = b" EMAILID"
        elif self.is_gmail:
            extra = b" X-GM-MSGID"
        items = b"(UID FLAGS INTERNALDATE RFC822.SIZE" + extra + b" BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        _, responses = await self._run([b"UID FETCH", encode.uid_set(uids), items], most=None)
        return tuple(one for response in responses if (one := fetched_identity(response)) is not None)

    async def fetch_sizes(self, uids: UidSet) -> dict[Uid, int]:
        """RFC822.SIZE of messages."""
        _, responses = await self._run([b"UID FETCH", encode.uid_set(uids), b"(UID RFC822.SIZE)"], most=None)
        sizes: dict[Uid, int] = {}
        for response in responses:
            if isinstance(response, Fetch) and response.uid is not None:
                size = response.items.get("RFC822.SIZE")
                if isinstance(size, str) and size.isdigit():
                    sizes[response.uid] = int(size)
        return sizes

    def fetch_messages(
        self, uids: UidSet, *, headers_only: bool = False, batch_bytes: int = 4 * 1024 * 1024
    ) -> AsyncIterator[list[FetchedMessage]]:
        """Streams whole messages in batches, by one FETCH for all of `uids`. Messages that the server
        leaves out are left out; one without a body has `raw` None (iCloud, museum M3)."""
        section = b"BODY.PEEK[HEADER]" if headers_only else b"BODY.PEEK[]"
        items = [b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"]
        if self.has_condstore:
            items.append(b"MODSEQ")
        if self.has_object_ids:
            items.append(b"EMAILID")
        elif self.is_gmail:
            items += [b"X-GM-MSGID", b"X-GM-LABELS"]
        command: list[Argument] = [
            b"UID FETCH",
            encode.uid_set(uids),
            encode.in_parentheses([*items, section]),
        ]
        return self._fetch_batches(command, batch_bytes)

    async def _fetch_batches(
        self, command: list[Argument], batch_bytes: int
    ) -> AsyncIterator[list[FetchedMessage]]:
        batch: list[FetchedMessage] = []
        size = 0
        tag = await self._send(command)
        async for response in self._until(tag):
            message = response if isinstance(response, FetchedMessage) else fetched_message(response)
            if message is None:
                self._keep(response)
                continue
            batch.append(message)
            size += len(message.raw or b"")
            if size >= batch_bytes or len(batch) >= _BATCH_COUNT:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    # --- messages: changing ----------------------------------------------------------------------

    async def store_flags(
        self, uids: UidSet, mode: StoreMode, flags: Flags, *, unchanged_since: ModSeq = 0
    ) -> Stored:
        """Adds, removes or replaces flags. With `unchanged_since`, messages changed meanwhile are
        left alone and named (RFC 7162 section 3.1.3)."""
        command: list[Argument] = [b"UID STORE", encode.uid_set(uids)]
        if unchanged_since:
            command.append(b"(UNCHANGEDSINCE " + encode.number(unchanged_since) + b")")
        command += [mode.value.encode() + b"FLAGS", encode.flags(flags - {RECENT})]
        status, responses = await self._run(command, most=None)
        told = tuple(one for response in responses if (one := fetched_flags(response)) is not None)
        modified = UidSet()
        if status.code.name == "MODIFIED" and status.code.arguments:
            modified = uid_set_of(status.code.arguments[0])
        return Stored(modified, told)

    async def copy(self, uids: UidSet, target: MailboxName) -> CopyUid | None:
        """Copies; the new UIDs where the server tells them (RFC 4315)."""
        status, responses = await self._run([b"UID COPY", encode.uid_set(uids), self._name(target)])
        return copy_uid([status, *responses])

    async def move(self, uids: UidSet, target: MailboxName) -> CopyUid | None:
        """Moves (RFC 6851). Only where the server has MOVE."""
        if not self.has_move:
            raise NotAllowed("imap.no_move", host=self._server.host)
        status, responses = await self._run(
            [b"UID MOVE", encode.uid_set(uids), self._name(target)], most=None
        )
        return copy_uid([status, *responses])

    async def expunge(self, uids: UidSet) -> None:
        """Removes exactly these messages, if they are marked as deleted (RFC 4315). Never a plain
        EXPUNGE, which would also remove what others marked."""
        if not self.has_uidplus:
            raise NotAllowed("imap.no_uidplus", host=self._server.host)
        await self._run([b"UID EXPUNGE", encode.uid_set(uids)], most=None)

    async def append(
        self, name: MailboxName, raw: bytes, flags: Flags = frozenset(), internal_date: float | None = None
    ) -> AppendUid | None:
        """Puts a message into a mailbox, byte for byte; its UID where the server tells it."""
        command: list[Argument] = [b"APPEND", self._name(name)]
        if flags - {RECENT}:
            command.append(encode.flags(flags - {RECENT}))
        if internal_date is not None:
            command.append(encode.date_time(internal_date))
        command.append(Literal(raw))
        status, _ = await self._run(command)
        return append_uid(status)

    async def noop(self) -> None:
        await self._run([b"NOOP"])

    async def logout(self) -> None:
        """Says good-bye and closes the connection."""
        try:
            await self._run([b"LOGOUT"])
        finally:
            await self._stream.close()

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._stream.abort()

    # --- talking ---------------------------------------------------------------------------------

    async def _send(self, arguments: Sequence[Argument], *, interactive: bool = False) -> str:
        tag = self._connection.send(arguments, interactive=interactive)
        if self._trace is not None:
            self._trace.command(self._peer, tag, arguments)
        await self._flush()
        self.round_trips += 1
        return tag

    async def _flush(self) -> None:
        chunks = self._connection.data_to_send()
        if chunks:
            await self._stream.write(_joined(chunks))

    async def _responses(self) -> AsyncIterator[Response]:
        """Everything the server says, as it comes."""
        while True:
            for response in self._connection.responses():
                yield response
            await self._flush()
            self._connection.receive_data(await self._stream.read())

    async def _until(self, tag: str) -> AsyncIterator[Response]:
        """Responses up to the tagged one, which ends the loop where it is OK and raises Refused else."""
        async for response in self._responses():
            if isinstance(response, Status):
                if response.tag == tag:
                    self._check(tag, response)
                    return
                self._check_bye(response)
            yield response

    async def _run(
        self, arguments: Sequence[Argument], *, most: int | None = _MOST_UNSOLICITED
    ) -> tuple[Status, list[Response]]:
        ((status, responses),) = await self._run_all([arguments], most=most)
        return status, responses

    async def _run_all(
        self,
        commands: Sequence[Sequence[Argument]],
        *,
        allow_refusal: bool = False,
        most: int | None = _MOST_UNSOLICITED,
    ) -> list[tuple[Status, list[Response]]]:
        """Sends all commands at once and gathers what is said up to the end of each. Untagged
        responses are counted for the oldest command that is still under way."""
        if not commands:
            return []
        tags = []
        for arguments in commands:
            tag = self._connection.send(arguments)
            if self._trace is not None:
                self._trace.command(self._peer, tag, arguments)
            tags.append(tag)
        await self._flush()
        self.round_trips += 1
        results: dict[str, tuple[Status, list[Response]]] = {}
        gathered: list[Response] = []
        logging_out = commands[-1][0] == b"LOGOUT"
        async for response in self._responses():
            if isinstance(response, Status):
                if response.tag:
                    results[response.tag] = (response, gathered)
                    gathered = []
                    if len(results) == len(tags):
                        break
                    continue
                if not logging_out:
                    self._check_bye(response)
            gathered.append(response)
            if most is not None and len(gathered) > most:
                raise Garbled("imap.flood", host=self._server.host, limit=most)
            self._keep(response)
        if not allow_refusal:
            for tag, arguments in zip(tags, commands, strict=True):
                if results[tag][0].kind != "OK":
                    _refuse(arguments, results[tag][0])
        return [results[tag] for tag in tags]

    def _keep(self, response: Response) -> None:
        """Remembers what was told unasked: it may come with any answer (RFC 9051 section 7)."""
        kept = self._unsolicited
        match response:
            case Exists(count=count):
                kept.exists = count
            case Vanished(uids=uids, earlier=False):
                kept.vanished = kept.vanished | uids
            case Expunge():
                kept.expunged += 1
            case Unreadable():
                kept.unreadable += 1
            case Fetch() | FetchedFlags():
                flags = fetched_flags(response)
                if flags is not None and len(kept.flags) < _MOST_UNSOLICITED:
                    kept.flags.append(flags)

    def _check(self, tag: str, status: Status) -> None:
        if status.kind != "OK":
            _refuse([tag.encode()], status)

    def _check_bye(self, status: Status) -> None:
        if status.kind == "BYE":
            raise Unreachable("imap.bye", host=self._server.host, text=status.text)


def _refuse(arguments: Sequence[Argument], status: Status) -> NoReturn:
    """NO or BAD as an error that quotes the server."""
    first = arguments[0]
    retry = 60.0 if status.code.name in _LATER_CODES else None
    raise Refused(
        "imap.refused",
        retry,
        command=first.decode("ascii", "replace") if isinstance(first, bytes) else "",
        text=status.text,
        code=status.code.name,
        kind=status.kind,
    )


def _joined(chunks: list[bytes]) -> list[bytes]:
    """Small chunks as one, large ones by themselves."""
    joined: list[bytes] = []
    small = b""
    for chunk in chunks:
        if len(chunk) > 64 * 1024:
            joined += [small, chunk] if small else [chunk]
            small = b""
        else:
            small += chunk
    return [*joined, small] if small else joined


def _base64(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False)


def _unbase64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        raise Garbled("imap.syntax", line="a challenge that is no base64") from None
