"""One picture fetched from the web for a person who asked to see it.

It must never speak to an address that is not public (see `public_address`), never send a cookie, a referrer
or a name of ours, never follow a redirection unchecked, and never read more or longer than it was allowed.
The address that was checked is the one that is connected to: a name is asked for once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from eilbote.errors import Refused, Unreachable
from eilbote.mail.domain import domain_for_wire
from eilbote.mail.picture import picture_of
from eilbote.mail.remote_pictures import is_remote
from eilbote.net.dial import resolve
from eilbote.net.public_address import is_public

if TYPE_CHECKING:
    import httpx2

MOST_REDIRECTS = 3
_LATER = 300.0
_MOST_ADDRESSES = 2
_ENOUGH_TO_JUDGE = 64
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {
    "User-Agent": "Mozilla/5.0",
    "Accept": "image/avif,image/webp,image/png,image/jpeg,image/gif",
    "Accept-Encoding": "identity",
}


async def _addresses(host: str, port: int) -> list[str]:
    return [str(one.place[0]) for one in await resolve(host, port)]


class Reach(Struct, frozen=True):
    """Where pictures may come from: how a host's addresses are found, which of them are allowed, on which
    ports (None: all), and who vouches for servers (None: the system)."""

    resolve: Callable[[str, int], Awaitable[list[str]]] = _addresses
    allowed: Callable[[str], bool] = is_public
    ports: frozenset[int] | None = frozenset({80, 443})
    context: ssl.SSLContext | None = None


PUBLIC = Reach()


def server_context() -> ssl.SSLContext:
    """Verifies servers as the system does; takes long to make, and serves many pictures."""
    import httpx2  # noqa: PLC0415  # see `_fetch_once`

    return httpx2.create_ssl_context()


async def fetch_picture(address: str, *, most: int, seconds: float, reach: Reach = PUBLIC) -> bytes:
    """The bytes of a picture, at most `most`, within `seconds` from the first question to the last byte.

    Raises Unreachable `picture.unreachable`, `picture.not_public`; Refused `picture.refused` (its status),
    `picture.too_large`, `picture.no_picture`, `picture.redirected`."""
    try:
        async with asyncio.timeout(seconds):
            for _ in range(MOST_REDIRECTS + 1):
                found = await _fetch_once(address, most, seconds, reach)
                if isinstance(found, bytes):
                    return found
                address = found
    except TimeoutError:
        raise Unreachable("picture.unreachable", _LATER, reason="timeout") from None
    raise Refused("picture.redirected", limit=MOST_REDIRECTS)


async def _fetch_once(address: str, most: int, seconds: float, reach: Reach) -> bytes | str:
    """The picture, or where the server says that it is."""
    import httpx2  # noqa: PLC0415  # heavy, and hardly any command fetches

    if not is_remote(address):
        raise Refused("picture.refused", status="address")
    parts = urlsplit(address)
    secure = parts.scheme.lower() == "https"
    host = domain_for_wire((parts.hostname or "").rstrip("."))
    port = parts.port or (443 if secure else 80)
    if reach.ports is not None and port not in reach.ports:
        raise Unreachable("picture.not_public", _LATER, host=host)
    try:
        found = await reach.resolve(host, port)
    except (OSError, ValueError) as failure:
        raise Unreachable("picture.unreachable", _LATER, reason=str(failure)[:200]) from None
    # All of them, not one: a name that leads inside as well is meant to lead inside.
    if not found or not all(reach.allowed(one) for one in found):
        raise Unreachable("picture.not_public", _LATER, host=host)
    named = f"[{host}]" if ":" in host else host
    headers = _HEADERS | {"Host": named if port == (443 if secure else 80) else f"{named}:{port}"}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    reason = ""
    for number in found[:_MOST_ADDRESSES]:
        shown = f"[{number}]" if ":" in number else number
        try:
            async with (
                httpx2.AsyncClient(
                    verify=True if reach.context is None else reach.context,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=seconds,
                ) as client,
                client.stream(
                    "GET",
                    f"{'https' if secure else 'http'}://{shown}:{port}{target}",
                    headers=headers,
                    extensions={"sni_hostname": host},
                ) as answer,
            ):
                if answer.status_code in _REDIRECTS:
                    return urljoin(address, answer.headers.get("location", ""))
                if answer.status_code != 200:
                    raise Refused("picture.refused", status=answer.status_code)
                return await _picture(answer, most)
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, ValueError) as failure:
            reason = str(failure)[:200] or type(failure).__name__
    raise Unreachable("picture.unreachable", _LATER, reason=reason)


async def _picture(answer: httpx2.Response, most: int) -> bytes:
    content = bytearray()
    judged = False
    async for block in answer.aiter_raw():
        content += block
        if len(content) > most:
            raise Refused("picture.too_large", limit=most)
        if not judged and len(content) >= _ENOUGH_TO_JUDGE:
            judged = True
            if picture_of(bytes(content[:_ENOUGH_TO_JUDGE])) is None:
                raise Refused("picture.no_picture")
    found = picture_of(bytes(content))
    if found is None or not found.is_sane:
        raise Refused("picture.no_picture")
    return bytes(content)
