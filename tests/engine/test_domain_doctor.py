"""The doctor of a domain against real name servers: NSD answers, Unbound proves; Postfix and a web server of
our own stand behind the records."""

from __future__ import annotations

import asyncio
import http.server
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256, sha512
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.cli.to_publish import zone_line
from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.diagnosis.transcript import judge_again, shared
from eilbote.diagnosis.values import Finding, Report, Verdict
from eilbote.engine import diagnose, dkim, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.diagnose import Diagnosed
from eilbote.engine.route import Surroundings
from eilbote.errors import Misused, Problem
from eilbote.net.dns import NameServer, Resolver
from eilbote.secret import Secret
from eilbote.store.values import AuthKind, NewAccount, Security, Server
from tests.servers.names import Names, Signing
from tests.servers.ports import LOOPBACK
from tests.servers.postfix import Postfix

MX = "@ IN MX 10 mx\nmx IN A 127.0.0.1\n"
SPF = '@ IN TXT "v=spf1 mx -all"\n'
DMARC = '_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:post@{domain}.test"\n'
GOOD = MX + SPF + DMARC

BROKEN = {
    "nomx": ("", "DNS03", Verdict.FAIL, "none"),
    "onlya": ("@ IN A 127.0.0.1\n", "DNS03", Verdict.WARN, "only_address"),
    "nullmx": ("@ IN MX 0 .\n", "DNS04", Verdict.FAIL, "wants_none"),
    "nullmore": (MX + "@ IN MX 0 .\n", "DNS04", Verdict.WARN, "among_others"),
    "cnamemx": (
        "@ IN MX 10 mail\nmail IN CNAME host\nhost IN A 127.0.0.1\n",
        "DNS03",
        Verdict.WARN,
        "alias",
    ),
    "ipmx": ("@ IN MX 10 192.0.2.1.\n", "DNS03", Verdict.FAIL, "number"),
    "localmx": ("@ IN MX 10 localhost.\n", "DNS03", Verdict.FAIL, "unfinished"),
    "deadmx": ("@ IN MX 10 nowhere\n", "DNS05", Verdict.FAIL, "mx_nowhere"),
    "spfnone": (MX, "DNS08", Verdict.WARN, "none"),
    "spftwo": (MX + SPF + '@ IN TXT "v=spf1 a -all"\n', "DNS08", Verdict.FAIL, "several"),
    "spftypo": (MX + '@ IN TXT "v=spf1;a -all"\n', "DNS08", Verdict.WARN, "misspelt"),
    "spfbad": (MX + '@ IN TXT "v=spf1 ipv4:192.0.2.1 -all"\n', "DNS09", Verdict.FAIL, "syntax"),
    "spfloop": (
        MX + '@ IN TXT "v=spf1 include:a.spfloop.test -all"\na IN TXT "v=spf1 include:spfloop.test -all"\n',
        "DNS09",
        Verdict.FAIL,
        "loop",
    ),
    "spfmany": (
        MX
        + '@ IN TXT "v=spf1 '
        + " ".join(f"include:i{n}.spfmany.test" for n in range(6))
        + ' " "'
        + " ".join(f"include:i{n}.spfmany.test" for n in range(6, 11))
        + ' -all"\n'
        + "".join(f'i{n} IN TXT "v=spf1 -all"\n' for n in range(11)),
        "DNS09",
        Verdict.FAIL,
        "lookups",
    ),
    "spfvoid": (MX + '@ IN TXT "v=spf1 a:x.spfvoid.test a:y.spfvoid.test a:z.spfvoid.test -all"\n',
                "DNS09", Verdict.FAIL, "void"),
    "spflost": (MX + '@ IN TXT "v=spf1 include:gone.spflost.test mx -all"\n', "DNS09", Verdict.FAIL, "lost"),
    "spfptr": (MX + '@ IN TXT "v=spf1 ptr mx -all"\n', "DNS09", Verdict.WARN, "ptr"),
    "spfall": (MX + '@ IN TXT "v=spf1 mx +all"\n', "DNS11", Verdict.FAIL, "everybody"),
    "spfneutral": (MX + '@ IN TXT "v=spf1 mx ?all"\n', "DNS11", Verdict.WARN, "neutral"),
    "spfopen": (MX + '@ IN TXT "v=spf1 mx"\n', "DNS11", Verdict.WARN, "open"),
    "dmarcnone": (MX + SPF, "DNS14", Verdict.WARN, "none"),
    "dmarctwo": (
        MX + SPF + '_dmarc IN TXT "v=DMARC1; p=none"\n_dmarc IN TXT "v=DMARC1; p=reject"\n',
        "DNS14",
        Verdict.WARN,
        "several",
    ),
    "dmarctypo": (MX + SPF + '_dmarc IN TXT "DMARC1; p=none"\n', "DNS14", Verdict.WARN, "misspelt"),
    "dmarcbad": (MX + SPF + '_dmarc IN TXT "v=DMARC1; p=block"\n', "DNS16", Verdict.WARN, "bad_value"),
    "dmarcold": (MX + SPF + '_dmarc IN TXT "v=DMARC1; p=none; pct=50"\n', "DNS16", Verdict.INFO, "removed"),
    "dmarcweak": (
        MX + SPF + '_dmarc IN TXT "v=DMARC1; p=reject; sp=none"\n', "DNS16", Verdict.WARN, "weaker"
    ),
    "dmarcrua": (
        MX + SPF + '_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:a@other.test"\n',
        "DNS17",
        Verdict.WARN,
        "not_agreed",
    ),
    "stsbad": (GOOD + '_mta-sts IN TXT "v=STSv1; id=not-good!"\n', "DNS19", Verdict.WARN, "bad_record"),
    "ststwo": (
        GOOD + '_mta-sts IN TXT "v=STSv1; id=1"\n_mta-sts IN TXT "v=STSv1; id=2"\n',
        "DNS19",
        Verdict.WARN,
        "several",
    ),
    "stsgone": (GOOD + '_mta-sts IN TXT "v=STSv1; id=1"\n', "DNS19", Verdict.WARN, "no_host"),
    "tlsrpt": (GOOD + '_smtp._tls IN TXT "v=TLSRPTv1"\n', "DNS20", Verdict.INFO, "bad"),
    "wild": (GOOD + "* IN A 127.0.0.1\n", "DNS29", Verdict.INFO, "wildcard"),
    "oneserver": (GOOD, "DNS02", Verdict.WARN, "one"),
}  # fmt: skip

POLICIES = {
    "good": ("version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 604800\n", Verdict.PASS, ""),
    "trial": ("version: STSv1\nmode: testing\nmx: *.trial.test\nmax_age: 604800\n", Verdict.INFO, "testing"),
    "other": (
        "version: STSv1\nmode: enforce\nmx: mx.elsewhere.test\nmax_age: 604800\n",
        Verdict.FAIL,
        "not_covered",
    ),
    "unused": (
        "version: STSv1\nmode: enforce\nmx: mx.unused.test\nmx: old.unused.test\nmax_age: 604800\n",
        Verdict.WARN,
        "unused",
    ),
    "young": ("version: STSv1\nmode: enforce\nmx: mx.young.test\nmax_age: 60\n", Verdict.WARN, "short_age"),
    "odd": ("version: STSv2\n", Verdict.WARN, "bad_file"),
    "html": (
        "version: STSv1\nmode: enforce\nmx: mx.html.test\nmax_age: 604800\n", Verdict.WARN, "content_type"
    ),
    "gone": ("404", Verdict.WARN, "status"),
    "moved": ("302", Verdict.WARN, "redirect"),
    "large": ("x" * 70_000, Verdict.WARN, "too_large"),
}  # fmt: skip
WRONG_NAME = "wrongname"
"""The web server's certificate is not for this one's policy."""


class _Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        zone = self.headers["Host"].removeprefix("mta-sts.").removesuffix(".test")
        content, _, _ = POLICIES.get(zone, ("404", None, None))
        status = int(content) if content.isdigit() else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "https://elsewhere.test/")
        self.send_header("Content-Type", "text/html" if zone == "html" else "text/plain")
        self.end_headers()
        if status == 200 and self.path == "/.well-known/mta-sts.txt":
            self.wfile.write(content.replace("\n", "\r\n").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def web(authority: trustme.CA) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(f"mta-sts.{zone}.test" for zone in POLICIES)).configure_cert(context)
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), _Web) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def around() -> Iterator[Surroundings]:
    names, authority = Names(), trustme.CA()
    names.zone("test", "")
    names.zone("other.test", "")
    for domain, (records, *_) in BROKEN.items():
        names.zone(f"{domain}.test", records.replace("{domain}", domain))
    sts = '_mta-sts IN TXT "v=STSv1; id=1"\nmta-sts IN A 127.0.0.1\n'
    for domain in (*POLICIES, WRONG_NAME):
        names.zone(f"{domain}.test", GOOD.replace("{domain}", domain) + sts)
    names.zone("signed.test", GOOD.replace("{domain}", "signed"), Signing.GOOD)
    names.zone("bogus.test", GOOD.replace("{domain}", "bogus"), Signing.BROKEN)
    many = "".join(f'@ IN TXT "{n:03} {"x" * 240}"\n' for n in range(220))
    names.zone("huge.test", MX + many + "_dmarc IN TXT " + " ".join(['"' + "y" * 250 + '"'] * 100) + "\n")
    names.zone("sub.test", MX + SPF + '_dmarc IN TXT "v=DMARC1; p=reject; sp=quarantine"\nlow IN MX 10 mx\n')
    names.zone("keys.test", GOOD.replace("{domain}", "keys"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        servers = names.servers
        with web(authority) as port:
            resolver = Resolver(servers, trusted=True, seconds=2.0)
            yield Surroundings(resolver, smtp_port=9, https_port=port, context=context, local_allowed=True)
    finally:
        names.remove()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"), dns_servers="127.0.0.1:9")
    with open_app(config, clock=SystemClock()) as opened:
        yield opened


async def look(app: App, around: Surroundings, domain: str, *, fetch: bool = False) -> Diagnosed:
    done = await diagnose.diagnose_domain(app, domain, lambda looking: None, fetch=fetch, around=around)
    for language in LANGUAGES:
        catalogue = Catalogue(language)
        for one in done.report.findings:
            assert not one.text or catalogue.knows(one.text), one.text
            said = catalogue.problem(Problem(one.text, one.parameters)) if one.text else None
            assert said is None or "…" not in f"{said.what}{said.do}", one.text
    return done


def case(finding: Finding) -> str:
    return finding.text.rpartition(".")[2]


def of(report: Report, check: str) -> list[Finding]:
    return [one for one in report.findings if one.id == check]


@pytest.mark.parametrize("domain", BROKEN)
async def test_each_fault_of_a_zone_is_named(domain: str, app: App, around: Surroundings) -> None:
    _, check, verdict, wanted = BROKEN[domain]
    done = await look(app, around, f"{domain}.test")
    found = [one for one in of(done.report, check) if case(one) == wanted]
    assert [one.verdict for one in found] == [verdict], [
        (one.id, one.verdict, case(one)) for one in done.report.findings
    ]
    for language in ("de", "en"):
        said = Catalogue(language).problem(Problem(found[0].text, found[0].parameters))
        assert said.what and "…" not in said.what
        assert verdict is Verdict.INFO or (said.do and "…" not in said.do)
    # The same evidence is judged alike: out of a file, and out of one that says nothing of whom it is about.
    assert diagnose.judge_file(diagnose.transcript_whole(done)).report == done.report
    shared = diagnose.transcript_to_share(done)
    assert domain.encode() not in shared
    again = diagnose.judge_file(shared).report
    assert [(one.id, one.verdict, one.text) for one in again.findings] == [
        (one.id, one.verdict, one.text) for one in done.report.findings
    ]


@pytest.mark.parametrize("domain", POLICIES)
async def test_the_policy_is_fetched_and_judged(domain: str, app: App, around: Surroundings) -> None:
    _, verdict, wanted = POLICIES[domain]
    done = await look(app, around, f"{domain}.test")
    (found,) = of(done.report, "DNS19")
    assert (found.verdict, case(found) if found.text else "") == (verdict, wanted), found
    if verdict in (Verdict.WARN, Verdict.FAIL):
        assert found.file is not None
        assert f"mx: mx.{domain}.test\r\n" in found.file.content
        assert found.file.url == f"https://mta-sts.{domain}.test/.well-known/mta-sts.txt"


async def test_a_policy_under_a_wrong_certificate_is_not_taken(app: App, around: Surroundings) -> None:
    (found,) = of((await look(app, around, f"{WRONG_NAME}.test")).report, "DNS19")
    assert (found.verdict, case(found)) == (Verdict.WARN, "certificate")


async def test_a_file_is_proven_before_its_record_is_published(app: App, around: Surroundings) -> None:
    """What `--fetch` is for: nothing asks for the file yet, and whether it is served shows all the same."""
    told = [case(one) for one in of((await look(app, around, "keys.test", fetch=True)).report, "DNS19")]
    assert told == ["none", "no_host"]
    told = [case(one) for one in of((await look(app, around, "keys.test")).report, "DNS19")]
    assert told == ["none"]


async def test_signed_and_wrongly_signed_zones_are_told_apart(app: App, around: Surroundings) -> None:
    signed = (await look(app, around, "signed.test")).report
    assert [one.verdict for one in of(signed, "DNS21")] == [Verdict.PASS]
    bogus = (await look(app, around, "bogus.test")).report
    assert [(one.verdict, case(one)) for one in of(bogus, "DNS21")] == [(Verdict.FAIL, "bogus")]
    assert bogus.cause.code == "dns.dnssec"
    blind = replace(around, resolver=Resolver(around.resolver._servers, trusted=False, seconds=2.0))
    unproven = (await look(app, blind, "signed.test")).report
    assert case(of(unproven, "DNS21")[0]) == "unproven"
    assert of(unproven, "ENV04")


async def test_a_domain_that_is_not_there_ends_the_branch(app: App, around: Surroundings) -> None:
    report = (await look(app, around, "nobody.test")).report
    assert (report.verdict, report.cause.code) == (Verdict.FAIL, "dns.no_domain")
    assert len([one for one in report.findings if one.id.startswith("DNS")]) == 1
    with pytest.raises(Misused, match="no_target"):
        await look(app, around, "no domain at all")


async def test_silent_name_servers_are_no_fault_of_the_domain(app: App, around: Surroundings) -> None:
    silent = replace(around, resolver=Resolver((NameServer(LOOPBACK, 9),), seconds=0.3))
    report = (await look(app, silent, "good.test")).report
    assert (report.verdict, report.cause.code) == (Verdict.ERROR, "dns.silent")


async def test_a_huge_zone_costs_no_more_than_its_bounds(app: App, around: Surroundings) -> None:
    async with asyncio.timeout(45):
        done = await look(app, around, "huge.test")
    assert len(diagnose.transcript_whole(done)) < 2_000_000
    assert len(done.transcript.steps) < 200
    assert case(of(done.report, "DNS14")[0]) == "misspelt"


async def test_below_an_organisation_its_rule_for_names_below_counts(app: App, around: Surroundings) -> None:
    report = (await look(app, around, "low.sub.test")).report
    assert [one.about for one in of(report, "DNS14")] == ["_dmarc.sub.test"]
    assert of(report, "DNS15")[0].seen == "p=quarantine"


async def test_the_own_key_is_looked_for_where_mail_is_signed_with_it(app: App, around: Surroundings) -> None:
    planned = NewAccount(
        address="anna@keys.test",
        name="",
        user="anna@keys.test",
        auth=AuthKind.PASSWORD,
        sealed=b"",
        imap=Server("imap.keys.test", 993, Security.TLS),
        smtp=Server("smtp.ionos.de", 465, Security.TLS),
        pop3=None,
    )
    account = await asyncio.to_thread(setup.store_account, app, planned, Secret("s"))
    published = await asyncio.to_thread(dkim.make_key, app, account, "eilbote")
    report = (await look(app, around, "keys.test")).report
    (found,) = [one for one in of(report, "DNS12") if one.verdict is Verdict.FAIL]
    assert case(found) == "missing"
    assert [(one.name, one.value) for one in found.publish] == [(published.name, published.text)]
    assert zone_line(found.publish[0]).startswith('eilbote._domainkey.keys.test. IN TXT "v=DKIM1; ')
    (missing,) = of(report, "DNS10")  # mail goes out through IONOS, and SPF does not say so
    assert (missing.verdict, missing.publish[0].value) == (
        Verdict.WARN,
        "v=spf1 mx include:_spf-eu.ionos.com -all",
    )
    assert [one.kind for one in of(report, "DISC03")[0].publish] == ["SRV", "SRV"]


async def test_the_fixed_certificate_is_compared_with_the_one_served(app: App, postfix: Postfix) -> None:
    served = x509.load_pem_x509_certificate(postfix.certificate.encode())
    key = served.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    right, wrong = sha256(key).hexdigest(), "0" * 64
    names = Names()
    names.zone("org", "")
    long = f"3 1 2 {sha512(key).hexdigest()}", f"3 0 2 {sha512(b'another').hexdigest()}"
    records_of = {"right": f"3 1 1 {right}", "wrong": f"3 1 1 {wrong}", "long": long[0], "longer": long[1]}
    for domain, data in records_of.items():
        records = f"@ IN MX 10 mx\nmx IN A 127.0.0.1\n_25._tcp.mx IN TLSA {data}\n"
        names.zone(f"{domain}.org", records, Signing.GOOD)
    names.zone("bare.org", MX, Signing.GOOD)
    try:
        resolver = Resolver(names.servers, trusted=True, seconds=2.0)
        here = Surroundings(resolver, smtp_port=postfix.mx_port, local_allowed=True)
        good = (await look(app, here, "right.org")).report
        assert [one.verdict for one in of(good, "DNS23")] == [Verdict.PASS]
        assert case(of(good, "DNS24")[0]) == "one"
        for domain, verdict in (("long.org", Verdict.PASS), ("longer.org", Verdict.FAIL)):  # SHA-512
            diagnosed = await look(app, here, domain)
            again = judge_again(shared(diagnosed.transcript))
            for report in (diagnosed.report, again):
                assert [one.verdict for one in of(report, "DNS23")] == [verdict]
        bad = (await look(app, here, "wrong.org")).report
        (found,) = of(bad, "DNS23")
        assert (found.verdict, case(found)) == (Verdict.FAIL, "mismatch")
        assert [one.value for one in found.publish] == [f"3 1 1 {right}"]
        bare = of((await look(app, here, "bare.org")).report, "DNS23")[0]
        assert (case(bare), zone_line(bare.publish[0])) == (
            "none",
            f"_25._tcp.mx.bare.org. IN TLSA 3 1 1 {right}",
        )
    finally:
        names.remove()
