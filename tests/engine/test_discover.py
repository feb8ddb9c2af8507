"""Servers are found by every source there is, prove themselves, and are told a password by nobody."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.config import Config
from eilbote.discovery.values import Protocol, Source
from eilbote.engine.app import App, open_app
from eilbote.engine.discover import MOST_SECONDS, Discovered, Step, discover
from eilbote.engine.setup import Wanted, add_account, completed, planned_account
from eilbote.engine.setup import test_sending as check_sending
from eilbote.errors import Problem
from eilbote.net.dns import NameServer, Resolver
from eilbote.secret import Secret
from eilbote.store.values import AccountState
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.engine.discovering import Internet, Listener
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.names import Signing
from tests.servers.web import Page

HOST = "imap.firma.test"
ELSEWHERE = "mail.hoster.test"


@pytest.fixture(scope="module")
def dovecot(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(
        DovecotOptions(pop3=True, names=(HOST, ELSEWHERE, "imap.guess.test", "imap.mixed.test"))
    )


@pytest.fixture(scope="module")
def internet(dovecot: Dovecot) -> Iterator[Internet]:
    made = Internet()
    tls, plain = dovecot.tls_port, dovecot.port
    here = "imap 300 IN A 127.0.0.1\nautoconfig 300 IN A 127.0.0.1\nautodiscover 300 IN A 127.0.0.1\n"
    web = "@ 300 IN A 127.0.0.1\nsmtp 300 IN A 127.0.0.1\n" + here
    made.names.zone("firma.test", f"{web}_imaps._tcp 300 IN SRV 0 1 {tls} imap\n")
    made.names.zone("plain.test", f"{web}_imap._tcp 300 IN SRV 0 1 {plain} {HOST}.\n")
    made.names.zone("hoster.test", "mail 300 IN A 127.0.0.1\nautoconfig 300 IN A 127.0.0.1\n")
    made.names.zone("elsewhere.test", f"{web}_imaps._tcp 300 IN SRV 0 1 {tls} {ELSEWHERE}.\n")
    made.names.zone("signed.test", f"{web}_imaps._tcp 300 IN SRV 0 1 {tls} {ELSEWHERE}.\n", Signing.GOOD)
    made.names.zone("file.test", web)
    pop3 = f"_pop3s._tcp 300 IN SRV 0 1 {dovecot.pop3s_port} {ELSEWHERE}.\n"
    mixed = f"{web}_imaps._tcp 300 IN SRV 0 1 {tls} imap\n{pop3}"
    made.names.zone("mixed.test", mixed)
    made.names.zone("hosted.test", "@ 300 IN MX 10 mx.mail.hoster.test.\n")
    made.names.zone("refusing.test", "@ 300 IN MX 0 .\n")
    made.names.zone("shared.test", "@ 300 IN MX 10 w0123456.kasserver.com.\n")
    taken = "@ 300 IN MX 0 firma-de.mail.protection.outlook.com.\n"
    made.names.zone("rented.test", taken)
    made.names.zone("filtered.test", f"{web}{taken}_imaps._tcp 300 IN SRV 0 1 {tls} {ELSEWHERE}.\n")
    made.names.zone("outlook.com", "firma-de.mail.protection 300 IN A 127.0.0.1\n")
    made.names.zone("kasserver.com", "w0123456 300 IN A 127.0.0.1\n")
    made.names.zone("guess.test", "@ 300 IN A 127.0.0.1\nimap 300 IN A 127.0.0.77\n")
    made.names.zone("misguess.test", "@ 300 IN A 127.0.0.1\nimap 300 IN A 127.0.0.78\n")
    made.names.zone("bare.test", "@ 300 IN A 127.0.0.1\n")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def _lived_in(internet: Internet, tmp_path: Path, dovecot: Dovecot) -> Iterator[None]:
    internet.web.pages.clear()
    internet.web.asked.clear()
    with internet.lived_in(tmp_path, dovecot.ca_file):
        yield


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        yield opened


def autoconfig(host: str, port: int, user: str = "%EMAILADDRESS%", security: str = "SSL") -> Page:
    return Page(
        f"""<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="x">
        <displayName>Firma</displayName><incomingServer type="imap"><hostname>{host}</hostname>
        <port>{port}</port><socketType>{security}</socketType><username>{user}</username>
        <authentication>password-cleartext</authentication></incomingServer></emailProvider>
        </clientConfig>""".encode()
    )


def problem_of(found: Discovered) -> Problem:
    assert found.error is not None
    return found.error.problem


@pytest.mark.parametrize(
    ("address", "source", "asks"),
    [
        ("kim@firma.test", Source.SRV, False),
        ("kim@plain.test", Source.SRV, True),
        ("kim@signed.test", Source.SRV, False),
        ("kim@elsewhere.test", Source.SRV, True),
    ],
)
async def test_records_name_a_server_that_proves_itself(
    app: App, internet: Internet, address: str, source: Source, asks: bool
) -> None:
    steps: list[Step] = []
    found = await discover(app, address, around=internet.around(), report=steps.append)
    assert found.error is None and found.imap is not None
    assert found.imap.candidate.source is source
    assert found.imap.proven is not None and "PLAIN" in found.imap.proven.mechanisms
    assert bool(found.to_confirm) is asks
    assert {one.asking for one in steps} >= {Source.SRV, Source.AUTOCONFIG, Source.MX}


async def test_the_account_that_was_found_logs_in_for_real(
    app: App, internet: Internet, dovecot: Dovecot
) -> None:
    dovecot.new_user("kim@firma.test", "geheim-1")
    found = await discover(app, "kim@firma.test", around=internet.around())
    planned = planned_account(app, completed(Wanted("kim@firma.test"), found))
    tested = await add_account(app, planned, Secret("geheim-1"))
    assert tested.error is None
    assert tested.account.state is AccountState.NEW
    assert tested.account.imap is not None and tested.account.imap.host == HOST


async def test_both_halves_are_found_and_tried(
    app: App, internet: Internet, dovecot: Dovecot, tmp_path: Path
) -> None:
    dovecot.new_user("lea@file.test", "geheim-1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(internet.certificate(tmp_path, "smtp.file.test"))
    sink = Sink(starttls=False, accounts={"lea@file.test": "geheim-1"})
    async with SmtpServer(sink, context) as smtp:
        page = autoconfig(ELSEWHERE, dovecot.tls_port)
        outgoing = f"""<outgoingServer type="smtp"><hostname>smtp.file.test</hostname><port>{smtp.port}</port>
        <socketType>SSL</socketType><username>%EMAILADDRESS%</username></outgoingServer></emailProvider>"""
        content = page.content.replace(b"</emailProvider>", outgoing.encode())
        internet.web.pages["autoconfig.file.test", "/mail/config-v1.1.xml"] = Page(content)
        found = await discover(app, "lea@file.test", around=internet.around())
        assert found.smtp is not None and found.smtp.proven is not None and found.smtp.proven.password
        planned = planned_account(app, completed(Wanted("lea@file.test"), found))
        assert (await add_account(app, planned, Secret("geheim-1"))).error is None
        assert await check_sending(app, "lea@file.test") is None


async def test_a_file_of_the_domain_names_it(app: App, internet: Internet, dovecot: Dovecot) -> None:
    path = "/mail/config-v1.1.xml"
    internet.web.pages["autoconfig.file.test", path] = autoconfig(
        ELSEWHERE, dovecot.tls_port, "%EMAILLOCALPART%"
    )
    found = await discover(app, "kim@file.test", around=internet.around())
    assert found.imap is not None
    assert (found.imap.candidate.source, found.imap.candidate.user) == (Source.AUTOCONFIG, "kim")
    assert not found.to_confirm, "the domain itself said so, over a line that it proved"
    assert completed(Wanted("kim@file.test"), found).user == "kim"
    assert any(one.path.endswith("?emailaddress=kim%40file.test") for one in internet.web.asked)


async def test_what_the_owner_of_the_mail_server_publishes_has_to_be_agreed_to(
    app: App, internet: Internet, dovecot: Dovecot
) -> None:
    page = autoconfig(ELSEWHERE, dovecot.tls_port)
    internet.web.pages["autoconfig.hoster.test", "/mail/config-v1.1.xml"] = page
    found = await discover(app, "kim@hosted.test", around=internet.around())
    assert found.imap is not None and found.imap.candidate.source is Source.MX_AUTOCONFIG
    assert [one.host for one in found.to_confirm] == [ELSEWHERE]
    assert not [one for one in internet.web.asked if "kim" in one.path and "hoster" in one.host]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("kim@refusing.test", "discovery.no_mail"),
        ("kim@nowhere.firma.test", "discovery.no_domain"),
        ("kim@bare.test", "account.servers_unknown"),
    ],
)
async def test_where_nothing_is_found_there_is_one_cause(
    app: App, internet: Internet, address: str, code: str
) -> None:
    found = await discover(app, address, around=internet.around())
    assert problem_of(found).code == code
    assert found.imap is None


async def test_nobody_is_asked_about_a_server_that_is_not_used(app: App, internet: Internet) -> None:
    found = await discover(app, "kim@mixed.test", around=internet.around())
    assert found.imap is not None and found.imap.candidate.host == "imap.mixed.test"
    assert not found.to_confirm
    assert completed(Wanted("kim@mixed.test"), found).pop3 == ""


async def test_sources_that_disagree_are_named(app: App, internet: Internet, dovecot: Dovecot) -> None:
    internet.web.pages["autoconfig.firma.test", "/mail/config-v1.1.xml"] = autoconfig(
        ELSEWHERE, dovecot.tls_port
    )
    found = await discover(app, "kim@firma.test", around=internet.around())
    assert found.imap is not None and found.imap.candidate.host == HOST
    (one,) = found.disagreements
    assert (one.protocol, one.one.host, one.other.host) == (Protocol.IMAP, HOST, ELSEWHERE)


async def test_dead_sources_cost_no_more_than_their_time(app: App, internet: Internet) -> None:
    async with Listener() as silent:
        page = autoconfig("imap.firma.test", silent.port)
        internet.web.pages["autoconfig.file.test", "/mail/config-v1.1.xml"] = page
        internet.web.pages["file.test", "/autodiscover/autodiscover.xml"] = Page(seconds=30)
        steps: list[Step] = []
        found = await discover(
            app,
            "kim@file.test",
            around=internet.around(),
            report=steps.append,
        )
        assert problem_of(found).code == "net.timeout"
        assert found.seconds < MOST_SECONDS + 5, "with some room for a busy machine"
        assert steps[0].asking is not None, "something is told before anything was answered"


async def test_silent_name_servers_are_the_cause_and_cost_no_more_than_their_time(
    app: App, internet: Internet
) -> None:
    around = internet.around()
    nobody = Resolver([NameServer("192.0.2.1"), NameServer("192.0.2.2")], seconds=2.0)
    for address in ("kim@firma.test", "kim@gmail.com"):
        found = await discover(app, address, around=replace(around, resolver=nobody))
        assert problem_of(found).code == "dns.silent"
        assert found.seconds < MOST_SECONDS + 5


async def test_the_owner_of_the_mail_server_is_known_by_the_table(app: App, internet: Internet) -> None:
    found = await discover(app, "kim@shared.test", around=internet.around())
    named = {one.candidate.host for one in found.tried if one.candidate.source is Source.MX}
    assert named == {"w0123456.kasserver.com"}
    assert found.provider is not None and found.provider.id == "all-inkl"
    assert not [one for one in internet.web.asked if "kasserver" in one.host]


async def test_a_domain_whose_mail_a_provider_takes_is_an_account_there(app: App, internet: Internet) -> None:
    found = await discover(app, "kim@rented.test", around=internet.around())
    assert found.provider is not None and found.provider.id == "office365"
    assert "outlook.office365.com" in {
        one.candidate.host for one in found.tried if one.candidate.source is Source.MX
    }


async def test_who_only_takes_the_mail_and_hands_it_on_is_asked_for_no_login(
    app: App, internet: Internet
) -> None:
    found = await discover(app, "kim@filtered.test", around=internet.around())
    assert found.imap is not None and found.imap.candidate.host == ELSEWHERE
    assert found.provider is None


async def test_a_usual_name_is_taken_only_with_its_own_certificate(
    app: App, internet: Internet, tmp_path: Path
) -> None:
    """Both listen on the usual port, each at an address of its own."""
    good = await greeting_server(internet.certificate(tmp_path, "imap.guess.test"), "127.0.0.77")
    bad = await greeting_server(internet.certificate(tmp_path, "other.test"), "127.0.0.78")
    try:
        found = await discover(app, "kim@guess.test", around=internet.around())
        assert found.imap is not None and found.imap.candidate.source is Source.GUESS
        assert found.imap.candidate.place == "imap.guess.test:993" and not found.to_confirm
        found = await discover(app, "kim@misguess.test", around=internet.around())
        assert found.imap is None
        assert problem_of(found).code == "account.servers_unknown"
    finally:
        good.close()
        bad.close()


async def greeting_server(certificate: Path, address: str) -> asyncio.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        while data := await reader.readline():
            writer.write(b"* BYE\r\n" + data.split()[0] + b" OK bye\r\n")
        writer.close()

    try:
        return await asyncio.start_server(serve, address, 993, ssl=context)
    except PermissionError:
        pytest.skip("only root may listen on port 993")


async def test_autodiscover_names_servers_and_is_told_no_password(
    app: App, internet: Internet, dovecot: Dovecot
) -> None:
    answer = f"""<Autodiscover xmlns="urn:o"><Response xmlns="urn:i"><Account><Protocol><Type>IMAP</Type>
    <Server>{ELSEWHERE}</Server><Port>{dovecot.tls_port}</Port><Encryption>SSL</Encryption></Protocol></Account>
    </Response></Autodiscover>""".encode()
    internet.web.pages["autodiscover.file.test", "/autodiscover/autodiscover.xml"] = Page(answer)
    found = await discover(app, "kim@file.test", around=internet.around())
    assert found.imap is not None and found.imap.candidate.source is Source.AUTODISCOVER
    (asked, *_) = (one for one in internet.web.asked if one.method == "POST")
    assert b"kim@file.test" in asked.content and b"assword" not in asked.content


async def test_the_exchange_server_that_version_two_names(app: App, internet: Internet) -> None:
    answer = b'{"Protocol":"AutodiscoverV1","Url":"https://mail.hoster.test/autodiscover/autodiscover.xml"}'
    path = "/autodiscover/autodiscover.json/v1.0/kim@file.test"
    internet.web.pages["autodiscover.file.test", path] = Page(answer)
    found = await discover(app, "kim@file.test", around=internet.around())
    named = [one.candidate for one in found.tried if one.candidate.source is Source.AUTODISCOVER]
    assert [(one.protocol.value, one.place) for one in named] == [
        ("imap", f"{ELSEWHERE}:993"),
        ("pop3", f"{ELSEWHERE}:995"),
        ("smtp", f"{ELSEWHERE}:587"),
    ]
