"""What people type when they set up an account: taken, put in order, or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.engine.address import checked_address, checked_fingerprint, is_loopback, server_from
from eilbote.errors import Misused, NotAllowed
from eilbote.store.values import Security, Server


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("anna@example.org", "anna@example.org"),
        (" Anna.Müller+x@EXAMPLE.Org ", "Anna.Müller+x@example.org"),
        ("a@localhost", "a@localhost"),
        ("jürgen@müller.de", "jürgen@müller.de"),
        ("o'neil!#$%&*@sub.example.co.uk", "o'neil!#$%&*@sub.example.co.uk"),
    ],
)
def test_addresses_that_are_taken(text: str, address: str) -> None:
    assert checked_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@@example.org",
        "an na@example.org",
        "anna@exam ple.org",
        "anna@-x.org",
        "anna@x-.org",
        "anna@example..org",
        "anna@.org",
        "a\r\nb@example.org",
        "a\x00@example.org",
        "<anna@example.org>",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + ".".join(["abc"] * 80),
    ],
)
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(Misused) as caught:
        checked_address(text)
    assert caught.value.problem.code == "account.bad_address"
    assert caught.value.problem.parameters["address"] == text


@given(st.text(st.characters(), max_size=300))
def test_no_address_does_harm(text: str) -> None:
    try:
        address = checked_address(text)
    except Misused:
        return
    assert "@" in address and not set("\r\n\0 <>") & set(address)


@pytest.mark.parametrize(
    ("text", "security", "server"),
    [
        ("imap.example.org", None, Server("imap.example.org", 993, Security.TLS)),
        ("IMAP.Example.org:993", None, Server("imap.example.org", 993, Security.TLS)),
        ("imap.example.org:143", None, Server("imap.example.org", 143, Security.STARTTLS)),
        ("imap.example.org:4321", None, Server("imap.example.org", 4321, Security.TLS)),
        ("imap.example.org", "starttls", Server("imap.example.org", 143, Security.STARTTLS)),
        ("127.0.0.1:1143", "none", Server("127.0.0.1", 1143, Security.NONE)),
        ("localhost", "none", Server("localhost", 143, Security.NONE)),
        ("[::1]:1143", "none", Server("::1", 1143, Security.NONE)),
        ("[2001:db8::1]", None, Server("2001:db8::1", 993, Security.TLS)),
    ],
)
def test_servers_that_are_taken(text: str, security: str | None, server: Server) -> None:
    assert server_from(text, "imap", security) == server


def test_ports_follow_the_protocol() -> None:
    assert server_from("x.org", "smtp", None).port == 465
    assert server_from("x.org", "smtp", "starttls").port == 587
    assert server_from("x.org", "pop3", None).port == 995


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":993",
        "host:",
        "host:port",
        "host:0",
        "host:65536",
        "host:99999999",
        "host:٣",
        "ho st:993",
        "host/path",
        "imaps://host",
        "::1",
        "[::1",
        "a\nb",
        "h" * 300,
    ],
)
def test_servers_that_are_refused(text: str) -> None:
    with pytest.raises(Misused) as caught:
        server_from(text, "imap", None)
    assert caught.value.problem.code == "account.bad_server"


@pytest.mark.parametrize(
    "host", ["imap.example.org", "10.0.0.1", "128.0.0.1", "127.evil.org", "localhost.evil.org"]
)
def test_a_line_without_protection_is_for_this_machine_only(host: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        server_from(f"{host}:143", "imap", "none")
    assert caught.value.problem.code == "account.insecure"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "LOCALHOST"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


DIGITS = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        DIGITS,
        DIGITS.upper(),
        ":".join(DIGITS[at : at + 2] for at in range(0, 64, 2)),
        f"SHA256={DIGITS}",
        f"sha256:{DIGITS}",
    ],
)
def test_fingerprints_that_are_taken(text: str) -> None:
    assert checked_fingerprint(text) == DIGITS


@pytest.mark.parametrize("text", ["", DIGITS[:-1], DIGITS + "0", "g" * 64, "zz:" * 32])
def test_fingerprints_that_are_refused(text: str) -> None:
    with pytest.raises(Misused) as caught:
        checked_fingerprint(text)
    assert caught.value.problem.code == "account.bad_fingerprint"


def test_both_forms_of_a_domain_are_one_address() -> None:
    assert checked_address("jörg@xn--mller-kva.de") == checked_address("jörg@Müller.de") == "jörg@müller.de"
    assert checked_address("a@mu\u0308ller.de") == "a@müller.de"


@pytest.mark.parametrize("domain", ["xn--", "xn--a", "xn--99999999", "xn--abc-"])
def test_what_only_looks_like_an_encoded_domain_stays(domain: str) -> None:
    try:
        assert checked_address(f"a@{domain}.de") == f"a@{domain}.de"
    except Misused as refused:
        assert refused.problem.code == "account.bad_address"


@pytest.mark.parametrize(
    ("host", "wire"),
    [("müller.de", "xn--mller-kva.de"), ("imap.Straße.de", "imap.xn--strae-oqa.de"), ("b.DE", "b.de")],
)
def test_a_host_is_kept_as_it_goes_over_the_wire(host: str, wire: str) -> None:
    assert server_from(f"{host}:993", "imap", None).host == wire
