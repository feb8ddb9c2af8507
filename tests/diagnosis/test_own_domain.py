"""An account in a domain of one's own: its records come last, and nothing of them is shared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.domain.signed import judge_dane
from eilbote.diagnosis.evidence import Outcome, OwnDomain, Place, Protocol, Records, Resolved, Target, Unmade
from eilbote.diagnosis.ladder import climb
from eilbote.diagnosis.probes import LookUp, Probe, Resolve
from eilbote.diagnosis.transcript import judge_again, shared
from eilbote.diagnosis.values import Verdict, Who
from eilbote.engine import diagnose
from eilbote.engine.app import open_app
from eilbote.engine.own_domain import own_domain_of
from eilbote.errors import Problem
from tests.diagnosis.clinic import Clinic
from tests.diagnosis.peers import Peer
from tests.diagnosis.worlds import World, good_talk
from tests.servers.names import Names

DOMAIN = "kanzlei-lindenbaum.de"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    names = Names()
    names.zone("de", "")
    names.zone(
        DOMAIN,
        "@ IN MX 10 post\npost IN A 127.0.0.1\n"
        '@ IN TXT "v=spf1 ip4:93.184.216.34 ip6:2a00:1450:4001::/48 include:mail.lindenbaum-privat.de +all"\n'
        '_dmarc IN TXT "v=DMARC1; p=none; rua=mailto:herr.lindenbaum@kanzlei-lindenbaum.de"\n',
    )
    names.zone("lindenbaum-privat.de", 'mail IN TXT "v=spf1 ip4:93.184.216.35 -all"\n')
    (server,) = names.servers
    config = Config(
        home=tmp_path / "home",
        key_file=str(tmp_path / "key"),
        dns_servers=f"{server.address}:{server.port}",
    )
    try:
        with open_app(config, clock=SystemClock()) as app:
            yield Clinic(app)
    finally:
        names.remove()


async def test_the_domain_comes_after_the_login_and_is_not_shared(clinic: Clinic) -> None:
    done = await clinic.report_on(Peer(Protocol.IMAP), address=f"anna@{DOMAIN}")
    found = {one.text: one for one in done.report.findings}
    assert found["doctor.dns11.everybody"].verdict is Verdict.FAIL
    assert done.report.cause.finding == "DNS11"
    shared = diagnose.transcript_to_share(done)
    for word in (b"lindenbaum", b"kanzlei", b"anna", b"93.184.216", b"herr", b"2a00:1450"):
        assert word not in shared.lower(), word
    again = diagnose.judge_file(shared).report
    assert [(one.id, one.verdict, one.text) for one in again.findings] == [
        (one.id, one.verdict, one.text) for one in done.report.findings
    ]


def test_what_could_be_better_in_the_domain_is_no_cause_of_a_working_account() -> None:
    zone = {
        (DOMAIN, "SOA"): ("x",),
        (DOMAIN, "MX"): (f"10 post.{DOMAIN}.",),
        (f"post.{DOMAIN}", "A"): ("93.184.216.34",),
        (DOMAIN, "TXT"): ("v=spf1 mx -all",),
    }
    world = World(address=f"anna@{DOMAIN}", zone=zone)
    world.tune = lambda target: replace(target, domain=OwnDomain(DOMAIN))
    diagnosed = world.diagnose()
    cause = diagnosed.report.cause
    assert (cause.code, diagnosed.report.verdict) == ("none.remarks", Verdict.WARN)  # DMARC is missing
    assert cause.parameters["domain"] == DOMAIN and int(cause.parameters["count"]) >= 1
    assert judge_again(shared(diagnosed.transcript)).cause.code == cause.code
    said = Catalogue("de").problem(Problem(cause.text, cause.parameters))
    assert said.what.startswith("Ihr Konto funktioniert.") and said.do


@pytest.mark.parametrize(
    ("host", "verdict"), [(f"mx.{DOMAIN}", Verdict.FAIL), ("mx.hoster.example", Verdict.WARN)]
)
def test_a1_2_the_servers_of_a_provider_are_its_own_affair(host: str, verdict: Verdict) -> None:
    answers = Answers()
    answers.note(
        [
            Records(DOMAIN, "MX", Outcome.OK, (f"10 {host}.",)),
            Records(f"_25._tcp.{host}", "TLSA", Outcome.OK, ("3 1 1 " + "ab" * 32,), secure=True),
        ]
    )
    served = good_talk(Place(Protocol.SMTP, host, 25, "starttls"))
    (found,) = [one for one in judge_dane(OwnDomain(DOMAIN), answers, {host: served}) if one.id == "DNS23"]
    assert found.verdict is verdict
    assert (found.who is Who.PROVIDER) is (verdict is Verdict.WARN)


async def test_what_keeps_mail_from_being_read_comes_first(clinic: Clinic) -> None:
    refusing = Peer(Protocol.IMAP, login="NO [AUTHENTICATIONFAILED] Authentication failed.")
    report = (await clinic.report_on(refusing, address=f"anna@{DOMAIN}")).report
    assert report.cause.code.startswith("password.")
    assert any(one.id == "DNS11" for one in report.findings)


@pytest.mark.parametrize("address", ["anna@gmx.de", "anna@example.org", "anna@host", "anna@a.example.com"])
async def test_domains_of_providers_and_of_nobody_are_left_alone(clinic: Clinic, address: str) -> None:
    account = await asyncio.to_thread(clinic.admit, address)
    assert own_domain_of(clinic.app, account) is None


async def test_where_no_name_is_answered_no_record_is_asked_for() -> None:
    """A machine without name servers: the domain's records would only cost time."""
    target = Target(
        "anna@kanzlei-lindenbaum.de",
        (Place(Protocol.IMAP, "imap.kanzlei-lindenbaum.de", 993, "tls"),),
        is_account=True,
        domain=OwnDomain(DOMAIN),
    )
    ladder = climb(target)
    probes = next(ladder)
    asked: list[Probe] = []
    try:
        while True:
            asked += probes
            answers = [
                Resolved(one.host, Outcome.TIMEOUT) if isinstance(one, Resolve) else Unmade("not made")
                for one in probes
            ]
            probes = ladder.send(answers)
    except StopIteration as end:
        cause = end.value.cause
        assert cause.code == "dns.silent"
    assert not [one for one in asked if isinstance(one, LookUp)]
