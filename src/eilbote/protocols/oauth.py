"""OAuth 2.0 as far as a mail program needs it: what is asked of an authorization server, and what its answers
mean. Signing in by browser (RFC 6749 section 4.1 with PKCE, RFC 7636) or by a code typed elsewhere (RFC
8628), renewing a token (RFC 6749 section 6), and a server's own description of itself (RFC 8414).

Pure: a question is a `Form` for the caller to send, an answer comes in as a value, chance and time as
arguments. It must never put a token, a code or a client's secret into an error, and believes no answer longer
than `LARGEST_ANSWER`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Generator, Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct

from eilbote.errors import EilboteError, Garbled, Misused, Refused, Unreachable
from eilbote.protocols.oauth_refusal import refusal
from eilbote.secret import Secret

LARGEST_ANSWER = 64 * 1024
"""Bytes; the longest tokens that are known have 4,000 characters."""

FORM_TYPE = "application/x-www-form-urlencoded"

_LONGEST_TOKEN = 16 * 1024
_LONGEST_WORD = 2_000
_MOST_FIELDS = 100
_AFTER_NONSENSE = 300.0  # seconds until a server that speaks nonsense may have come to its senses
_USUAL_LIFE = 3600.0
_LONGEST_LIFE = 366 * 86_400.0
_USUAL_INTERVAL, _LONGEST_INTERVAL = 5.0, 60.0
_SLOWER = 5.0  # RFC 8628 section 3.5: by so many seconds for each slow_down
_LONGEST_DEVICE_LIFE = 1800.0
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Endpoints(Struct, frozen=True):
    """Where an authorization server is asked, as https addresses; `device` empty: it has none. `scope`: what
    is asked for, with blanks between. `extra`: what its first question needs besides. `says_issuer`: its
    answers name `issuer` (RFC 9207)."""

    issuer: str
    authorize: str
    token: str
    device: str = ""
    scope: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    says_issuer: bool = False


class Client(Struct, frozen=True):
    """Who asks: the user's own registration at the provider. Some providers give a program a secret with it,
    which proves nothing but has to be sent."""

    id: str
    secret: Secret | None = None


class Form(Struct, frozen=True):
    """One question: this content, of type `FORM_TYPE`, is to be posted to this address."""

    url: str
    content: Secret


class Heard(Struct, frozen=True):
    """An answer. `content` may be cut after `LARGEST_ANSWER`."""

    status: int
    content: Secret
    retry_after: float | None = None


class Tokens(Struct, frozen=True):
    """What a server granted. `expires`: seconds since 1970; `refresh` None: nothing to renew it with."""

    access: Secret
    refresh: Secret | None
    expires: float
    scope: str = ""


class Device(Struct, frozen=True):
    """A code that is to be typed at `where`; `complete`, if any, is that address with the code in it."""

    code: Secret
    user_code: str
    where: str
    complete: str
    interval: float
    expires: float


def challenge_of(verifier: Secret) -> str:
    """What is shown of the verifier at first (RFC 7636 section 4.2, S256)."""
    return _base64url(hashlib.sha256(verifier.reveal().encode("ascii")).digest())


def verifier_from(chance: bytes) -> Secret:
    """A verifier, or a state, from 32 random bytes (RFC 7636 section 4.1)."""
    return Secret(_base64url(chance))


def authorization_url(
    endpoints: Endpoints, client: Client, *, redirect: str, state: Secret, verifier: Secret, hint: str = ""
) -> str:
    """Where a person signs in with a browser (RFC 6749 section 4.1.1). `hint`: the address of the mailbox."""
    fields = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect,
        "scope": endpoints.scope,
        "state": state.reveal(),
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        **dict(endpoints.extra),
    }
    if hint:
        fields["login_hint"] = hint
    mark = "&" if urlsplit(endpoints.authorize).query else "?"
    return endpoints.authorize + mark + urlencode(fields)


def read_return(endpoints: Endpoints, query: str, state: Secret) -> Secret:
    """The code out of the query with which the browser comes back (RFC 6749 section 4.1.2).

    Misused `oauth.wrong_state` where it does not belong to our question, or was given by another server
    (RFC 9207); else what `refusal` makes of an error."""
    try:
        fields = dict(parse_qsl(query[:LARGEST_ANSWER], max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Misused("oauth.wrong_state") from None
    if not compare_digest(fields.get("state", "").encode(), state.reveal().encode()):
        raise Misused("oauth.wrong_state")
    named = fields.get("iss", "")
    if (endpoints.says_issuer or named) and named.rstrip("/") != endpoints.issuer.rstrip("/"):
        raise Misused("oauth.wrong_state")
    if "error" in fields:
        raise refusal(fields["error"], fields.get("error_description", ""), _host(endpoints.authorize))
    code = fields.get("code", "")
    if not code or len(code) > _LONGEST_TOKEN:
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=_host(endpoints.authorize))
    return Secret(code)


def code_form(endpoints: Endpoints, client: Client, *, code: Secret, redirect: str, verifier: Secret) -> Form:
    """Asks for tokens with the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    return _form(
        endpoints.token,
        client,
        grant_type="authorization_code",
        code=code.reveal(),
        redirect_uri=redirect,
        code_verifier=verifier.reveal(),
    )


def refresh_form(endpoints: Endpoints, client: Client, refresh: Secret) -> Form:
    """Asks for a new access token (RFC 6749 section 6); the scope stays what was granted."""
    return _form(endpoints.token, client, grant_type="refresh_token", refresh_token=refresh.reveal())


def device_form(endpoints: Endpoints, client: Client) -> Form:
    """Asks for a code to be typed elsewhere (RFC 8628 section 3.1). Misused `oauth.no_device`."""
    if not endpoints.device:
        raise Misused("oauth.no_device", host=_host(endpoints.authorize))
    return _form(endpoints.device, client, scope=endpoints.scope)


def read_device(endpoints: Endpoints, heard: Heard, now: float) -> Device:
    """The answer to `device_form` (RFC 8628 section 3.2)."""
    host = _host(endpoints.device)
    told = _told(heard, host)
    where = told.get("verification_uri") or told.get("verification_url")  # Google's word
    complete = told.get("verification_uri_complete") or ""
    user_code = _word(told, "user_code", host)
    if not isinstance(where, str) or not _is_https(where) or not user_code.isprintable():
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    if not isinstance(complete, str) or not _is_https(complete):
        complete = ""
    return Device(
        Secret(_word(told, "device_code", host, _LONGEST_TOKEN)),
        user_code,
        where,
        complete,
        min(_seconds(told.get("interval"), _USUAL_INTERVAL), _LONGEST_INTERVAL),
        now + min(_seconds(told.get("expires_in"), _LONGEST_DEVICE_LIFE), _LONGEST_DEVICE_LIFE),
    )


class Wait(Struct, frozen=True):
    """So many seconds are to be waited; the answer to it is the time it is then."""

    seconds: float


def await_device(
    endpoints: Endpoints, client: Client, device: Device, now: float
) -> Generator[Wait | Form, float | Heard | None, Tokens]:
    """Asks again and again whether the code was typed (RFC 8628 sections 3.4 and 3.5). Yields `Wait`, is sent
    the time; yields a `Form`, is sent the answer, or None where the server could not be reached.

    Refused `oauth.expired`, `oauth.denied`, ..."""
    interval = max(1.0, device.interval)
    host = _host(endpoints.token)
    form = _form(endpoints.token, client, grant_type=_DEVICE_GRANT, device_code=device.code.reveal())
    while True:
        reached = yield Wait(interval)
        assert isinstance(reached, float)
        now = reached
        if now >= device.expires:
            raise Refused("oauth.expired", host=host)
        heard = yield form
        if heard is None:
            interval = min(2 * interval, _LONGEST_INTERVAL)  # RFC 8628 section 3.5: exponential backoff
            continue
        assert isinstance(heard, Heard)
        match _error(heard):
            case "authorization_pending":
                pass
            case "slow_down":
                interval += _SLOWER
            case _:
                try:
                    return read_tokens(endpoints, heard, now)
                except Unreachable:
                    interval = min(2 * interval, _LONGEST_INTERVAL)


def read_tokens(endpoints: Endpoints, heard: Heard, now: float, before: Secret | None = None) -> Tokens:
    """The answer of the token endpoint (RFC 6749 section 5). `before`: the refresh token that was sent; it
    stays good where the answer holds no other.

    Raises what `refusal` does, Unreachable `oauth.unavailable` where another try may work, Garbled
    `oauth.unreadable`."""
    host = _host(endpoints.token)
    told = _told(heard, host)
    if str(told.get("token_type", "bearer")).lower() != "bearer":
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    access = _word(told, "access_token", host, _LONGEST_TOKEN)
    refresh = before
    if told.get("refresh_token"):
        refresh = Secret(_word(told, "refresh_token", host, _LONGEST_TOKEN))
    scope = told.get("scope", "")
    return Tokens(
        Secret(access),
        refresh,
        now + min(_seconds(told.get("expires_in"), _USUAL_LIFE), _LONGEST_LIFE),
        scope[:_LONGEST_WORD] if isinstance(scope, str) else "",
    )


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where a server describes itself: RFC 8414 section 3.1, and as OpenID Connect does."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    root = f"https://{parts.netloc}"
    return (
        f"{root}/.well-known/oauth-authorization-server{path}",
        f"{root}{path}/.well-known/openid-configuration",
    )


def checked_issuer(text: str) -> str:
    """An issuer as a user names it (RFC 8414 section 2): https, nothing after the path. Misused
    `oauth.bad_issuer`."""
    issuer = text.strip().rstrip("/")
    parts = urlsplit(issuer) if len(issuer) < _LONGEST_WORD else None
    if parts is None or not _is_https(issuer) or parts.query or parts.fragment or parts.username is not None:
        raise Misused("oauth.bad_issuer", issuer=issuer[:200])
    return issuer


def read_metadata(content: bytes, issuer: str, scope: str) -> Endpoints:
    """A server's description of itself (RFC 8414 section 3.2). Garbled `oauth.unreadable`, also where it
    speaks for another issuer (section 3.3)."""
    host = _host(issuer)
    told = _json(content)
    if told is None or str(told.get("issuer", "")).rstrip("/") != issuer:
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    found = {name: told.get(name, "") for name in _ENDPOINTS}
    if not found["authorization_endpoint"] or not found["token_endpoint"]:
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    for url in found.values():
        if not isinstance(url, str) or (url and not _is_https(url)):
            raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    return Endpoints(
        issuer,
        found["authorization_endpoint"],
        found["token_endpoint"],
        found["device_authorization_endpoint"],
        scope,
        says_issuer=told.get("authorization_response_iss_parameter_supported") is True,
    )


_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")


def _form(url: str, client: Client, **fields: str) -> Form:
    # RFC 6749 section 2.3.1: the client's secret in the body, as Google, Microsoft and Yahoo take it
    fields["client_id"] = client.id
    if client.secret is not None:
        fields["client_secret"] = client.secret.reveal()
    return Form(url, Secret(urlencode(fields)))


def _told(heard: Heard, host: str) -> Mapping[str, Any]:
    """What a good answer says; raises what another one means."""
    told = _json(heard.content.reveal().encode())
    if heard.status == 200 and told is not None and "error" not in told:
        return told
    raise _failure(heard, told, host)


def _failure(heard: Heard, told: Mapping[str, Any] | None, host: str) -> EilboteError:
    error = told.get("error") if told is not None else None
    if heard.status == 429 or heard.status >= 500 or error in ("temporarily_unavailable", "server_error"):
        return Unreachable("oauth.unavailable", heard.retry_after or 30.0, host=host, status=heard.status)
    if isinstance(error, str):
        assert told is not None
        return refusal(error, str(told.get("error_description", "")), host)
    if heard.status == 200:
        return Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    # an answer that no authorization server gives: something stands between
    return Unreachable("oauth.unavailable", 30.0, host=host, status=heard.status)


def _error(heard: Heard) -> str:
    told = _json(heard.content.reveal().encode())
    error = told.get("error") if told is not None and heard.status != 200 else None
    return error if isinstance(error, str) else ""


def _json(content: bytes) -> Mapping[str, Any] | None:
    if len(content) > LARGEST_ANSWER:
        return None
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _word(told: Mapping[str, Any], name: str, host: str, longest: int = _LONGEST_WORD) -> str:
    word = told.get(name)
    # RFC 6749 appendix A: tokens and codes are printable ASCII; all else would break a later line
    if not isinstance(word, str) or not 0 < len(word) <= longest or not _is_visible(word):
        raise Garbled("oauth.unreadable", _AFTER_NONSENSE, host=host)
    return word


def _is_visible(word: str) -> bool:
    return all(" " <= mark <= "~" for mark in word)


def _seconds(value: object, usual: float) -> float:
    """A number of seconds, which some servers write as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        return usual
    return float(value)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and bool(parts.hostname)
            and parts.username is None
            and len(url) <= _LONGEST_WORD
            and _is_visible(url)
            and " " not in url
            and (parts.port or 443) > 0
        )
    except ValueError:
        return False


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
