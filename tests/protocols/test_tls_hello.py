"""Hellos that are written and answers that are read: what real servers say, and what broken ones may send."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.protocols.tls_hello import (
    HEARTBEAT,
    MASTER_SECRET,
    RENEGOTIATION,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    early_data_in,
    hello_of_faults,
    hello_of_groups,
    read_flight,
)

RANDOM = bytes(range(64))


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def record(kind: int, content: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2, "big") + content


def server_hello(version: int, cipher: int, compression: int, extensions: bytes = b"") -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\0" + cipher.to_bytes(2, "big") + bytes([compression])
    return message(2, body + (len(extensions).to_bytes(2, "big") + extensions if extensions else b""))


def answer(hello: bytes, context: ssl.SSLContext) -> bytes:
    """What OpenSSL answers to a hello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with pytest.raises(ssl.SSLError):  # it waits for more, or refuses
        server.do_handshake()
    return outgoing.read()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    from tests.diagnosis.peers import self_signed

    return self_signed(tmp_path_factory.mktemp("hello"))


def test_a_real_server_names_its_group(context: ssl.SSLContext) -> None:
    flight = read_flight(answer(hello_of_groups("localhost", RANDOM), context))
    assert flight.version == TLS_1_3 and flight.is_whole and flight.alert is None
    assert flight.group in ("X25519MLKEM768", "X25519", "P-256")


def test_a_real_server_of_today_has_no_old_faults(context: ssl.SSLContext) -> None:
    flight = read_flight(answer(hello_of_faults("127.0.0.1", RANDOM), context))
    assert (flight.version, flight.compression, flight.is_whole) == (TLS_1_2, 0, True)
    assert RENEGOTIATION in flight.extensions and MASTER_SECRET in flight.extensions
    assert HEARTBEAT not in flight.extensions
    assert flight.group in ("X25519", "P-256")


def test_a_real_server_refuses_to_fall_back(context: ssl.SSLContext) -> None:
    flight = read_flight(answer(hello_of_faults("localhost", RANDOM, fallback=True), context))
    assert (flight.version, flight.alert) == (0, 86)  # inappropriate_fallback
    older = read_flight(answer(hello_of_faults("localhost", RANDOM, TLS_1_1, fallback=True), context))
    assert older.version == 0 and older.alert is not None


def test_an_old_server_shows_its_faults() -> None:
    prime = b"\0\0" + b"\xff" * 128
    exchange = message(12, len(prime).to_bytes(2, "big") + prime + b"\0\1\2")
    heartbeat = HEARTBEAT.to_bytes(2, "big") + b"\0\1\1"
    said = record(22, server_hello(TLS_1_2, 0x0033, 1, heartbeat) + exchange) + record(22, message(14, b""))
    flight = read_flight(said)
    assert (flight.version, flight.compression, flight.group) == (TLS_1_2, 1, "dh 1024")
    assert flight.extensions == (HEARTBEAT,) and flight.is_whole
    for cut in range(len(said)):
        assert not read_flight(said[:cut]).is_whole


def test_a_ticket_says_how_much_early_data_is_taken() -> None:
    def ticket(extensions: bytes) -> bytes:
        told = bytes(8) + b"\2xx" + b"\0\3abc" + len(extensions).to_bytes(2, "big") + extensions
        return message(4, told)

    assert early_data_in(ticket(b"\0\x2a\0\4\0\0\x10\0")) == 4096
    assert early_data_in(ticket(b"")) == 0
    assert early_data_in(b"") == early_data_in(b"\4") == early_data_in(message(2, bytes(40))) == 0


@given(st.binary(max_size=300))
def test_whatever_comes_is_read(data: bytes) -> None:
    read_flight(data)
    read_flight(record(22, data[:200]))
    read_flight(record(22, message(2, data[:100]) + message(12, data[100:200])))
    early_data_in(data)
    early_data_in(message(4, data))
