"""What will become of a mail, found out with real name servers, an HTTPS server and a mail server."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eilbote.config import Config
from eilbote.delivery.foresight import Forecast
from eilbote.delivery.mta_sts import Mode
from eilbote.delivery.values import Foreseen
from eilbote.engine.app import App, open_app
from eilbote.engine.foresee import foresee
from eilbote.engine.recipients import without_servers
from eilbote.engine.route import Surroundings, find_route
from eilbote.net.dns import NameServer, Resolver
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.servers.names import Names, Signing
from tests.servers.ports import LOOPBACK, free_ports

AUTHORITY = trustme.CA()
SERVED = AUTHORITY.issue_cert(
    "mx.dane.test", "mx.issued.test", "mx.sts.test", "mx.plain.test", "mta-sts.sts.test"
)


def authority_hash(authority: trustme.CA) -> str:
    whole = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).public_bytes(Encoding.DER)
    return hashlib.sha256(whole).hexdigest()


def key_hash() -> str:
    leaf = x509.load_pem_x509_certificate(SERVED.cert_chain_pems[0].bytes())
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SERVED.configure_cert(context)
    # The authority's own certificate goes along: DANE can follow the chain only as far as it is sent.
    with NamedTemporaryFile() as chain:
        chain.write(b"".join(one.bytes() for one in SERVED.cert_chain_pems) + AUTHORITY.cert_pem.bytes())
        chain.flush()
        with SERVED.private_key_pem.tempfile() as key:
            context.load_cert_chain(chain.name, key)
    return context


class Internet:
    """A name space with one mail server and one web server, and what the web server answers."""

    def __init__(self) -> None:
        self.names = Names()
        self.smtp_port, self.https_port = free_ports(2)
        self.answer = b""
        self.requests: list[bytes] = []
        host = f"@ 300 IN MX 10 mx\nmx 300 IN A {LOOPBACK}\nmx 300 IN AAAA ::1\n"
        record = f"_{self.smtp_port}._tcp.mx 300 IN TLSA 3 1 1 "
        self.names.zone("dane.test", host + record + key_hash() + "\n", Signing.GOOD)
        self.names.zone("wrong.test", host + record + "ab" * 32 + "\n", Signing.GOOD)
        issued = record.replace("3 1 1", "2 0 1") + authority_hash(AUTHORITY) + "\n"
        self.names.zone("issued.test", host + issued, Signing.GOOD)
        self.names.zone("misnamed.test", host + issued, Signing.GOOD)
        self.names.zone("signed.test", host, Signing.GOOD)
        self.names.zone("plain.test", host)
        self.names.zone("unsigned.test", host + record + "ab" * 32 + "\n")
        self.names.zone("broken.test", host, Signing.BROKEN)
        self.names.zone("nomail.test", "@ 300 IN MX 0 .\n")
        self.names.zone("bare.test", f"@ 300 IN A {LOOPBACK}\n")
        policy = f'_mta-sts 300 IN TXT "v=STSv1; id=1;"\nmta-sts 300 IN A {LOOPBACK}\n'
        self.names.zone("sts.test", host + policy)

    def policy(self, mode: Mode, mx: str = "mx.sts.test", status: str = "200 OK", age: int = 86_400) -> None:
        content = f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {age}\n".encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n"
        self.answer = head.encode() + b"Content-Type: text/plain\r\n\r\n" + content

    def around(self) -> Surroundings:
        context = ssl.create_default_context()
        AUTHORITY.configure_trust(context)
        return Surroundings(
            Resolver(self.names.servers),
            smtp_port=self.smtp_port,
            https_port=self.https_port,
            context=context,
            local_allowed=True,
        )

    @asynccontextmanager
    async def running(self, *, starttls: bool = True) -> AsyncIterator[Surroundings]:
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
            writer.close()

        sink, tls = Sink(login_needed=False, starttls=starttls), server_context() if starttls else None
        server = await asyncio.start_server(web, LOOPBACK, self.https_port, ssl=server_context())
        async with server, SmtpServer(sink, tls, port=self.smtp_port):
            yield self.around()


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    made = Internet()
    yield made
    made.names.remove()


@pytest.fixture
def app(fresh_authorities: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(AUTHORITY.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        yield opened


async def told(app: App, internet: Internet, address: str, *, starttls: bool = True) -> Forecast:
    async with internet.running(starttls=starttls) as around:
        (found,) = await foresee(app, around, [address])
    return found


@pytest.mark.parametrize(
    ("domain", "foreseen", "reason", "policy"),
    [
        ("dane.test", Foreseen.ENCRYPTED, "route.protected", "dane"),
        ("wrong.test", Foreseen.IMPOSSIBLE, "route.not_dane", "dane"),
        ("issued.test", Foreseen.ENCRYPTED, "route.protected", "dane"),
        ("misnamed.test", Foreseen.IMPOSSIBLE, "route.not_dane", "dane"),
        ("signed.test", Foreseen.MAYBE_PLAIN, "route.starttls_unproven", ""),
        ("plain.test", Foreseen.MAYBE_PLAIN, "route.starttls_unproven", ""),
        ("unsigned.test", Foreseen.MAYBE_PLAIN, "route.starttls_unproven", ""),
        ("bare.test", Foreseen.MAYBE_PLAIN, "route.starttls_unproven", ""),
        ("broken.test", Foreseen.UNKNOWN, "dns.failed", ""),
        ("nomail.test", Foreseen.IMPOSSIBLE, "route.null_mx", ""),
        ("nobody.plain.test", Foreseen.IMPOSSIBLE, "route.no_domain", ""),
    ],
)
async def test_what_is_foreseen(
    app: App, internet: Internet, domain: str, foreseen: Foreseen, reason: str, policy: str
) -> None:
    found = await told(app, internet, f"Anna@{domain.upper()}")
    assert (found.domain, found.foreseen, found.reason.code) == (domain, foreseen, reason)
    assert found.policy == policy


async def test_a_server_without_encryption_is_named(app: App, internet: Internet) -> None:
    found = await told(app, internet, "anna@plain.test", starttls=False)
    assert (found.foreseen, found.reason.code) == (Foreseen.MAYBE_PLAIN, "route.no_starttls")
    demanded = await told(app, internet, "anna@dane.test", starttls=False)
    assert (demanded.foreseen, demanded.reason.code) == (Foreseen.IMPOSSIBLE, "smtp.no_starttls")


async def test_each_domain_is_asked_once(app: App, internet: Internet) -> None:
    async with internet.running() as around:
        found = await foresee(app, around, ["a@plain.test", "b@nomail.test", "c@plain.test"])
    assert [one.domain for one in found] == ["plain.test", "nomail.test"]


async def test_a_policy_is_fetched_kept_and_followed(app: App, internet: Internet) -> None:
    internet.requests.clear()
    internet.policy(Mode.ENFORCE)
    found = await told(app, internet, "anna@sts.test")
    assert (found.foreseen, found.policy) == (Foreseen.ENCRYPTED, "mta-sts")
    (request,) = internet.requests
    assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.sts.test\r\n")
    assert b"ookie" not in request
    internet.policy(Mode.NONE)
    assert (await told(app, internet, "anna@sts.test")).policy == "mta-sts", "the same id: not fetched again"
    assert len(internet.requests) == 1


@pytest.mark.parametrize("status", ["302 Found\r\nLocation: https://mx.plain.test/", "404 Not Found"])
async def test_only_a_plain_yes_is_a_policy(app: App, internet: Internet, status: str) -> None:
    internet.requests.clear()
    internet.policy(Mode.ENFORCE, status=status)
    async with internet.running() as around:
        found = await find_route(app, around, "sts.test")
    assert found.policy == ""
    assert len(internet.requests) == 1, "no redirection is followed"


async def test_a_kept_policy_counts_while_its_host_is_silent(app: App, internet: Internet) -> None:
    internet.policy(Mode.ENFORCE)
    async with internet.running() as around:
        await find_route(app, around, "sts.test")
    assert (await find_route(app, internet.around(), "sts.test")).policy == "mta-sts"


async def test_servers_outside_the_policy_get_nothing(app: App, internet: Internet) -> None:
    internet.policy(Mode.ENFORCE, mx="mx.elsewhere.test")
    found = await told(app, internet, "anna@sts.test")
    assert (found.foreseen, found.reason.code) == (Foreseen.IMPOSSIBLE, "route.not_in_policy")


async def test_a_policy_on_trial_forbids_nothing(app: App, internet: Internet) -> None:
    internet.policy(Mode.TESTING, mx="mx.elsewhere.test")
    assert (await told(app, internet, "anna@sts.test")).foreseen is Foreseen.MAYBE_PLAIN


async def test_addresses_of_this_machine_are_not_asked(app: App, internet: Internet) -> None:
    internet.requests.clear()
    internet.policy(Mode.ENFORCE)
    async with internet.running() as around:
        strict = Surroundings(around.resolver, around.smtp_port, around.https_port, around.context)
        (found,) = await foresee(app, strict, ["anna@sts.test"])
    assert internet.requests == []
    assert (found.foreseen, found.reason.code) == (Foreseen.MAYBE_PLAIN, "route.unprotected")


async def test_domains_that_take_no_mail_are_named_others_not(internet: Internet) -> None:
    addresses = ["a@plain.test", "b@nomail.test", "c@broken.test", "d@nobody.plain.test", "e@[127.0.0.1]"]
    found = await without_servers(internet.around(), addresses)
    assert [one.code for one in found] == ["route.null_mx", "route.no_domain"]
    (closed,) = free_ports(1)
    silent = Surroundings(Resolver([NameServer(LOOPBACK, closed)], seconds=0.1))
    assert await without_servers(silent, addresses) == []
