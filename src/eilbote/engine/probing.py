"""The probes of a diagnosis, made: each gives evidence and judges nothing.

It must never tell a secret to a line that `net.opening` has not proven, nor ask anybody but name servers
and the servers of the account.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from email.utils import parsedate_to_datetime
from io import StringIO
from typing import assert_never

from msgspec.structs import replace

from eilbote.config import split_name_server
from eilbote.diagnosis.checks.auth import MOST_REFUSED, WINDOW_SECONDS
from eilbote.diagnosis.evidence import (
    Asked,
    Evidence,
    LoggedIn,
    Named,
    NamesTested,
    Outcome,
    Place,
    Protocol,
    Resolved,
    Searched,
    Tried,
    Unmade,
)
from eilbote.diagnosis.probes import (
    Ask,
    AskNameServer,
    Converse,
    Dial,
    DoubtNames,
    FetchPolicy,
    FetchSettings,
    LogIn,
    LookAtMachine,
    LookAtSecret,
    LookCloser,
    LookUp,
    Probe,
    Resolve,
    Search,
    SendToSecond,
    SendToSelf,
    TryRelay,
)
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of, smtp_credential_of
from eilbote.engine.discover import discover
from eilbote.engine.look_into import look_into
from eilbote.engine.name_servers import name_servers_of
from eilbote.engine.odd_mails import find_odd_mails
from eilbote.engine.probing_domain import DomainProber
from eilbote.engine.round_trip import send_to_self
from eilbote.engine.route import Surroundings, surroundings_of
from eilbote.engine.second_trip import send_there_and_back
from eilbote.engine.this_machine import look_at_machine, look_at_secret
from eilbote.errors import EilboteError, Garbled, Problem
from eilbote.net.beside import addresses_of, ask_web
from eilbote.net.closer import look_closer
from eilbote.net.dns import NameServer, Resolver, system_servers
from eilbote.net.imap import ImapSession
from eilbote.net.looking import Patience, look, try_address
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.store.values import Account, Security, Server

_NAME_SECONDS = 3.0
_LOGIN_SECONDS = 20.0
_GOODBYE_SECONDS = 1.0

_HIDDEN = "(secret)"
"""How every trace shows that one went out."""

_CLAIM_SECONDS = 5.0
_CLAIM_AGAIN_SECONDS = 0.2
TRIP_SECONDS = 120.0
"""How long the mail to oneself is waited for."""

_MOST_SAID = 60
_MOST_NAMED = 40


class Prober:
    """Makes probes for one target. `account` None: there is nobody to log in as."""

    def __init__(
        self,
        app: App,
        account: Account | None,
        patience: Patience | None = None,
        around: Surroundings | None = None,
    ) -> None:
        self._app = app
        around = around or surroundings_of(app, seconds=_NAME_SECONDS / 2)
        self._domain = DomainProber(around, app.clock)
        self.account = account
        self._patience = patience or Patience()
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._let_in: set[Place] = set()
        self.problems: dict[Place, Problem] = {}
        """What went wrong with the logins, as everything else that logs in would know it."""

    async def make(self, probe: Probe) -> Evidence:
        """One probe. What goes wrong with the probe itself is `Unmade`; nothing is raised but
        cancellation."""
        try:
            return await self._make(probe)
        except EilboteError as failure:
            return Unmade(failure.problem.code)
        except (OSError, ValueError) as failure:
            return Unmade(f"{type(failure).__name__}: {failure}"[:300])

    async def _make(self, probe: Probe) -> Evidence:
        match probe:
            case LookAtMachine():
                return await asyncio.to_thread(look_at_machine, self._app)
            case LookAtSecret():
                return await asyncio.to_thread(look_at_secret, self._app, self.account)
            case Search(address):
                return await self._search(address)
            case Resolve(host):
                return await self._resolve(host)
            case DoubtNames():
                return await self._test_names()
            case Dial(host, address, port):
                return await try_address(host, address, port, self._patience.connect, self._app.clock)
            case Converse(place, address):
                trusted = self.account.trusted if self.account is not None else ()
                known = self._addresses.get(place.host) or self._domain.addresses(place.host)
                addresses = (address,) if address else known
                return await look(place, addresses, trusted, self._patience, self._app.clock)
            case LookCloser(place, address):
                return await look_closer(place, address, self._patience, self._app.clock)
            case LogIn(place, second):
                return await self._log_in(place, second)
            case Ask(host):
                return await self._ask(host)
            case LookUp():
                return await self._domain.look_up(probe)
            case FetchPolicy():
                return await self._domain.fetch_policy(probe)
            case AskNameServer():
                return await self._domain.ask_name_server(probe)
            case FetchSettings():
                return await self._domain.fetch_settings(probe)
            case TryRelay():
                return await self._domain.try_relay(probe)
            case SendToSecond(address):
                account = self.account
                assert account is not None  # the ladder asks for a mail only then
                return await send_there_and_back(self._app, account, address, self._terms(), TRIP_SECONDS)
            case SendToSelf():
                account = self.account
                assert account is not None  # the ladder asks for a mail only then
                return await send_to_self(self._app, account, self._terms(), TRIP_SECONDS)
            case _:
                assert_never(probe)

    # --- sources -------------------------------------------------------------------------------------

    async def _search(self, address: str) -> Searched:
        found = await discover(self._app, address)
        provider = found.provider.id if found.provider is not None else ""
        return Searched(
            named=tuple(
                Named(
                    one.candidate.source.value,
                    Place(
                        Protocol(one.candidate.protocol.value),
                        one.candidate.host,
                        one.candidate.port,
                        one.candidate.security,
                        provider,
                    ),
                    one.proven is not None,
                    one.error.problem.code if one.error is not None else "",
                )
                for one in found.tried[:_MOST_NAMED]
            ),
            heard=tuple(
                (one.source.value, one.problem.code if one.problem is not None else "") for one in found.told
            ),
            differ=tuple(
                (one.protocol.value, one.one.host, one.other.host)
                for one in found.disagreements[:_MOST_NAMED]
            ),
            problem=found.error.problem.code if found.error is not None else "",
            ms=round(found.seconds * 1000, 1),
        )

    # --- names and ports -----------------------------------------------------------------------------

    async def _resolve(self, host: str) -> Resolved:
        clock = self._app.clock
        begun = clock.monotonic()
        outcome, found = await addresses_of(host, _NAME_SECONDS)
        told: Outcome | None = None
        if outcome is not Outcome.OK and not _is_number(host) and host.lower() != "localhost":
            told = await self._told(host)
            if told is Outcome.OK:
                outcome, found = await addresses_of(host, _NAME_SECONDS)  # it may have been for a moment
        self._addresses[host] = found
        return Resolved(host, outcome, found, told, round((clock.monotonic() - begun) * 1000, 1))

    def _resolver(self) -> Resolver:
        named = [NameServer(*split_name_server(one)) for one in self._app.config.dns_servers.split()]
        # Only what is said counts here, not whether it may be believed.
        return Resolver((named or system_servers())[:2], trusted=True, seconds=_NAME_SECONDS / 2)

    async def _test_names(self) -> NamesTested:
        """Asks for a name that nobody can have, and for the root: neither tells anybody anything of ours."""
        resolver = self._resolver()
        nonsense = f"eilbote-{self._app.clock.random_bytes(8).hex()}.de"
        try:
            async with asyncio.timeout(_NAME_SECONDS):
                looked, root = await asyncio.gather(resolver.ask(nonsense, "A"), resolver.ask(".", "NS"))
        except TimeoutError:
            return NamesTested(Outcome.TIMEOUT)
        except EilboteError:
            return NamesTested(Outcome.SERVER_FAILURE)
        addresses = tuple(str(one.address) for one in looked.records)  # type: ignore[attr-defined]
        outcome = Outcome.OK if addresses else Outcome.NO_SUCH_NAME
        return NamesTested(outcome, addresses, root.secure if root.records else None)

    async def _told(self, host: str) -> Outcome:
        """What the name servers say of a name that the system could not find."""
        resolver = self._resolver()
        try:
            async with asyncio.timeout(_NAME_SECONDS):
                if not (await resolver.ask(host, "A")).exists:
                    return Outcome.NO_SUCH_NAME
                numbers, _ = await resolver.addresses(host)
        except TimeoutError:
            return Outcome.TIMEOUT
        except EilboteError as failure:
            silent = failure.problem.code == "dns.silent"
            return Outcome.TIMEOUT if silent else Outcome.SERVER_FAILURE
        return Outcome.OK if numbers else Outcome.NO_RECORDS

    async def _ask(self, host: str) -> Asked:
        clock = self._app.clock
        begun = clock.monotonic()
        outcome, status, location, told = await ask_web(
            host, self._addresses.get(host, ()), self._patience.connect
        )
        date: float | None = None
        if told:
            try:
                date = parsedate_to_datetime(told).timestamp()
            except (ValueError, TypeError, OverflowError):
                date = None
        return Asked(host, outcome, status, location, date, round((clock.monotonic() - begun) * 1000, 1))

    # --- logins --------------------------------------------------------------------------------------

    async def _log_in(self, place: Place, second: str) -> LoggedIn:
        """A login that is counted before anything leaves: neither another doctor nor an end in the middle
        makes it one too many."""
        account = self.account
        assert account is not None  # the ladder asks for a login only then
        claimed = await self._claimed(account, place)
        if claimed is None:
            return LoggedIn(place, sent=False, skipped="limit")
        said = StringIO()
        try:
            return await self._logged_in(account, place, said, second)
        finally:
            refused = place not in self._let_in and _HIDDEN in said.getvalue()
            store = self._app.store.refused_logins
            protocol = place.protocol.value
            await asyncio.to_thread(store.settle, account.id, protocol, claimed, refused=refused)

    async def _claimed(self, account: Account, place: Place) -> float | None:
        """When a login was counted; None where none may be tried. Logins of others that are under way are
        waited for a moment: most are let in."""
        clock, store = self._app.clock, self._app.store.refused_logins
        until = clock.monotonic() + _CLAIM_SECONDS
        while True:
            now = clock.now()
            since = now - WINDOW_SECONDS
            if await asyncio.to_thread(
                store.claim, account.id, place.protocol.value, now, since, MOST_REFUSED
            ):
                return now
            refused = await asyncio.to_thread(store.count, account.id, since, now)
            if refused >= MOST_REFUSED or clock.monotonic() > until:
                return None
            await clock.sleep(_CLAIM_AGAIN_SECONDS)

    async def _logged_in(self, account: Account, place: Place, said: StringIO, second: str) -> LoggedIn:
        clock = self._app.clock
        trace = self._app.trace.also_to(said) if self._app.trace is not None else Trace(said, clock)
        terms = self._terms(trace)
        begun = clock.monotonic()
        done = LoggedIn(place, "net.timeout")
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                match place.protocol:
                    case Protocol.IMAP:
                        done = await self._imap(account, place, terms)
                    case Protocol.SMTP:
                        done = await self._smtp(account, place, terms, second)
                    case Protocol.POP3:
                        done = await self._pop3(account, place, terms)
        except TimeoutError:
            self.problems[place] = _too_late(place)
        except EilboteError as failure:
            self.problems[place] = failure.problem
            done = _refused(place, failure)
        lines = _lines(said.getvalue())
        return _with(done, lines, round((clock.monotonic() - begun) * 1000, 1))

    def _terms(self, trace: Trace | None = None) -> Terms:
        return Terms(
            self._app.clock,
            self.account.trusted if self.account is not None else (),
            trace or self._app.trace,
            connect_timeout=self._patience.greeting,
            read_timeout=_LOGIN_SECONDS,
            name_servers=name_servers_of(self._app.config),
        )

    async def _imap(self, account: Account, place: Place, terms: Terms) -> LoggedIn:
        credential = await asyncio.to_thread(credential_of, self._app, account)
        session = await ImapSession.open(_server(place), credential, terms)
        self._let_in.add(place)
        try:
            odd = await asyncio.to_thread(find_odd_mails, self._app, account)
            box = replace(await look_into(session), odd=odd)
            await _part(session)
        finally:
            session.abort()
        return LoggedIn(place, box=box)

    async def _smtp(self, account: Account, place: Place, terms: Terms, second: str) -> LoggedIn:
        from eilbote.net.smtp import SmtpSession  # noqa: PLC0415  # only who sends pays for it

        credential = await asyncio.to_thread(smtp_credential_of, self._app, account)
        session = await SmtpSession.open(_server(place), credential, terms)
        self._let_in.add(place)
        tried: list[Tried] = []
        try:
            try:
                replies = await session.try_envelope(account.address, account.address)
                names = ("sender", "recipient")
                tried += [
                    Tried(f"{name} {account.address}", str(reply), reply.is_ok)
                    for name, reply in zip(names, replies, strict=False)
                ]
                for address in await asyncio.to_thread(_identities, self._app, account):
                    (reply,) = await session.try_envelope(address)
                    tried.append(Tried(f"identity {address}", str(reply), reply.is_ok))
                if second:
                    replies = await session.try_envelope(account.address, second)
                    tried += [Tried(f"relay {second}", str(one), one.is_ok) for one in replies[1:]]
            except EilboteError as failure:
                tried.append(
                    Tried("sender", failure.problem.parameters.get("text", failure.problem.code), ok=False)
                )
            extensions = tuple(sorted(session.extensions.names))
            await session.quit()
        finally:
            session.abort()
        return LoggedIn(place, extensions=extensions, tried=tuple(tried))

    async def _pop3(self, account: Account, place: Place, terms: Terms) -> LoggedIn:
        from eilbote.net.pop3 import Pop3Session  # noqa: PLC0415  # only accounts with POP3 pay for it

        credential = await asyncio.to_thread(credential_of, self._app, account)
        session = await Pop3Session.open(_server(place), credential, terms)
        self._let_in.add(place)
        try:
            await session.quit()
        except EilboteError:
            session.abort()  # we were in: how the server says good-bye proves nothing
        return LoggedIn(place)


async def _part(session: ImapSession) -> None:
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await session.logout()
    except (EilboteError, TimeoutError):
        return  # we were in: how the server says good-bye proves nothing


def _refused(place: Place, failure: EilboteError) -> LoggedIn:
    told = failure.problem.parameters
    return LoggedIn(
        place,
        failure.problem.code,
        told.get("text", told.get("offered", told.get("reason", "")))[:1000],
        told.get("response", told.get("code", "")),
        token=told.get("token", "")[:600],
        sent=failure.problem.code.endswith(
            (".login_refused", ".not_connected", ".unavailable", ".throttled")
        ),
        garbled=isinstance(failure, Garbled),
    )


def _with(done: LoggedIn, said: tuple[str, ...], ms: float) -> LoggedIn:
    box = done.box
    if box is not None:
        server = next((one for one in said if one.startswith("< * ID (")), "")
        box = replace(box, server=_server_name(server))
    return replace(done, said=said, ms=ms, box=box)


def _server_name(line: str) -> str:
    words = dict(re.findall(r'"([^"]{1,30})" "([^"]{0,60})"', line))
    told = {name.lower(): value for name, value in words.items()}
    return " ".join(part for part in (told.get("name", ""), told.get("version", "")) if part)


def _lines(text: str) -> tuple[str, ...]:
    """The dialogue without times and places."""
    found = []
    for line in text.splitlines()[-_MOST_SAID:]:
        parts = line.split(" ", 3)
        if len(parts) == 4:
            found.append(f"{parts[2]} {parts[3]}"[:500])
    return tuple(found)


def _identities(app: App, account: Account) -> list[str]:
    others = [identity.address for identity, _ in app.store.identities.all(account.id)]
    mine = account.address.lower()
    return [one for one in dict.fromkeys(others) if one.lower() != mine][:5]


def _server(place: Place) -> Server:
    return Server(place.host, place.port, Security(place.security))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _too_late(place: Place) -> Problem:
    seconds = f"{_LOGIN_SECONDS:g}"
    return Problem("net.timeout", {"host": place.host, "port": str(place.port), "seconds": seconds})
