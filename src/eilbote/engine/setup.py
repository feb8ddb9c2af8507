"""Accounts: added, tested, changed, paused, trusted, removed.

A secret is sealed before anything is stored. Every login that is tried here is tried as a sync would
try it: protected and verified, never weaker. Nothing on a server is ever changed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from eilbote.delivery.values import ENDED, SendState
from eilbote.discovery.values import Protocol
from eilbote.engine.accounts import find_account, is_local
from eilbote.engine.act import mailbox_named
from eilbote.engine.address import checked_address, checked_fingerprint, is_loopback, server_from
from eilbote.engine.app import App
from eilbote.engine.connect import open_pop3, open_smtp, terms_of, with_login
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem
from eilbote.mail.keep import Keep
from eilbote.net.imap import ImapSession
from eilbote.providers.table import provider_at, provider_of
from eilbote.providers.values import Endpoint, Provider
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState, AuthKind, NewAccount, Security, Server
from eilbote.sync.values import OnServer

if TYPE_CHECKING:
    from eilbote.engine.discover import Discovered


class Wanted(Struct, frozen=True):
    """An account as its user asks for it; servers as `HOST:PORT`, empty where the table shall say."""

    address: str
    name: str = ""
    user: str = ""
    imap: str = ""
    smtp: str = ""
    pop3: str = ""
    security: str | None = None
    smtp_security: str | None = None
    """That of the SMTP server alone; None: `security`."""
    auth: AuthKind = AuthKind.PASSWORD
    local: bool = False
    """Without a server to receive mail from: mailboxes that live only here."""
    direct: bool = False
    """Mail goes straight to the servers of its recipients."""


class Tested(Struct, frozen=True):
    """An account after its login was tried; `error` is None where the server let us in."""

    account: Account
    error: EilboteError | None = None


def known_provider(address: str, *hosts: str) -> Provider | None:
    """What the table knows of the provider of this address; of a domain that it does not know, of whom these
    hosts are, the first that is anybody's. None: nothing."""
    return provider_of(address) or next(filter(None, map(provider_at, hosts)), None)


def provider_of_account(account: Account) -> Provider | None:
    """What the table knows of the provider of an account: by its address, else by where its mail lies."""
    servers = filter(None, (account.imap, account.pop3, account.smtp))
    at = (provider_at(one.host, one.port) for one in servers)
    return provider_of(account.address) or next(filter(None, at), None)


def free_address(app: App, text: str) -> str:
    """An address that has no account yet. Misused `account.bad_address`, `account.exists`."""
    address = checked_address(text)
    if any(account.address.lower() == address.lower() for account in app.store.accounts.all()):
        raise Misused("account.exists", address=address)
    return address


def is_incomplete(wanted: Wanted) -> bool:
    """Whether servers are to be found: none is given to receive from, or none to send by to somebody whose
    mail comes from a server elsewhere."""
    if wanted.local:
        return False
    given = server_from(wanted.imap or wanted.pop3, "imap", wanted.security) if _receives(wanted) else None
    return given is None or not (wanted.smtp or wanted.direct or is_loopback(given.host))


def _receives(wanted: Wanted) -> bool:
    return bool(wanted.imap or wanted.pop3)


def completed(wanted: Wanted, found: Discovered) -> Wanted:
    """`wanted` with the servers that were found where it names none, and the user name that they want. To
    receive from, IMAP comes before POP3: mail stays on the server, where all devices see it."""
    receiving = found.imap or found.pop3
    if receiving is not None and not _receives(wanted):
        one = receiving.candidate
        wanted = replace(
            wanted,
            imap=one.place if one.protocol is Protocol.IMAP else "",
            pop3=one.place if one.protocol is Protocol.POP3 else "",
            security=one.security,
            user=wanted.user or one.user,
        )
    if found.smtp is not None and not wanted.smtp and not wanted.direct:
        one = found.smtp.candidate
        wanted = replace(wanted, smtp=one.place, smtp_security=one.security)
    return wanted


def planned_account(app: App, wanted: Wanted) -> NewAccount:
    """The account that `wanted` describes, its servers filled in from the table; still without a
    secret, so that bad input is named before anybody is asked for a password.

    Raises Misused (`account.bad_address`, `account.bad_server`, `account.servers_unknown`,
    `account.exists`, `account.local_has_server`) and NotAllowed `account.insecure`.
    """
    address = free_address(app, wanted.address)
    if wanted.direct and wanted.smtp:
        raise Misused("account.direct_has_server", address=address)
    if wanted.local:
        if wanted.imap or wanted.pop3:
            raise Misused("account.local_has_server", address=address)
        return NewAccount(
            address=address,
            name=wanted.name,
            user=wanted.user or address,
            auth=wanted.auth,
            sealed=b"",
            smtp=_server("smtp", wanted.smtp, wanted.smtp_security or wanted.security, None),
            state=AccountState.READY,
            direct=wanted.direct,
        )
    provider = provider_of(address)
    # A POP3 server named alone: the mailboxes live here, and new mail is collected from there.
    collects = bool(wanted.pop3) and not wanted.imap
    known = provider.imap if provider and not collects else None
    imap = _server("imap", wanted.imap, wanted.security, known)
    submission = provider.smtp if provider is not None and not wanted.direct else None
    if imap is None and not collects:
        raise Misused("account.servers_unknown", address=address, domain=address.rpartition("@")[2])
    return NewAccount(
        address=address,
        name=wanted.name,
        user=wanted.user or _user(address, provider, own_server=bool(wanted.imap or collects)),
        auth=wanted.auth,
        sealed=b"",
        imap=imap,
        smtp=_server("smtp", wanted.smtp, wanted.smtp_security or wanted.security, submission),
        direct=wanted.direct,
        pop3=_server("pop3", wanted.pop3, wanted.security, provider.pop3 if provider else None),
    )


async def add_account(app: App, planned: NewAccount, secret: Secret) -> Tested:
    """Seals the secret, stores the account and tries its login.

    The account is kept, with state `failing`, where that login does not work: what is wrong can be
    put right with `change_account`, `trust_certificate` or at the provider.
    """
    account = await asyncio.to_thread(store_account, app, planned, secret)
    return await test_account(app, account.address)


def store_account(app: App, planned: NewAccount, secret: Secret) -> Account:
    """Seals the secret and stores the account; no login is tried. Misused `store.account_exists`."""
    sealed = app.vault.seal(secret, f"account:{planned.address}")
    return app.store.accounts.add(replace(planned, sealed=sealed), app.clock.now())


async def test_account(app: App, address: str) -> Tested:
    """Logs in and out once, where there is a server to receive mail from, and notes the outcome in
    the account's state (a paused one stays so)."""
    account = await asyncio.to_thread(find_account, app, address)
    error: EilboteError | None = None
    try:
        await _log_in(app, account)
    except EilboteError as met:
        error = met
    problem = error.problem if error else None
    await asyncio.to_thread(note_login, app, account, problem)
    if problem is not None and problem.code.endswith(".login_refused"):
        # Remembered, so that the doctor tries no more than a provider bears.
        protocol = problem.code.partition(".")[0]
        await asyncio.to_thread(app.store.refused_logins.note, account.id, protocol, app.clock.now())
    return Tested(await asyncio.to_thread(app.store.accounts.get, account.id), error)


def note_login(app: App, account: Account, problem: Problem | None) -> None:
    """The account's state by what came of a login where its mail is received (a paused one stays so)."""
    if account.state is not AccountState.PAUSED:
        state = _good_state(account) if problem is None else AccountState.FAILING
        app.store.accounts.set_state(account.id, state, problem)


async def test_sending(app: App, address: str) -> EilboteError | None:
    """Logs in at the account's submission server and out again; sends nothing, changes nothing. None where
    that works, or where there is no such server."""
    account = await asyncio.to_thread(find_account, app, address)
    if account.smtp is None:
        return None
    try:
        session = await open_smtp(app, account)
    except EilboteError as met:
        return met
    await session.quit()
    return None


async def change_account(app: App, address: str, wanted: Wanted, secret: Secret | None) -> Tested:
    """Changes what `wanted` gives (empty: stays), and tries the login again.

    `wanted.address` is not looked at: an account's address never changes.
    """
    account = await asyncio.to_thread(note_change, app, address, wanted, secret)
    return await test_account(app, account.address)


def note_change(app: App, address: str, wanted: Wanted, secret: Secret | None) -> Account:
    """Changes as `change_account` does; no login is tried."""
    account = find_account(app, address)
    if is_local(account) and wanted.imap:
        raise Misused("account.no_imap", address=account.address)
    changes: dict[str, object] = {}
    for protocol, text, security in (
        ("imap", wanted.imap, wanted.security),
        ("smtp", wanted.smtp, wanted.smtp_security or wanted.security),
        ("pop3", wanted.pop3, wanted.security),
    ):
        old: Server | None = getattr(account, protocol)
        if text:
            changes[protocol] = server_from(text, protocol, security)
        elif security is not None and old is not None:
            kind = Security(security)
            if kind is Security.NONE and not is_loopback(old.host):
                raise NotAllowed("account.insecure", host=old.host)
            changes[protocol] = replace(old, security=kind)
    if wanted.direct and wanted.smtp:
        raise Misused("account.direct_has_server", address=account.address)
    if wanted.direct:
        changes |= {"direct": True, "smtp": None}
    elif wanted.smtp:
        changes["direct"] = False
    if wanted.name:
        changes["name"] = wanted.name
    if wanted.user:
        changes["user"] = wanted.user
    if secret is not None:
        changes["sealed"] = app.vault.seal(secret, f"account:{account.address}")
        changes["auth"] = wanted.auth
        app.store.grants.forget(account.id)
    if changes:
        account = app.store.accounts.update(account.id, **changes)
    if changes.keys() & {"sealed", "user", "smtp", "direct"}:
        # Sending waits because the old login was refused; the next run tries the new one.
        app.store.sending_pauses.resume(account.id)
    if changes.keys() & {"sealed", "user", "imap", "smtp", "pop3"}:
        app.store.refused_logins.begin_anew(account.id, app.clock.now())
    return account


def begin_account(app: App, address: str, keep: Keep) -> Account:
    """An account that was stored paused takes part in every sync from now on; of its mail, `keep` is here."""
    set_keep(app, address, keep)
    return resume_account(app, address)


def set_keep(app: App, address: str, keep: Keep | None, mailbox: str | None = None) -> Account:
    """What of each mail of an account, or of one mailbox (None: as the account says), is kept here.
    The next pass fetches what is wanted and not here, and leaves out here what is not wanted; mail
    on the server is never touched. Raises Gone `mailbox.unknown`, Misused `keep.unknown`."""
    account = find_account(app, address)
    if mailbox is not None:
        app.store.mailboxes.set_keep(mailbox_named(app, account.id, mailbox).id, keep)
    elif keep is None:
        raise Misused("keep.unknown", keep="account")
    else:
        app.store.accounts.update(account.id, keep=keep)
    return app.store.accounts.get(account.id)


def keep_on_server(app: App, address: str, policy: OnServer) -> Account:
    """What becomes of collected mail on a POP3 server. Raises Misused `account.no_pop3`."""
    account = find_account(app, address)
    if account.pop3 is None or not is_local(account):
        raise Misused("account.no_pop3", address=account.address)
    app.store.accounts.update(account.id, on_server=policy)
    return app.store.accounts.get(account.id)


def pause_account(app: App, address: str) -> Account:
    """No sync touches the account until it is resumed; its mail stays readable."""
    account = find_account(app, address)
    app.store.accounts.set_state(account.id, AccountState.PAUSED)
    return app.store.accounts.get(account.id)


def resume_account(app: App, address: str) -> Account:
    """Ends a pause; an account that was not paused stays as it is."""
    account = find_account(app, address)
    if account.state is AccountState.PAUSED:
        app.store.accounts.set_state(account.id, _good_state(account))
    return app.store.accounts.get(account.id)


def remove_account(app: App, address: str) -> Account:
    """Removes the account and erases its local copy of the mail, index and bodies included. What
    lies on the server stays there. NotAllowed `account.mails_wait` while mail that was accepted for sending
    would go with it."""
    account = find_account(app, address)
    open_states = [state for state in SendState if state not in (*ENDED, SendState.SENT)]
    if waiting := app.store.outbox.all(account.id, states=open_states, limit=10_000):
        ids = ", ".join(str(mail.id) for mail in waiting[:10])
        raise NotAllowed("account.mails_wait", address=account.address, count=len(waiting), ids=ids)
    app.store.erase(app.store.messages.ids_of(account.id), app.clock.now())
    app.store.accounts.remove(account.id)
    return account


def trust_certificate(app: App, address: str, fingerprint: str, *, remove: bool = False) -> Account:
    """Trusts the one certificate with this SHA-256 fingerprint for this account, or no longer.

    Raises Misused `account.bad_fingerprint`, Gone `account.not_trusted` where there is nothing to
    remove.
    """
    digits = checked_fingerprint(fingerprint)
    account = find_account(app, address)
    if remove and digits not in account.trusted:
        raise Gone("account.not_trusted", address=account.address, fingerprint=digits)
    others = tuple(each for each in account.trusted if each != digits)
    app.store.accounts.update(account.id, trusted=others if remove else (*others, digits))
    return app.store.accounts.get(account.id)


async def _log_in(app: App, account: Account) -> None:
    if account.imap is None:
        if account.pop3 is not None:
            maildrop = await open_pop3(app, account)
            try:
                await maildrop.quit()
            except EilboteError:
                maildrop.abort()
        return  # where mailboxes live only here, there is nowhere to log in
    server, terms = account.imap, terms_of(app, account)
    session = await with_login(app, account, lambda given: ImapSession.open(server, given, terms))
    try:
        await session.logout()
    except EilboteError:
        session.abort()  # we were in: how the server says good-bye proves nothing


def _good_state(account: Account) -> AccountState:
    if is_local(account) and account.pop3 is None:
        return AccountState.READY
    return AccountState.NEW if account.synced is None else AccountState.READY


def _server(protocol: str, text: str, security: str | None, known: Endpoint | None) -> Server | None:
    if text:
        return server_from(text, protocol, security)
    if known is None:
        return None
    return Server(known.host, known.port, Security(known.security))


def _user(address: str, provider: Provider | None, *, own_server: bool) -> str:
    if provider is not None and provider.user_is_local_part and not own_server:
        return address.rpartition("@")[0]
    return address
