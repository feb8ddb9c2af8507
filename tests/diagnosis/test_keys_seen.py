"""DKIM keys that mail is really signed with: of the mail to oneself, and of mails that are kept here."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.domain.dkim import with_keys_seen
from eilbote.diagnosis.evidence import OwnDomain, Selector
from eilbote.diagnosis.probes import LookUp, SendToSelf
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.trips import Signature, Trip
from eilbote.diagnosis.values import Finding, Verdict
from eilbote.engine.keys_seen import keys_seen
from eilbote.engine.own_domain import own_domain_of
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.mail.source import EnvelopeSource
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival, MailboxUpdate
from eilbote.store.values import ListedMailbox, Security, Server, Watermarks
from tests.diagnosis.clinic import Clinic, opened_clinic
from tests.diagnosis.test_domain_records import looked_at
from tests.diagnosis.test_judges import SOA
from tests.diagnosis.worlds import World

DAY = 86_400.0
GUESSED = OwnDomain("firma.de", sender="IONOS", selectors=(Selector("s1-ionos", "IONOS"),))
SIGNED = Signature("firma.de", ("from",), aligned=True, valid=True, selector="juli", own=True)


def dns12(findings: list[Finding]) -> list[tuple[str, Verdict]]:
    return [(one.about, one.verdict) for one in findings if one.id == "DNS12"]


def test_what_a_mail_shows_need_not_be_guessed() -> None:
    seen = with_keys_seen(GUESSED, Trip(found=("INBOX",), signatures=(SIGNED, SIGNED)))
    assert seen.selectors == (Selector("juli", certain=True),)
    ours = replace(GUESSED, selectors=(Selector("juli", text="v=DKIM1; p=x", certain=True),))
    assert with_keys_seen(ours, Trip(signatures=(SIGNED,))) == ours


@pytest.mark.parametrize(
    "trip",
    [
        None,
        Trip(),
        Trip(signatures=()),
        Trip(signatures=(replace(SIGNED, own=False),)),
        Trip(signatures=(replace(SIGNED, selector=""),)),
        Trip(signatures=(replace(SIGNED, selector="../x"),)),
    ],
)
def test_a_mail_that_shows_nothing_changes_nothing(trip: Trip | None) -> None:
    assert with_keys_seen(GUESSED, trip) == GUESSED


class Signed(World):
    """The mail to oneself comes back signed."""

    def see(self, probe):  # type: ignore[no-untyped-def]
        if isinstance(probe, SendToSelf):
            return Trip(found=("INBOX",), signatures=(SIGNED,))
        return super().see(probe)


def test_dns12_the_key_of_the_mail_to_oneself_is_looked_up_and_must_be_there() -> None:
    zone = {("firma.de", "SOA"): ("x",), ("firma.de", "MX"): ("10 mx.firma.de.",)}
    world = Signed(
        address="anna@firma.de",
        zone=zone,
        tune=lambda target: replace(target, round_trip=True, domain=GUESSED),
    )
    diagnosed = world.diagnose()
    findings = list(diagnosed.report.findings)
    assert dns12(findings) == [("juli._domainkey.firma.de", Verdict.FAIL)]
    asked = [one.name for one in world.asked_for if isinstance(one, LookUp)]
    assert "juli._domainkey.firma.de" in asked
    assert not [one for one in asked if "ionos" in one and "_domainkey" in one]
    again = judge_again(read_transcript(written(shared(diagnosed.transcript))))
    assert [verdict for _, verdict in dns12(list(again.findings))] == [Verdict.FAIL]


def test_dns12_a_key_of_an_old_mail_that_is_gone_is_no_fault() -> None:
    own = OwnDomain("firma.de", selectors=(Selector("frueher"),))
    assert dns12(looked_at(own, SOA)) == [("firma.de", Verdict.SKIP)]


# --- mails that are kept here --------------------------------------------------------------------------


def mail(
    selector: str, *, vouched: bool = True, signer: str = "firma.de", author: str = "anna@firma.de"
) -> bytes:
    result = "pass" if vouched else "fail"
    return (
        "Received: from out.firma.de (out.firma.de [93.184.216.7]) by mx.firma.de with ESMTPS;"
        " Mon, 3 Nov 2025 10:00:09 +0000\r\n"
        f"Authentication-Results: mx.firma.de; dkim={result} header.d={signer}\r\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; d={signer}; s={selector};\r\n\th=from; bh=x; b=y\r\n"
        f"From: <{author}>\r\nMessage-ID: <{selector}@firma.de>\r\n\r\nHallo\r\n"
    ).encode()


def keep(clinic: Clinic, account: int, *mails: tuple[bytes, float]) -> None:
    (inbox,) = clinic.app.store.mailboxes.upsert(
        account, [ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX)]
    )
    clinic.app.store.mailboxes.set_watermarks(inbox.id, Watermarks(uidvalidity=1))
    arrivals = []
    for uid, (raw, age) in enumerate(mails, 1):
        author = raw.split(b"From: <")[1].split(b">")[0].decode()
        envelope = EnvelopeSource(message_id=f"{uid}@firma.de", subject="", sender=author, to="", date=0.0)
        date = clinic.app.clock.now() - age
        arrivals.append(Arrival(uid, frozenset(), date, 0, raw, prepared_mail(raw, envelope)))
    clinic.app.store.messages.apply(inbox.id, MailboxUpdate(arrivals=tuple(arrivals)), 0.0)


@pytest.mark.parametrize(
    ("raw", "age", "found"),
    [
        (mail("juli"), DAY, [Selector("juli", certain=True)]),
        (mail("juli"), 90 * DAY, [Selector("juli")]),
        (mail("juli", vouched=False), DAY, [Selector("juli")]),
        (mail("juli", signer="elsewhere.de"), DAY, []),
        (mail("juli", author="berta@firma.de"), DAY, []),
    ],
    ids=["vouched for", "old", "not vouched for", "signed by others", "written by others"],
)
def test_the_key_of_a_mail_that_is_kept_here(
    raw: bytes, age: float, found: list[Selector], tmp_path: Path
) -> None:
    with opened_clinic(tmp_path) as clinic:
        account = clinic.admit("anna@firma.de", smtp=Server("smtp.ionos.de", 465, Security.TLS))
        keep(clinic, account.id, (raw, age))
        assert keys_seen(clinic.app, account, "firma.de") == found
        own = own_domain_of(clinic.app, account)
    assert own is not None and own.selectors[: len(found)] == tuple(found)
    guessed = [one for one in own.selectors if one.whose]
    assert bool(guessed) is not any(one.certain for one in found)
