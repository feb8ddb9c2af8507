"""The part of a TLS handshake that everybody may read: a ClientHello written, and what a server answers.

Pure. It tells what libraries keep to themselves: the group of a key exchange, and old faults. No session ever
comes of it: there is no key behind such a hello. It must never be used for anything but looking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = 0x0301, 0x0302, 0x0303, 0x0304
RENEGOTIATION, MASTER_SECRET, HEARTBEAT = 0xFF01, 23, 15
"""Extensions: RFC 5746, RFC 7627, RFC 6520."""

MOST_BYTES = 64 * 1024
_SERVER_NAME, _GROUPS, _POINTS, _SIGNATURES, _EARLY_DATA, _VERSIONS, _KEY_SHARE = 0, 10, 11, 13, 42, 43, 51
_ALERT, _HANDSHAKE = 21, 22
_NEW_TICKET = 4
_SECURE_RENEGOTIATION, _FALLBACK = 0x00FF, 0x5600

_CIPHERS_1_3 = (0x1301, 0x1302, 0x1303)
_ECDHE = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014)
_DHE = (0x009E, 0x009F, 0xCCAA, 0x0033, 0x0039)
_FIXED = (0x009C, 0x009D, 0x002F, 0x0035)
_SIGNATURE_KINDS = (
    0x0403,
    0x0503,
    0x0603,
    0x0807,
    0x0804,
    0x0805,
    0x0806,
    0x0401,
    0x0501,
    0x0601,
    0x0203,
    0x0201,
)
_GROUP_NAMES = {
    0x11EC: "X25519MLKEM768",
    0x001D: "X25519",
    0x0017: "P-256",
    0x0018: "P-384",
    0x0019: "P-521",
    0x001E: "X448",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
}


class Flight(Struct, frozen=True):
    """What a server answered. `version` 0: no ServerHello came. `group`: of the key exchange, of a group of
    its own `dh` and the bits; "" where there is none or it is not told yet. `alert`: why it refused (RFC 8446
    section 6), None where it did not."""

    version: int = 0
    cipher: int = 0
    compression: int = 0
    extensions: tuple[int, ...] = ()
    group: str = ""
    alert: int | None = None
    is_whole: bool = False


# --- what is sent --------------------------------------------------------------------------------------


def hello_of_groups(host: str, random: bytes) -> bytes:
    """A hello of TLS 1.3 without any key of its own: the server has to say which group it wants (RFC 8446
    section 4.2.8). `random`: 64 bytes."""
    extensions = [
        *_named(host),
        (_GROUPS, _sized(_numbers(_GROUP_NAMES), 2)),
        (_SIGNATURES, _sized(_numbers(_SIGNATURE_KINDS), 2)),
        (_VERSIONS, _sized(_numbers([TLS_1_3]), 1)),
        (_KEY_SHARE, _sized(b"", 2)),
    ]
    return _hello(TLS_1_2, random, _CIPHERS_1_3, b"\0", extensions)


def hello_of_faults(host: str, random: bytes, version: int = TLS_1_2, *, fallback: bool = False) -> bytes:
    """A hello of an older version that offers what no server should take. `fallback`: says that something
    newer has failed before, which a server that knows better has to refuse (RFC 7507)."""
    groups = [one for one in _GROUP_NAMES if one != 0x11EC]
    ciphers = [*_ECDHE, *_DHE, *_FIXED, _SECURE_RENEGOTIATION, *([_FALLBACK] if fallback else [])]
    extensions = [
        *_named(host),
        (_GROUPS, _sized(_numbers(groups), 2)),
        (_POINTS, _sized(b"\0", 1)),
        (_SIGNATURES, _sized(_numbers(_SIGNATURE_KINDS), 2)),
        (MASTER_SECRET, b""),
        (HEARTBEAT, b"\1"),
    ]
    return _hello(version, random, ciphers, b"\1\0", extensions)


def _hello(
    version: int,
    random: bytes,
    ciphers: Sequence[int],
    compressions: bytes,
    extensions: list[tuple[int, bytes]],
) -> bytes:
    body = (
        version.to_bytes(2, "big")
        + random[:32]
        + _sized(random[32:64], 1)
        + _sized(_numbers(ciphers), 2)
        + _sized(compressions, 1)
        + _sized(b"".join(_numbers([kind]) + _sized(data, 2) for kind, data in extensions), 2)
    )
    message = b"\1" + _sized(body, 3)
    return bytes([_HANDSHAKE]) + TLS_1_0.to_bytes(2, "big") + _sized(message, 2)


def _named(host: str) -> list[tuple[int, bytes]]:
    """Only names go along, no numeric addresses (RFC 6066 section 3)."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        return []
    return [(_SERVER_NAME, _sized(b"\0" + _sized(host.encode("ascii", "ignore"), 2), 2))]


def _numbers(values: Sequence[int] | dict[int, str]) -> bytes:
    return b"".join(one.to_bytes(2, "big") for one in values)


def _sized(data: bytes, count: int) -> bytes:
    return len(data).to_bytes(count, "big") + data


# --- what comes back -----------------------------------------------------------------------------------


def read_flight(data: bytes) -> Flight:
    """What a server has said so far; never raises. `is_whole`: no more is worth waiting for."""
    flight, messages, ended = Flight(), b"", len(data) >= MOST_BYTES
    for kind, content in _records(data[:MOST_BYTES]):
        if kind == _ALERT and len(content) >= 2:
            return replace(flight, alert=content[1], is_whole=True)
        if kind != _HANDSHAKE:  # encrypted from here on, or no TLS at all
            ended = True
            break
        messages += content
    for kind, content in _messages(messages):
        match kind:
            case 2:  # ServerHello
                flight = _server_hello(content)
            case 12:  # ServerKeyExchange
                flight = replace(flight, group=_exchanged(flight.cipher, content))
            case 14:  # ServerHelloDone
                return replace(flight, is_whole=True)
            case _:
                continue
        if flight.version == TLS_1_3:
            return replace(flight, is_whole=True)  # what follows is encrypted
    return replace(flight, is_whole=flight.is_whole or ended)


def early_data_in(ticket: bytes) -> int:
    """So many bytes of early data a server takes with this ticket, a NewSessionTicket of TLS 1.3 with its
    head (RFC 8446 section 4.6.1). 0: none, or it is no such ticket."""
    if ticket[:1] != bytes([_NEW_TICKET]):
        return 0
    rest = ticket[12:]
    rest = rest[1 + rest[0] :] if rest else b""
    rest = rest[2 + int.from_bytes(rest[:2], "big") :]
    found = dict(_extensions(rest))
    return int.from_bytes(found.get(_EARLY_DATA, b"")[:4], "big")


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if at + 5 + length > len(data):
            return
        yield data[at], data[at + 5 : at + 5 + length]
        at += 5 + length


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + length > len(data):
            return
        yield data[at], data[at + 4 : at + 4 + length]
        at += 4 + length


def _server_hello(content: bytes) -> Flight:
    after = 35 + content[34] if len(content) > 34 else len(content)
    if after + 3 > len(content):
        return Flight(is_whole=True)
    found = dict(_extensions(content[after + 3 :]))
    version = int.from_bytes(found.get(_VERSIONS, content[:2])[:2], "big")
    shared = int.from_bytes(found.get(_KEY_SHARE, b"")[:2], "big")
    return Flight(
        version,
        int.from_bytes(content[after : after + 2], "big"),
        content[after + 2],
        tuple(found),
        _group_name(shared) if shared else "",
    )


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield int.from_bytes(data[at : at + 2], "big"), data[at + 4 : at + 4 + length]
        at += 4 + length


def _exchanged(cipher: int, content: bytes) -> str:
    """The group of a ServerKeyExchange (RFC 8422 section 5.4, RFC 5246 section 7.4.3)."""
    if cipher in _ECDHE and content[:1] == b"\3":
        return _group_name(int.from_bytes(content[1:3], "big"))
    if cipher in _DHE:
        prime = content[2 : 2 + int.from_bytes(content[:2], "big")].lstrip(b"\0")
        return f"dh {8 * len(prime)}"
    return ""


def _group_name(number: int) -> str:
    return _GROUP_NAMES.get(number, f"group {number}")
