"""Logins: the published vectors, an independent SCRAM server, and servers that cheat."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp import ScramMechanism  # type: ignore[import-untyped]

from eilbote.errors import EilboteError, Garbled, Misused, Refused
from eilbote.protocols.sasl import Exchange, choose, refusal_details, refusal_of, start
from eilbote.protocols.scram import saslprep
from eilbote.secret import Secret

USER, NONCE_1, NONCE_256 = "user", "fyko+d2lbbFgONRv9qkxdawL", "rOprNGfwEbeRWgbNEkqO"


def begin(
    mechanism: str,
    user: str = USER,
    password: str = "pencil",
    nonce: str = NONCE_256,
    channel_binding: tuple[str, bytes] | None = None,
) -> Exchange:
    return start(
        mechanism,
        user=user,
        secret=Secret(password),
        host="server.example.com",
        port=143,
        nonce=nonce,
        channel_binding=channel_binding,
    )


@pytest.mark.parametrize(
    ("offered", "oauth", "binding", "protected", "best"),
    [
        ("plain login scram-sha-1 scram-sha-256", False, False, True, "SCRAM-SHA-256"),
        ("PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", False, True, True, "SCRAM-SHA-256-PLUS"),
        ("SCRAM-SHA-1-PLUS SCRAM-SHA-256", False, True, True, "SCRAM-SHA-1-PLUS"),
        ("PLAIN SCRAM-SHA-256-PLUS", False, False, True, "PLAIN"),
        ("LOGIN CRAM-MD5", False, False, True, "LOGIN"),
        ("PLAIN LOGIN", False, False, False, None),
        ("PLAIN LOGIN SCRAM-SHA-1", False, False, False, "SCRAM-SHA-1"),
        ("PLAIN XOAUTH2 OAUTHBEARER", True, False, True, "OAUTHBEARER"),
        ("PLAIN XOAUTH2", True, False, True, "XOAUTH2"),
        ("PLAIN XOAUTH2", True, False, False, None),
        ("PLAIN", True, False, True, None),
        ("GSSAPI", False, False, True, None),
    ],
)
def test_the_best_usable_mechanism_is_chosen(
    offered: str, oauth: bool, binding: bool, protected: bool, best: str | None
) -> None:
    assert choose(offered.split(), oauth=oauth, channel_binding=binding, protected=protected) == best


def test_plain_vector_of_rfc_4616() -> None:
    exchange = begin("PLAIN", "tim", "tanstaaftanstaaf")
    assert exchange.initial_response() == b"\0tim\0tanstaaftanstaaf"
    exchange.finish(None)
    with pytest.raises(Garbled):
        exchange.respond(b"more")


def test_plain_answers_the_empty_challenge_of_a_server_without_initial_responses() -> None:
    assert begin("PLAIN", "jörg", "geheim€").respond(b"") == "\0jörg\0geheim€".encode()


def test_login_answers_user_then_password_and_nothing_more() -> None:
    exchange = begin("LOGIN", "tim", "secret")
    assert exchange.initial_response() is None
    assert exchange.respond(b"User Name\0") == b"tim"
    with pytest.raises(Garbled):
        exchange.finish(None)
    assert exchange.respond(b"") == b"secret"
    exchange.finish(None)
    with pytest.raises(Garbled):
        exchange.respond(b"Password again:")


def test_scram_sha_1_vector_of_rfc_5802() -> None:
    exchange = begin("SCRAM-SHA-1", nonce=NONCE_1)
    assert exchange.initial_response() == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    final = exchange.respond(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")
    assert final == (b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    assert exchange.respond(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=") == b""
    exchange.finish(None)


SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def test_scram_sha_256_vector_of_rfc_7677() -> None:
    exchange = begin("SCRAM-SHA-256")
    assert exchange.respond(b"") == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    final = exchange.respond(SERVER_FIRST)
    assert final == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    exchange.finish(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("user", ["plain", "a=b,c", "Jörg\u00adMüller"])
@pytest.mark.parametrize("binding", [None, ("tls-server-end-point", b"hash of the certificate")])
def test_an_independent_server_accepts_us_and_we_it(
    name: str, user: str, binding: tuple[str, bytes] | None
) -> None:
    name = f"{name}-PLUS" if binding else name
    mechanism = ScramMechanism(name)
    known: tuple[bytes, bytes, bytes, int] = mechanism.make_auth_info("Straße ﬁn", iteration_count=4096)
    seen: list[str] = []

    def look_up(asked: str) -> tuple[bytes, bytes, bytes, int]:
        seen.append(asked)
        return known

    server = mechanism.make_server(look_up, channel_binding=binding)
    exchange = begin(name, user, "Straße ﬁn", channel_binding=binding)
    first = exchange.initial_response()
    assert first is not None
    server.set_client_first(first.decode())
    server.set_client_final(exchange.respond(server.get_server_first().encode()).decode())
    assert exchange.respond(server.get_server_final().encode()) == b""
    exchange.finish(None)
    assert seen == [saslprep(user)]


def test_the_exporter_binding_is_what_the_proof_covers() -> None:
    exchange = begin("SCRAM-SHA-256-PLUS", channel_binding=("tls-exporter", b"\x01\x02"))
    assert exchange.initial_response() == b"p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    bound = exchange.respond(SERVER_FIRST).split(b",")[0].removeprefix(b"c=")
    assert b64decode(bound) == b"p=tls-exporter,,\x01\x02"


def test_an_unused_binding_is_told_so_that_a_stripped_offer_is_noticed() -> None:
    exchange = begin("SCRAM-SHA-256", channel_binding=("tls-exporter", b"\x01"))
    assert (exchange.initial_response() or b"").startswith(b"y,,")
    assert b64decode(exchange.respond(SERVER_FIRST).split(b",")[0].removeprefix(b"c=")) == b"y,,"


@pytest.mark.parametrize(
    ("challenge", "code"),
    [
        (b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "sasl.server_nonce"),
        (b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "sasl.server_nonce"),
        (SERVER_FIRST.replace(b"4096", b"4095"), "sasl.iterations"),
        (SERVER_FIRST.replace(b"4096", b"1000001"), "sasl.iterations"),
        (SERVER_FIRST.replace(b"4096", b"2147483647"), "sasl.iterations"),
        (SERVER_FIRST.replace(b"4096", b"9" * 3000), "sasl.challenge"),
        (SERVER_FIRST.replace(b"4096", "٤٠٩٦".encode()), "sasl.challenge"),
        (SERVER_FIRST.replace(b"4096", b"-4096"), "sasl.challenge"),
        (SERVER_FIRST.replace(b"W22Z", b"W*2Z"), "sasl.challenge"),
        (SERVER_FIRST.replace(b"W22ZaJ0SNY7soEsUEjb6gQ==", b""), "sasl.challenge"),
        (b"m=must," + SERVER_FIRST, "sasl.challenge"),
        (SERVER_FIRST + b",i=4096", "sasl.challenge"),
        (SERVER_FIRST + b"," + b"x=" + b"y" * 5000, "sasl.challenge"),
        (b"", "sasl.challenge"),
        (b"\xff\xfe", "sasl.challenge"),
    ],
)
def test_a_hostile_first_message_ends_the_exchange(challenge: bytes, code: str) -> None:
    exchange = begin("SCRAM-SHA-256")
    exchange.initial_response()
    with pytest.raises(Garbled) as raised:
        exchange.respond(challenge)
    assert raised.value.problem.code == code


@pytest.mark.parametrize(
    "final", [b"v=AAAA", b"v=", b"x=1", b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="]
)
def test_a_server_that_does_not_know_the_password_is_refused(final: bytes) -> None:
    exchange = begin("SCRAM-SHA-256")
    exchange.initial_response()
    exchange.respond(SERVER_FIRST)
    with pytest.raises(Garbled):
        exchange.respond(final)
    with pytest.raises(Garbled):
        exchange.finish(None)


def test_a_yes_without_proof_is_no_login() -> None:
    exchange = begin("SCRAM-SHA-256")
    exchange.initial_response()
    with pytest.raises(Garbled):
        exchange.finish(None)
    exchange.respond(SERVER_FIRST)
    with pytest.raises(Garbled) as raised:
        exchange.finish(None)
    assert raised.value.problem.code == "sasl.server_signature"


def test_the_servers_no_is_quoted() -> None:
    exchange = begin("SCRAM-SHA-256")
    exchange.initial_response()
    exchange.respond(SERVER_FIRST)
    with pytest.raises(Refused) as raised:
        exchange.respond(b"e=invalid-proof")
    assert raised.value.problem.parameters["text"] == "invalid-proof"


def test_oauthbearer_vector_of_rfc_7628() -> None:
    exchange = begin("OAUTHBEARER", "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
    assert b64encode(exchange.initial_response() or b"") == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9"
        b"QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    told = b'{"status":"invalid_token","scope":"example_scope"}'
    assert exchange.respond(told) == b"\1"
    assert refusal_of(exchange) == "invalid_token"
    assert refusal_details(exchange) == "status=invalid_token, scope=example_scope"
    with pytest.raises(Garbled):
        exchange.finish(None)


def test_xoauth2_is_built_and_its_error_gets_an_empty_answer() -> None:
    exchange = begin("XOAUTH2", "someuser@example.com", "ya29.token")
    assert exchange.initial_response() == b"user=someuser@example.com\1auth=Bearer ya29.token\1\1"
    assert exchange.respond(b'{"status":"401","schemes":"bearer"}') == b""
    assert refusal_of(exchange) == "401"
    with pytest.raises(Garbled):
        exchange.respond(b"again")


@pytest.mark.parametrize("told", [b"", b"{", b"[" * 100_000, b'{"status":7}', b"null", b"x" * 20_000])
def test_a_broken_error_json_is_still_a_refusal(told: bytes) -> None:
    exchange = begin("XOAUTH2")
    exchange.initial_response()
    assert exchange.respond(told) == b""
    assert refusal_of(exchange) == "unknown"


@pytest.mark.parametrize(
    ("mechanism", "user", "password"),
    [
        ("PLAIN", "a\0b", "x"),
        ("PLAIN", "a", "x\0y"),
        ("XOAUTH2", "a\1auth=Bearer other", "x"),
        ("OAUTHBEARER", "a", "x\r\ny"),
        ("SCRAM-SHA-256", "a\nb", "x"),
        ("GSSAPI", "a", "x"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_showing_it(mechanism: str, user: str, password: str) -> None:
    with pytest.raises(Misused) as raised:
        begin(mechanism, user, password)
    assert password not in str(raised.value) or password == "x"


@pytest.mark.parametrize("nonce", ["", "a,b", "a b", "ä"])
def test_a_nonce_that_would_break_the_message_is_our_mistake(nonce: str) -> None:
    with pytest.raises(Misused):
        begin("SCRAM-SHA-256", nonce=nonce)


def test_a_bound_mechanism_needs_a_binding() -> None:
    with pytest.raises(Misused):
        begin("SCRAM-SHA-256-PLUS")


@pytest.mark.parametrize(
    ("given_text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_saslprep_examples_of_rfc_4013(given_text: str, prepared: str) -> None:
    assert saslprep(given_text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "a\u0627", "\ud800", "\ue000"])
def test_saslprep_refuses_what_rfc_4013_prohibits(text: str) -> None:
    with pytest.raises(Misused):
        saslprep(text)


@given(st.binary(max_size=200))
def test_no_challenge_raises_anything_but_our_errors(challenge: bytes) -> None:
    for mechanism in ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        exchange = begin(mechanism)
        exchange.initial_response()
        try:
            exchange.respond(challenge)
            exchange.finish(challenge)
        except EilboteError as error:
            assert "pencil" not in str(error)
