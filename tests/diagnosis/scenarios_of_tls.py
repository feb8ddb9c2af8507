"""Scenarios: certificates and protections that are broken in one way each."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from eilbote.diagnosis.evidence import (
    Asked,
    Outcome,
    Protocol,
    Shaken,
)
from eilbote.engine.diagnose import Diagnosed
from tests.diagnosis.clinic import Clinic
from tests.diagnosis.peers import Authority, Peer, self_signed
from tests.diagnosis.scenario import Run, Scenario, at, within
from tests.diagnosis.worlds import DAY, IMAP, LEAF, MACHINE, NOW, SMTP, World, only_tls


def certificates(folder: Path, trusted: Authority) -> Iterator[Scenario]:
    """Certificates that must not be accepted, shown on real lines; `trusted` is an authority of the
    machine's."""

    def shown(context: ssl.SSLContext) -> Run:
        return at(Peer(context=context, implicit=True))

    words = ("certificate",)
    stranger = Authority("Fremdes Amt")
    middle = Authority("Mittelamt", parent=trusted)
    late = Authority("Abgelaufenes Mittelamt", parent=trusted, days=(-90, -2))
    weak = rsa.generate_private_key(65537, 1024)
    yield Scenario("expired", "certificate", words, shown(trusted.issue(folder, days=(-90, -3))))
    yield Scenario("expired-long-ago", "certificate", words, shown(trusted.issue(folder, days=(-900, -700))))
    yield Scenario("not-yet-valid", "certificate", words, shown(trusted.issue(folder, days=(2, 90))))
    yield Scenario(
        "wrong-name", "certificate", words, shown(trusted.issue(folder, names=("mail.hoster.example",)))
    )
    yield Scenario("no-name", "certificate", words, shown(trusted.issue(folder, names=("server",))))
    yield Scenario(
        "wildcard-too-high", "certificate", words, shown(trusted.issue(folder, names=("*.example",)))
    )
    yield Scenario("self-signed", "certificate", words, shown(self_signed(folder)))
    yield Scenario("private-authority", "certificate", words, shown(stranger.issue(folder)))
    url = "http://authority.example/middle.cer"
    yield Scenario(
        "incomplete", "certificate", words, shown(middle.issue(folder, with_chain=False, issuer_url=url))
    )
    yield Scenario("expired-middle", "certificate", words, shown(late.issue(folder)))
    yield Scenario("weak-key", "certificate", words, shown(trusted.issue(folder, key=weak)))
    yield Scenario("expires-soon", "certificate", words, shown(trusted.issue(folder, days=(-88, 2))))
    scanner = Authority("Kaspersky Anti-Virus Personal Root Certificate")
    yield Scenario("virus-scanner", "certificate", ("interception",), shown(scanner.issue(folder)))
    late_clock = replace(MACHINE, now=NOW + 400 * DAY)
    expired = Shaken("TLSv1.3", "TLS_AES_256_GCM_SHA384", error="certificate has expired", chain=(LEAF,))
    clock = World(
        talks={IMAP: only_tls(IMAP, expired), SMTP: only_tls(SMTP, expired)},
        machine=late_clock,
        asked=Asked(IMAP.host, Outcome.OK, 200, date=NOW),
    )
    yield within("our-clock", "certificate", ("clock",), clock)


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
        "old-tls", "tls", ("tls",), at(Peer(context=trusted.issue(folder, tune=old), implicit=True))
    )
    yield Scenario(
        "no-common-cipher",
        "tls",
        ("tls",),
        at(Peer(context=trusted.issue(folder, tune=anonymous), implicit=True)),
    )
    yield Scenario("plain-on-tls-port", "tls", ("tls",), _plain_on_tls(good))
    yield Scenario("tls-on-plain-port", "tls", ("tls",), _tls_on_plain(good))
    yield Scenario(
        "garbage-for-tls",
        "tls",
        ("tls", "server"),
        at(Peer(raw=b"\x00\x01\x02\x03" * 40, context=good, implicit=False)),
    )
    yield Scenario("no-starttls", "starttls", ("tls", "interception"), at(Peer(no_starttls=True)))
    yield Scenario(
        "no-starttls-smtp",
        "starttls",
        ("tls", "interception"),
        at(Peer(), Peer(Protocol.SMTP, no_starttls=True)),
    )
    yield Scenario(
        "starttls-refused", "starttls", ("tls",), at(Peer(context=good, starttls="a2 NO not today"))
    )
    yield Scenario(
        "starttls-refused-smtp",
        "starttls",
        ("tls",),
        at(Peer(), Peer(Protocol.SMTP, context=good, starttls="454 4.7.0 TLS not available")),
    )
    yield Scenario(
        "preauth", "starttls", ("interception",), at(Peer(context=good, greeting="* PREAUTH welcome"))
    )
    yield Scenario(
        "injected",
        "starttls",
        ("interception",),
        at(Peer(inject=b"* CAPABILITY IMAP4rev1\r\n", context=good)),
    )
    yield Scenario(
        "injected-smtp",
        "starttls",
        ("interception",),
        at(Peer(), Peer(Protocol.SMTP, inject=b"250 ok\r\n", context=good)),
    )
    pop3 = Protocol.POP3
    words = ("tls", "interception")
    yield Scenario("no-stls", "starttls", words, at(Peer(pop3, no_starttls=True)))
    yield Scenario("stls-refused", "starttls", ("tls",), at(Peer(pop3, context=good, starttls="-ERR no")))
    yield Scenario("injected-pop3", "starttls", words, at(Peer(pop3, inject=b"+OK\r\n", context=good)))
    mangled = Peer(abilities="IMAP4rev1 STARTTLX LOGINDISABLED", no_starttls=True)
    yield Scenario("starttls-mangled", "starttls", words, at(mangled))
    hotel = self_signed(folder)
    yield Scenario("starttls-self-signed", "starttls", ("certificate",), at(Peer(context=hotel)))
    wrong = trusted.issue(folder, names=("mail.hoster.example",))
    yield Scenario(
        "starttls-wrong-name",
        "starttls",
        ("certificate",),
        at(Peer(), Peer(Protocol.SMTP, context=wrong)),
    )
    yield Scenario(
        "starttls-bad-certificate",
        "starttls",
        ("certificate",),
        at(Peer(context=Authority("Fremd").issue(folder))),
    )


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
