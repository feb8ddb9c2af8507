"""A real Dovecot that asks the authorization server about every token: signed in, renewed, taken back."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.push_scripts import open_scripts
from eilbote.engine.read import list_mailboxes
from eilbote.store.values import Security, Server
from tests.engine.granted import expire, signed_in, trusted
from tests.servers.authorization import Authorization
from tests.servers.dovecot import Dovecot, dovecot_version
from tests.servers.dovecot_settings import DovecotOptions

ASKS = """\
introspection_mode = post
introspection_url = {issuer}/introspect
tls_ca_cert_file = {authority}
username_attribute = username
active_attribute = active
active_value = true
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authorization(authority: trustme.CA) -> Iterator[Authorization]:
    made = Authorization(authority)
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["xoauth2", "oauthbearer"])
def dovecot(
    request: pytest.FixtureRequest,
    dovecot_like: Callable[[DovecotOptions], Dovecot],
    authorization: Authorization,
    authority: trustme.CA,
) -> Iterator[Dovecot]:
    if dovecot_version() >= (2, 4):
        pytest.skip("the settings of Dovecot 2.4 for tokens are others")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # where Dovecot's own user may read
        folder = Path(name)
        folder.chmod(0o755)
        authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        asks = ASKS.format(issuer=authorization.issuer, authority=folder / "authority.pem")
        (folder / "oauth2.conf").write_text(asks)
        yield dovecot_like(
            DovecotOptions(mechanisms=request.param, tokens=str(folder / "oauth2.conf"), sieve=True)
        )


@pytest.fixture
def app(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    with trusted(tmp_path, authority) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with open_app(Config(tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
            yield opened


async def test_a_real_server_takes_what_was_granted(
    app: App, dovecot: Dovecot, authorization: Authorization, authority: trustme.CA
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    before = authorization.renewals
    account = await signed_in(app, authorization, context, dovecot.port)
    tested = await setup.test_account(app, account.address)
    assert tested.error is None, tested.error
    expire(app, account)
    authorization.revoke_tokens()
    (report,) = await sync_accounts(app)
    assert report.failed is None, report.failed
    assert authorization.renewals == before + 1
    assert "INBOX" in {box.name for _, box in await asyncio.to_thread(list_mailboxes, app)}
    authorization.sign_out()
    expire(app, account)
    (report,) = await sync_accounts(app)
    assert report.failed is not None and report.failed.code == "oauth.sign_in_again"


async def test_scripts_are_reached_with_the_same_token(
    app: App, dovecot: Dovecot, authorization: Authorization, authority: trustme.CA
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    account = await signed_in(app, authorization, context, dovecot.port)
    expire(app, account)
    authorization.revoke_tokens()  # the one at hand has ended: a renewed one is shown
    named = Server(dovecot.host, dovecot.sieve_port, Security.NONE)
    async with open_scripts(app, account, named=named) as scripts:
        await scripts.push("a", "keep;")
        assert [one.name for one in (await scripts.list()).scripts] == ["a"]
        await scripts.delete("a")
