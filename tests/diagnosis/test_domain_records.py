"""Records of a domain read without any network: SPF, DKIM, DMARC, TLSA, and how each is pasted."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from eilbote.cli.to_publish import quoted, zone_line
from eilbote.diagnosis.domain.climb import climb_domain
from eilbote.diagnosis.domain.dkim import read_key
from eilbote.diagnosis.domain.dmarc import names_of, read_dmarc
from eilbote.diagnosis.domain.sharing import DomainHiding
from eilbote.diagnosis.domain.signed import read_tlsa
from eilbote.diagnosis.domain.spf import is_spf, read_spf
from eilbote.diagnosis.evidence import Evidence, Outcome, OwnDomain, Records, Unmade
from eilbote.diagnosis.probes import LookUp, Probe
from eilbote.diagnosis.values import Confidence, DnsRecord, Finding, Verdict

BAD_TERMS = [
    *(
        "-all.",
        "-all/8",
        "-all:x",
        "1up=foo",
        "=all",
        "redirect=",
        "a:",
        "a/33",
        "a//129",
        "a/24/64",
        "a:museum",
    ),
    *("a:abc.123", "a:111.222.33.44", "a:example.-com", "exists", "exists:%(ir).x.de", "exists:foo%.x.de"),
    *("include", "include:x.de/24", "ip4", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip6::CAFE::BABE", "moo", "ptr/0"),
    *("ipv4:1.2.3.4", "mx:", "foo=%abc", "exp="),
]
GOOD_TERMS = [
    *(
        "-all",
        "~all",
        "?all",
        "+all",
        "a",
        "a/24",
        "a//64",
        "a/24//64",
        "mx",
        "mx/0",
        "a:x.de",
        "ptr",
        "ptr:x.de",
    ),
    *("ip4:1.2.3.4", "ip4:1.2.3.0/24", "ip6:2001:db8::/32", "ip6:::FFFF:1.2.3.4", "include:_spf.x.de"),
    *(
        "exists:%{i}._spf.%{d2}",
        "redirect=_spf.x.de",
        "exp=%{ir}.x.de",
        "unknown=thing",
        "INCLUDE:X.de",
        "a:%{H}",
    ),
]


@pytest.mark.parametrize("term", BAD_TERMS)
def test_a_term_of_spf_that_means_nothing_is_named(term: str) -> None:
    assert read_spf(f"v=spf1 mx {term} -all").wrong


@pytest.mark.parametrize("term", GOOD_TERMS)
def test_a_term_of_spf_is_read(term: str) -> None:
    spf = read_spf(f"v=spf1 {term}")
    assert not spf.wrong
    assert len(spf.terms) == 1


def test_what_spf_begins_with() -> None:
    assert is_spf("v=spf1") and is_spf("V=SPF1 -all")
    assert not is_spf("v=spf10 -all") and not is_spf("v=spf1;-all") and not is_spf(" v=spf1 -all")


def _text(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.mark.parametrize("bits", [1024, 2048, 3072])
def test_the_length_of_a_key_is_read(bits: int) -> None:
    made = rsa.generate_private_key(65_537, bits)
    key = read_key(f"v=DKIM1; k=rsa; p={_text(made)}")
    assert key is not None and (key.bits, key.revoked, key.testing) == (bits, False, False)
    bare = made.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    other = read_key(f"p={b64encode(bare).decode()}")
    assert other is not None and other.bits == bits


def test_other_keys() -> None:
    edwards = read_key(f"v=DKIM1; k=ed25519; t=s:y; p={_text(ed25519.Ed25519PrivateKey.generate())}")
    assert edwards is not None and (edwards.kind, edwards.bits, edwards.testing) == ("ed25519", 256, True)
    revoked = read_key("v=DKIM1; p=")
    assert revoked is not None and revoked.revoked
    broken = read_key("v=DKIM1; p=MIIBIjANBgkqhkiG")
    assert broken is not None and broken.bits == 0
    assert read_key("v=spf1 -all") is None


def test_the_tree_is_walked_by_rfc_9989() -> None:
    assert names_of("a.firma.de") == ["_dmarc.a.firma.de", "_dmarc.firma.de", "_dmarc.de"]
    long = names_of("a.b.c.d.e.f.g.h.i.j.mail.example.com")
    assert long[:2] == ["_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com"]
    assert len(long) == 8


def test_a_rule_begins_with_its_version() -> None:
    assert read_dmarc("x", "v=DMARC1; p=none") is not None
    assert read_dmarc("x", "v = DMARC1 ;p=none") is not None
    for text in ("p=none; v=DMARC1", "v=dmarc1; p=none", "v=DMARC10; p=none", ""):
        assert read_dmarc("x", text) is None, text


def test_records_are_written_as_a_zone_has_them() -> None:
    assert zone_line(DnsRecord("_dmarc.x.de", "TXT", "v=DMARC1; p=none")) == (
        '_dmarc.x.de. IN TXT "v=DMARC1; p=none"'
    )
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    long = quoted("x" * 600)
    assert [len(one) for one in long.replace('"', "").split()] == [255, 255, 90]


def looked_at(own: OwnDomain, zone: Mapping[tuple[str, str], tuple[str, ...]]) -> list[Finding]:
    """The findings on a domain whose records are these; nobody is reached."""
    rungs = climb_domain(own, 0.0)
    probes = next(rungs)
    try:
        while True:
            probes = rungs.send([answered(one, zone) for one in probes])
    except StopIteration as end:
        found: list[Finding] = end.value
        return found


def answered(probe: Probe, zone: Mapping[tuple[str, str], tuple[str, ...]]) -> Evidence:
    if not isinstance(probe, LookUp):
        return Unmade("not reached")
    records = zone.get((probe.name, probe.kind), ())
    return Records(probe.name, probe.kind, Outcome.OK if records else Outcome.NO_RECORDS, records)


def test_without_an_account_the_provider_that_takes_the_mail_is_taken_for_the_one_that_sends() -> None:
    zone = {
        ("firma.de", "SOA"): ("x",),
        ("firma.de", "MX"): ("10 mx00.ionos.de.", "10 mx01.ionos.de."),
        ("firma.de", "TXT"): ("v=spf1 mx -all",),
    }
    findings = looked_at(OwnDomain("firma.de"), zone)
    (spf,) = [one for one in findings if one.id == "DNS10"]
    assert (spf.confidence, spf.publish[0].value) == (
        Confidence.LIKELY,
        "v=spf1 mx include:_spf-eu.ionos.com -all",
    )
    (dkim,) = [one for one in findings if one.id == "DNS12"]
    assert (dkim.verdict, dkim.parameters["provider"]) == (Verdict.WARN, "IONOS")
    key = b64encode(
        rsa.generate_private_key(65_537, 2048)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    zone["s1-ionos._domainkey.firma.de", "TXT"] = (f"v=DKIM1; p={key}",)
    zone["firma.de", "TXT"] = ("v=spf1 include:_spf-eu.ionos.com -all",)
    zone["_spf-eu.ionos.com", "TXT"] = ("v=spf1 ip4:192.0.2.0/24 -all",)
    good = {one.id: one.verdict for one in looked_at(OwnDomain("firma.de"), zone)}
    assert good["DNS09"] is good["DNS10"] is good["DNS12"] is Verdict.PASS


def test_a_zone_that_never_ends_is_left_after_its_bounds() -> None:
    class Endless(dict[tuple[str, str], tuple[str, ...]]):
        def get(self, key: tuple[str, str], default: object = None) -> tuple[str, ...]:
            name, kind = key
            many = {"TXT": f"v=spf1 include:a.{name} include:b.{name} -all", "MX": f"10 m.{name}"}
            return (many.get(kind, "192.0.2.1"),) * 50

    findings = looked_at(OwnDomain("firma.de"), Endless())
    assert any(one.id == "DNS08" for one in findings)


def test_what_is_shared_has_no_customers_name_in_a_providers() -> None:
    hide = DomainHiding("kanzlei-linde.de", {"mail.protection.outlook.com", "ionos.de"}).hidden
    assert hide("0 kanzleilinde-de01b.mail.protection.outlook.com.") == "0 h1.mail.protection.outlook.com."
    assert hide("10 mx00.ionos.de. post.kanzlei-linde.de") == "10 mx00.ionos.de. h2.example.org"
    assert hide("v=spf1 ip4:93.184.216.34/24 a:srv.linde.example.net -all") == (
        "v=spf1 ip4:192.0.2.1/24 a:h3.h4.domain1.example -all"
    )
    assert hide("34.216.184.93.in-addr.arpa") == "1.2.0.192.in-addr.arpa"
    assert hide({"subject": "CN=Kanzlei Linde", "issuer": "CN=R11,O=Let's Encrypt"}) == {
        "subject": "",
        "issuer": "CN=R11,O=Let's Encrypt",
    }


@given(st.text(max_size=400))
def test_any_text_is_read_without_a_stumble(text: str) -> None:
    read_spf(text)
    read_key(text)
    read_dmarc("x", text)
    read_tlsa(text)
    quoted(text)
