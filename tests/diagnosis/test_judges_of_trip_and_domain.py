"""Checks of the round trip and of a domain: what passes, and the worst that each may say."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from types import SimpleNamespace
from typing import cast

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from msgspec.structs import replace

from eilbote.diagnosis.checks.signature import judge_alignment
from eilbote.diagnosis.checks.trip import judge_trip
from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.evidence import Outcome, OwnDomain, Place, Protocol, Records, Target
from eilbote.diagnosis.probe_mail import write_probe
from eilbote.diagnosis.probes import LookUp, SendToSelf
from eilbote.diagnosis.transcript import Step, Transcript, judge_again, read_transcript, shared, written
from eilbote.diagnosis.trips import Signature, Trip
from eilbote.diagnosis.values import Verdict
from eilbote.engine.returned_signatures import aligned_methods, is_aligned, signatures_of
from eilbote.mail.auth_results import AuthResults, Result
from eilbote.mail.message import parse_message
from eilbote.net.dns import Resolver
from eilbote.providers.table import providers
from tests.diagnosis.test_domain_records import answered, looked_at
from tests.diagnosis.test_judges import SERVERS, SOA, one
from tests.diagnosis.worlds import World

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


WHOLE = Signature("firma.de", ("from", "to", "subject", "date"), aligned=True, valid=True)


@pytest.mark.parametrize(
    ("signatures", "verdict", "text"),
    [
        (None, None, ""),
        ((), Verdict.INFO, "doctor.dns13.none"),
        ((WHOLE,), Verdict.PASS, ""),
        ((replace(WHOLE, valid=False), WHOLE), Verdict.PASS, ""),
        ((replace(WHOLE, valid=None),), Verdict.INFO, "doctor.dns13.no_key"),
        ((replace(WHOLE, aligned=False),), Verdict.INFO, "doctor.dns13.foreign"),
        ((replace(WHOLE, valid=False),), Verdict.WARN, "doctor.dns13.broken"),
        ((replace(WHOLE, partial=True),), Verdict.WARN, "doctor.dns13.partial"),
        ((replace(WHOLE, fields=("from", "date")),), Verdict.WARN, "doctor.dns13.uncovered"),
    ],
)
def test_dns13_the_signature_of_our_mail_holds(
    signatures: tuple[Signature, ...] | None, verdict: Verdict | None, text: str
) -> None:
    told = [it for it in judge_trip(replace(COME, signatures=signatures), gmail()) if it.id == "DNS13"]
    assert [(it.verdict, it.text) for it in told] == ([(verdict, text)] if verdict is not None else [])


@pytest.mark.parametrize(
    ("trip", "policy", "verdict"),
    [
        (replace(COME, signatures=(WHOLE,)), "reject", Verdict.PASS),
        (replace(COME, signatures=(), results=(("spf", "pass"),), aligned=("spf",)), "reject", Verdict.PASS),
        (replace(COME, signatures=(), results=(("spf", "pass"),)), "reject", Verdict.FAIL),
        (replace(COME, signatures=(), results=(("spf", "pass"),)), "none", Verdict.INFO),
        (replace(COME, signatures=(), results=(("dmarc", "fail"),)), "reject", Verdict.FAIL),
        (replace(COME, signatures=()), "reject", None),  # nobody has looked
        (replace(COME, signatures=(), results=(("auth", "pass"), ("spf", "none"))), "reject", None),
        (None, "reject", None),
    ],
)
def test_dns18_our_mail_fulfils_what_its_domain_demands(
    trip: Trip | None, policy: str, verdict: Verdict | None
) -> None:
    answers = Answers()
    record = f"v=DMARC1; p={policy}"
    answers.note([Records("_dmarc.firma.de", "TXT", Outcome.OK, (record,))])
    told = judge_alignment(OwnDomain("firma.de"), answers, trip)
    assert [it.verdict for it in told] == ([] if verdict is None else [verdict])


def test_what_a_signature_shows_is_replayed_and_shared_without_its_domain() -> None:
    target = Target("anna@firma.de")
    trip = replace(COME, signatures=(WHOLE, replace(WHOLE, domain="kunde17.versand.example.com")))
    transcript = Transcript(target, (Step(SendToSelf(), trip),))
    assert read_transcript(written(transcript)) == transcript
    given = written(shared(transcript))
    assert b"kunde17" not in given and b"firma" not in given


class Keys:
    """Name servers that know one key."""

    def __init__(self, name: str, text: bytes) -> None:
        self.name, self.text = name, text

    async def ask(self, name: str, kind: str) -> SimpleNamespace:
        known = name == self.name and kind == "TXT"
        return SimpleNamespace(records=[SimpleNamespace(strings=(self.text,))] if known else [])


def test_a_signature_is_verified_with_the_key_that_name_servers_give() -> None:
    key = rsa.generate_private_key(65_537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = write_probe("anna@firma.de", "<x@firma.de>", 0.0, bytes(range(256)), eight_bit=True)
    covered = [b"from", b"to", b"subject", b"date"]
    raw = bytes(dkim.sign(raw, b"k1", b"firma.de", private, include_headers=covered)) + raw
    text = b"v=DKIM1; k=rsa; p=" + b64encode(public)
    keys = Keys("k1._domainkey.firma.de", text)

    def seen(raw: bytes, keys: Keys) -> Signature:
        told = signatures_of(raw, parse_message(raw).headers, "firma.de", cast(Resolver, keys))
        (signature,) = asyncio.run(told)
        return signature

    good = seen(raw, keys)
    assert (good.domain, good.valid, good.aligned, good.partial) == ("firma.de", True, True, False)
    assert set(good.fields) == {"from", "to", "subject", "date"}
    assert seen(raw.replace(b"Ende", b"Anfang"), keys).valid is False
    assert seen(raw, Keys(keys.name, b"v=DKIM1; p=nonsense")).valid is False
    assert seen(raw, Keys("elsewhere", text)).valid is None
    assert seen(raw.replace(b"s=k1", b"s=../x"), keys).valid is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("firma.de", "FIRMA.de.", True),
        ("mail.firma.de", "firma.de", True),
        ("firma.de", "mail.firma.de", True),
        ("notfirma.de", "firma.de", False),
        ("de", "firma.de", False),
        ("", "firma.de", False),
    ],
)
def test_what_is_aligned(one: str, other: str, same: bool) -> None:
    assert is_aligned(one, other) is same
    results = AuthResults("mx", (Result("spf", "pass", (("smtp.mailfrom", f"anna@{one}"),)),))
    assert aligned_methods(results, other) == (("spf",) if same else ())


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


def test_the_records_of_ports_are_judged_alike_from_what_is_shared() -> None:
    zone = {
        **SOA,
        ("_993._tcp.imap.firma.de", "TLSA"): ("3 1 1 " + "ab" * 32,),
        ("_jmap._tcp.firma.de", "SRV"): ("0 1 443 jmap.firma.de.",),
    }
    world = World(address="firma.de", places=())
    world.tune = lambda target: replace(
        target, is_account=False, others=(), domain=OwnDomain("firma.de", servers=SERVERS)
    )
    see = world.see
    world.see = lambda probe: answered(probe, zone) if isinstance(probe, LookUp) else see(probe)  # type: ignore[method-assign]
    diagnosed = world.diagnose()
    report = diagnosed.report
    again = judge_again(shared(diagnosed.transcript))
    for check in ("DISC07", "DNS25"):
        assert one(report.findings, check).text == one(again.findings, check).text
    assert one(report.findings, "DNS25").text == "doctor.dns25.there"
    assert b"firma" not in written(shared(diagnosed.transcript))
