"""Signing in at a provider from an account's page: where to go, who sees it, what comes of it."""

from __future__ import annotations

import asyncio
import html
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.engine.app import App
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState, AuthKind, Role, Security, Server
from eilbote.testing.imap.server import ImapServer
from tests.engine.granted import imap_server, trusted, visit
from tests.servers.authorization import CLIENT, PERSON, SCOPE, Authorization
from tests.web.browser import Browser, browsing, given_user, opened


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


@pytest.fixture
def authorization(authority: trustme.CA) -> Iterator[Authorization]:
    made = Authorization(authority)
    made.manners.interval = 1
    yield made
    made.stop()


@pytest.fixture
def app(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    with trusted(tmp_path, authority) as environment, opened(tmp_path) as (app, _):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        given_user(app, "Kim")
        yield app


@pytest.fixture
async def imap(authorization: Authorization) -> AsyncIterator[ImapServer]:
    async with imap_server(authorization) as server:
        yield server


@pytest.fixture
def account(app: App, imap: ImapServer) -> Account:
    """With a password that its server does not take."""
    from eilbote.engine import setup

    given = setup.Wanted(PERSON, imap=f"localhost:{imap.port}", security="none")
    return setup.store_account(app, setup.planned_account(app, given), Secret("altes Passwort"))


def form(authorization: Authorization, way: str) -> dict[str, str]:
    return {"issuer": authorization.issuer, "client_id": CLIENT, "scope": SCOPE, "way": way}


async def shown(one: Browser, path: str, mark: str) -> str:
    """The page, as soon as it says this."""
    async with asyncio.timeout(20):
        while mark not in (text := (await one.get(path)).text):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return html.unescape(text)


async def test_a_browser_signs_in_from_the_page(
    app: App, account: Account, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        path = f"/accounts/{account.id}/oauth"
        await one.post(path, form(authorization, "browser"))
        page = await shown(one, path, "Open the provider")
        (going,) = re.findall(rf'href="({authorization.issuer}/authorize[^"]*)"', page)
        assert "You can close this window" in await asyncio.to_thread(visit, going, context)
        await shown(one, f"/accounts/{account.id}", "The login works")
    assert app.store.accounts.get(account.id).auth is AuthKind.SIGNED_IN


async def test_a_code_is_shown(app: App, account: Account, authorization: Authorization) -> None:
    authorization.manners.person = "waits"
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        path = f"/accounts/{account.id}/oauth"
        await one.post(path, form(authorization, "code"))
        page = await shown(one, path, "type the code there")
        (device,) = authorization.devices.values()
        assert device.user_code in page
        assert all(token not in page for token in authorization.devices)
        authorization.manners.person = "agrees"
        await shown(one, f"/accounts/{account.id}", "The login works")


async def test_a_no_is_said_in_words_and_can_be_tried_again(
    app: App, account: Account, authorization: Authorization, context: ssl.SSLContext
) -> None:
    authorization.manners.person = "denies"
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        path = f"/accounts/{account.id}/oauth"
        await one.post(path, form(authorization, "code"))
        page = await shown(one, path, "refused or cancelled")
        assert "Sign in with this browser" in page
    assert app.store.accounts.get(account.id).auth is AuthKind.PASSWORD


async def test_where_to_go_is_shown_to_the_session_that_began_alone(
    app: App, account: Account, authorization: Authorization
) -> None:
    given_user(app, "Ute")
    async with browsing(app) as browser:
        one, other = browser(), browser()
        await one.sign_in("Kim")
        await other.sign_in("Ute")
        path = f"/accounts/{account.id}/oauth"
        await one.post(path, form(authorization, "browser"))
        await shown(one, path, "Open the provider")
        page = (await other.get(path)).text
        assert "Somebody else is signing in" in page
        assert f"{authorization.issuer}/authorize" not in page


async def test_the_last_address_of_a_browser_elsewhere_is_taken(
    app: App, account: Account, authorization: Authorization, context: ssl.SSLContext
) -> None:
    from tests.engine.granted import last_address

    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        path = f"/accounts/{account.id}/oauth"
        await one.post(path, form(authorization, "browser"))
        page = await shown(one, path, "Open the provider")
        (going,) = re.findall(rf'href="({authorization.issuer}/authorize[^"]*)"', page)
        wrong = await one.post(f"{path}/typed", {"address": "http://127.0.0.1/?code=c&state=other"})
        assert "belongs to another sign-in" in wrong.text
        last = await asyncio.to_thread(last_address, going, context)
        await one.post(f"{path}/typed", {"address": last})
        await shown(one, f"/accounts/{account.id}", "The login works")


async def test_only_an_owner_signs_in(app: App, account: Account, authorization: Authorization) -> None:
    given_user(app, "Gast", role=Role.MEMBER)
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Gast")
        path = f"/accounts/{account.id}/oauth"
        assert (await one.get(path)).status_code in (403, 404)
        for more in ("", "/typed", "/end"):
            assert (await one.post(path + more, form(authorization, "code"))).status_code in (403, 404)
    assert not authorization.devices


async def test_an_account_at_a_known_provider_is_added_by_signing_in(app: App) -> None:
    """No password is asked for, and the registration that is missing is."""
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        page = (await one.get("/accounts/new?address=kim@outlook.de")).text
        assert "Sign in with Microsoft" in page
        await one.post("/accounts/new", {"address": "kim@outlook.de", "sign_in": "1", "kind": "imap"})
        (account,) = app.store.accounts.all()
        assert (account.auth, account.state) == (AuthKind.SIGNED_IN, AccountState.PAUSED)
        page = (await one.get(f"/accounts/{account.id}/oauth")).text
        assert "entra.microsoft.com" in page and 'name="client_id"' in page
        await one.post(f"/accounts/{account.id}/oauth", {"way": "browser"})
        await shown(one, f"/accounts/{account.id}/oauth", "a client id of your own is needed")


async def test_of_google_the_page_wants_the_secret_too(app: App) -> None:
    gmail = Server("imap.gmail.com", 993, Security.TLS)
    from eilbote.store.values import NewAccount

    new = NewAccount(
        address="kim@gmail.com",
        name="",
        user="kim@gmail.com",
        auth=AuthKind.SIGNED_IN,
        sealed=b"",
        imap=gmail,
    )
    account = app.store.accounts.add(new)
    async with browsing(app) as browser:
        one = browser()
        await one.sign_in("Kim")
        path = f"/accounts/{account.id}/oauth"
        assert "Use a code" not in (await one.get(path)).text
        await one.post(path, {"way": "browser", "client_id": "abc"})
        await shown(one, path, "wants the secret")
