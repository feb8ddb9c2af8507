"""Sources and servers that lie, break or listen: nothing is believed that is not proven, nobody inside is
spoken to, and no byte of a secret leaves before a proven TLS session."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.config import Config
from eilbote.discovery.values import Protocol, Source
from eilbote.engine.app import App, open_app
from eilbote.engine.discover import Discovered, discover
from eilbote.engine.setup import Wanted, add_account, planned_account
from eilbote.secret import Secret
from eilbote.store.values import AccountState
from tests.discovery.test_hostile_xml import LAUGHS
from tests.engine.discovering import Internet
from tests.servers.ports import LOOPBACK
from tests.servers.web import Page

SECRET = "geheim-und-lang-17"
PATH = "/mail/config-v1.1.xml"
ADDRESS = "kim@firma.test"
HOST = "imap.firma.test"


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    made = Internet()
    hosts = "".join(
        f"{name} 300 IN A 127.0.0.1\n"
        for name in ("@", "imap", "autoconfig", "autodiscover", "inside", "mail")
    )
    made.names.zone("firma.test", hosts)
    made.web.untrusted.add("autoconfig.untrusted.test")
    made.web.misnamed.add("autoconfig.misnamed.test")
    made.names.zone("untrusted.test", hosts)
    made.names.zone("misnamed.test", hosts)
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def _lived_in(internet: Internet, tmp_path: Path) -> Iterator[None]:
    internet.web.pages.clear()
    internet.web.asked.clear()
    with internet.lived_in(tmp_path):
        yield


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        yield opened


def autoconfig(port: int, security: str = "SSL", host: str = HOST) -> Page:
    return Page(
        f"""<clientConfig><emailProvider id="x"><incomingServer type="imap"><hostname>{host}</hostname>
        <port>{port}</port><socketType>{security}</socketType></incomingServer></emailProvider>
        </clientConfig>""".encode()
    )


def outcome(found: Discovered, source: Source) -> str:
    """The code of why a source could not be heard."""
    (told,) = (one for one in found.told if one.source is source)
    return told.problem.code if told.problem is not None else ""


# --- sources -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["untrusted.test", "misnamed.test"])
async def test_a_web_server_that_does_not_prove_itself_is_asked_nothing(
    app: App, internet: Internet, domain: str
) -> None:
    internet.web.pages[f"autoconfig.{domain}", PATH] = autoconfig(1)
    found = await discover(app, f"kim@{domain}", around=internet.around())
    assert outcome(found, Source.AUTOCONFIG) == "http.unreachable"
    assert not [one for one in internet.web.asked if one.host == f"autoconfig.{domain}"]
    assert found.imap is None


@pytest.mark.parametrize(
    "location",
    [
        "https://inside.firma.test/admin",
        "http://autoconfig.firma.test/mail/config-v1.1.xml",
        "https://inside.firma.test:8443/admin",
        "https://127.0.0.1/admin",
        "https://[::1]/admin",
        "https://user:pass@inside.firma.test/admin",
        "//inside.firma.test/admin",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
async def test_a_redirection_leads_to_nobody_inside(app: App, internet: Internet, location: str) -> None:
    internet.web.pages["autoconfig.firma.test", PATH] = Page(b"", 302, {"Location": location})
    internet.web.pages["inside.firma.test", "/admin"] = autoconfig(1)
    found = await discover(app, ADDRESS, around=internet.around(local_allowed=False))
    assert not [one for one in internet.web.asked if one.path == "/admin"]
    assert not [one for one in found.tried if one.candidate.source is Source.AUTOCONFIG]


async def test_redirections_are_followed_only_so_far(app: App, internet: Internet) -> None:
    pages = internet.web.pages
    pages["autoconfig.firma.test", PATH] = Page(b"", 301, {"Location": "https://mail.firma.test/1"})
    pages["mail.firma.test", "/1"] = Page(b"", 302, {"Location": "/2"})
    pages["mail.firma.test", "/2"] = autoconfig(1)
    found = await discover(app, ADDRESS, around=internet.around())
    assert [one.candidate.port for one in found.tried if one.candidate.source is Source.AUTOCONFIG] == [1]
    pages["mail.firma.test", "/2"] = Page(b"", 302, {"Location": "/1"})
    internet.web.asked.clear()
    found = await discover(app, ADDRESS, around=internet.around())
    assert outcome(found, Source.AUTOCONFIG) != ""
    assert len([one for one in internet.web.asked if one.host == "mail.firma.test"]) == 3


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (Page(LAUGHS), "discovery.unreadable"),
        (Page(b"<clientConfig>" + b" " * 70_000), "http.too_large"),
        (Page(b"<html>Not found</html>"), "discovery.unreadable"),
        (Page(b"\x00" * 1000), "discovery.unreadable"),
        (Page(b"", 500), "http.refused"),
    ],
)
async def test_a_file_that_cannot_be_used_hurts_nobody(
    app: App, internet: Internet, page: Page, code: str
) -> None:
    internet.web.pages["autoconfig.firma.test", PATH] = page
    internet.web.pages["firma.test", "/.well-known/autoconfig/mail/config-v1.1.xml"] = page
    found = await discover(app, ADDRESS, around=internet.around())
    assert outcome(found, Source.AUTOCONFIG) == code


async def test_no_password_is_asked_of_anybody_and_the_address_stays_at_home(
    app: App, internet: Internet
) -> None:
    await discover(app, ADDRESS, around=internet.around())
    assert internet.web.asked
    for one in internet.web.asked:
        assert one.host == "firma.test" or one.host.endswith(".firma.test")
        assert b"assword" not in one.content and "uthorization" not in str(one)


# --- servers -----------------------------------------------------------------------------------------


class Trap:
    """A mail server that is broken in one way, and keeps every byte it was given in plain text."""

    def __init__(self, context: ssl.SSLContext | None, lines: bytes, *, implicit: bool = True) -> None:
        self.heard = bytearray()
        self.connections = 0
        self._context = context if implicit else None
        self._lines = lines

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, LOOPBACK, 0, ssl=self._context)
        async with server:
            yield int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        greeting, _, answers = self._lines.partition(b"|")
        writer.write(greeting)
        try:
            while data := await reader.readline():
                self.heard += data
                tag = data.split(b" ")[0]
                writer.write(answers.replace(b"TAG", tag))
                await writer.drain()
        except (ConnectionError, ValueError, ssl.SSLError):
            pass
        finally:
            writer.close()


GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n|TAG OK fine\r\n"


def context_of(file: Path, *, oldest: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if oldest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def expired(internet: Internet, folder: Path) -> Path:
    past = datetime.now(UTC) - timedelta(days=10)
    made = internet.authority.issue_cert(HOST, not_before=past, not_after=past + timedelta(days=1))
    file = folder / "expired.pem"
    file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
    return file


@pytest.mark.parametrize(
    "kind",
    [
        "untrusted",
        "misnamed",
        "expired",
        "plain on the port of TLS",
        "web server",
        "old TLS",
        "no STARTTLS",
        "STARTTLS refused",
        "STARTTLS with words behind it",
        "PREAUTH before TLS",
        "STARTTLS and no TLS behind it",
        "silent",
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_no_byte_of_a_secret_leaves_before_a_proven_session(
    app: App, internet: Internet, tmp_path: Path, kind: str
) -> None:
    good = internet.certificate(tmp_path, HOST)
    starttls = kind.startswith(("no STARTTLS", "STARTTLS", "PREAUTH"))
    trap = {
        "untrusted": lambda: Trap(context_of(internet.certificate(tmp_path, HOST, trusted=False)), GREETING),
        "misnamed": lambda: Trap(context_of(internet.certificate(tmp_path, "other.test")), GREETING),
        "expired": lambda: Trap(context_of(expired(internet, tmp_path)), GREETING),
        "plain on the port of TLS": lambda: Trap(None, GREETING),
        "web server": lambda: Trap(None, b"HTTP/1.1 400 Bad Request\r\n\r\n|\r\n"),
        "old TLS": lambda: Trap(context_of(good, oldest=True), GREETING),
        "no STARTTLS": lambda: Trap(None, GREETING),
        "STARTTLS refused": lambda: Trap(None, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n|TAG NO no\r\n"),
        "STARTTLS with words behind it": lambda: Trap(
            None, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n|TAG OK go\r\n* OK more\r\n"
        ),
        "PREAUTH before TLS": lambda: Trap(
            None, b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] x\r\n|TAG OK x\r\n"
        ),
        "STARTTLS and no TLS behind it": lambda: Trap(
            None, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n|TAG OK go\r\n"
        ),
        "silent": lambda: Trap(None, b"|"),
    }[kind]()
    async with trap.open() as port:
        page = autoconfig(port, "STARTTLS" if starttls else "SSL")
        internet.web.pages["autoconfig.firma.test", PATH] = page
        found = await discover(app, ADDRESS, around=internet.around())
        assert found.imap is None and found.error is not None
        assert trap.connections or kind == "old TLS"
        (tried,) = (one for one in found.tried if one.candidate.source is Source.AUTOCONFIG)
        assert tried.error is not None

        # Whoever names the server all the same gets no further than that.
        config = replace_times(app)
        wanted = Wanted(ADDRESS, imap=f"{HOST}:{port}", security="starttls" if starttls else "tls")
        tested = await add_account(config, planned_account(config, wanted), Secret(SECRET))
        assert tested.error is not None and tested.account.state is AccountState.FAILING
    secret = SECRET.encode()
    for form in (
        secret,
        base64.b64encode(secret),
        base64.b64encode(b"\0" + ADDRESS.encode() + b"\0" + secret),
    ):
        assert form not in trap.heard, kind
    assert b"AUTHENTICATE" not in trap.heard and b"LOGIN" not in trap.heard


def replace_times(app: App) -> App:
    from dataclasses import replace as with_fields

    return replace(app, config=with_fields(app.config, connect_timeout=1.0, read_timeout=5.0))


async def test_a_server_that_proves_itself_takes_the_place_of_one_that_does_not(
    app: App, internet: Internet, tmp_path: Path
) -> None:
    bad = Trap(context_of(internet.certificate(tmp_path, HOST, trusted=False)), GREETING)
    good = Trap(context_of(internet.certificate(tmp_path, "mail.firma.test")), GREETING)
    async with bad.open() as bad_port, good.open() as good_port:
        first, second = autoconfig(bad_port).content, autoconfig(good_port, host="mail.firma.test").content
        both = first.replace(
            b"</emailProvider>",
            second[second.index(b"<incoming") :].split(b"</emailP")[0] + b"</emailProvider>",
            1,
        )
        internet.web.pages["autoconfig.firma.test", PATH] = Page(both)
        found = await discover(app, ADDRESS, around=internet.around())
        assert found.imap is not None and found.imap.candidate.host == "mail.firma.test"
        first_tried = next(one for one in found.tried if one.candidate.protocol is Protocol.IMAP)
        assert first_tried.error is not None and first_tried.error.problem.code == "net.certificate"
