"""Checks that rest on one small piece of evidence each: the best and the worst that they may say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.checks.box import judge_box
from eilbote.diagnosis.checks.oauth import judge_token_clock
from eilbote.diagnosis.checks.smtp import judge_form
from eilbote.diagnosis.checks.trip import judge_trip
from eilbote.diagnosis.evidence import Box, Conversed, Outcome, OwnDomain, Place, Protocol
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.trips import Trip
from eilbote.diagnosis.values import Finding, Verdict
from eilbote.engine.this_machine import misshapen_parts
from eilbote.providers.table import providers
from tests.diagnosis.test_domain_records import looked_at
from tests.diagnosis.worlds import GOOD_TLS, IMAP, LEAF, MACHINE, World, good_talk

SOA = {("firma.de", "SOA"): ("x",), ("firma.de", "MX"): ("10 mx.firma.de.",)}
SERVERS = (Place(Protocol.IMAP, "imap.firma.de", 993, "tls"),)


def one(findings: Sequence[Finding], check: str, about: str = "") -> Finding:
    (found_one,) = [it for it in findings if it.id == check and (not about or it.about == about)]
    return found_one


# --- TLS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "cipher", "verdict"),
    [
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", Verdict.PASS),
        ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", Verdict.PASS),
        ("TLSv1.2", "AES256-GCM-SHA384", Verdict.INFO),
    ],
)
def test_tls04_a_key_is_made_anew_or_it_is_told(version: str, cipher: str, verdict: Verdict) -> None:
    talk = good_talk(IMAP, replace(GOOD_TLS, version=version, cipher=cipher))
    report = World(talks={IMAP: talk}).diagnose().report
    assert one(report.findings, "TLS04", str(IMAP)).verdict is verdict


class TwoAddresses(World):
    """A server with two addresses; the second shows what `second` says."""

    second: Conversed

    def see(self, probe):  # type: ignore[no-untyped-def]
        if getattr(probe, "address", "") and type(probe).__name__ == "Converse":
            return replace(self.second, address=probe.address)
        seen = super().see(probe)
        return replace(seen, address="192.0.2.10") if isinstance(seen, Conversed) else seen


OTHER_LEAF = replace(LEAF, fingerprint="cd" * 32)
SELF_SIGNED = replace(GOOD_TLS, verified=False, error="self-signed certificate", chain=(OTHER_LEAF,))


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (good_talk(IMAP), Verdict.PASS),
        (good_talk(IMAP, replace(GOOD_TLS, chain=(OTHER_LEAF,))), Verdict.INFO),
        (good_talk(IMAP, SELF_SIGNED), Verdict.WARN),
        (Conversed(IMAP, Outcome.TIMEOUT), None),
    ],
)
def test_tls23_every_address_shows_a_certificate_that_holds(
    second: Conversed, verdict: Verdict | None
) -> None:
    world = TwoAddresses(places=(IMAP,), addresses={IMAP.host: ("192.0.2.10", "2001:db8::10")})
    world.second = second
    diagnosed = world.diagnose()
    told = [it.verdict for it in diagnosed.report.findings if it.id == "TLS23"]
    assert told == ([] if verdict is None else [verdict])
    login = one(diagnosed.report.findings, "AUTH03")
    assert login.verdict is Verdict.PASS  # the first address is good, and so is the login there
    again = judge_again(read_transcript(written(diagnosed.transcript)))
    assert again == diagnosed.report
    assert judge_again(shared(diagnosed.transcript)).cause.code == diagnosed.report.cause.code


# --- sending -----------------------------------------------------------------------------------------


def test_smtp16_our_own_form_holds_and_a_careless_one_is_named() -> None:
    assert misshapen_parts() == ()
    assert set(misshapen_parts(lambda content: content)) >= {"dots", "line ends"}
    assert "dots" in misshapen_parts(lambda content: content.replace(b"\n", b"\r\n"))
    assert judge_form(None) == []
    good = World(machine=replace(MACHINE, misshapen=())).diagnose().report
    assert one(good.findings, "SMTP16").verdict is Verdict.PASS
    bad = World(machine=replace(MACHINE, misshapen=("dots",))).diagnose().report
    assert (one(bad.findings, "SMTP16").verdict, bad.cause.code) == (Verdict.FAIL, "server.own_form")


@pytest.mark.parametrize(
    ("direct", "outcome", "verdict"),
    [
        (True, Outcome.OK, Verdict.PASS),
        (True, Outcome.REFUSED, Verdict.PASS),
        (True, Outcome.TIMEOUT, Verdict.WARN),
        (False, Outcome.TIMEOUT, None),
    ],
)
def test_net06_the_way_out_counts_where_mail_goes_directly(
    direct: bool, outcome: Outcome, verdict: Verdict | None
) -> None:
    from eilbote.diagnosis.domain.outbound import judge_way_out

    place = Place(Protocol.SMTP, "mx.firma.de", 25, "starttls")
    findings = judge_way_out(OwnDomain("firma.de", direct=direct), {place.host: Conversed(place, outcome)})
    assert [it.verdict for it in findings] == ([] if verdict is None else [verdict])


# --- signing in --------------------------------------------------------------------------------------


def test_oa08_a_token_needs_a_clock() -> None:
    good = found("ENV01", Verdict.PASS)
    bad = found("ENV01", Verdict.FAIL, "ahead", cause="clock.wrong", length="3 h")
    assert [it.verdict for it in judge_token_clock([good])] == [Verdict.PASS]
    (wrong,) = judge_token_clock([good, bad])
    assert (wrong.verdict, wrong.cause, wrong.parameters["length"]) == (Verdict.FAIL, "clock.wrong", "3 h")
    assert judge_token_clock([]) == []


def test_oa08_is_asked_of_tokens_only() -> None:
    banner = "* OK ready at Mon, 23 Nov 2020 10:00:00 +0000"
    world = World(places=(IMAP,), talks={IMAP: replace(good_talk(IMAP), banner=banner)})
    assert not [it for it in world.diagnose().report.findings if it.id == "OA08"]
    world.tune = lambda target: replace(target, oauth=True)
    report = world.diagnose().report
    assert one(report.findings, "OA08").verdict is Verdict.FAIL
    assert (report.cause.code, report.cause.finding) == ("clock.wrong", "ENV01")


@pytest.mark.parametrize(
    ("user", "oauth", "verdict"),
    [
        ("anna@gmx.de", True, Verdict.PASS),
        ("ANNA@gmx.de", True, Verdict.PASS),
        ("berta@gmx.de", True, Verdict.WARN),
        ("berta@gmx.de", False, None),
    ],
)
def test_auth15_a_token_of_somebody_else_is_named(user: str, oauth: bool, verdict: Verdict | None) -> None:
    able = ("IMAP4REV1", "AUTH=PLAIN", "AUTH=XOAUTH2")
    world = World(places=(IMAP,), tune=lambda target: replace(target, user=user, oauth=oauth))
    world.talks = {IMAP: replace(good_talk(IMAP), before=able, after=able)}
    diagnosed = world.diagnose()
    told = [it.verdict for it in diagnosed.report.findings if it.id == "AUTH15"]
    assert told == ([] if verdict is None else [verdict])
    given = shared(diagnosed.transcript)
    assert b"berta" not in written(given)
    assert judge_again(given).cause.code == diagnosed.report.cause.code


# --- the mailbox -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "text"),
    [
        (Box(separator="/"), "doctor.imap11.plain"),
        (Box(separator=".", prefix="INBOX."), "doctor.imap11.prefix"),
        (Box(separator=""), "doctor.imap11.flat"),
        (Box(), ""),
    ],
)
def test_imap11_how_mailboxes_are_named(box: Box, text: str) -> None:
    told = [it for it in judge_box(IMAP, box) if it.id == "IMAP11"]
    assert [(it.verdict, it.text) for it in told] == ([(Verdict.INFO, text)] if text else [])


# --- the round trip ----------------------------------------------------------------------------------

COME = Trip(found=("INBOX",), sent_copies=1)


def gmail() -> Place:
    (row,) = [it for it in providers() if it.id == "gmail"]
    assert row.sending is not None and row.sending.files_sent_copy
    return Place(Protocol.SMTP, "smtp.gmail.com", 465, "tls", row.id)


def test_trip08_one_copy_is_filed_as_sent() -> None:
    here = Place(Protocol.SMTP, "smtp.firma.de", 465, "tls")
    assert one(judge_trip(COME, gmail()), "TRIP08").verdict is Verdict.PASS
    assert one(judge_trip(replace(COME, sent_copies=0), here), "TRIP08").verdict is Verdict.PASS
    none = one(judge_trip(replace(COME, sent_copies=0), gmail()), "TRIP08")
    assert (none.verdict, none.text) == (Verdict.WARN, "doctor.trip08.none")
    two = one(judge_trip(replace(COME, sent_copies=2), here), "TRIP08")
    assert (two.verdict, two.text) == (Verdict.WARN, "doctor.trip08.several")


# --- the domain --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ((), "doctor.disc07.none"),
        (("0 0 0 .",), "doctor.disc07.none"),
        (("0 1 443 jmap.firma.de.",), "doctor.disc07.there"),
    ],
)
def test_disc07_a_record_names_the_server_or_says_that_there_is_none(
    records: tuple[str, ...], text: str
) -> None:
    zone = {**SOA, ("_jmap._tcp.firma.de", "SRV"): records}
    finding = one(looked_at(OwnDomain("firma.de"), zone), "DISC07")
    assert (finding.verdict, finding.text) == (Verdict.INFO, text)


def test_dns25_pinned_certificates_of_the_domains_own_servers_are_named() -> None:
    own = OwnDomain("firma.de", servers=SERVERS)
    none = one(looked_at(own, SOA), "DNS25")
    assert (none.verdict, none.text) == (Verdict.INFO, "doctor.dns25.none")
    zone = {**SOA, ("_993._tcp.imap.firma.de", "TLSA"): ("3 1 1 " + "ab" * 32,)}
    there = one(looked_at(own, zone), "DNS25")
    assert (there.text, there.parameters["count"], there.parameters["of"]) == ("doctor.dns25.there", "1", "1")
    elsewhere = OwnDomain("firma.de", servers=(Place(Protocol.IMAP, "imap.ionos.de", 993, "tls"),))
    assert not [it for it in looked_at(elsewhere, SOA) if it.id == "DNS25"]
