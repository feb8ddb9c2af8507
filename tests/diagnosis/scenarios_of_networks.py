"""Scenarios: networks that are broken in one way each, and names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from eilbote.diagnosis.evidence import (
    NamesTested,
    Outcome,
    Protocol,
    Resolved,
    Shaken,
)
from tests.diagnosis.peers import Peer
from tests.diagnosis.scenario import Scenario, at, within
from tests.diagnosis.worlds import IMAP, LEAF, SMTP, Ports, World, only_tls


def networks() -> Iterator[Scenario]:
    """The twelve rows by which faults of the network are told apart."""
    dead, silent, refused = Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.REFUSED
    port = IMAP.port
    yield within("1-refused", "network", ("refused",), World(ports={(IMAP.host, port): refused}))
    yield within(
        "2-firewall-rejects",
        "network",
        ("filtered",),
        World(ports={(None, 993): refused, (None, 465): refused}),
    )
    yield within(
        "3-firewall-drops", "network", ("filtered",), World(ports={(None, 993): silent, (None, 465): silent})
    )
    yield within("4-host-down", "network", ("host_down",), World(ports={(IMAP.host, None): dead}))
    yield within("5-no-internet", "network", ("offline",), World(ports={(None, None): dead}))
    yield within("5-no-route", "network", ("offline",), World(ports={(None, None): Outcome.UNREACHABLE}))
    yield Scenario(
        "6-captive-portal",
        "network",
        ("portal",),
        at(Peer(raw=b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel/\r\n\r\n")),
    )
    yield Scenario(
        "6-portal-511",
        "network",
        ("portal",),
        at(Peer(raw=b"HTTP/1.1 511 Network Authentication Required\r\n\r\n")),
    )
    intercepted = Shaken(
        "TLSv1.3",
        "TLS_AES_128_GCM_SHA256",
        error="unable to get local issuer certificate",
        chain=(replace(LEAF, issuer="CN=Firmen-Proxy CA"),),
    )
    both = {IMAP: only_tls(IMAP, intercepted), SMTP: only_tls(SMTP, intercepted)}
    yield within("7-interception", "network", ("interception",), World(talks=both))
    named = replace(intercepted, chain=(replace(LEAF, issuer="CN=Avast Web/Mail Shield Root,O=Avast"),))
    yield within("7-virus-scanner", "network", ("interception",), World(talks={IMAP: only_tls(IMAP, named)}))
    stars = "220 " + "*" * 60
    yield Scenario(
        "8-inspection",
        "network",
        ("interception",),
        at(Peer(), Peer(Protocol.SMTP, greeting=stars, no_starttls=True)),
    )
    mangled = Peer(abilities="IMAP4rev1 XXXXXXXA LOGINDISABLED", no_starttls=True)
    yield Scenario("8-inspection-imap", "network", ("interception",), at(mangled))
    yield Scenario("9-silent", "network", ("server", "interception"), at(Peer(silent=True)))
    old = Shaken(error="tlsv1 alert protocol version", lower="TLSv1", cipher="ECDHE-RSA-AES128-SHA")
    yield within(
        "10-too-old",
        "network",
        ("tls",),
        World(talks={IMAP: replace(only_tls(IMAP, old), outcome=Outcome.ERROR)}),
    )
    hung = Shaken(error="net.timeout", hung=True, small_worked=True)
    yield within(
        "11-hello-lost",
        "network",
        ("filtered",),
        World(talks={IMAP: replace(only_tls(IMAP, hung), outcome=Outcome.ERROR)}),
    )
    two = {IMAP.host: ("192.0.2.1", "2001:db8::1"), SMTP.host: ("192.0.2.2", "2001:db8::2")}
    six: Ports = {("2001:db8::1", None): silent, ("2001:db8::2", None): silent}
    yield within("12-ipv6-half", "network", ("filtered",), World(addresses=two, ports=six))


def names() -> Iterator[Scenario]:
    """Name lookup, broken in ten ways."""
    host = IMAP.host

    def one(outcome: Outcome, told: Outcome | None = None, **others: Resolved) -> World:
        looked = Resolved(host, outcome, (), told, 3000.0 if outcome is Outcome.TIMEOUT else 5.0)
        return World(places=(IMAP,), names={host: looked, **others})

    yield within("no-such-name", "dns", ("dns",), one(Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_NAME))
    yield within("no-address", "dns", ("dns",), one(Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS))
    yield within("servfail", "dns", ("dns",), one(Outcome.SERVER_FAILURE, Outcome.SERVER_FAILURE))
    yield within("bogus", "dns", ("dns",), one(Outcome.ERROR, Outcome.SERVER_FAILURE))
    yield within("silent", "dns", ("dns",), one(Outcome.TIMEOUT, Outcome.TIMEOUT))
    yield within("system-fails", "dns", ("dns",), one(Outcome.SERVER_FAILURE, Outcome.TIMEOUT))
    both = one(Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_NAME)
    both.places = (IMAP, SMTP)
    yield within("one-of-two", "dns", ("dns",), both)
    all_silent = {
        one_host: Resolved(one_host, Outcome.TIMEOUT, (), Outcome.TIMEOUT, 3000.0)
        for one_host in (IMAP.host, SMTP.host)
    }
    yield within("all-silent", "dns", ("dns", "offline"), World(names=all_silent))
    slow = Resolved(host, Outcome.OK, ("192.0.2.1",), None, 2500.0)
    yield within("slow", "dns", ("dns",), World(places=(IMAP,), names={host: slow}))
    mistyped = replace(IMAP, host="imap.gmxx.net")
    wrong = Resolved(mistyped.host, Outcome.NO_SUCH_NAME, (), Outcome.NO_SUCH_NAME, 5.0)
    yield within("mistyped", "dns", ("dns",), World(places=(mistyped, SMTP), names={mistyped.host: wrong}))
    lies = NamesTested(Outcome.OK, ("192.0.2.99",))
    yield within("search-help", "dns", ("dns",), World(truth=lies))
    yield within("unreadable", "dns", ("dns",), one(Outcome.ERROR))
