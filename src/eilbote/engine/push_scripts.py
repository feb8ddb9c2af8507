"""The Sieve scripts that an account's own server runs (ManageSieve, RFC 5804): listed, pulled, pushed,
judged, activated, renamed, deleted.

Scripts go in and out as text; what stands in them is not looked at here. The account's secret is shown to its
IMAP host, to a server that the user named, or to one that the domain has proven, and to nobody else. Nothing
here runs a script, and no script takes the place of another without being told to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from msgspec import Struct

from eilbote.discovery.srv import is_under
from eilbote.discovery.values import SrvRecord
from eilbote.engine.address import is_loopback
from eilbote.engine.app import App
from eilbote.engine.connect import terms_of, with_login
from eilbote.engine.route import Surroundings, surroundings_of
from eilbote.errors import EilboteError, Garbled, Misused, NotAllowed, Problem, Refused, Unreachable
from eilbote.mail.domain import domain_for_wire
from eilbote.net.managesieve import ManageSieveSession
from eilbote.protocols.managesieve.encode import script_name
from eilbote.protocols.managesieve.values import (
    Capabilities,
    Judgement,
    Remark,
    ScriptListing,
    ScriptName,
)
from eilbote.providers.table import provider_at
from eilbote.store.values import Account, Security, Server

PORT = 4190
"""Where ManageSieve listens (RFC 5804 section 1.8)."""

OWN_NAME = "eilbote"
"""How a script of ours is called on a server unless somebody chose: letters that every server stores."""

_DNS_SECONDS = 2.0
_LATER = 3600.0
_NOBODY_THERE = ("net.refused", "net.timeout", "net.unreachable", "net.no_such_host", "net.silent")


class Told(StrEnum):
    """Who said where the server is."""

    USER = "user"
    SRV = "srv"
    IMAP = "imap"


class SieveServer(Struct, frozen=True):
    """Where an account's scripts lie, and who said so."""

    server: Server
    told: Told


async def find_sieve_server(
    app: App, account: Account, *, named: Server | None = None, around: Surroundings | None = None
) -> SieveServer:
    """Where the account's scripts lie: `named` by the user, now or for good; else what the domain's SRV
    record says (RFC 5804 section 1.8); else the account's IMAP host.

    A record that DNSSEC has not proven is believed where it names the IMAP host or its provider, or a host
    below the domain, which has to show a certificate for that name. Raises Misused `account.no_imap`,
    NotAllowed `managesieve.other_host` for any other host, Unreachable `managesieve.not_offered` where the
    domain says that it has no such service.
    """
    named = named or account.sieve
    if named is not None:
        return SieveServer(named, Told.USER)
    imap = account.imap
    if imap is None:
        raise Misused("account.no_imap", address=account.address)
    security = Security.NONE if imap.security is Security.NONE else Security.STARTTLS
    here = SieveServer(Server(imap.host, PORT, security), Told.IMAP)
    if is_loopback(imap.host):
        return here
    domain = domain_for_wire(account.address.rpartition("@")[2])
    records, proven = await _records(around or surroundings_of(app, seconds=_DNS_SECONDS), domain)
    named_ones = [one for one in records if one.target and one.port]
    if records and not named_ones:
        raise Unreachable("managesieve.not_offered", _LATER, host=domain, port=PORT)
    if not named_ones:
        return here
    best = min(named_ones, key=lambda one: (one.priority, -one.weight))
    host = best.target.lower()
    if not (proven or _belongs(host, domain, imap.host)):
        raise NotAllowed("managesieve.other_host", domain=domain, host=host, port=best.port, imap=imap.host)
    return SieveServer(Server(host, best.port, security), Told.SRV)


async def _records(around: Surroundings, domain: str) -> tuple[list[SrvRecord], bool]:
    """The domain's SRV records and whether DNSSEC has proven them; none where DNS does not answer."""
    try:
        found, looked = await around.resolver.srv(f"_sieve._tcp.{domain}")
    except EilboteError:
        return [], False
    return [SrvRecord(*one) for one in found], looked.secure


def _belongs(host: str, domain: str, imap: str) -> bool:
    """Whether whoever takes the mail has this server too, by what nobody on the way can forge."""
    provider = provider_at(host)
    known = provider is not None and provider == provider_at(imap)
    return known or host == imap.lower() or is_under(host, domain)


class ServerScripts:
    """The scripts on one account's server, while `open_scripts` lasts. Every step raises Unreachable and
    Garbled, and Refused with the server's own words."""

    def __init__(self, session: ManageSieveSession, where: SieveServer, spare: ScriptName) -> None:
        self._session = session
        self.where = where
        self._spare = spare

    @property
    def capabilities(self) -> Capabilities:
        """What the server's Sieve can do."""
        return self._session.capabilities

    async def list(self) -> ScriptListing:
        """Every script, and which one filters."""
        return await self._session.list()

    async def pull(self, name: str) -> bytes:
        """The content of a script, as it is stored. Gone `managesieve.no_such_script`."""
        return await self._session.fetch(ScriptName(name))

    async def push(
        self,
        name: str,
        script: str | bytes,
        *,
        overwrite: bool = False,
        instead_of: str | bytes | None = None,
    ) -> tuple[Remark, ...]:
        """Stores a script; the server's warnings. It filters only where it is the active one already.

        One of the same name stays as it is (Refused `managesieve.name_taken`), unless it is to be
        overwritten whatever it says, or while it still says what stands in `instead_of` (else Refused
        `managesieve.changed_there`; the end of its lines does not matter).

        Refused `managesieve.invalid_script` (nothing is stored), `managesieve.quota`,
        `managesieve.too_many_scripts`; Misused `managesieve.bad_name`, `managesieve.bad_script`,
        `managesieve.script_too_large`."""
        wanted, content = script_name(name), _bytes(script)
        if instead_of is not None and not overwrite:
            there = await self._session.fetch(wanted)
            if _lines(there) != _lines(_bytes(instead_of)):
                raise Refused("managesieve.changed_there", host=self.where.server.host, name=name)
            overwrite = True
        return await self._session.put(wanted, content, overwrite=overwrite)

    async def check(self, script: str | bytes) -> Judgement:
        """What the server makes of a script, which it does not keep."""
        return await self._session.check(_bytes(script), self._spare)

    async def activate(self, name: str, *, replace: bool = False) -> None:
        """Makes a script the one that filters. Where another one does, it stays so unless `replace`:
        NotAllowed `managesieve.other_active`. Gone `managesieve.no_such_script`."""
        if not replace:
            active = (await self._session.list()).active
            if active is not None and active != name:
                raise NotAllowed("managesieve.other_active", name=name, active=active)
        await self._session.activate(ScriptName(name))

    async def deactivate(self) -> None:
        """No script filters any more."""
        await self._session.activate(None)

    async def delete(self, name: str) -> None:
        """Deletes a script. Refused `managesieve.active` for the one that filters: it has to be deactivated
        before. Gone `managesieve.no_such_script`."""
        await self._session.delete(ScriptName(name))

    async def rename(self, name: str, new: str) -> None:
        """Gives a script another name; it stays active where it was. Refused `managesieve.name_taken`, Gone
        `managesieve.no_such_script`, Misused `managesieve.bad_name`."""
        await self._session.rename(ScriptName(name), script_name(new))


@asynccontextmanager
async def open_scripts(
    app: App, account: Account, *, named: Server | None = None, around: Surroundings | None = None
) -> AsyncIterator[ServerScripts]:
    """A session with the server that runs the account's scripts, logged in as for IMAP.

    Raises what `find_sieve_server` and `ManageSieveSession.open` do; Unreachable `managesieve.not_offered`
    where nobody listens at the IMAP host, which was only a guess.
    """
    where = await find_sieve_server(app, account, named=named, around=around)
    server, terms = where.server, terms_of(app, account)
    try:
        session = await with_login(app, account, lambda given: ManageSieveSession.open(server, given, terms))
    except (Unreachable, Garbled) as error:
        if where.told is not Told.IMAP or not _is_nobody(error.problem):
            raise
        raise Unreachable("managesieve.not_offered", _LATER, host=server.host, port=server.port) from error
    if app.leash is not None:
        app.leash.hold(session)
    try:
        # Old servers judge a script only by storing it: under a name that nobody has.
        spare = script_name(f"{OWN_NAME}-check-{app.clock.random_bytes(6).hex()}")
        yield ServerScripts(session, where, spare)
    except BaseException:
        session.abort()
        raise
    await session.log_out()


def _is_nobody(problem: Problem) -> bool:
    return problem.code in _NOBODY_THERE or problem.code == "managesieve.no_greeting"


def _lines(script: bytes) -> bytes:
    """With one kind of line ends, none at the end: servers may store others than they were given."""
    return script.replace(b"\r\n", b"\n").rstrip(b"\n")


def _bytes(script: str | bytes) -> bytes:
    try:
        return script.encode() if isinstance(script, str) else script
    except UnicodeEncodeError:
        raise Misused("managesieve.bad_script") from None
