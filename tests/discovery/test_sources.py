"""What each source says, read: records, files, answers, guesses, and the order that becomes of them."""

from __future__ import annotations

import pytest

from eilbote.discovery.autoconfig import published_at, published_for_others, read_autoconfig
from eilbote.discovery.autodiscover import named_by_json, question, read_json_answer, read_xml_answer
from eilbote.discovery.guess import guesses
from eilbote.discovery.known import candidates_of
from eilbote.discovery.order import disagreements, ordered
from eilbote.discovery.srv import is_under, read_srv
from eilbote.discovery.typo import LARGEST, meant
from eilbote.discovery.values import Candidate, Protocol, Source, SrvRecord, Told
from eilbote.discovery.xml import read_xml
from eilbote.providers.table import provider_by_mx, provider_of

ADDRESS = "kim@firma.test"
NULL = SrvRecord(0, 0, 0, "")


def places(told: Told, protocol: Protocol = Protocol.IMAP) -> list[str]:
    return [f"{one.place} {one.security}" for one in told.candidates if one.protocol is protocol]


# --- SRV ---------------------------------------------------------------------------------------------


def test_records_are_ordered_by_priority_then_weight_and_tls_comes_first() -> None:
    told = read_srv(
        "firma.test",
        {
            "_imap._tcp": ([SrvRecord(0, 1, 143, "plain.firma.test")], False),
            "_imaps._tcp": (
                [
                    SrvRecord(10, 9, 993, "c.firma.test"),
                    SrvRecord(0, 1, 993, "b.firma.test"),
                    SrvRecord(0, 5, 993, "A.firma.test"),
                ],
                False,
            ),
        },
    )
    assert places(told) == [
        "a.firma.test:993 tls",
        "b.firma.test:993 tls",
        "c.firma.test:993 tls",
        "plain.firma.test:143 starttls",
    ]


def test_a_null_target_is_a_no() -> None:
    told = read_srv(
        "firma.test",
        {
            "_imaps._tcp": ([NULL], False),
            "_imap._tcp": ([NULL], False),
            "_pop3s._tcp": ([SrvRecord(0, 1, 995, "pop.firma.test")], False),
            "_pop3._tcp": ([NULL], False),
        },
    )
    assert told.refused == {Protocol.IMAP}
    assert places(told, Protocol.POP3) == ["pop.firma.test:995 tls"]
    guessed = guesses("firma.test")
    assert not [one for one in ordered([told, guessed]) if one.protocol is Protocol.IMAP]


@pytest.mark.parametrize(
    ("target", "proven", "asks"),
    [
        ("imap.firma.test", False, False),
        ("firma.test", False, False),
        ("imap.hoster.test", False, True),
        ("imap.hoster.test", True, False),
        ("imap.xfirma.test", False, True),
    ],
)
def test_a_target_elsewhere_has_to_be_agreed_to_unless_it_is_proven(
    target: str, proven: bool, asks: bool
) -> None:
    told = read_srv("firma.test", {"_imaps._tcp": ([SrvRecord(0, 1, 993, target)], proven)})
    assert [one.asks for one in told.candidates] == [asks]


def test_what_lies_under_a_domain() -> None:
    assert is_under("Mail.Firma.test.", "firma.TEST")
    assert not is_under("firma.test.evil", "firma.test")


# --- autoconfig --------------------------------------------------------------------------------------


def config(*servers: str) -> bytes:
    return (
        f'<clientConfig version="1.1"><emailProvider id="x">{"".join(servers)}</emailProvider></clientConfig>'
    ).encode()


def server(
    kind: str = "imap", host: str = "imap.firma.test", port: str = "993", security: str = "SSL", **more: str
) -> str:
    element = "outgoingServer" if kind == "smtp" else "incomingServer"
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return (
        f'<{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>{security}</socketType>{inside}</{element}>"
    )


def test_placeholders_are_filled_and_what_is_filled_in_is_no_template() -> None:
    address = "%EMAILDOMAIN%@firma.test"
    content = config(
        server(host="imap.%EMAILDOMAIN%", username="%EMAILADDRESS%"),
        server(host="a.test", username="%EMAILLOCALPART%.%EMAILDOMAIN%"),
        server(host="b.test", username="%UNKNOWN%"),
    )
    told = read_autoconfig(content, address, "here")
    assert [(one.host, one.user) for one in told.candidates] == [
        ("imap.firma.test", address),
        ("a.test", "%EMAILDOMAIN%.firma.test"),
        ("b.test", "%UNKNOWN%"),
    ]


@pytest.mark.parametrize(
    "one",
    [
        server(security="plain"),
        server(security=""),
        server(port="0"),
        server(port="65536"),
        server(port="9" * 5000),
        server(port="000099" + "9" * 20),
        server(port="-1"),
        server(port="٩٩٣"),
        server(host=""),
        server(host="imap.firma.test/x"),
        server(host="a b"),
        server(host="[::1]"),
        server(host="-x.test"),
        server(kind="exchange"),
    ],
)
def test_servers_that_cannot_be_used_are_left_out(one: str) -> None:
    told = read_autoconfig(config(one), ADDRESS, "here")
    assert not told.candidates
    assert told.problem is not None and told.problem.code == "discovery.unreadable"
    assert places(read_autoconfig(config(one, server()), ADDRESS, "here")) == ["imap.firma.test:993 tls"]


def test_a_server_that_takes_tokens_alone_says_so() -> None:
    both = config(server(authentication="OAuth2"), server(host="b.test", authentication="password-cleartext"))
    told = read_autoconfig(both, ADDRESS, "here")
    assert [one.oauth_only for one in told.candidates] == [True, False]


def test_the_address_goes_to_hosts_of_its_own_domain_alone() -> None:
    for place in published_at("kim+x@firma.test", "firma.test"):
        assert is_under(place.host, "firma.test")
        assert place.url.startswith("https://")
    assert "kim%2Bx%40firma.test" in published_at("kim+x@firma.test", "firma.test")[0].path
    assert not [one for one in published_for_others("hoster.test") if "emailaddress" in one.path]


# --- autodiscover ------------------------------------------------------------------------------------


def test_what_is_asked_holds_the_address_and_nothing_else() -> None:
    asked = read_xml(question("a&b<@firma.test"))
    assert [one.text for one in asked.below("EMailAddress")] == ["a&b<@firma.test"]
    assert "/v1.0/kim@firma.test?" in named_by_json(ADDRESS, "firma.test").path


def test_servers_of_an_answer() -> None:
    def protocol(kind: str, port: str = "", more: str = "") -> str:
        place = f"<Server>{kind}.hoster.test</Server><Port>{port}</Port>"
        return f"<Protocol><Type>{kind}</Type>{place}{more}</Protocol>"

    content = (
        '<Autodiscover xmlns="urn:o"><Response xmlns="urn:i"><Account>'
        + protocol("IMAP", "993", "<SSL>on</SSL><LoginName>kim</LoginName>")
        + protocol("SMTP", "587", "<Encryption>TLS</Encryption>")
        + protocol("POP3", "110", "<SSL>off</SSL>")
        + protocol("EXCH")
        + "</Account></Response></Autodiscover>"
    ).encode()
    told = read_xml_answer(content, "here")
    assert [(one.place, one.security, one.user) for one in told.candidates] == [
        ("imap.hoster.test:993", "tls", "kim"),
        ("smtp.hoster.test:587", "starttls", ""),
    ]


@pytest.mark.parametrize(
    ("content", "host"),
    [
        (
            b'{"Protocol":"AutodiscoverV1","Url":"https://ex.firma.test/autodiscover/autodiscover.xml"}',
            "ex.firma.test",
        ),
        (b'{"Url":"https://[::1"}', ""),
        (b'{"Url":1}', ""),
        (b"[]", ""),
        (b"{" * 60_000, ""),
    ],
)
def test_the_exchange_server_of_an_answer(content: bytes, host: str) -> None:
    told = read_json_answer(content, "here")
    assert {one.host for one in told.candidates} == ({host} if host else set())


# --- the table, guesses, slips -----------------------------------------------------------------------


def test_rows_become_candidates() -> None:
    icloud = provider_of("kim@icloud.com")
    assert icloud is not None
    told = candidates_of(icloud, "kim@icloud.com", Source.PROVIDER)
    assert {one.protocol: one.user for one in told.candidates} == {
        Protocol.IMAP: "kim",
        Protocol.SMTP: "kim@icloud.com",
    }
    shared = provider_by_mx("w0123456.kasserver.com")
    assert shared is not None
    told = candidates_of(shared, ADDRESS, Source.MX, "w0123456.kasserver.com")
    assert places(told) == ["w0123456.kasserver.com:993 tls"]
    assert not candidates_of(shared, ADDRESS, Source.MX).candidates


def test_guesses_lie_under_the_domain_and_are_encrypted_from_the_first_byte() -> None:
    told = guesses("firma.test", ["mx.firma.test.", "mx.hoster.test"])
    assert all(is_under(one.host, "firma.test") for one in told.candidates)
    assert {one.security for one in told.candidates} == {"tls"}
    assert {one.port for one in told.candidates} == {993, 465, 995}


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("gmial.com", "gmail.com"),
        ("gmx.dee", "gmx.de"),
        ("web.ed", "web.de"),
        ("t-onlin.de", "t-online.de"),
        ("gmai.com", "gmail.com"),
        ("outlok.de", "outlook.de"),
        ("GMIAL.com", "gmail.com"),
        ("gmx.de", ""),
        ("gmx.ch", ""),
        ("mail.de", ""),
        ("firma.de", ""),
        ("", ""),
    ],
)
def test_slips(typed: str, wanted: str) -> None:
    assert meant(typed) == wanted


def test_no_provider_of_the_table_looks_like_a_slip_of_itself() -> None:
    assert len(LARGEST) == len(set(LARGEST)) == 40
    assert not [one for one in LARGEST if meant(one)]


# --- the order ---------------------------------------------------------------------------------------


def candidate(source: Source, host: str, **more: object) -> Candidate:
    return Candidate(Protocol.IMAP, host, 993, "tls", source, **more)  # type: ignore[arg-type]


def test_sources_are_believed_in_their_order_and_each_server_stands_once() -> None:
    told = [
        Told(Source.GUESS, (candidate(Source.GUESS, "imap.firma.test"),)),
        Told(Source.AUTOCONFIG, (candidate(Source.AUTOCONFIG, "b.test", user="kim"),)),
        Told(Source.SRV, (candidate(Source.SRV, "b.test", asks=True), candidate(Source.SRV, "a.test"))),
    ]
    found = ordered(told)
    assert [(one.host, one.source) for one in found] == [
        ("b.test", Source.SRV),
        ("a.test", Source.SRV),
        ("imap.firma.test", Source.GUESS),
    ]
    assert (found[0].asks, found[0].user) == (False, "kim"), "the domain said it too, and knows the user name"


def test_disagreement_is_between_first_choices_and_guesses_say_nothing() -> None:
    told = [
        Told(Source.SRV, (candidate(Source.SRV, "a.test"), candidate(Source.SRV, "b.test"))),
        Told(Source.AUTOCONFIG, (candidate(Source.AUTOCONFIG, "a.test"),)),
        Told(Source.AUTODISCOVER, (candidate(Source.AUTODISCOVER, "b.test"),)),
        Told(Source.GUESS, (candidate(Source.GUESS, "c.test"),)),
    ]
    assert [(one.one.source, one.other.source) for one in disagreements(told)] == [
        (Source.SRV, Source.AUTODISCOVER)
    ]
