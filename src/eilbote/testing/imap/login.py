"""The server's half of SASL: PLAIN, LOGIN, SCRAM (RFC 5802), XOAUTH2 and OAUTHBEARER.

It must never tell why a login failed beyond what the mechanism itself tells.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Generator, Mapping

from eilbote.protocols.scram import Hash, derive_keys

ITERATIONS = 4096

Dialogue = Generator[bytes, bytes, str | None]
"""Yields challenges, is sent answers, returns the user that logged in or None."""

_BEARER_ERROR = b'{"status":"invalid_token","schemes":"bearer","scope":"mail"}'


def begin(mechanism: str, accounts: Mapping[str, str], initial: bytes | None, nonce: str) -> Dialogue | None:
    """The dialogue of `mechanism`, None for one that we cannot do.

    `accounts` maps users to passwords (or tokens, for the OAuth mechanisms).
    """
    match mechanism:
        case "PLAIN":
            return _plain(accounts, initial)
        case "LOGIN":
            return _login(accounts, initial)
        case "SCRAM-SHA-1":
            return _scram("sha1", accounts, initial, nonce)
        case "SCRAM-SHA-256":
            return _scram("sha256", accounts, initial, nonce)
        case "XOAUTH2" | "OAUTHBEARER":
            return _bearer(accounts, initial)
        case _:
            return None


def password_is_right(accounts: Mapping[str, str], user: str, password: str) -> bool:
    known = accounts.get(user)
    return known is not None and hmac.compare_digest(known.encode(), password.encode())


def _plain(accounts: Mapping[str, str], initial: bytes | None) -> Dialogue:
    answer = initial if initial is not None else (yield b"")
    words = answer.decode("utf-8", "replace").split("\0")
    if len(words) != 3:
        return None
    _, user, password = words
    return user if password_is_right(accounts, user, password) else None


def _login(accounts: Mapping[str, str], initial: bytes | None) -> Dialogue:
    user = (initial if initial else (yield b"Username:")).decode("utf-8", "replace")
    password = (yield b"Password:").decode("utf-8", "replace")
    return user if password_is_right(accounts, user, password) else None


def _bearer(accounts: Mapping[str, str], initial: bytes | None) -> Dialogue:
    answer = (initial if initial is not None else (yield b"")).decode("utf-8", "replace")
    given: dict[str, str] = {}
    for word in answer.replace("n,a=", "user=", 1).split("\1"):
        name, _, value = word.partition("=")
        given[name] = value
    user = given.get("user", "").removesuffix(",").replace("=2C", ",").replace("=3D", "=")
    if password_is_right(accounts, user, given.get("auth", "").removeprefix("Bearer ")):
        return user
    yield _BEARER_ERROR
    return None


def _scram(hash_name: Hash, accounts: Mapping[str, str], initial: bytes | None, nonce: str) -> Dialogue:
    first = (initial if initial is not None else (yield b"")).decode("utf-8", "replace")
    gs2, _, rest = first.partition(",")
    _, _, bare = rest.partition(",")
    said = _attributes(bare)
    if gs2 not in ("n", "y") or "n" not in said or not said.get("r"):
        return None
    user = said["n"].replace("=2C", ",").replace("=3D", "=")
    password = accounts.get(user)
    salt = hashlib.sha256(b"salt of " + user.encode()).digest()[:16]  # the same for unknown users
    keys = derive_keys(hash_name, password or nonce, salt, ITERATIONS)
    server_first = f"r={said['r']}{nonce},s={b64encode(salt).decode()},i={ITERATIONS}"
    final = (yield server_first.encode()).decode("utf-8", "replace")
    without_proof, _, proof_text = final.rpartition(",p=")
    told = _attributes(without_proof)
    exchanged = f"{bare},{server_first},{without_proof}".encode()
    signature = hmac.digest(keys.stored_key, exchanged, hash_name)
    try:
        proof = b64decode(proof_text, validate=True)
        binding = b64decode(told.get("c", ""), validate=True)
    except (Base64Error, ValueError):
        return None
    if len(proof) != len(signature) or told.get("r") != said["r"] + nonce or binding != f"{gs2},,".encode():
        return None
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    stored_key = hashlib.new(hash_name, client_key).digest()
    if password is None or not hmac.compare_digest(stored_key, keys.stored_key):
        return None
    answer = yield b"v=" + b64encode(hmac.digest(keys.server_key, exchanged, hash_name))
    return None if answer else user


def _attributes(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in text.split(","))}
