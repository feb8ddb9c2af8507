"""Questions to real name servers: what is signed, what is not, what is wrong, what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.errors import Misused, Unreachable
from eilbote.net.dns import NameServer, Resolver, system_servers
from eilbote.testing.names import name_server
from tests.servers.names import Names, Signing
from tests.servers.ports import LOOPBACK, free_ports

RECORDS = (
    "@ 300 IN MX 10 mx\n@ 300 IN MX 20 second\nmx 300 IN A 127.0.0.1\nmx 300 IN AAAA ::1\n"
    "second 300 IN A 127.0.0.2\nalias 300 IN CNAME mx\n"
    '_mta-sts 300 IN TXT "v=STSv1; " "id=a1;"\n'
    "_imaps._tcp 300 IN SRV 10 5 993 imap\n_imap._tcp 300 IN SRV 0 0 0 .\n"
    "_25._tcp.mx 300 IN TLSA 3 1 1 " + "ab" * 32 + "\n"
)


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    made = Names()
    made.zone("signed.test", RECORDS, Signing.GOOD)
    made.zone("plain.test", RECORDS)
    made.zone("broken.test", RECORDS, Signing.BROKEN)
    made.zone("refusing.test", "@ 300 IN MX 0 .\n")
    yield made
    made.remove()


@pytest.fixture
def resolver(names: Names) -> Resolver:
    return Resolver(names.servers)


@pytest.mark.parametrize(("domain", "secure"), [("signed.test", True), ("plain.test", False)])
async def test_what_a_domain_has(resolver: Resolver, domain: str, secure: bool) -> None:
    found, looked = await resolver.mx(domain)
    assert sorted(found) == [(10, f"mx.{domain}."), (20, f"second.{domain}.")]
    assert (looked.exists, looked.secure) == (True, secure)
    records, looked = await resolver.tlsa(f"mx.{domain}")
    assert records == [(3, 1, 1, bytes.fromhex("ab" * 32))]
    assert looked.secure is secure
    assert await resolver.texts(f"_mta-sts.{domain}") == ["v=STSv1; id=a1;"]
    assert await resolver.addresses(f"mx.{domain}") == (["::1", "127.0.0.1"], secure)
    assert await resolver.addresses(f"alias.{domain}") == (["::1", "127.0.0.1"], secure)


@pytest.mark.parametrize("domain", ["signed.test", "plain.test"])
async def test_what_is_not_there(resolver: Resolver, domain: str) -> None:
    records, looked = await resolver.tlsa(f"second.{domain}")
    assert (records, looked.secure) == ([], domain == "signed.test")
    looked = await resolver.ask(f"nobody.{domain}", "MX")
    assert (looked.records, looked.exists) == ((), False)
    assert (await resolver.ask(f"mx.{domain}", "MX")).exists


@pytest.mark.parametrize(("domain", "secure"), [("signed.test", True), ("plain.test", False)])
async def test_services_of_a_domain(resolver: Resolver, domain: str, secure: bool) -> None:
    found, looked = await resolver.srv(f"_imaps._tcp.{domain}")
    assert (found, looked.secure) == ([(10, 5, 993, f"imap.{domain}")], secure)
    assert (await resolver.srv(f"_imap._tcp.{domain}"))[0] == [(0, 0, 0, "")]
    assert (await resolver.srv(f"_pop3._tcp.{domain}"))[0] == []


async def test_a_domain_that_wants_no_mail(resolver: Resolver) -> None:
    assert (await resolver.mx("refusing.test"))[0] == [(0, ".")]


async def test_a_wrong_signature_is_no_answer(resolver: Resolver) -> None:
    with pytest.raises(Unreachable) as failed:
        await resolver.mx("broken.test")
    assert failed.value.problem.code == "dns.failed"
    assert failed.value.problem.parameters["reason"] == "SERVFAIL"


async def test_a_server_that_is_not_here_is_not_believed(names: Names) -> None:
    (here,) = names.servers
    (closed,) = free_ports(1)
    both = (NameServer(LOOPBACK, closed), here)
    assert (await Resolver(both, seconds=1.0).mx("signed.test"))[1].secure
    elsewhere = Resolver((here, NameServer("192.0.2.1")), seconds=1.0)
    assert not (await elsewhere.mx("signed.test"))[1].secure
    named = Resolver((here, NameServer("192.0.2.1")), trusted=True, seconds=1.0)
    assert (await named.mx("signed.test"))[1].secure


async def test_a_server_for_its_own_zones_alone_is_not_the_last_word(names: Names) -> None:
    (here,) = names.servers
    async with name_server(
        "own.test. SOA ns.own.test. post.own.test. 1 1 1 1 1\nown.test. MX 5 mx.own.test."
    ) as at:
        own = NameServer(LOOPBACK, int(at.rpartition(":")[2]))
        both = Resolver((own, here))
        assert (await both.mx("own.test"))[0] == [(5, "mx.own.test.")]
        assert (await both.mx("signed.test"))[0]
        assert not (await both.ask("nothing.own.test", "MX")).exists
        with pytest.raises(Unreachable) as failed:
            await Resolver((own,)).mx("signed.test")
    assert failed.value.problem.parameters["reason"] == "REFUSED"


async def test_silence_is_named() -> None:
    (closed,) = free_ports(1)
    with pytest.raises(Unreachable) as failed:
        await Resolver((NameServer(LOOPBACK, closed),), seconds=0.2).mx("signed.test")
    assert failed.value.problem.code == "dns.silent"


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..b", ".".join(["a" * 60] * 6), "\ud800"])
async def test_what_is_no_name_is_not_asked(resolver: Resolver, name: str) -> None:
    with pytest.raises(Misused) as refused:
        await resolver.mx(name)
    assert refused.value.problem.code == "dns.bad_name"


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\n", ["192.0.2.1"]),
        ("nameserver bogus\nnameserver 192.0.2.2\n", ["192.0.2.2"]),
        ("nameserver\nnameserver 300.1.1.1\n", ["127.0.0.1"]),
        ("\0\xff\x1b\n", ["127.0.0.1"]),
        ("", ["127.0.0.1"]),
        ("nameserver 192.0.2.1\n" * 1000, ["192.0.2.1"] * 3),
    ],
)
def test_a_bad_line_in_the_system_s_list_is_passed_over(
    tmp_path: Path, text: str, servers: list[str]
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text, encoding="latin-1")
    assert [one.address for one in system_servers(file)] == servers
    assert system_servers(tmp_path / "none")
