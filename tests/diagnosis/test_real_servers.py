"""Real servers and real zones that are broken: Dovecot with every kind of bad certificate, name servers with
missing and wrongly signed names, a server that never comes to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import diagnose
from eilbote.net.stream import tls_context
from eilbote.store.values import Security, Server
from tests.diagnosis.clinic import opened_clinic
from tests.diagnosis.peers import Authority, Peer, pem_of, self_signed_pem
from tests.servers.dovecot import Dovecot, DovecotMissing
from tests.servers.names import Names, Signing

Issue = Callable[[Authority, Path], bytes]


def issued(**how: object) -> Issue:
    return lambda authority, folder: pem_of(authority, **how)  # type: ignore[arg-type]


# A weak key Debian's Dovecot does not load; the corpus shows one by a server of its own.
BROKEN: dict[str, tuple[Issue, str]] = {
    "expired": (issued(days=(-90, -3)), "certificate.expired"),
    "not-yet-valid": (issued(days=(3, 90)), "certificate.not_yet_valid"),
    "wrong-name": (issued(names=("mail.hoster.example",)), "certificate.wrong_name"),
    "self-signed": (lambda authority, folder: self_signed_pem(), "certificate.self_signed"),
    "private-authority": (
        lambda authority, folder: pem_of(Authority("Fremd")),
        "certificate.unknown_authority",
    ),
    "incomplete": (
        lambda authority, folder: pem_of(
            Authority("Mittelamt", parent=authority), with_chain=False, issuer_url="http://x.example/m.cer"
        ),
        "certificate.incomplete",
    ),
}


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority("Bundesamt für Prüfungen")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file(tmp_path)))
    tls_context.cache_clear()
    yield authority
    tls_context.cache_clear()


class _Certified(Dovecot):
    """A Dovecot with a certificate of the test's own."""

    pem = b""

    def _issue_certificate(self) -> None:
        super()._issue_certificate()
        for name in ("server.key", "server.pem"):
            (self.folder / name).write_bytes(self.pem)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_dovecot_with_a_bad_certificate(kind: str, tmp_path: Path, trusted: Authority) -> None:
    issue, code = BROKEN[kind]
    _Certified.pem = issue(trusted, tmp_path)
    try:
        dovecot = _Certified()
    except DovecotMissing as missing:
        pytest.skip(str(missing))
    try:
        user, password = dovecot.new_user()
        with opened_clinic(tmp_path) as clinic:
            server = Server("localhost", dovecot.tls_port, Security.TLS)
            account = clinic.admit(imap=server, user=user, secret=password)
            report = asyncio.run(clinic.examine(account.address)).report
        assert report.cause.code == code, report
        assert "Login" not in dovecot.log() and "auth failed" not in dovecot.log()
    finally:
        dovecot.stop()


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    zones = Names()
    try:
        zones.zone("plain.test", "imap 300 IN A 127.0.0.1\ntext 300 IN TXT nothing\n")
        zones.zone("broken.test", "imap 300 IN A 127.0.0.1\n", Signing.BROKEN)
        zones.servers  # noqa: B018  # starts both, or tells that they are missing
    except FileNotFoundError as missing:
        pytest.skip(f"{missing} is missing: apt-get install nsd unbound")
    yield zones
    zones.remove()


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("nowhere.plain.test", "dns.no_such_host"),
        ("text.plain.test", "dns.no_address"),
        ("imap.broken.test", "dns.server_failure"),
        ("imap.plain.test", "dns.system"),  # the machine's own resolver knows no such zone
    ],
)
def test_real_zones_that_are_broken(names: Names, tmp_path: Path, host: str, code: str) -> None:
    (server,) = names.servers
    with opened_clinic(tmp_path, dns_servers=f"{server.address}:{server.port}") as clinic:
        account = clinic.admit(imap=Server(host, 993, Security.TLS))
        report = asyncio.run(clinic.examine(account.address)).report
    assert report.cause.code == code, report


def test_a_name_server_that_is_silent(tmp_path: Path) -> None:
    with opened_clinic(tmp_path) as clinic:
        account = clinic.admit(imap=Server("imap.plain.test", 993, Security.TLS))
        report = asyncio.run(clinic.examine(account.address)).report
    assert report.cause.code.startswith("dns."), report


async def test_a_server_that_never_comes_to_an_end_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnose, "MOST_SECONDS", 2.0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220-hello\r\n")
            while True:
                writer.write(b"220-and on\r\n")
                await writer.drain()
                await asyncio.sleep(0.2)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    with opened_clinic(tmp_path) as clinic:
        account = clinic.admit(imap=None, smtp=Server("127.0.0.1", port, Security.NONE))
        begun = loop.time()
        report = (await clinic.examine(account.address)).report
        assert loop.time() - begun < 20
    assert report.verdict.value in ("error", "fail"), report
    server.close()


@pytest.mark.parametrize(
    "raw", [b"\x00" * 100_000, b"a" * 200_000, b"* OK [" + b"x" * 90_000 + b"\r\n", b"* OK\r\n" * 9000]
)
async def test_hostile_greetings_are_no_crash(tmp_path: Path, raw: bytes) -> None:
    with opened_clinic(tmp_path) as clinic:
        report = (await clinic.report_on(Peer(raw=raw))).report
    assert report.verdict.value in ("error", "fail"), report
