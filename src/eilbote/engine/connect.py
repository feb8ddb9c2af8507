"""Connections to an account's servers: opened when needed, shared, within a budget per host.

Nothing here decides what is said over them.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from eilbote.clock import Clock
from eilbote.engine.app import App
from eilbote.engine.name_servers import name_servers_of
from eilbote.engine.renew import access_token
from eilbote.errors import EilboteError, Garbled, Misused, Problem, Refused, Unreachable
from eilbote.mail.mailbox import MailboxName
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.providers.table import provider_of
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind

if TYPE_CHECKING:
    from eilbote.net.pop3 import Pop3Session
    from eilbote.net.smtp import SmtpSession

T = TypeVar("T")

_COMMAND_SECONDS = 30
_GOODBYE_SECONDS = 2.0
_MOST_ALERTS = 100
_LONGEST_SECRET = 64 * 1024


def terms_of(app: App, account: Account) -> Terms:
    """On what terms the account's servers are spoken to."""
    return Terms(
        app.clock,
        account.trusted,
        app.trace,
        connect_timeout=app.config.connect_timeout,
        read_timeout=app.config.read_timeout,
        guard=None if app.leash is None else app.leash.check,
        name_servers=name_servers_of(app.config),
    )


def terms_of_strangers(app: App) -> Terms:
    """On what terms servers are spoken to that belong to no account of ours: no pinned certificates."""
    return Terms(
        app.clock,
        (),
        app.trace,
        connect_timeout=app.config.connect_timeout,
        read_timeout=app.config.read_timeout,
        guard=None if app.leash is None else app.leash.check,
    )


def credential_of(app: App, account: Account) -> Credential:
    """The account's user name and secret, unsealed; runs the password command where one is set, and renews
    an access token that is about to end. Blocks; not to be called inside of a running loop.

    Raises Misused `account.password_command` where that command fails, the vault's Problems, and what
    `renew.access_token` does.
    """
    if account.auth is AuthKind.SIGNED_IN:
        return Credential(account.user, access_token(app, account), oauth=True)
    secret = app.vault.open_secret(account.sealed, f"account:{account.address}")
    if account.auth in (AuthKind.COMMAND, AuthKind.OAUTH_COMMAND):
        secret = _run_password_command(secret.reveal(), app.clock)
    oauth = account.auth.is_token
    return Credential(account.user, secret, oauth=oauth)


async def with_login(
    app: App, account: Account, open_with: Callable[[Credential], Awaitable[T]], *, sends: bool = False
) -> T:
    """What `open_with` opens with the account's credential; where its access token is refused, once more with
    a renewed one. `sends`: the user name is that of the submission server."""
    of = smtp_credential_of if sends else credential_of
    credential = await asyncio.to_thread(of, app, account)
    try:
        return await open_with(credential)
    except Refused as error:
        if account.auth is not AuthKind.SIGNED_IN or not error.problem.code.endswith(".login_refused"):
            raise
        renewed = await asyncio.to_thread(access_token, app, account, credential.secret)
        if renewed == credential.secret:
            raise
        return await open_with(replace(credential, secret=renewed))


def _run_password_command(command: str, clock: Clock) -> Secret:
    # The user wrote this command line for a shell, as in every mail program that has the setting.
    with subprocess.Popen(  # noqa: S602
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        told, status = _what_is_told(process, process.stdout.fileno(), clock)
    first = told.split(b"\n", 1)[0].rstrip(b"\r")
    if status is None:
        raise Misused("account.password_command", reason=f"no answer in {_COMMAND_SECONDS} s")
    if len(told) > _LONGEST_SECRET:
        raise Misused("account.password_command", reason="it prints without end")
    if status or not first:
        raise Misused("account.password_command", reason=f"exit status {status}" if status else "no output")
    try:
        return Secret(first.decode())
    except UnicodeDecodeError:
        raise Misused("account.password_command", reason="its output is not UTF-8") from None


def _what_is_told(process: subprocess.Popen[bytes], output: int, clock: Clock) -> tuple[bytes, int | None]:
    """What the command prints, cut where it is longer than any secret, and its exit status; None: it
    was still at work after `_COMMAND_SECONDS`, and was ended.

    What it started may live on and hold the pipe: nobody waits for that.
    """
    told = bytearray()
    until = clock.monotonic() + _COMMAND_SECONDS
    while len(told) <= _LONGEST_SECRET:
        readable, _, _ = select.select([output], [], [], max(0.0, until - clock.monotonic()))
        if not readable:
            process.kill()
            return bytes(told), None
        piece = os.read(output, _LONGEST_SECRET)
        if not piece:
            break
        told += piece
    else:
        process.kill()
    try:
        return bytes(told), process.wait(max(0.0, until - clock.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return bytes(told), None


class HostBudget:
    """Caps the connections to each host, all accounts together (servers count by address)."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[str, int] = {}

    def of(self, host: str) -> asyncio.Semaphore:
        return self._hosts.setdefault(host.lower(), asyncio.Semaphore(self._per_host))

    def keep_waiting(self, host: str) -> bool:
        """May one more connection be kept open only to wait for news? True keeps its place until
        `stop_waiting`. One place of each host is never kept: the others do their work through it."""
        waiting = self._waiting.get(host.lower(), 0)
        if waiting >= self._per_host - 1:
            return False
        self._waiting[host.lower()] = waiting + 1
        return True

    def stop_waiting(self, host: str) -> None:
        self._waiting[host.lower()] -= 1


async def open_pop3(app: App, account: Account) -> Pop3Session:
    """A session with the account's maildrop. Raises Misused `account.no_pop3` and what
    `Pop3Session.open` does."""
    if account.pop3 is None:
        raise Misused("account.no_pop3", address=account.address)
    from eilbote.net.pop3 import Pop3Session  # noqa: PLC0415  # only accounts with POP3 pay for it

    server, terms = account.pop3, terms_of(app, account)
    session = await with_login(app, account, lambda given: Pop3Session.open(server, given, terms))
    if app.leash is not None:
        app.leash.hold(session)
    return session


async def open_smtp(app: App, account: Account) -> SmtpSession:
    """A session with the account's submission server. Raises Misused `send.no_server` and what
    `SmtpSession.open` does."""
    if account.smtp is None:
        raise Misused("send.no_server", address=account.address)
    from eilbote.net.smtp import SmtpSession  # noqa: PLC0415  # only who sends pays for it

    server, terms = account.smtp, terms_of(app, account)
    session = await with_login(app, account, lambda given: SmtpSession.open(server, given, terms), sends=True)
    if app.leash is not None:
        app.leash.hold(session)
    return session


def smtp_credential_of(app: App, account: Account) -> Credential:
    """As `credential_of`, with the user name that the submission server wants."""
    return replace(credential_of(app, account), user=smtp_user(account))


def smtp_user(account: Account) -> str:
    """The account's user name, where it was chosen; else as its provider wants it for sending, which
    may differ from IMAP (iCloud)."""
    provider = provider_of(account.address)
    local = account.address.rpartition("@")[0]
    if provider is None or account.user not in (account.address, local):
        return account.user
    return local if provider.smtp_user_is_local_part else account.address


class ImapConnections:
    """The connections of one account. A session that failed is thrown away, never reused."""

    def __init__(self, app: App, account: Account, budget: HostBudget, *, most: int) -> None:
        if account.imap is None:
            raise Misused("account.no_imap", address=account.address)
        self._app = app
        self._account = account
        self._server = account.imap
        self._slots = asyncio.Semaphore(most)
        self._host = budget.of(account.imap.host)
        self._idle: list[ImapSession] = []
        self._open_now: set[ImapSession] = set()
        self._given_back = asyncio.Event()
        self._crowded = False
        self._credential: Credential | None = None
        self._alerts: list[str] = []
        self._past_round_trips = 0
        self._past_bytes = 0
        self.most = most
        self.compressing = True
        """Lines may be compressed; off where a server's compressed bytes could not be read."""
        self._unreadable: Garbled | None = None

    @property
    def round_trips(self) -> int:
        """How often an answer was waited for, over all connections so far."""
        return self._past_round_trips + sum(imap.round_trips for imap in self._open_now)

    @property
    def bytes(self) -> int:
        """What was received and sent over all connections so far."""
        return self._past_bytes + sum(imap.bytes_received + imap.bytes_sent for imap in self._open_now)

    @asynccontextmanager
    async def session(
        self, *, fresh: bool = False, mailbox: MailboxName | None = None
    ) -> AsyncIterator[ImapSession]:
        """Lends a session. `fresh` always opens a new connection (C3 rule 7); `mailbox` prefers an
        idle session that has this mailbox open."""
        async with self._slots:
            imap = None if fresh else self._take_idle(mailbox)
            while imap is None:
                # While the host grants no other connection, one of our own is waited for, if there is one.
                while not fresh and self._open_now and (self._host.locked() or self._crowded):
                    self._given_back.clear()
                    await self._given_back.wait()
                    imap = self._take_idle(mailbox)
                    if imap is not None:
                        break
                else:
                    imap = await self._open_if_granted(fresh=fresh)
            try:
                yield imap
            except Refused:
                self._give_back(imap)
                raise
            except Garbled as error:
                self._blame_compression(imap, error)
                self._drop(imap)
                raise
            except BaseException:
                self._drop(imap)
                raise
            self._give_back(imap)

    async def tried_plain(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does `work`; once more over plain lines where what a compressed one brought could not be read.
        Also a harmless mail of nothing but one letter looks like a bomb."""
        try:
            return await work()
        except Garbled as error:
            if error is not self._unreadable:
                raise
            return await work()

    def take_compression_trouble(self) -> Problem | None:
        """Why the lines of this account are no longer compressed, told once."""
        error, self._unreadable = self._unreadable, None
        if error is None or error.problem.code == "net.deflate":
            return error.problem if error is not None else None
        return Problem("net.deflate", {"reason": error.problem.code})

    def _blame_compression(self, imap: ImapSession, error: Garbled) -> None:
        """What cannot be read on a compressed line is the compression's fault, until a plain one shows
        otherwise: those that are compressed are given up."""
        if not imap.is_compressed or not self.compressing:
            return
        self.compressing, self._unreadable = False, error
        for idle in [one for one in self._idle if one.is_compressed]:
            self._idle.remove(idle)
            self._drop(idle)

    async def _open_if_granted(self, *, fresh: bool) -> ImapSession | None:
        """A new connection; None where the server takes no more than those that we have open."""
        try:
            return await self._open()
        except Unreachable as error:
            if fresh or not self._open_now or error.problem.code != "imap.too_many_connections":
                raise
        self._crowded = True
        return self._idle.pop() if self._idle else None

    def _give_back(self, imap: ImapSession) -> None:
        self._idle.append(imap)
        self._given_back.set()

    def _take_idle(self, mailbox: MailboxName | None) -> ImapSession | None:
        for imap in self._idle:
            if mailbox is not None and imap.selected is not None and imap.selected.name == mailbox:
                self._idle.remove(imap)
                return imap
        return self._idle.pop() if self._idle else None

    async def _open(self) -> ImapSession:
        if self._credential is None and self._account.auth is not AuthKind.SIGNED_IN:
            self._credential = await asyncio.to_thread(credential_of, self._app, self._account)
        await self._host.acquire()
        try:
            imap = await self._open_session()
        except BaseException:
            self._host.release()
            raise
        self._open_now.add(imap)
        if self._app.leash is not None:
            self._app.leash.hold(imap)
        if self.compressing and self._app.config.compress == "always":
            try:
                await imap.compress("always")
            except BaseException as error:
                if isinstance(error, Garbled):
                    self._blame_compression(imap, error)
                self._drop(imap)
                raise
        return imap

    async def _open_session(self) -> ImapSession:
        terms = terms_of(self._app, self._account)
        if self._credential is not None:
            return await ImapSession.open(self._server, self._credential, terms)
        # An access token ends within the hour: every connection has the one that is good then.
        return await with_login(
            self._app, self._account, lambda given: ImapSession.open(self._server, given, terms)
        )

    def _drop(self, imap: ImapSession) -> None:
        imap.abort()
        self._ended(imap)

    def take_alerts(self) -> tuple[str, ...]:
        """What the server wants a person to be shown, each text once."""
        for imap in self._open_now:
            self._alerts += imap.take_alerts()
        taken, self._alerts = tuple(dict.fromkeys(self._alerts)), []
        return taken

    def _ended(self, imap: ImapSession) -> None:
        self._alerts = (self._alerts + imap.take_alerts())[:_MOST_ALERTS]
        self._open_now.discard(imap)
        self._given_back.set()
        self._past_round_trips += imap.round_trips
        self._past_bytes += imap.bytes_received + imap.bytes_sent
        self._host.release()

    async def close(self, *, keep: int = 0) -> None:
        """Logs out of everything that is not lent, but for `keep` of them. A server that fails to say
        good-bye changes nothing any more."""
        idle, self._idle = self._idle[keep:], self._idle[:keep]
        await asyncio.gather(*(self._log_out(imap) for imap in idle))

    async def _log_out(self, imap: ImapSession) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await imap.logout()
        except (EilboteError, TimeoutError):
            imap.abort()
        finally:
            self._ended(imap)
