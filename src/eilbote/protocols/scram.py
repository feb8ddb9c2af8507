"""SCRAM (RFC 5802, RFC 7677): proves a password without sending it, and has the server prove itself.

Pure arithmetic on messages: the nonce and the channel binding come in. It must never compute with
an iteration count that it has not bounded, and never accept a login whose server signature it has
not verified.
"""

from __future__ import annotations

import hashlib
import hmac
import stringprep
import unicodedata
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Literal

from msgspec import Struct

from eilbote.errors import Garbled, Misused, Refused
from eilbote.secret import Secret

MIN_ITERATIONS = 4096
"""RFC 5802 section 5.1 and RFC 7677 section 4: no fewer."""
MAX_ITERATIONS = 1_000_000
"""More would let a hostile server burn our processor."""
MAX_MESSAGE = 4096
"""Bytes of a server message; real ones have some hundred."""

Hash = Literal["sha1", "sha256"]


class ScramKeys(Struct, frozen=True):
    """What client and server derive from a password (RFC 5802 section 3)."""

    client_key: bytes
    stored_key: bytes
    server_key: bytes


def derive_keys(hash_name: Hash, password: str, salt: bytes, iterations: int) -> ScramKeys:
    """The keys of `password`; the cost grows with `iterations`, which the caller has bounded."""
    salted = hashlib.pbkdf2_hmac(hash_name, saslprep(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    return ScramKeys(
        client_key=client_key,
        stored_key=hashlib.new(hash_name, client_key).digest(),
        server_key=hmac.digest(salted, b"Server Key", hash_name),
    )


class ScramClient:
    """The client's half of one SCRAM exchange, whole in three steps.

    `channel_binding` is (type, data) as in `("tls-exporter", ...)`. With `bound` it is used
    (the -PLUS mechanisms); without, its presence is only told, so that a stripped -PLUS offer is
    noticed by the server (RFC 5802 section 6).
    """

    def __init__(
        self,
        mechanism: str,
        hash_name: Hash,
        user: str,
        secret: Secret,
        *,
        nonce: str,
        channel_binding: tuple[str, bytes] | None,
        bound: bool,
    ) -> None:
        if not nonce or not all("!" <= mark <= "~" and mark != "," for mark in nonce):
            raise Misused("sasl.nonce")
        if bound and channel_binding is None:
            raise Misused("sasl.channel_binding", mechanism=mechanism)
        self.mechanism = mechanism
        self._hash: Hash = hash_name
        self._secret = secret
        self._nonce = nonce
        if bound and channel_binding is not None:
            self._gs2 = f"p={channel_binding[0]},,"
            self._binding = channel_binding[1]
        else:
            self._gs2 = "y,," if channel_binding is not None else "n,,"
            self._binding = b""
        name = saslprep(user).replace("=", "=3D").replace(",", "=2C")  # RFC 5802 section 5.1, saslname
        self._first_bare = f"n={name},r={nonce}"
        self._stage: Literal["new", "first", "final", "verified"] = "new"
        self._server_signature = b""

    def initial_response(self) -> bytes:
        """client-first-message (RFC 5802 section 7)."""
        self._stage = "first"
        return (self._gs2 + self._first_bare).encode()

    def respond(self, challenge: bytes) -> bytes:
        """The answer to the server's next challenge; Garbled or Refused if it cannot be trusted."""
        match self._stage:
            case "new":
                if challenge:
                    raise Garbled("sasl.challenge", mechanism=self.mechanism)
                return self.initial_response()
            case "first":
                return self._client_final(challenge)
            case "final":
                self._verify(challenge)
                return b""
            case "verified":
                raise Garbled("sasl.challenge", mechanism=self.mechanism)

    def finish(self, data: bytes | None) -> None:
        """The server said yes, with `data` where its protocol carries some: is it the right server?"""
        if data and self._stage == "final":
            self._verify(data)
        if self._stage != "verified":  # a yes without proof may come from anyone
            raise Garbled("sasl.server_signature", mechanism=self.mechanism)

    def _client_final(self, challenge: bytes) -> bytes:
        fields = self._fields(challenge)
        if "m" in fields:  # RFC 5802 section 5.1: an unknown mandatory extension ends the exchange
            raise Garbled("sasl.challenge", mechanism=self.mechanism)
        nonce = fields.get("r", "")
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise Garbled("sasl.server_nonce", mechanism=self.mechanism)
        iterations = _iterations(fields.get("i", ""), self.mechanism)
        salt = self._decoded(fields.get("s", ""))
        keys = derive_keys(self._hash, self._secret.reveal(), salt, iterations)

        bound = b64encode(self._gs2.encode() + self._binding).decode()
        without_proof = f"c={bound},r={nonce}"
        exchanged = f"{self._first_bare},{challenge.decode()},{without_proof}".encode()
        signature = hmac.digest(keys.stored_key, exchanged, self._hash)
        proof = bytes(a ^ b for a, b in zip(keys.client_key, signature, strict=True))
        self._server_signature = hmac.digest(keys.server_key, exchanged, self._hash)
        self._stage = "final"
        return f"{without_proof},p={b64encode(proof).decode()}".encode()

    def _verify(self, message: bytes) -> None:
        fields = self._fields(message)
        if "e" in fields:
            raise Refused("sasl.refused", mechanism=self.mechanism, text=fields["e"][:100])
        if not hmac.compare_digest(self._decoded(fields.get("v", "")), self._server_signature):
            raise Garbled("sasl.server_signature", mechanism=self.mechanism)
        self._stage = "verified"

    def _fields(self, message: bytes) -> dict[str, str]:
        if len(message) > MAX_MESSAGE:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)
        try:
            text = message.decode()
        except UnicodeDecodeError:
            raise Garbled("sasl.challenge", mechanism=self.mechanism) from None
        fields: dict[str, str] = {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if not equals or len(name) != 1 or not name.isalpha() or name in fields:
                raise Garbled("sasl.challenge", mechanism=self.mechanism)
            fields[name] = value
        if "e" in fields and self._stage == "first":
            raise Refused("sasl.refused", mechanism=self.mechanism, text=fields["e"][:100])
        return fields

    def _decoded(self, text: str) -> bytes:
        try:
            value = a2b_base64(text.encode("ascii"), strict_mode=True)
        except (Base64Error, UnicodeEncodeError):
            raise Garbled("sasl.challenge", mechanism=self.mechanism) from None
        if not value:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)
        return value


def _iterations(text: str, mechanism: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Garbled("sasl.challenge", mechanism=mechanism)
    count = int(text)
    if not MIN_ITERATIONS <= count <= MAX_ITERATIONS:
        raise Garbled("sasl.iterations", mechanism=mechanism, count=count)
    return count


_PROHIBITED = (  # RFC 4013 section 2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """Prepares a user name or password for comparison (RFC 4013), unassigned code points allowed.

    Misused `sasl.character` where a character is prohibited or directions are mixed.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(mark) else mark for mark in text if not stringprep.in_table_b1(mark)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(mark) for mark in prepared for prohibited in _PROHIBITED):
        raise Misused("sasl.character")
    if any(map(stringprep.in_table_d1, prepared)) and not (  # RFC 3454 section 6
        stringprep.in_table_d1(prepared[0])
        and stringprep.in_table_d1(prepared[-1])
        and not any(map(stringprep.in_table_d2, prepared))
    ):
        raise Misused("sasl.character")
    return prepared
