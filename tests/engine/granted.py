"""A home whose account signs in at a private authorization server, for the tests of OAuth."""

from __future__ import annotations

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from eilbote.engine import authorize, setup
from eilbote.engine.app import App
from eilbote.engine.authorize import BrowserSignIn, Pages, Plan, WantedSignIn, plan_sign_in
from eilbote.net import http, stream
from eilbote.protocols.oauth import Tokens
from eilbote.store.values import Account, NewAccount
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.servers.authorization import CLIENT, PERSON, SCOPE, Authorization, Logins

PAGES = Pages("good", "bad", "other")
TOKENS_ALONE = Behaviour(mechanisms=("XOAUTH2", "OAUTHBEARER"))


@contextmanager
def trusted(folder: Path, authority: trustme.CA) -> Iterator[dict[str, str]]:
    """The environment in which this authority, and nobody else, vouches for servers."""
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    _forget_authorities()
    try:
        yield {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": "/nonexistent"}
    finally:
        _forget_authorities()


def _forget_authorities() -> None:
    """A process reads once whom it trusts."""
    stream.tls_context.cache_clear()
    http.authorities.cache_clear()


def imap_server(authorization: Authorization) -> ImapServer:
    """Takes the server's newest token and no password."""
    return ImapServer(Mailstore(lambda: 1_795_463_580.0), Logins(authorization), TOKENS_ALONE)


def smtp_server(authorization: Authorization) -> SmtpServer:
    """Takes the same tokens for sending."""
    return SmtpServer(Sink(accounts=Logins(authorization), mechanisms=("XOAUTH2",)))


def wanted(authorization: Authorization) -> WantedSignIn:
    return WantedSignIn(authorization.issuer, CLIENT, scope=SCOPE)


def planned(app: App, imap: int) -> NewAccount:
    return setup.planned_account(
        app, setup.Wanted(PERSON, imap=f"localhost:{imap}", smtp="", security="none")
    )


def visit(url: str, context: ssl.SSLContext) -> str:
    """What a person's browser does: goes there, follows back, and shows the last page."""
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read().decode())


def last_address(url: str, context: ssl.SSLContext) -> str:
    """Where a browser ends that cannot reach this machine."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object, **__: object) -> None:
            return None

    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), Stay())
    try:
        opener.open(url, timeout=10)
    except urllib.error.HTTPError as error:
        with error:
            return str(error.headers["Location"])
    raise AssertionError("nobody was sent back")


async def granted(app: App, authorization: Authorization, context: ssl.SSLContext) -> tuple[Plan, Tokens]:
    """A person has signed in with a browser."""
    plan = await plan_sign_in(app, (), wanted(authorization))
    async with BrowserSignIn(app, plan, PERSON, PAGES) as sign_in:
        shown = asyncio.create_task(asyncio.to_thread(visit, sign_in.going.url, context))
        tokens = await sign_in.tokens()
        assert await shown == "good"
    return plan, tokens


async def signed_in(app: App, authorization: Authorization, context: ssl.SSLContext, imap: int) -> Account:
    """An account whose person has signed in with a browser."""
    plan, tokens = await granted(app, authorization, context)
    return authorize.add_signed_in(app, planned(app, imap), plan, tokens)


def expire(app: App, account: Account) -> None:
    """Its access token ends now."""
    grant = app.store.grants.of(account.id)
    assert grant is not None
    now = app.clock.now()
    with app.store.database.write() as session:
        session.run(
            "UPDATE oauth_grant SET obtained = ?, expires = ? WHERE account = ?",
            (now - 3600, now - 1, account.id),
        )
