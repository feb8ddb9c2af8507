"""Signing in at a provider's own page: by a browser that comes back to this machine, or by a code that is
typed elsewhere. What was granted is sealed and kept for the account; renewing it is the work of `renew`.

Nothing here shows anything: whoever calls is told where a person has to go. Tokens, codes and secrets are
never printed, logged, or put into a problem.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.oauth_server import describe, post
from eilbote.engine.renew import GrantedBy, granted_by, keep_grant
from eilbote.errors import EilboteError, Misused, Refused, Unreachable
from eilbote.net.loopback import Loopback, Verdict
from eilbote.protocols import oauth
from eilbote.protocols.oauth import Client, Endpoints, Form, Heard, Tokens, Wait
from eilbote.providers.sign_in import SignIn, sign_in_at, sign_in_named
from eilbote.secret import Secret
from eilbote.store.grants import StoredClient
from eilbote.store.values import Account, AuthKind, NewAccount, Server

BROWSER_SECONDS = 900.0
"""How long a person may take at the provider's page."""

_LARGEST_FILE = 64 * 1024
_LONGEST_ID = 500


class WantedSignIn(Struct, frozen=True):
    """What a user says about it. `issuer`: of a provider that is not in the table, or the `id` of one that
    is. `client_id` empty: the one that was given before. `client_file`: holds the client's secret alone, or
    what Google gives to be downloaded."""

    issuer: str = ""
    client_id: str = ""
    client_file: str = ""
    client_secret: Secret | None = None
    scope: str = ""


class Plan(Struct, frozen=True):
    """Everything that a sign-in needs. `key`: under which the registration is kept."""

    key: str
    by: GrantedBy
    client: Client
    redirect: str = "127.0.0.1"

    @property
    def has_device(self) -> bool:
        return bool(self.by.endpoints.device)


class Going(Struct, frozen=True):
    """Where a person has to go. `code`, if any, is to be typed there; `complete` has it in it already.
    `until`: seconds since 1970."""

    url: str
    until: float
    code: str = ""
    complete: str = ""


class Pages(Struct, frozen=True):
    """What the browser is shown at the end, as HTML in the user's language."""

    good: str
    bad: str
    other: str


SignedIn = Tokens
"""What was granted; a face hands it on without looking inside."""

Tell = Callable[[Going], None]


def sign_in_of(servers: Iterable[Server | None]) -> SignIn | None:
    """What is known of signing in to these mail servers."""
    return sign_in_at_hosts(one.host for one in servers if one is not None)


def sign_in_at_hosts(hosts: Iterable[str]) -> SignIn | None:
    """The same, by their names."""
    return sign_in_at(hosts)


def has_client(app: App, key: str) -> bool:
    """Whether a registration at this provider was given before."""
    return app.store.grants.client(key) is not None


def last_sign_in(app: App, account: int) -> GrantedBy | None:
    """Where somebody signed in for the account before; None: nowhere yet."""
    grant = app.store.grants.of(account)
    return None if grant is None else granted_by(grant)


async def plan_sign_in(
    app: App,
    servers: Iterable[Server | None],
    wanted: WantedSignIn,
    before: GrantedBy | None = None,
) -> Plan:
    """Where to sign in for these mail servers, and as which client; asks the network only for an issuer that
    the table does not know. `before`: where it was the last time, which counts where nothing else is said.

    Misused `oauth.no_server`, `oauth.no_client`, `oauth.needs_secret`, `oauth.bad_issuer`,
    `oauth.bad_client_file`, and what `oauth_server.describe` raises."""
    row = sign_in_named(wanted.issuer) if wanted.issuer else sign_in_of(servers)
    if row is None and not wanted.issuer:
        if before is None:
            raise Misused("oauth.no_server")
        return await asyncio.to_thread(_again, app, before, wanted)
    key = row.id if row is not None else oauth.checked_issuer(wanted.issuer)
    client = await asyncio.to_thread(_client, app, key, wanted)
    if client is None:
        raise Misused("oauth.no_client", provider=row.name if row is not None else key)
    if row is None:
        endpoints = await describe(key, wanted.scope)
        name = urlsplit(key).hostname or key
        return Plan(key, GrantedBy(name, endpoints, client.id, local=True), client)
    if row.secret and client.secret is None:
        raise Misused("oauth.needs_secret", provider=row.name)
    endpoints = Endpoints(
        row.issuer, row.authorize, row.token, row.device, wanted.scope or row.scope, row.extra
    )
    return Plan(row.id, GrantedBy(row.name, endpoints, client.id), client, row.redirect)


class BrowserSignIn:
    """One sign-in by browser, open inside of `async with`. `going` says where; the browser comes back by
    itself, or what stands in its address bar is handed to `typed`."""

    def __init__(self, app: App, plan: Plan, hint: str, pages: Pages) -> None:
        self._app = app
        self._plan = plan
        self._hint = hint
        self._pages = pages
        self._state = oauth.verifier_from(app.clock.random_bytes(32))
        self._verifier = oauth.verifier_from(app.clock.random_bytes(32))
        self._code: asyncio.Future[Secret] = asyncio.get_running_loop().create_future()
        self._loopback = Loopback(self._judged, plan.redirect)
        self.going = Going("", 0.0)

    async def __aenter__(self) -> BrowserSignIn:
        await self._loopback.__aenter__()
        url = oauth.authorization_url(
            self._plan.by.endpoints,
            self._plan.client,
            redirect=self._loopback.redirect,
            state=self._state,
            verifier=self._verifier,
            hint=self._hint,
        )
        self.going = Going(url, self._app.clock.now() + BROWSER_SECONDS)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._loopback.__aexit__(None, None, None)
        if self._code.done() and not self._code.cancelled():
            self._code.exception()  # seen: nobody may be waiting any more

    def typed(self, address: str) -> None:
        """Takes the address at which a browser elsewhere ended. Misused `oauth.wrong_state`."""
        try:
            query = urlsplit(address.strip()).query
        except ValueError:
            raise Misused("oauth.wrong_state") from None
        self._take(query)

    async def tokens(self) -> Tokens:
        """Waits for the person, then asks for the tokens. Refused `oauth.denied`, `oauth.not_in_time`, and
        the other noes of a server."""
        try:
            async with asyncio.timeout(BROWSER_SECONDS):
                code = await self._code
        except TimeoutError:
            raise Refused("oauth.not_in_time", host=self._plan.by.name) from None
        by = self._plan.by
        form = oauth.code_form(
            by.endpoints,
            self._plan.client,
            code=code,
            redirect=self._loopback.redirect,
            verifier=self._verifier,
        )
        heard = await post(form, local=by.local)
        return oauth.read_tokens(by.endpoints, heard, self._app.clock.now())

    def _judged(self, query: str) -> Verdict:
        try:
            self._take(query)
        except Misused:  # not the answer to our question: the right one may still come
            return Verdict(self._pages.other, ends=False, status=400)
        good = self._code.done() and self._code.exception() is None
        return Verdict(self._pages.good if good else self._pages.bad, ends=True)

    def _take(self, query: str) -> None:
        """The first answer that is ours ends the waiting."""
        try:
            code = oauth.read_return(self._plan.by.endpoints, query, self._state)
        except Misused:
            raise
        except EilboteError as error:
            if not self._code.done():
                self._code.set_exception(error)
            return
        if not self._code.done():
            self._code.set_result(code)


async def sign_in_by_code(app: App, plan: Plan, tell: Tell) -> Tokens:
    """Has the server give out a code, tells where it is to be typed, and waits until it was. Misused
    `oauth.no_device`, Refused `oauth.denied`, `oauth.expired` and the other noes of a server."""
    endpoints, client, clock = plan.by.endpoints, plan.client, app.clock
    heard = await post(oauth.device_form(endpoints, client), local=plan.by.local)
    device = oauth.read_device(endpoints, heard, clock.now())
    tell(Going(device.where, device.expires, device.user_code, device.complete))
    flow = oauth.await_device(endpoints, client, device, clock.now())
    answer: float | Heard | None = None
    try:
        while True:
            match flow.send(answer):
                case Wait(seconds):
                    await clock.sleep(seconds)
                    answer = clock.now()
                case Form() as form:
                    answer = await _asked(form, local=plan.by.local)
    except StopIteration as ended:
        tokens: Tokens = ended.value
        return tokens


async def _asked(form: Form, *, local: bool) -> Heard | None:
    try:
        return await post(form, local=local)
    except Unreachable:
        return None


def add_signed_in(app: App, planned: NewAccount, plan: Plan, tokens: Tokens) -> Account:
    """Stores the account with what was granted; no login is tried. Misused `store.account_exists`."""
    sealed = app.vault.seal(Secret(""), f"account:{planned.address}")
    new = replace(planned, auth=AuthKind.SIGNED_IN, sealed=sealed)
    account = app.store.accounts.add(new, app.clock.now())
    keep_sign_in(app, account, plan, tokens)
    return account


def keep_sign_in(app: App, account: Account, plan: Plan, tokens: Tokens) -> None:
    """The account logs in with what was granted from now on, and the registration is kept for the next."""
    secret = plan.client.secret
    sealed = None if secret is None else app.vault.seal(secret, f"oauth-client:{plan.key}")
    app.store.grants.keep_client(plan.key, StoredClient(plan.client.id, sealed))
    keep_grant(app, account, plan.by, plan.client, tokens)
    # Sealed anew each time, so that a running `serve` sees that the login is another one now.
    empty = app.vault.seal(Secret(""), f"account:{account.address}")
    app.store.accounts.update(account.id, auth=AuthKind.SIGNED_IN, sealed=empty)
    app.store.sending_pauses.resume(account.id)
    app.store.refused_logins.begin_anew(account.id, app.clock.now())


def _again(app: App, before: GrantedBy, wanted: WantedSignIn) -> Plan:
    """The same server once more, which has described itself the last time."""
    key = before.endpoints.issuer
    client = _client(app, key, wanted)
    if client is None:
        raise Misused("oauth.no_client", provider=before.name)
    endpoints = replace(before.endpoints, scope=wanted.scope or before.endpoints.scope)
    return Plan(key, replace(before, endpoints=endpoints, client_id=client.id), client)


def _client(app: App, key: str, wanted: WantedSignIn) -> Client | None:
    if wanted.client_id or wanted.client_file:
        named, secret = _from_file(wanted.client_file) if wanted.client_file else ("", None)
        name = (wanted.client_id or named).strip()
        if not name or len(name) > _LONGEST_ID or not name.isprintable() or not name.isascii():
            raise Misused("oauth.bad_client_file", path=wanted.client_file)
        return Client(name, wanted.client_secret or secret)
    stored = app.store.grants.client(key)
    if stored is None:
        return None
    secret = None if stored.sealed is None else app.vault.open_secret(stored.sealed, f"oauth-client:{key}")
    return Client(stored.id, secret)


def _from_file(path: str) -> tuple[str, Secret | None]:
    """The client's id and secret out of Google's file, or a secret that stands there alone."""
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(_LARGEST_FILE).decode()
    except (OSError, UnicodeDecodeError):
        raise Misused("oauth.bad_client_file", path=path) from None
    if not text.lstrip().startswith("{"):
        return "", Secret(text.strip()) if text.strip() else None
    try:
        told = json.loads(text)
        inner = told.get("installed") or told
        name, secret = inner["client_id"], inner.get("client_secret")
    except (ValueError, KeyError, AttributeError, RecursionError, TypeError):
        raise Misused("oauth.bad_client_file", path=path) from None
    if not isinstance(name, str) or not isinstance(secret, str | None):
        raise Misused("oauth.bad_client_file", path=path)
    return name, Secret(secret) if secret else None
