"""DNS02: the name servers of a domain, asked themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.domain.name_servers import MOST_SERVERS, judge_name_servers, servers_to_ask
from eilbote.diagnosis.evidence import NameServerAsked, Outcome, OwnDomain, Records
from eilbote.diagnosis.probes import AskNameServer
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import Verdict
from eilbote.engine.probing_domain import DomainProber
from eilbote.engine.route import Surroundings
from eilbote.net.dns import Resolver
from eilbote.net.name_server import ask_name_server
from tests.diagnosis.test_judges import one
from tests.diagnosis.worlds import World
from tests.servers.names import Names
from tests.servers.ports import LOOPBACK

OWN = OwnDomain("firma.de")
FOUR, SIX = "93.184.216.7", "2a00:1450:4001::7"
GOOD = NameServerAsked("ns1.firma.de", FOUR, Outcome.OK, Outcome.OK, knows_zone=True, serial=7)
OTHER = replace(GOOD, host="ns2.firma.de", address="151.101.1.7")
BY_IPV6 = replace(GOOD, address=SIX)
SILENT = {"udp": Outcome.TIMEOUT, "tcp": Outcome.TIMEOUT, "knows_zone": False}


def answers(**more: tuple[str, ...]) -> Answers:
    found = Answers()
    found.note(
        [
            Records("firma.de", "NS", Outcome.OK, more.get("ns", ("ns1.firma.de.", "ns2.firma.de."))),
            Records("ns1.firma.de", "A", Outcome.OK, (FOUR,)),
            Records("ns2.firma.de", "A", Outcome.OK, more.get("second", ("151.101.1.7",))),
            Records("ns1.firma.de", "AAAA", Outcome.OK, more.get("six", (SIX,))),
            Records("ns2.firma.de", "AAAA", Outcome.NO_RECORDS),
        ]
    )
    return found


@pytest.mark.parametrize(
    ("asked", "case", "verdict"),
    [
        ([GOOD, OTHER, BY_IPV6], "", Verdict.PASS),
        ([GOOD, replace(OTHER, **SILENT)], "silent", Verdict.WARN),
        ([GOOD, replace(OTHER, knows_zone=False)], "lame", Verdict.WARN),
        ([GOOD, replace(OTHER, tcp=Outcome.REFUSED)], "no_tcp", Verdict.WARN),
        ([GOOD, OTHER, replace(BY_IPV6, **SILENT)], "", Verdict.PASS),  # there may be no IPv6 here
        ([GOOD, OTHER, BY_IPV6, replace(BY_IPV6, host="ns2.firma.de", **SILENT)], "silent", Verdict.WARN),
        ([replace(GOOD, tcp=Outcome.TIMEOUT), replace(OTHER, tcp=Outcome.TIMEOUT)], "", Verdict.PASS),
        ([GOOD, replace(OTHER, serial=6)], "serials", Verdict.INFO),
        ([replace(GOOD, **SILENT), replace(OTHER, **SILENT)], "not_asked", Verdict.SKIP),
        ([], "not_asked", Verdict.SKIP),
    ],
)
def test_dns02_what_the_servers_say_themselves(
    asked: list[NameServerAsked], case: str, verdict: Verdict
) -> None:
    told = one(judge_name_servers(OWN, answers(), asked), "DNS02")
    assert (told.text.removeprefix("doctor.dns02").lstrip("."), told.verdict) == (case, verdict)


@pytest.mark.parametrize(
    ("more", "case"),
    [
        ({"ns": ("ns1.firma.de.",)}, "one"),
        ({"second": ("93.184.216.9",), "six": ()}, "one_network"),
        ({"six": ()}, "only_ipv4"),
    ],
)
def test_dns02_how_many_and_where(more: dict[str, tuple[str, ...]], case: str) -> None:
    told = one(judge_name_servers(OWN, answers(**more), [GOOD, OTHER]), "DNS02")
    assert told.text == f"doctor.dns02.{case}"


def test_each_server_is_asked_before_any_is_asked_twice() -> None:
    asked = servers_to_ask(OWN, answers())
    assert [(it.host, it.address) for it in asked] == [
        ("ns1.firma.de", FOUR),
        ("ns2.firma.de", "151.101.1.7"),
        ("ns1.firma.de", SIX),
    ]
    many = Answers()
    hosts = tuple(f"ns{at}.firma.de." for at in range(40))
    many.note([Records("firma.de", "NS", Outcome.OK, hosts)])
    many.note(Records(it, "A", Outcome.OK, ("93.184.216.7", "93.184.216.8")) for it in hosts)
    assert len(servers_to_ask(OWN, many)) == MOST_SERVERS


class Answering(World):
    """Name servers that answer for themselves."""

    def see(self, probe):  # type: ignore[no-untyped-def]
        if isinstance(probe, AskNameServer):
            return NameServerAsked(probe.host, probe.address, Outcome.OK, Outcome.OK, True, 7)
        return super().see(probe)


def test_dns02_is_the_same_from_what_is_shared() -> None:
    """Two networks are two networks under other numbers, too."""
    zone = {
        ("firma.de", "SOA"): ("x",),
        ("firma.de", "NS"): ("ns1.firma.de.", "ns2.firma.de."),
        ("ns1.firma.de", "A"): (FOUR,),
        ("ns2.firma.de", "A"): ("151.101.1.7",),
        ("ns1.firma.de", "AAAA"): (SIX,),
        ("firma.de", "MX"): ("10 mx.firma.de.",),
        ("mx.firma.de", "A"): ("151.101.1.9",),
    }
    world = Answering(address="firma.de", places=(), zone=zone)
    world.tune = lambda target: replace(target, is_account=False, others=(), domain=OWN)
    diagnosed = world.diagnose()
    assert one(diagnosed.report.findings, "DNS02").verdict is Verdict.PASS
    given = written(shared(diagnosed.transcript))
    again = judge_again(read_transcript(given))
    for check in ("DNS02", "DNS05", "DNS06"):
        assert [(it.verdict, it.text) for it in again.findings if it.id == check] == [
            (it.verdict, it.text) for it in diagnosed.report.findings if it.id == check
        ]
    for word in (b"firma", b"93.184", b"151.101", b"2a00"):
        assert word not in given


# --- a real server -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    names = Names()
    names.zone("seen.test", "@ IN MX 10 ns\n")
    try:
        yield names
    finally:
        names.remove()


async def test_a_real_server_has_its_zone_and_no_other(names: Names) -> None:
    port, clock = names.authority, SystemClock()
    told = await ask_name_server("seen.test", "ns.seen.test", LOOPBACK, clock, port=port)
    assert (told.udp, told.tcp, told.knows_zone, told.serial) == (Outcome.OK, Outcome.OK, True, 1)
    lame = await ask_name_server("other.test", "ns.seen.test", LOOPBACK, clock, port=port)
    assert (lame.udp, lame.tcp, lame.knows_zone) == (Outcome.OK, Outcome.OK, False)


async def test_where_nobody_listens_nobody_answers(names: Names) -> None:
    told = await ask_name_server("seen.test", "ns", "127.0.0.2", SystemClock(), port=names.authority)
    assert told.udp is not Outcome.OK and told.tcp is Outcome.REFUSED and not told.knows_zone
    assert (await ask_name_server("a..b", "ns", LOOPBACK, SystemClock())).udp is Outcome.ERROR


async def test_nobody_is_asked_in_this_network(names: Names) -> None:
    around = Surroundings(Resolver(names.servers), dns_port=names.authority)
    probe = AskNameServer("seen.test", "ns", LOOPBACK)
    told = await DomainProber(around, SystemClock()).ask_name_server(probe)
    assert (told.udp, told.tcp) == (Outcome.UNREACHABLE, Outcome.UNREACHABLE)
    around = replace(around, local_allowed=True)
    assert (await DomainProber(around, SystemClock()).ask_name_server(probe)).knows_zone
