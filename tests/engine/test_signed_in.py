"""Accounts whose person signs in at a provider's page: by browser and by code, against a real authorization
server; what is renewed, when, how often, and what is kept."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.authorize import (
    BrowserSignIn,
    Going,
    WantedSignIn,
    add_signed_in,
    plan_sign_in,
    sign_in_by_code,
)
from eilbote.engine.connect import credential_of
from eilbote.engine.oauth_server import post
from eilbote.errors import Misused, Refused
from eilbote.protocols import oauth
from eilbote.secret import Secret
from eilbote.store.values import AccountState, AuthKind, Security, Server
from tests.engine.granted import (
    PAGES,
    expire,
    imap_server,
    last_address,
    planned,
    signed_in,
    trusted,
    visit,
    wanted,
)
from tests.servers.authorization import CLIENT, CLIENT_SECRET, PERSON, SCOPE, Authorization


@pytest.fixture
def app(tmp_path: Path, url: str, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    with trusted(tmp_path, authority) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with open_app(Config(tmp_path / "home", store=url, key_file=str(tmp_path / "key"))) as opened:
            yield opened


async def test_a_browser_signs_in_and_the_login_works(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap:
        account = await signed_in(app, authorization, context, imap.port)
        tested = await setup.test_account(app, account.address)
    assert tested.error is None
    assert (tested.account.state, tested.account.auth) == (AccountState.NEW, AuthKind.SIGNED_IN)
    (asked,) = authorization.asked
    assert asked["code_verifier"] and asked["client_id"]


async def test_a_token_that_ends_is_renewed_before_the_login(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap:
        account = await signed_in(app, authorization, context, imap.port)
        first = await asyncio.to_thread(credential_of, app, account)
        assert authorization.renewals == 0
        expire(app, account)
        assert (await setup.test_account(app, PERSON)).error is None
        second = await asyncio.to_thread(credential_of, app, account)
    assert authorization.renewals == 1
    assert second.secret != first.secret


async def test_who_says_no_is_told_so(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    authorization.manners.person = "denies"
    plan = await plan_sign_in(app, (), wanted(authorization))
    async with BrowserSignIn(app, plan, PERSON, PAGES) as sign_in:
        shown = asyncio.create_task(asyncio.to_thread(visit, sign_in.going.url, context))
        with pytest.raises(Refused) as refused:
            await sign_in.tokens()
        assert await shown == "bad"
    assert refused.value.problem.code == "oauth.denied"
    assert authorization.asked == []


async def test_a_stranger_who_knocks_ends_nothing(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    """Wrong state, another path, another name for this machine: the right answer still comes in, once."""
    plan = await plan_sign_in(app, (), wanted(authorization))
    async with BrowserSignIn(app, plan, PERSON, PAGES) as sign_in:
        redirect = _query(sign_in.going.url)["redirect_uri"]
        for path, said in (
            ("/?code=c&state=wrong", "other"),
            ("/favicon.ico", ""),
            ("/", ""),
            ("/x?code=c", ""),
        ):
            assert await asyncio.to_thread(visit, redirect + path, context) == said
        rebound = redirect.replace("127.0.0.1", "evil.localhost")
        assert await asyncio.to_thread(_host, redirect, rebound) == 421
        shown = asyncio.create_task(asyncio.to_thread(visit, sign_in.going.url, context))
        assert (await sign_in.tokens()).access.reveal() == authorization.newest
        assert await shown == "good"
        assert await asyncio.to_thread(visit, redirect + "/?code=c&state=wrong", context) == ""


async def test_a_browser_elsewhere_hands_itslast_address_over(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    plan = await plan_sign_in(app, (), wanted(authorization))
    async with BrowserSignIn(app, plan, PERSON, PAGES) as sign_in:
        last = await asyncio.to_thread(last_address, sign_in.going.url, context)
        with pytest.raises(Misused):
            sign_in.typed("http://127.0.0.1:1/?code=stolen&state=other")
        sign_in.typed(f"  {last}\n")
        assert (await sign_in.tokens()).access.reveal() == authorization.newest


async def test_the_server_checks_the_verifier_and_the_redirect(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    """A code that was stolen on its way is worth nothing without the verifier (RFC 7636 section 1)."""
    plan = await plan_sign_in(app, (), wanted(authorization))
    async with BrowserSignIn(app, plan, PERSON, PAGES) as sign_in:
        last = await asyncio.to_thread(last_address, sign_in.going.url, context)
        redirect = _query(sign_in.going.url)["redirect_uri"]
    code = Secret(_query(last)["code"])
    for verifier, back in ((b"x" * 32, redirect), (b"x" * 32, "http://127.0.0.1:1")):
        form = oauth.code_form(
            plan.by.endpoints, plan.client, code=code, redirect=back, verifier=oauth.verifier_from(verifier)
        )
        with pytest.raises(Refused):
            oauth.read_tokens(plan.by.endpoints, await post(form, local=True), app.clock.now())
    assert not authorization.tokens


@pytest.mark.parametrize(("person", "code"), [("denies", "oauth.denied"), ("waits", "oauth.expired")])
async def test_a_code_that_nobody_types(
    app: App, authorization: Authorization, person: str, code: str
) -> None:
    authorization.manners.person = person
    authorization.manners.interval, authorization.manners.device_life = 1, 2
    plan = await plan_sign_in(app, (), wanted(authorization))
    told: list[Going] = []
    with pytest.raises(Refused) as refused:
        await sign_in_by_code(app, plan, told.append)
    assert refused.value.problem.code == code
    assert told[0].code and told[0].url == f"{authorization.issuer}/activate"


async def test_a_server_that_wants_its_clients_secret_gets_it_from_a_file(
    app: App, authorization: Authorization, tmp_path: Path
) -> None:
    """As Google gives it to be downloaded; the next sign-in needs neither id nor file."""
    authorization.manners.secret, authorization.manners.interval = True, 1
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"installed": {"client_id": CLIENT, "client_secret": CLIENT_SECRET}}))
    given = WantedSignIn(authorization.issuer, client_file=str(file), scope=SCOPE)
    plan = await plan_sign_in(app, (), given)
    tokens = await sign_in_by_code(app, plan, lambda _: None)
    account = add_signed_in(app, planned(app, 9), plan, tokens)
    again = await plan_sign_in(app, (), WantedSignIn(authorization.issuer, scope=SCOPE))
    assert again.client == plan.client
    expire(app, account)
    await asyncio.to_thread(credential_of, app, account)
    assert authorization.renewals == 1
    client = app.store.grants.client(authorization.issuer)
    assert client is not None and client.sealed is not None
    assert CLIENT_SECRET.encode() not in client.sealed


@pytest.mark.parametrize("content", ["{", "[]", '{"installed": []}', '{"client_id": 7}', "", "secret alone"])
async def test_a_file_without_a_client_is_said_to_be_one(
    app: App, authorization: Authorization, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "client.json"
    file.write_text(content)
    with pytest.raises(Misused) as refused:
        await plan_sign_in(app, (), WantedSignIn(authorization.issuer, client_file=str(file)))
    assert refused.value.problem.code == "oauth.bad_client_file"


async def test_known_providers_are_asked_where_the_table_says(app: App) -> None:
    outlook = Server("outlook.office365.com", 993, Security.TLS)
    plan = await plan_sign_in(app, (None, outlook), WantedSignIn(client_id="0000-1111"))
    assert plan.by.endpoints.device.startswith("https://login.microsoftonline.com/")
    assert "offline_access" in plan.by.endpoints.scope and plan.redirect == "localhost"
    gmail = Server("imap.gmail.com", 993, Security.TLS)
    with pytest.raises(Misused) as refused:
        await plan_sign_in(app, (gmail,), WantedSignIn(client_id="abc.apps.googleusercontent.com"))
    assert refused.value.problem.code == "oauth.needs_secret"
    with pytest.raises(Misused) as refused:
        await plan_sign_in(app, (Server("imap.example.org", 993, Security.TLS),), WantedSignIn())
    assert refused.value.problem.code == "oauth.no_server"


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def _host(redirect: str, name: str) -> int:
    request = urllib.request.Request(redirect + "/?code=c", headers={"Host": urlsplit(name).netloc})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
