"""Accounts set up against the embedded server: states, certificates, what is sealed and what is kept."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.accounts import find_account
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import credential_of
from eilbote.errors import Gone, Misused, NotAllowed, Refused, Unreachable
from eilbote.secret import Secret
from eilbote.store.values import AccountState, AuthKind, Security
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer

USER, PASSWORD = "anna@example.org", "geheim"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    config = Config(tmp_path / "home", key_file=str(tmp_path / "key"))
    with open_app(config) as opened:
        yield opened


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context whose certificate no authority of this machine vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


def server(tls: ssl.SSLContext | None = None, behaviour: Behaviour | None = None) -> ImapServer:
    store = Mailstore(lambda: 1_795_463_580.0)
    return ImapServer(store, {USER: PASSWORD}, behaviour or Behaviour(), tls=tls)


def wanted(imap: ImapServer, security: str, name: str = "") -> setup.Wanted:
    return setup.Wanted(USER, imap=f"localhost:{imap.port}", security=security, name=name)


async def test_a_good_login_makes_a_new_account(app: App) -> None:
    async with server() as imap:
        planned = setup.planned_account(app, wanted(imap, "none", name="Arbeit"))
        tested = await setup.add_account(app, planned, Secret(PASSWORD))
    assert tested.error is None
    assert (tested.account.state, tested.account.name) == (AccountState.NEW, "Arbeit")
    assert PASSWORD.encode() not in tested.account.sealed


async def test_a_refused_login_keeps_the_account_with_its_problem(app: App) -> None:
    async with server() as imap:
        planned = setup.planned_account(app, wanted(imap, "none"))
        tested = await setup.add_account(app, planned, Secret("falsch"))
        assert isinstance(tested.error, Refused)
        assert tested.account.state is AccountState.FAILING
        assert tested.account.problem is not None
        assert tested.account.problem.code == "imap.login_refused"
        assert "falsch" not in str(tested.account.problem)
        mended = await setup.change_account(app, USER, setup.Wanted(USER), Secret(PASSWORD))
    assert mended.error is None
    assert (mended.account.state, mended.account.problem) == (AccountState.NEW, None)


async def test_an_unknown_certificate_is_refused_trusted_by_name_and_refused_again(
    app: App, tls: ssl.SSLContext
) -> None:
    async with server(tls) as imap:
        planned = setup.planned_account(app, wanted(imap, "tls"))
        tested = await setup.add_account(app, planned, Secret(PASSWORD))
        assert isinstance(tested.error, Unreachable)
        assert tested.error.problem.code == "net.certificate"
        fingerprint = tested.error.problem.parameters["fingerprint"]
        assert len(fingerprint) == 64
        other = hashlib.sha256(b"another certificate").hexdigest()
        setup.trust_certificate(app, USER, other)
        assert (await setup.test_account(app, USER)).error is not None
        setup.trust_certificate(app, USER, fingerprint.upper())
        trusted = await setup.test_account(app, USER)
        assert trusted.error is None
        assert set(trusted.account.trusted) == {other, fingerprint}
        setup.trust_certificate(app, USER, fingerprint, remove=True)
        assert (await setup.test_account(app, USER)).account.state is AccountState.FAILING


async def test_starttls_is_never_done_without(app: App) -> None:
    async with server() as imap:
        planned = setup.planned_account(app, wanted(imap, "starttls"))
        tested = await setup.add_account(app, planned, Secret(PASSWORD))
    assert isinstance(tested.error, NotAllowed)
    assert tested.error.problem.code == "imap.no_starttls"


async def test_a_failing_server_among_the_changes_is_told(app: App) -> None:
    async with server() as imap:
        await setup.add_account(app, setup.planned_account(app, wanted(imap, "none")), Secret(PASSWORD))
        port = imap.port
    tested = await setup.test_account(app, USER)
    assert isinstance(tested.error, Unreachable)
    assert tested.error.problem.parameters["port"] == str(port)


async def test_changing_the_security_keeps_host_and_port_and_forbids_a_bare_line_abroad(app: App) -> None:
    async with server() as imap:
        await setup.add_account(app, setup.planned_account(app, wanted(imap, "none")), Secret(PASSWORD))
        changed = await setup.change_account(app, USER, setup.Wanted(USER, security="starttls"), None)
        assert changed.account.imap is not None
        assert (changed.account.imap.port, changed.account.imap.security) == (imap.port, Security.STARTTLS)
    away = setup.Wanted(USER, imap="192.0.2.1:143", security="none")
    with pytest.raises(NotAllowed):
        await setup.change_account(app, USER, away, None)
    kept = find_account(app, USER)
    assert kept.imap == changed.account.imap


async def test_pause_holds_through_a_test_and_ends(app: App) -> None:
    async with server() as imap:
        await setup.add_account(app, setup.planned_account(app, wanted(imap, "none")), Secret(PASSWORD))
        assert setup.pause_account(app, USER).state is AccountState.PAUSED
        assert (await setup.test_account(app, USER)).account.state is AccountState.PAUSED
    assert setup.resume_account(app, USER).state is AccountState.NEW
    assert setup.resume_account(app, USER).state is AccountState.NEW


def test_servers_come_from_the_table_where_none_are_given(app: App) -> None:
    planned = setup.planned_account(app, setup.Wanted("jemand@web.de"))
    assert planned.imap is not None and planned.smtp is not None
    assert (planned.imap.host, planned.imap.security, planned.user) == ("imap.web.de", Security.TLS, "jemand")
    own = setup.planned_account(app, setup.Wanted("jemand@web.de", imap="mail.example.org", user="x"))
    assert own.imap is not None
    assert (own.imap.host, own.user) == ("mail.example.org", "x")


def test_an_address_without_known_servers_asks_for_them(app: App) -> None:
    with pytest.raises(Misused) as caught:
        setup.planned_account(app, setup.Wanted("a@example.org"))
    assert caught.value.problem.code == "account.servers_unknown"


async def test_accounts_are_found_by_address_start_or_name(app: App) -> None:
    async with server() as imap:
        await setup.add_account(
            app, setup.planned_account(app, wanted(imap, "none", name="Privat")), Secret(PASSWORD)
        )
    for name in (USER, USER.upper(), "anna", "privat"):
        assert find_account(app, name).address == USER
    for name in ("", "example.org", "nobody"):
        with pytest.raises(Gone):
            find_account(app, name)


async def test_two_that_fit_are_named(app: App) -> None:
    async with server() as imap:
        for address in ("anna@example.org", "anna@example.com"):
            planned = setup.planned_account(
                app, setup.Wanted(address, imap=f"localhost:{imap.port}", security="none", user=USER)
            )
            await setup.add_account(app, planned, Secret(PASSWORD))
    with pytest.raises(Misused) as caught:
        find_account(app, "anna")
    assert caught.value.problem.code == "account.ambiguous"


async def test_removing_takes_the_local_copy_alone(app: App) -> None:
    async with server() as imap:
        await setup.add_account(app, setup.planned_account(app, wanted(imap, "none")), Secret(PASSWORD))
        setup.remove_account(app, USER)
        assert app.store.accounts.all() == []
        again = await setup.add_account(
            app, setup.planned_account(app, wanted(imap, "none")), Secret(PASSWORD)
        )
    assert again.error is None


async def test_a_token_command_is_run_at_each_login(app: App) -> None:
    """`--oauth --password-command`: what the command prints is the token, not the command itself."""
    async with server() as imap:
        planned = setup.planned_account(
            app,
            setup.Wanted(USER, imap=f"localhost:{imap.port}", security="none", auth=AuthKind.OAUTH_COMMAND),
        )
        added = await setup.add_account(app, planned, Secret('printf %s "to"ken-7'))
        assert added.error is not None, "this server takes no tokens"
        credential = credential_of(app, added.account)
        assert (credential.secret.reveal(), credential.oauth) == ("token-7", True)


async def test_a_password_command_is_run_at_each_login(app: App, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    async with server() as imap:
        planned = setup.planned_account(
            app,
            setup.Wanted(USER, imap=f"localhost:{imap.port}", security="none", auth=AuthKind.COMMAND),
        )
        assert (await setup.add_account(app, planned, Secret(f"cat '{file}'"))).error is None
        file.write_text("changed\n")
        assert isinstance((await setup.test_account(app, USER)).error, Refused)
