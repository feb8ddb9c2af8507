"""Asks authorization servers: one question at a time, over verified TLS, to the very host that was meant.

No redirection is followed and no answer longer than a bound is read. It decides nothing and keeps nothing.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from msgspec.structs import replace

from eilbote.errors import Garbled, Refused, Unreachable
from eilbote.net.dial import resolve
from eilbote.net.http import Answer, Request, ask
from eilbote.protocols.oauth import (
    FORM_TYPE,
    LARGEST_ANSWER,
    Endpoints,
    Form,
    Heard,
    metadata_urls,
    read_metadata,
)
from eilbote.secret import Secret

_SECONDS = 15.0
"""How long a server is waited for."""

_LATER = 60.0


async def post(form: Form, *, local: bool) -> Heard:
    """Sends one question, once. `local`: the server may stand in this machine's network. Unreachable
    `oauth.unreachable`, Garbled `oauth.unreadable`."""
    request = Request("POST", "", form.content, FORM_TYPE, accept="application/json", once=True)
    answer = await _asked(form.url, request, local=local)
    try:
        content = answer.content.decode()
    except UnicodeDecodeError:
        content = ""  # which nobody takes for an answer
    return Heard(answer.status, Secret(content), answer.retry_after)


async def describe(issuer: str, scope: str) -> Endpoints:
    """Where a server is asked, by its own description (RFC 8414), or OpenID Connect's. Raises as `post` does;
    Refused `oauth.no_description`."""
    for url in metadata_urls(issuer):
        answer = await _asked(url, Request("GET", ""), local=True)
        if answer.status == 200:
            return read_metadata(answer.content, issuer, scope)
    raise Refused("oauth.no_description", issuer=issuer)


async def _asked(url: str, request: Request, *, local: bool) -> Answer:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = replace(request, path=path)
    try:
        addresses = [one.host for one in await resolve(host, port)]
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)[:200]
        raise Unreachable("oauth.unreachable", _LATER, host=host, reason=reason) from error
    try:
        return await ask(
            host,
            request,
            addresses,
            most=LARGEST_ANSWER,
            seconds=_SECONDS,
            port=port,
            context=ssl.create_default_context(),  # the authorities that vouch for mail servers too
            local_allowed=local,
        )
    except Unreachable as error:
        reason = error.problem.parameters.get("reason", "")
        raise Unreachable("oauth.unreachable", _LATER, host=host, reason=reason) from error
    except Refused:
        raise Garbled("oauth.unreadable", _LATER, host=host) from None
