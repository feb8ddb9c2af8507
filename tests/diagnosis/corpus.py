"""The fault corpus: servers and networks that are broken in one way each, and the first word of the cause
that a diagnosis must begin with. All of it is our own, made after what servers are known to do."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from eilbote.diagnosis.evidence import (
    Asked,
    Conversed,
    LoggedIn,
    NamesTested,
    Outcome,
    OwnDomain,
    Place,
    Protocol,
    Remembered,
    Resolved,
    Searched,
    SecretShape,
    Shaken,
)
from eilbote.engine.diagnose import Diagnosed
from eilbote.store.values import AuthKind
from tests.diagnosis.answers import ANSWERS, Answer
from tests.diagnosis.clinic import Clinic
from tests.diagnosis.peers import Authority, Peer, self_signed
from tests.diagnosis.worlds import DAY, IMAP, LEAF, MACHINE, NOW, SMTP, Ports, World, good_talk, only_tls

Run = Callable[[Clinic], Awaitable[Diagnosed]]


class Scenario(NamedTuple):
    """`words`: first words that the cause may have; `group`: `answer`, `network`, `certificate`, `dns`,
    `tls`, `starttls`, `other`."""

    name: str
    group: str
    words: tuple[str, ...]
    run: Run


AFTER_LOGIN = {26: "login", 27: "listing", 28: "listing", 31: "listing", 66: "listing", 9: "listing"}
NOT_ON_THE_WAY = {22, 29, 30, 53, 64, 67}
"""Answers to what a diagnosis never says: appending, creating, waiting; `test_replies` has them."""

AT_MAIL = {20, 21, 41, 42, 50, 52, 68, 71, 72, 74, 75, 76, 48, 39, 38}
AT_RCPT = {16, 17, 18, 49, 69, 70, 73}
ADDRESSES = {
    "gmail": "anna@gmail.com",
    "gmx": "anna@gmx.de",
    "webde": "anna@web.de",
    "ionos": "anna@online.de",
    "icloud": "anna@icloud.com",
    "yahoo": "anna@yahoo.com",
    "t-online": "anna@t-online.de",
    "outlook": "anna@outlook.com",
}


def answers() -> Iterator[Scenario]:
    """Each of the 80 answers, said by a server on a real line where a diagnosis meets it."""
    for at, one in enumerate(ANSWERS):
        if one.number not in NOT_ON_THE_WAY:
            yield Scenario(f"answer-{one.number}-{at}", "answer", _words(one), _said(one))


def _words(one: Answer) -> tuple[str, ...]:
    # Greylisting is no fault: the server takes the mail a few minutes later.
    return ("none",) if one.number == 73 else one.words


def _said(one: Answer) -> Run:
    # A password for Microsoft is never sent; such servers are met under other names.
    known = one.provider not in ("outlook", "office365")
    address = ADDRESSES.get(one.provider, "anna@example.org") if known else "anna@example.org"
    greeting = ""
    if not known:
        exchange = "The Microsoft Exchange IMAP4 service is ready."
        greeting = (
            f"* OK {exchange}" if one.protocol is Protocol.IMAP else "220 Microsoft ESMTP MAIL Service ready"
        )

    def peers() -> list[Peer]:
        text = one.text
        if one.protocol is Protocol.POP3:
            return [Peer(Protocol.POP3, login=text)]
        if one.protocol is Protocol.IMAP:
            if one.greeting or text.startswith("BYE"):
                return [Peer(greeting=f"* {text}")]
            if AFTER_LOGIN.get(one.number) == "listing":
                return [Peer(greeting=greeting, listing=text)]
            if "WEBALERT" in text:
                return [
                    Peer(
                        untagged=f"* {text}", login="NO [ALERT] Please log in via your web browser (Failure)"
                    )
                ]
            return [Peer(greeting=greeting, login=text)]
        imap = Peer()
        if one.greeting:
            return [imap, Peer(Protocol.SMTP, greeting=text)]
        if one.number in AT_MAIL:
            return [imap, Peer(Protocol.SMTP, greeting=greeting, mail=text)]
        if one.number in AT_RCPT:
            return [imap, Peer(Protocol.SMTP, rcpt=text)]
        return [imap, Peer(Protocol.SMTP, greeting=greeting, login=text)]

    async def run(clinic: Clinic) -> Diagnosed:
        return await clinic.report_on(*peers(), address=address)

    return run


def networks() -> Iterator[Scenario]:
    """The twelve rows by which faults of the network are told apart."""
    dead, silent, refused = Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.REFUSED
    port = IMAP.port
    yield _world("1-refused", "network", ("refused",), World(ports={(IMAP.host, port): refused}))
    yield _world(
        "2-firewall-rejects",
        "network",
        ("filtered",),
        World(ports={(None, 993): refused, (None, 465): refused}),
    )
    yield _world(
        "3-firewall-drops", "network", ("filtered",), World(ports={(None, 993): silent, (None, 465): silent})
    )
    yield _world("4-host-down", "network", ("host_down",), World(ports={(IMAP.host, None): dead}))
    yield _world("5-no-internet", "network", ("offline",), World(ports={(None, None): dead}))
    yield _world("5-no-route", "network", ("offline",), World(ports={(None, None): Outcome.UNREACHABLE}))
    yield Scenario(
        "6-captive-portal",
        "network",
        ("portal",),
        _at(Peer(raw=b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel/\r\n\r\n")),
    )
    yield Scenario(
        "6-portal-511",
        "network",
        ("portal",),
        _at(Peer(raw=b"HTTP/1.1 511 Network Authentication Required\r\n\r\n")),
    )
    intercepted = Shaken(
        "TLSv1.3",
        "TLS_AES_128_GCM_SHA256",
        error="unable to get local issuer certificate",
        chain=(replace(LEAF, issuer="CN=Firmen-Proxy CA"),),
    )
    both = {IMAP: only_tls(IMAP, intercepted), SMTP: only_tls(SMTP, intercepted)}
    yield _world("7-interception", "network", ("interception",), World(talks=both))
    named = replace(intercepted, chain=(replace(LEAF, issuer="CN=Avast Web/Mail Shield Root,O=Avast"),))
    yield _world("7-virus-scanner", "network", ("interception",), World(talks={IMAP: only_tls(IMAP, named)}))
    stars = "220 " + "*" * 60
    yield Scenario(
        "8-inspection",
        "network",
        ("interception",),
        _at(Peer(), Peer(Protocol.SMTP, greeting=stars, no_starttls=True)),
    )
    mangled = Peer(abilities="IMAP4rev1 XXXXXXXA LOGINDISABLED", no_starttls=True)
    yield Scenario("8-inspection-imap", "network", ("interception",), _at(mangled))
    yield Scenario("9-silent", "network", ("server", "interception"), _at(Peer(silent=True)))
    old = Shaken(error="tlsv1 alert protocol version", lower="TLSv1", cipher="ECDHE-RSA-AES128-SHA")
    yield _world(
        "10-too-old",
        "network",
        ("tls",),
        World(talks={IMAP: replace(only_tls(IMAP, old), outcome=Outcome.ERROR)}),
    )
    hung = Shaken(error="net.timeout", hung=True, small_worked=True)
    yield _world(
        "11-hello-lost",
        "network",
        ("filtered",),
        World(talks={IMAP: replace(only_tls(IMAP, hung), outcome=Outcome.ERROR)}),
    )
    two = {IMAP.host: ("192.0.2.1", "2001:db8::1"), SMTP.host: ("192.0.2.2", "2001:db8::2")}
    six: Ports = {("2001:db8::1", None): silent, ("2001:db8::2", None): silent}
    yield _world("12-ipv6-half", "network", ("filtered",), World(addresses=two, ports=six))


def names() -> Iterator[Scenario]:
    """Name lookup, broken in ten ways."""
    host = IMAP.host

    def one(outcome: Outcome, told: Outcome | None = None, **others: Resolved) -> World:
        looked = Resolved(host, outcome, (), told, 3000.0 if outcome is Outcome.TIMEOUT else 5.0)
        return World(places=(IMAP,), names={host: looked, **others})

    yield _world("no-such-name", "dns", ("dns",), one(Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_NAME))
    yield _world("no-address", "dns", ("dns",), one(Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS))
    yield _world("servfail", "dns", ("dns",), one(Outcome.SERVER_FAILURE, Outcome.SERVER_FAILURE))
    yield _world("bogus", "dns", ("dns",), one(Outcome.ERROR, Outcome.SERVER_FAILURE))
    yield _world("silent", "dns", ("dns",), one(Outcome.TIMEOUT, Outcome.TIMEOUT))
    yield _world("system-fails", "dns", ("dns",), one(Outcome.SERVER_FAILURE, Outcome.TIMEOUT))
    both = one(Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_NAME)
    both.places = (IMAP, SMTP)
    yield _world("one-of-two", "dns", ("dns",), both)
    all_silent = {
        one_host: Resolved(one_host, Outcome.TIMEOUT, (), Outcome.TIMEOUT, 3000.0)
        for one_host in (IMAP.host, SMTP.host)
    }
    yield _world("all-silent", "dns", ("dns", "offline"), World(names=all_silent))
    slow = Resolved(host, Outcome.OK, ("192.0.2.1",), None, 2500.0)
    yield _world("slow", "dns", ("dns",), World(places=(IMAP,), names={host: slow}))
    mistyped = replace(IMAP, host="imap.gmxx.net")
    wrong = Resolved(mistyped.host, Outcome.NO_SUCH_NAME, (), Outcome.NO_SUCH_NAME, 5.0)
    yield _world("mistyped", "dns", ("dns",), World(places=(mistyped, SMTP), names={mistyped.host: wrong}))
    lies = NamesTested(Outcome.OK, ("192.0.2.99",))
    yield _world("search-help", "dns", ("dns",), World(truth=lies))
    yield _world("unreadable", "dns", ("dns",), one(Outcome.ERROR))


def certificates(folder: Path, trusted: Authority) -> Iterator[Scenario]:
    """Certificates that must not be accepted, shown on real lines; `trusted` is an authority of the
    machine's."""

    def at(context: ssl.SSLContext) -> Run:
        return _at(Peer(context=context, implicit=True))

    words = ("certificate",)
    stranger = Authority("Fremdes Amt")
    middle = Authority("Mittelamt", parent=trusted)
    late = Authority("Abgelaufenes Mittelamt", parent=trusted, days=(-90, -2))
    weak = rsa.generate_private_key(65537, 1024)
    yield Scenario("expired", "certificate", words, at(trusted.issue(folder, days=(-90, -3))))
    yield Scenario("expired-long-ago", "certificate", words, at(trusted.issue(folder, days=(-900, -700))))
    yield Scenario("not-yet-valid", "certificate", words, at(trusted.issue(folder, days=(2, 90))))
    yield Scenario(
        "wrong-name", "certificate", words, at(trusted.issue(folder, names=("mail.hoster.example",)))
    )
    yield Scenario("no-name", "certificate", words, at(trusted.issue(folder, names=("server",))))
    yield Scenario("wildcard-too-high", "certificate", words, at(trusted.issue(folder, names=("*.example",))))
    yield Scenario("self-signed", "certificate", words, at(self_signed(folder)))
    yield Scenario("private-authority", "certificate", words, at(stranger.issue(folder)))
    url = "http://authority.example/middle.cer"
    yield Scenario(
        "incomplete", "certificate", words, at(middle.issue(folder, with_chain=False, issuer_url=url))
    )
    yield Scenario("expired-middle", "certificate", words, at(late.issue(folder)))
    yield Scenario("weak-key", "certificate", words, at(trusted.issue(folder, key=weak)))
    yield Scenario("expires-soon", "certificate", words, at(trusted.issue(folder, days=(-88, 2))))
    scanner = Authority("Kaspersky Anti-Virus Personal Root Certificate")
    yield Scenario("virus-scanner", "certificate", ("interception",), at(scanner.issue(folder)))
    late_clock = replace(MACHINE, now=NOW + 400 * DAY)
    expired = Shaken("TLSv1.3", "TLS_AES_256_GCM_SHA384", error="certificate has expired", chain=(LEAF,))
    clock = World(
        talks={IMAP: only_tls(IMAP, expired), SMTP: only_tls(SMTP, expired)},
        machine=late_clock,
        asked=Asked(IMAP.host, Outcome.OK, 200, date=NOW),
    )
    yield _world("our-clock", "certificate", ("clock",), clock)


def protections(folder: Path, trusted: Authority) -> Iterator[Scenario]:
    """Encryption that is too old, missing, removed or tampered with."""

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings(action="ignore"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1

    def anonymous(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("NULL-SHA256:@SECLEVEL=0")

    good = trusted.issue(folder)
    yield Scenario(
        "old-tls", "tls", ("tls",), _at(Peer(context=trusted.issue(folder, tune=old), implicit=True))
    )
    yield Scenario(
        "no-common-cipher",
        "tls",
        ("tls",),
        _at(Peer(context=trusted.issue(folder, tune=anonymous), implicit=True)),
    )
    yield Scenario("plain-on-tls-port", "tls", ("tls",), _plain_on_tls(good))
    yield Scenario("tls-on-plain-port", "tls", ("tls",), _tls_on_plain(good))
    yield Scenario(
        "garbage-for-tls",
        "tls",
        ("tls", "server"),
        _at(Peer(raw=b"\x00\x01\x02\x03" * 40, context=good, implicit=False)),
    )
    yield Scenario("no-starttls", "starttls", ("tls", "interception"), _at(Peer(no_starttls=True)))
    yield Scenario(
        "no-starttls-smtp",
        "starttls",
        ("tls", "interception"),
        _at(Peer(), Peer(Protocol.SMTP, no_starttls=True)),
    )
    yield Scenario(
        "starttls-refused", "starttls", ("tls",), _at(Peer(context=good, starttls="a2 NO not today"))
    )
    yield Scenario(
        "starttls-refused-smtp",
        "starttls",
        ("tls",),
        _at(Peer(), Peer(Protocol.SMTP, context=good, starttls="454 4.7.0 TLS not available")),
    )
    yield Scenario(
        "preauth", "starttls", ("interception",), _at(Peer(context=good, greeting="* PREAUTH welcome"))
    )
    yield Scenario(
        "injected",
        "starttls",
        ("interception",),
        _at(Peer(inject=b"* CAPABILITY IMAP4rev1\r\n", context=good)),
    )
    yield Scenario(
        "injected-smtp",
        "starttls",
        ("interception",),
        _at(Peer(), Peer(Protocol.SMTP, inject=b"250 ok\r\n", context=good)),
    )
    pop3 = Protocol.POP3
    words = ("tls", "interception")
    yield Scenario("no-stls", "starttls", words, _at(Peer(pop3, no_starttls=True)))
    yield Scenario("stls-refused", "starttls", ("tls",), _at(Peer(pop3, context=good, starttls="-ERR no")))
    yield Scenario("injected-pop3", "starttls", words, _at(Peer(pop3, inject=b"+OK\r\n", context=good)))
    mangled = Peer(abilities="IMAP4rev1 STARTTLX LOGINDISABLED", no_starttls=True)
    yield Scenario("starttls-mangled", "starttls", words, _at(mangled))
    hotel = self_signed(folder)
    yield Scenario("starttls-self-signed", "starttls", ("certificate",), _at(Peer(context=hotel)))
    wrong = trusted.issue(folder, names=("mail.hoster.example",))
    yield Scenario(
        "starttls-wrong-name", "starttls", ("certificate",), _at(Peer(), Peer(Protocol.SMTP, context=wrong))
    )
    yield Scenario(
        "starttls-bad-certificate",
        "starttls",
        ("certificate",),
        _at(Peer(context=Authority("Fremd").issue(folder))),
    )


def nobody() -> World:
    """An address that is no account, and of which nothing is known."""
    return World(
        address="anna@firma.example", places=(), tune=lambda target: replace(target, is_account=False)
    )


def with_tokens(place: Place, ability: str) -> Conversed:
    return replace(good_talk(place), before=("IMAP4REV1", ability), after=("IMAP4REV1", ability))


def replace_search(world: World, searched: Searched) -> World:
    world.searched = searched
    return world


_ZONE = {
    ("lindenbaum.de", "SOA"): ("ns1.lindenbaum.de. admin.lindenbaum.de. 1 3600 600 86400 60",),
    ("lindenbaum.de", "NS"): ("ns1.lindenbaum.de.", "ns2.lindenbaum.de."),
    ("ns1.lindenbaum.de", "A"): ("192.0.2.7",),
    ("ns2.lindenbaum.de", "A"): ("198.51.100.7",),
    ("lindenbaum.de", "MX"): ("10 mx.lindenbaum.de.",),
    ("mx.lindenbaum.de", "A"): ("192.0.2.8",),
    ("lindenbaum.de", "TXT"): ("v=spf1 mx -all",),
    ("_dmarc.lindenbaum.de", "TXT"): ("v=DMARC1; p=reject; rua=mailto:berichte@lindenbaum.de",),
}
_ZONES: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {
    "sound": {},
    "no-spf": {("lindenbaum.de", "TXT"): ()},
    "weak-spf": {("lindenbaum.de", "TXT"): ("v=spf1 mx ?all",)},
    "no-dmarc": {("_dmarc.lindenbaum.de", "TXT"): ()},
    "odd-dmarc": {("_dmarc.lindenbaum.de", "TXT"): ("v=DMARC1; p=reject; sp=none; pct=50",)},
    "no-policy-file": {("_mta-sts.lindenbaum.de", "TXT"): ("v=STSv1; id=20261127",)},
    "one-name-server": {("lindenbaum.de", "NS"): ("ns1.lindenbaum.de.",)},
    "two-spf": {("lindenbaum.de", "TXT"): ("v=spf1 mx -all", "v=spf1 a -all")},
    "no-mail-server": {("lindenbaum.de", "MX"): ("0 .",)},
}
"""What each zone has otherwise than a sound one."""

_BROKEN_ZONES = ("two-spf", "no-mail-server")
"""What stands in these hinders the account's mail; of the others it is said that the account works."""


def others() -> Iterator[Scenario]:
    """What else goes wrong."""
    yield Scenario("web-server", "other", ("server",), _at(Peer(raw=b"<!DOCTYPE html><html>hello</html>\n")))
    yield Scenario("ssh", "other", ("server",), _at(Peer(raw=b"SSH-2.0-OpenSSH_10.0\r\n")))
    yield Scenario("smtp-at-imap", "other", ("server",), _at(Peer(raw=b"220 mx ESMTP\r\n")))
    yield Scenario("hangs-up", "other", ("server",), _at(Peer(hang_up=True)))
    yield Scenario("bye", "other", ("server", "temporary"), _at(Peer(greeting="* BYE go away")))
    yield Scenario(
        "554",
        "other",
        ("server", "spam"),
        _at(Peer(), Peer(Protocol.SMTP, greeting="554 no service for you")),
    )
    yield Scenario("login-disabled", "other", ("server",), _at(Peer(abilities="IMAP4rev1 LOGINDISABLED")))
    yield Scenario(
        "only-oauth",
        "other",
        ("oauth_only",),
        _at(Peer(abilities="IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER")),
    )
    yield Scenario(
        "unknown-mechanisms",
        "other",
        ("server",),
        _at(Peer(abilities="IMAP4rev1 LOGINDISABLED AUTH=GSSAPI AUTH=NTLM")),
    )
    yield Scenario("no-oauth", "other", ("oauth_only",), _at(Peer(), auth=AuthKind.OAUTH))
    yield Scenario(
        "smtp-only-oauth",
        "other",
        ("oauth_only",),
        _at(Peer(), Peer(Protocol.SMTP, abilities="250-x\n250 AUTH XOAUTH2")),
    )
    yield Scenario(
        "ehlo-refused",
        "other",
        ("server",),
        _at(Peer(), Peer(Protocol.SMTP, ehlo="501 5.5.4 invalid domain name")),
    )
    yield Scenario(
        "expired-password", "other", ("password",), _at(Peer(login="NO [EXPIRED] Password expired"))
    )
    yield Scenario("contact-admin", "other", ("admin",), _at(Peer(login="NO [CONTACTADMIN] Account locked")))
    yield Scenario(
        "other-user",
        "other",
        ("password",),
        _at(Peer(login="NO [AUTHORIZATIONFAILED] no such authorization-ID")),
    )
    yield Scenario(
        "token-refused",
        "other",
        ("oauth_only",),
        _at(
            Peer(abilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2", login="NO [AUTHENTICATIONFAILED] invalid token"),
            auth=AuthKind.OAUTH,
        ),
    )
    yield Scenario(
        "microsoft-personal",
        "other",
        ("oauth_only",),
        _at(Peer(), Peer(Protocol.SMTP), address="anna@outlook.com"),
    )
    yield Scenario("healthy", "other", ("none",), _at(Peer(), Peer(Protocol.SMTP)))
    yield Scenario("healthy-pop3", "other", ("none",), _at(Peer(Protocol.POP3), Peer(Protocol.SMTP)))
    for name, records in _ZONES.items():
        own = World(
            address="anna@lindenbaum.de",
            zone={**_ZONE, **records},
            tune=lambda target: replace(target, domain=OwnDomain("lindenbaum.de")),
        )
        word = "dns" if name in _BROKEN_ZONES else "none"
        yield _world(f"own-domain-{name}", "other", (word,), own)
        refused = LoggedIn(IMAP, "imap.login_refused", "authentication failed")
        broken = World(address=own.address, zone=own.zone, tune=own.tune, logins={IMAP: refused})
        yield _world(f"own-domain-{name}-refused", "other", ("service_off", "password"), broken)
        alone = World(
            address="lindenbaum.de",
            places=(),
            zone={**_ZONE, **records},
            tune=lambda target: replace(target, is_account=False, domain=OwnDomain("lindenbaum.de")),
        )
        yield _world(f"domain-alone-{name}", "other", ("none",) if name == "sound" else ("dns",), alone)
    typo = World(
        address="anna@gmial.com",
        places=(),
        tune=lambda target: replace(target, is_account=False, meant="gmail.com"),
    )
    yield _world("typo", "other", ("address",), typo)
    gone = replace_search(nobody(), Searched(problem="discovery.no_domain"))
    yield _world("domain-gone", "other", ("dns",), gone)
    yield _world(
        "domain-without-mail",
        "other",
        ("dns",),
        replace_search(nobody(), Searched(problem="discovery.no_mail")),
    )
    nowhere = World(
        address="anna@firma.example", places=(), tune=lambda target: replace(target, is_account=False)
    )
    yield _world("no-servers-known", "other", ("address",), nowhere)
    late = "220 FR1.mail.example Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 10:00:00 +0000"
    fast = World(talks={SMTP: replace(good_talk(SMTP), banner=late)})
    yield _world("clock-in-greeting", "other", ("clock",), fast)
    for code, words in (
        ("oauth.sign_in_again", ("oauth_only",)),
        ("oauth.wrong_redirect", ("oauth_only",)),
        ("oauth.client_expired", ("oauth_only",)),
        ("oauth.needs_admin", ("admin",)),
        ("oauth.second_factor", ("admin",)),
        ("oauth.unavailable", ("temporary",)),
    ):
        told = {"host": "login.example.org", "text": "no", "status": "500", "address": "anna@gmx.de"}
        world = World(
            talks={IMAP: with_tokens(IMAP, "AUTH=XOAUTH2"), SMTP: with_tokens(SMTP, "AUTH XOAUTH2")},
            secret=SecretShape(problem=code, told=told),
            tune=lambda target: replace(target, oauth=True),
        )
        yield _world(code, "other", words, world)
    yield _world("disk-full", "other", ("server",), World(machine=replace(MACHINE, free=10 << 20)))
    yield _world("no-authorities", "other", ("certificate",), World(machine=replace(MACHINE, authorities=0)))
    yield _world("key-readable", "other", ("password",), World(machine=replace(MACHINE, key_mode=0o644)))
    remembered = Remembered(
        "imap.login_refused", "Your password has expired", "EXPIRED", Protocol.IMAP, is_fresh=True
    )
    yield _world(
        "remembered",
        "other",
        ("password",),
        World(tune=lambda target: replace(target, remembered=remembered)),
    )
    limited = World(tune=lambda target: replace(target, refused=3))
    yield _world("limit", "other", ("rate",), limited)
    unsteady = Conversed(IMAP, Outcome.TIMEOUT, reason="net.timeout")
    yield _world("unsteady", "other", ("temporary",), World(talks={IMAP: unsteady}))


def everything(folder: Path, trusted: Authority) -> list[Scenario]:
    return [
        *answers(),
        *networks(),
        *names(),
        *certificates(folder, trusted),
        *protections(folder, trusted),
        *others(),
    ]


@dataclass
class _At:
    """A new account at these peers."""

    peers: tuple[Peer, ...]
    address: str = "anna@example.org"
    auth: AuthKind = AuthKind.PASSWORD

    async def __call__(self, clinic: Clinic) -> Diagnosed:
        return await clinic.report_on(*self.peers, address=self.address, auth=self.auth)


def _at(*peers: Peer, address: str = "anna@example.org", auth: AuthKind = AuthKind.PASSWORD) -> Run:
    return _At(peers, address, auth)


def peers_of(scenario: Scenario) -> tuple[Peer, ...]:
    """The servers of a scenario that has some."""
    return scenario.run.peers if isinstance(scenario.run, _At) else ()


def _world(name: str, group: str, words: tuple[str, ...], world: World) -> Scenario:
    async def run(clinic: Clinic) -> Diagnosed:
        return world.diagnose()

    return Scenario(name, group, words, run)


def _plain_on_tls(context: ssl.SSLContext) -> Run:
    """The account says TLS, and the port begins in plain text."""

    async def run(clinic: Clinic) -> Diagnosed:
        peer = Peer()
        async with peer.listening():
            account = clinic.admit(imap=replace(Peer(context=context, implicit=True).server, port=peer.port))
            return await _examined(clinic, account.address)

    return run


def _tls_on_plain(context: ssl.SSLContext) -> Run:
    """The account says STARTTLS, and the port wants TLS from the first byte."""

    async def run(clinic: Clinic) -> Diagnosed:
        peer = Peer(context=context, implicit=True)
        async with peer.listening():
            account = clinic.admit(imap=replace(Peer(context=context).server, port=peer.port))
            return await _examined(clinic, account.address)

    return run


async def _examined(clinic: Clinic, address: str) -> Diagnosed:
    try:
        return await clinic.examine(address)
    finally:
        clinic.app.store.accounts.remove(clinic.app.store.accounts.get(address).id)
