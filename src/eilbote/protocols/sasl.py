"""SASL: which mechanism to log in with, and what to answer to each challenge.

Pure: challenges come in and answers go out as bytes, without any protocol's base64. It must never
choose a mechanism that shows a password or token on an unprotected line, and never put a secret
into an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct

from eilbote.errors import Garbled, Misused
from eilbote.protocols.scram import Hash, ScramClient
from eilbote.secret import Secret

_OAUTH_ORDER = ("OAUTHBEARER", "XOAUTH2")
_BOUND_ORDER = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
_HASHED_ORDER = ("SCRAM-SHA-256", "SCRAM-SHA-1")
_PLAIN_ORDER = ("PLAIN", "LOGIN")

_MAX_ERROR_JSON = 16 * 1024
_MAX_DETAIL = 200


def choose(
    offered: Iterable[str], *, oauth: bool, channel_binding: bool, protected: bool = True
) -> str | None:
    """The best of the offered mechanisms (any case), None if none is usable.

    `oauth`: the secret is an access token. `channel_binding`: the line can give binding data.
    `protected`: TLS or loopback; without, only mechanisms that never show the secret are usable.
    """
    names = {name.upper() for name in offered}
    if oauth:
        order = _OAUTH_ORDER if protected else ()
    else:
        order = (
            *(_BOUND_ORDER if channel_binding else ()),
            *_HASHED_ORDER,
            *(_PLAIN_ORDER if protected else ()),
        )
    return next((name for name in order if name in names), None)


class Exchange(Protocol):
    """One login in progress. Call in the order of the server's messages, then `finish` once."""

    @property
    def mechanism(self) -> str: ...

    def initial_response(self) -> bytes | None:
        """What may go along with the command (SASL-IR); None where the server must speak first."""
        ...

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge; the first, empty one of a server without SASL-IR included.

        Garbled: the challenge breaks the mechanism. Refused: it carries the server's no.
        """
        ...

    def finish(self, data: bytes | None) -> None:
        """The server accepted, with `data` if its success message carried some.

        Garbled where the server failed to prove itself; the connection must not be used then.
        """
        ...


class Login(Struct, frozen=True, kw_only=True):
    """Who logs in over a line, and what that line allows.

    `start` begins the exchange of a mechanism. `oauth`: the secret is an access token. `protected`: TLS
    or loopback. `channel_binding`: the line can give binding data.
    """

    user: str
    secret: Secret
    start: Callable[[str], Exchange]
    oauth: bool = False
    protected: bool = False
    channel_binding: bool = False

    def choose(self, offered: Iterable[str]) -> str | None:
        """The best of the offered mechanisms (any case), None if none is usable here."""
        return choose(
            offered, oauth=self.oauth, channel_binding=self.channel_binding, protected=self.protected
        )


def start(
    mechanism: str,
    *,
    user: str,
    secret: Secret,
    host: str,
    port: int,
    nonce: str,
    channel_binding: tuple[str, bytes] | None,
) -> Exchange:
    """Begins a login by `mechanism`, a name that `choose` gave.

    `nonce` is fresh printable ASCII without a comma (SCRAM); `channel_binding` is (type, data) as
    in `("tls-exporter", ...)` or None where the line has none. Misused for unknown mechanisms and
    for users or secrets that cannot be sent.
    """
    if "\0" in user or "\0" in secret.reveal():
        raise Misused("sasl.character")
    match mechanism.upper():
        case "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS" | "SCRAM-SHA-1" | "SCRAM-SHA-1-PLUS" as name:
            hash_name: Hash = "sha256" if "256" in name else "sha1"
            bound = name.endswith("-PLUS")
            return ScramClient(
                name, hash_name, user, secret, nonce=nonce, channel_binding=channel_binding, bound=bound
            )
        case "PLAIN":
            return _Plain(user, secret)
        case "LOGIN":
            return _Login(user, secret)
        case "XOAUTH2":
            _refuse_controls(user, secret.reveal())
            first = f"user={user}\1auth=Bearer {secret.reveal()}\1\1"
            return _Bearer("XOAUTH2", first.encode(), dummy=b"")
        case "OAUTHBEARER":
            _refuse_controls(user, secret.reveal(), host)
            saslname = user.replace("=", "=3D").replace(",", "=2C")
            first = f"n,a={saslname},\1host={host}\1port={port}\1auth=Bearer {secret.reveal()}\1\1"
            return _Bearer("OAUTHBEARER", first.encode(), dummy=b"\1")
        case _:
            raise Misused("sasl.mechanism", mechanism=mechanism)


def _refuse_controls(*texts: str) -> None:
    if any(mark < " " or mark == "\x7f" for text in texts for mark in text):
        raise Misused("sasl.character")


class _Plain:
    """PLAIN (RFC 4616): everything in one message. Sent as typed: servers compare bytes."""

    mechanism = "PLAIN"

    def __init__(self, user: str, secret: Secret) -> None:
        self._user = user
        self._secret = secret
        self._sent = False

    def initial_response(self) -> bytes:
        self._sent = True
        return f"\0{self._user}\0{self._secret.reveal()}".encode()

    def respond(self, challenge: bytes) -> bytes:
        if self._sent:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)
        return self.initial_response()

    def finish(self, data: bytes | None) -> None:
        if not self._sent:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)


class _Login:
    """LOGIN (draft-murchison-sasl-login): user, then password, whatever the prompts say."""

    mechanism = "LOGIN"

    def __init__(self, user: str, secret: Secret) -> None:
        self._user = user
        self._secret = secret
        self._answered = 0

    def initial_response(self) -> None:
        return None

    def respond(self, challenge: bytes) -> bytes:
        self._answered += 1
        match self._answered:
            case 1:
                return self._user.encode()
            case 2:
                return self._secret.reveal().encode()
            case _:
                raise Garbled("sasl.challenge", mechanism=self.mechanism)

    def finish(self, data: bytes | None) -> None:
        if self._answered != 2:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)


class _Bearer:
    """OAUTHBEARER (RFC 7628) and Google's XOAUTH2: a token, and a dummy answer to the error JSON."""

    def __init__(self, mechanism: str, first: bytes, dummy: bytes) -> None:
        self.mechanism = mechanism
        self._first = first
        self._dummy = dummy
        self._sent = False
        self.refusal = ""
        self.details = ""

    def initial_response(self) -> bytes:
        self._sent = True
        return self._first

    def respond(self, challenge: bytes) -> bytes:
        if not self._sent:
            return self.initial_response()
        if self.refusal:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)
        # RFC 7628 section 3.2.3: answer with ^A, upon which the server fails the command
        told = _told(challenge)
        self.refusal = told.get("status", "")[:100] or "unknown"
        self.details = ", ".join(f"{name}={value}" for name, value in told.items())
        return self._dummy

    def finish(self, data: bytes | None) -> None:
        if not self._sent or self.refusal:
            raise Garbled("sasl.challenge", mechanism=self.mechanism)


def refusal_of(exchange: Exchange) -> str:
    """Why an OAuth server refused the token (`invalid_token`, `401`), "" if it did not say."""
    return exchange.refusal if isinstance(exchange, _Bearer) else ""


def refusal_details(exchange: Exchange) -> str:
    """All that an OAuth server said of its refusal (`status=invalid_token, scope=mail`), "" if nothing."""
    return exchange.details if isinstance(exchange, _Bearer) else ""


def _told(challenge: bytes) -> dict[str, str]:
    """The members of the error that have a meaning (RFC 7628 section 3.2.2; `schemes` is Google's)."""
    if len(challenge) > _MAX_ERROR_JSON:
        return {}
    try:
        told = json.loads(challenge)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    found = ((name, told.get(name)) for name in ("status", "schemes", "scope", "openid-configuration"))
    return {
        name: "".join(mark for mark in value[:_MAX_DETAIL] if mark.isprintable())
        for name, value in found
        if isinstance(value, str) and value
    }
