"""The one encoder: what it writes, and that nothing else gets through."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from eilbote.errors import Misused
from eilbote.protocols.smtp import encode
from eilbote.protocols.smtp.types import Notify

ADDRESSES = [
    "a@example.org",
    "first.last+tag=x@sub.example.org",
    "two..dots.@example.org",
    "o'neil!#$%&*/=?^_`{|}~-@example.org",
    '"with space"@example.org',
    r'"quo\"te\\d@,;:<>"@example.org',
    "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]",
    "a@localhost",
    "under@score_.example.org",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_leave_as_they_are(address: str) -> None:
    assert encode.rcpt(address).line == b"RCPT TO:<" + address.encode() + b">"
    assert encode.mail(address).line == b"MAIL FROM:<" + address.encode() + b">"
    assert encode.is_sendable(address)


def test_addresses_beyond_ascii_need_smtputf8() -> None:
    assert encode.mail("jörg@bücher.example", utf8=True).line == (
        "MAIL FROM:<jörg@bücher.example> SMTPUTF8".encode()
    )
    assert encode.rcpt("δοκιμή@παράδειγμα.example", utf8=True).line == (
        "RCPT TO:<δοκιμή@παράδειγμα.example>".encode()
    )
    with pytest.raises(Misused):
        encode.rcpt("jörg@example.org")
    assert encode.needs_utf8("jörg@example.org") and not encode.needs_utf8("joerg@example.org")


HOSTILE = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    ">",
    "<",
    " ",
    "\t",
    "\x7f",
    "\x85",
    "\u2028",
    "\u200b",
    "\udcff",
    "@",
    '"',
    "\\",
]
PLACES = [
    "{}a@example.org",
    "a{}b@example.org",
    "a{}@example.org",
    "a@{}example.org",
    "a@exam{}ple.org",
    "a@example.org{}",
    '"a{}b"@example.org',
    "a@[192.0{}.2.1]",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_is_injected_through_an_address(place: str, hostile: str) -> None:
    """Whatever is let through is one path: it has no end of a line and no second bracket outside of
    quotes."""
    for address in (place.format(hostile), place.format(hostile + "RCPT TO:<evil@example.org>" + hostile)):
        for make in (encode.rcpt, encode.mail):
            try:
                line = make(address, utf8=True).line
            except Misused as refused:
                assert refused.problem.code == "smtp.address"
                continue
            path = re.fullmatch(rb'(?:RCPT TO|MAIL FROM):<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>( SMTPUTF8)?', line)
            assert path is not None, line
            assert not re.search(rb"[\x00-\x1f\x7f]", line)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@",
        "a@",
        "@example.org",
        "a@b@c",
        "a b@example.org",
        "a@-example.org",
        "a@ex ample.org",
        "a@.org",
        "a@example..org",
        "a@[",
        "a@[]",
        "a@[192.0.2.1",
        '"a@example.org',
        'a"@example.org',
        "<a@example.org>",
        "a@example.org>",
        "a@example.org> NOTIFY=NEVER",
        "a@example.org,b@example.org",
        "x" * 600 + "@example.org",
        "root",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert not encode.is_sendable(address)
    with pytest.raises(Misused):
        encode.rcpt(address, utf8=True)


def test_the_null_sender() -> None:
    assert encode.mail("").line == b"MAIL FROM:<>"


def test_parameters_of_mail() -> None:
    made = encode.mail(
        "a@example.org",
        utf8=True,
        size=123,
        body_8bit=True,
        require_tls=True,
        headers_only=True,
        envelope_id="a+b=c d",
    )
    assert made.line == (
        b"MAIL FROM:<a@example.org> SIZE=123 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=a+2Bb+3Dc+20d"
    )
    assert encode.mail("", headers_only=False).line == b"MAIL FROM:<> RET=FULL"


def test_parameters_of_rcpt() -> None:
    made = encode.rcpt("b@example.org", notify=(Notify.SUCCESS, Notify.DELAY), original="b+c=d@example.org")
    assert made.line == b"RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc+3Dd@example.org"
    assert encode.rcpt("b@example.org", original="jörg+x@b.example").line.endswith(
        rb" ORCPT=utf-8;j\x{F6}rg\x{2B}x@b.example"
    )
    with pytest.raises(Misused):
        encode.rcpt("b@example.org", notify=(Notify.NEVER, Notify.DELAY))


@pytest.mark.parametrize("hostile", ["\r\n", "\n", "\0", "\x7f", "ü\n", "x" * 600])
def test_nothing_is_injected_through_a_parameter(hostile: str) -> None:
    makes: tuple[Callable[[], object], ...] = (
        lambda: encode.mail("a@example.org", envelope_id=hostile),
        lambda: encode.rcpt("a@example.org", original=hostile),
        lambda: encode.hello(hostile, esmtp=True),
        lambda: encode.auth(hostile, None, lambda challenge: b""),
    )
    for make in makes:
        with pytest.raises(Misused) as refused:
            make()
        assert refused.value.problem.code == "smtp.argument"


@pytest.mark.parametrize("name", ["mail.example.org", "[127.0.0.1]", "[IPv6:::1]", "localhost"])
def test_our_name(name: str) -> None:
    assert encode.hello(name, esmtp=True).line == b"EHLO " + name.encode()
    assert encode.hello(name, esmtp=False).line == b"HELO " + name.encode()


def test_chunks() -> None:
    assert encode.bdat(10, last=False).line == b"BDAT 10"
    assert encode.bdat(0, last=True).line == b"BDAT 0 LAST"
