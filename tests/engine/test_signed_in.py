"""Accounts whose person signs in at a provider's page: by browser and by code, against a real authorization
server; what is renewed, when, how often, and what is kept."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import credential_of
from eilbote.store.values import AccountState, AuthKind
from tests.engine.granted import expire, imap_server, signed_in, trusted
from tests.servers.authorization import PERSON, Authorization


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
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


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
