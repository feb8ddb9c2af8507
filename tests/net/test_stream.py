"""TLS is verified always, a pinned certificate is the only exception, and nothing is downgraded."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.errors import NotAllowed, Refused, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.stream import tls_context
from eilbote.net.terms import Terms
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from tests.net.scripted import Line, Scripted, open_session
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions


@pytest.fixture(autouse=True)
def _authorities_are_read_anew() -> Iterator[None]:
    """Whom the machine trusts is read once in a process; these tests change it."""
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


@pytest.fixture
def trusting(dovecot_tls: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dovecot]:
    """The machine trusts the authority that signed the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot_tls.ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    yield dovecot_tls


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that the machine trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


async def log_in(
    dovecot: Dovecot, security: Security, *, host: str = "", trusted: tuple[str, ...] = ()
) -> frozenset[str]:
    """Logs in and out; the capabilities."""
    user, password = dovecot.new_user()
    port = dovecot.tls_port if security is Security.TLS else dovecot.port
    imap = await ImapSession.open(
        Server(host or dovecot.host, port, security),
        Credential(user, Secret(password)),
        Terms(SystemClock(), trusted),
    )
    await imap.noop()
    await imap.logout()
    return imap.capabilities


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_verified_certificate_lets_us_in(trusting: Dovecot, security: Security) -> None:
    assert "IMAP4REV1" in await log_in(trusting, security)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_an_unknown_authority_is_named_with_the_fingerprint(
    dovecot_tls: Dovecot, security: Security
) -> None:
    with pytest.raises(Unreachable) as caught:
        await log_in(dovecot_tls, security)
    problem = caught.value.problem
    assert problem.code == "net.certificate"
    assert problem.parameters["fingerprint"] == dovecot_tls.fingerprint
    assert problem.parameters["reason"]
    assert problem.parameters["host"] == dovecot_tls.host


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_pinned_certificate_is_accepted_and_no_other(
    dovecot_tls: Dovecot, security: Security
) -> None:
    assert await log_in(dovecot_tls, security, trusted=("0" * 64, dovecot_tls.fingerprint))
    with pytest.raises(Unreachable) as caught:
        await log_in(dovecot_tls, security, trusted=("0" * 64,))
    assert caught.value.problem.code == "net.certificate"


async def test_a_pin_changes_nothing_for_certificates_that_verify(trusting: Dovecot) -> None:
    assert await log_in(trusting, Security.TLS, trusted=("0" * 64,))


async def test_nothing_is_sent_before_the_certificate_is_judged() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    heard: list[bytes] = []

    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] x")
        heard.append(await line.reader.read(1000))

    async with Scripted(script, context).listening() as scripted:
        with pytest.raises(Unreachable) as caught:
            await open_session(scripted.server, trusted=("0" * 64,))
    assert caught.value.problem.code == "net.certificate"
    assert b"".join(heard) == b""


async def test_the_name_in_the_certificate_must_be_the_servers(authority: trustme.CA) -> None:
    other = authority.issue_cert("mail.example.org")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.configure_cert(context)

    async def script(line: Line) -> None:
        await line.let_in()
        await line.obey()

    async with Scripted(script, context).listening() as scripted:
        with pytest.raises(Unreachable) as caught:
            await open_session(scripted.server)
        assert caught.value.problem.code == "net.certificate"
        der = ssl.PEM_cert_to_DER_cert(other.cert_chain_pems[0].bytes().decode())
        fingerprint = hashlib.sha256(der).hexdigest()
        assert caught.value.problem.parameters["fingerprint"] == fingerprint


async def test_tls_to_a_server_without_tls_is_no_plain_text() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x")

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Unreachable) as caught:
            await open_session(Server("127.0.0.1", scripted.port, Security.TLS))
    assert caught.value.problem.code in ("net.tls", "net.unreachable")
    assert "_ssl.c" not in caught.value.problem.parameters["reason"]


async def test_starttls_where_there_is_none(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> None:
    with pytest.raises(NotAllowed) as caught:
        await log_in(dovecot_like(DovecotOptions(tls="absent")), Security.STARTTLS)
    assert caught.value.problem.code == "imap.no_starttls"


async def test_no_secret_where_the_server_wants_tls_first(dovecot_tls: Dovecot) -> None:
    with pytest.raises(Refused) as caught:
        await log_in(dovecot_tls, Security.NONE)
    assert caught.value.problem.code == "imap.login_disabled"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "bad..name", ".x"])
async def test_hosts_that_do_not_exist(host: str) -> None:
    for security in (Security.TLS, Security.NONE):
        with pytest.raises(Unreachable) as caught:
            await open_session(Server(host, 993, security))
        assert caught.value.problem.code == "net.no_such_host"


async def test_login_is_bound_to_the_channel_where_both_can(authority: trustme.CA) -> None:
    """TLS 1.2 gives `tls-unique`; the mechanism with -PLUS is then the best."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(context)
    heard: list[bytes] = []

    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256-PLUS] x")
        tag, rest = await line.hear()
        heard.append(rest)
        await line.say(tag + b" NO enough")

    async with Scripted(script, context).listening() as scripted:
        with pytest.raises(Refused):
            await open_session(scripted.server)
    assert heard[0].startswith(b"AUTHENTICATE SCRAM-SHA-256-PLUS cD10bHMtdW5pcXVl")  # p=tls-unique


async def test_a_server_on_one_of_the_addresses_of_localhost_is_found() -> None:
    async def script(line: Line) -> None:
        await line.let_in()
        await line.obey()

    async with Scripted(script).listening() as scripted:
        session = await open_session(Server("localhost", scripted.port, Security.NONE))
        session.abort()
