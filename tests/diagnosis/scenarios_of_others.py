"""Scenarios: what else goes wrong, with this machine, the account, a server, a domain."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from eilbote.diagnosis.evidence import (
    Conversed,
    LoggedIn,
    Outcome,
    OwnDomain,
    Place,
    Protocol,
    Remembered,
    Searched,
    SecretShape,
)
from eilbote.store.values import AuthKind
from tests.diagnosis.peers import Peer
from tests.diagnosis.scenario import Scenario, at, within
from tests.diagnosis.worlds import IMAP, MACHINE, SMTP, World, good_talk


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
    yield Scenario("web-server", "other", ("server",), at(Peer(raw=b"<!DOCTYPE html><html>hello</html>\n")))
    yield Scenario("ssh", "other", ("server",), at(Peer(raw=b"SSH-2.0-OpenSSH_10.0\r\n")))
    yield Scenario("smtp-at-imap", "other", ("server",), at(Peer(raw=b"220 mx ESMTP\r\n")))
    yield Scenario("hangs-up", "other", ("server",), at(Peer(hang_up=True)))
    yield Scenario("bye", "other", ("server", "temporary"), at(Peer(greeting="* BYE go away")))
    yield Scenario(
        "554",
        "other",
        ("server", "spam"),
        at(Peer(), Peer(Protocol.SMTP, greeting="554 no service for you")),
    )
    yield Scenario("login-disabled", "other", ("server",), at(Peer(abilities="IMAP4rev1 LOGINDISABLED")))
    yield Scenario(
        "only-oauth",
        "other",
        ("oauth_only",),
        at(Peer(abilities="IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER")),
    )
    yield Scenario(
        "unknown-mechanisms",
        "other",
        ("server",),
        at(Peer(abilities="IMAP4rev1 LOGINDISABLED AUTH=GSSAPI AUTH=NTLM")),
    )
    yield Scenario("no-oauth", "other", ("oauth_only",), at(Peer(), auth=AuthKind.OAUTH))
    yield Scenario(
        "smtp-only-oauth",
        "other",
        ("oauth_only",),
        at(Peer(), Peer(Protocol.SMTP, abilities="250-x\n250 AUTH XOAUTH2")),
    )
    yield Scenario(
        "ehlo-refused",
        "other",
        ("server",),
        at(Peer(), Peer(Protocol.SMTP, ehlo="501 5.5.4 invalid domain name")),
    )
    yield Scenario(
        "expired-password", "other", ("password",), at(Peer(login="NO [EXPIRED] Password expired"))
    )
    yield Scenario("contact-admin", "other", ("admin",), at(Peer(login="NO [CONTACTADMIN] Account locked")))
    yield Scenario(
        "other-user",
        "other",
        ("password",),
        at(Peer(login="NO [AUTHORIZATIONFAILED] no such authorization-ID")),
    )
    yield Scenario(
        "token-refused",
        "other",
        ("oauth_only",),
        at(
            Peer(abilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2", login="NO [AUTHENTICATIONFAILED] invalid token"),
            auth=AuthKind.OAUTH,
        ),
    )
    yield Scenario(
        "microsoft-personal",
        "other",
        ("oauth_only",),
        at(Peer(), Peer(Protocol.SMTP), address="anna@outlook.com"),
    )
    yield Scenario("healthy", "other", ("none",), at(Peer(), Peer(Protocol.SMTP)))
    yield Scenario("healthy-pop3", "other", ("none",), at(Peer(Protocol.POP3), Peer(Protocol.SMTP)))
    for name, records in _ZONES.items():
        own = World(
            address="anna@lindenbaum.de",
            zone={**_ZONE, **records},
            tune=lambda target: replace(target, domain=OwnDomain("lindenbaum.de")),
        )
        word = "dns" if name in _BROKEN_ZONES else "none"
        yield within(f"own-domain-{name}", "other", (word,), own)
        refused = LoggedIn(IMAP, "imap.login_refused", "authentication failed")
        broken = World(address=own.address, zone=own.zone, tune=own.tune, logins={IMAP: refused})
        yield within(f"own-domain-{name}-refused", "other", ("service_off", "password"), broken)
        alone = World(
            address="lindenbaum.de",
            places=(),
            zone={**_ZONE, **records},
            tune=lambda target: replace(target, is_account=False, domain=OwnDomain("lindenbaum.de")),
        )
        yield within(f"domain-alone-{name}", "other", ("none",) if name == "sound" else ("dns",), alone)
    typo = World(
        address="anna@gmial.com",
        places=(),
        tune=lambda target: replace(target, is_account=False, meant="gmail.com"),
    )
    yield within("typo", "other", ("address",), typo)
    gone = replace_search(nobody(), Searched(problem="discovery.no_domain"))
    yield within("domain-gone", "other", ("dns",), gone)
    yield within(
        "domain-without-mail",
        "other",
        ("dns",),
        replace_search(nobody(), Searched(problem="discovery.no_mail")),
    )
    nowhere = World(
        address="anna@firma.example", places=(), tune=lambda target: replace(target, is_account=False)
    )
    yield within("no-servers-known", "other", ("address",), nowhere)
    late = "220 FR1.mail.example Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 10:00:00 +0000"
    fast = World(talks={SMTP: replace(good_talk(SMTP), banner=late)})
    yield within("clock-in-greeting", "other", ("clock",), fast)
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
        yield within(code, "other", words, world)
    yield within("disk-full", "other", ("server",), World(machine=replace(MACHINE, free=10 << 20)))
    yield within("no-authorities", "other", ("certificate",), World(machine=replace(MACHINE, authorities=0)))
    yield within("key-readable", "other", ("password",), World(machine=replace(MACHINE, key_mode=0o644)))
    remembered = Remembered(
        "imap.login_refused", "Your password has expired", "EXPIRED", Protocol.IMAP, is_fresh=True
    )
    yield within(
        "remembered",
        "other",
        ("password",),
        World(tune=lambda target: replace(target, remembered=remembered)),
    )
    limited = World(tune=lambda target: replace(target, refused=3))
    yield within("limit", "other", ("rate",), limited)
    unsteady = Conversed(IMAP, Outcome.TIMEOUT, reason="net.timeout")
    yield within("unsteady", "other", ("temporary",), World(talks={IMAP: unsteady}))
