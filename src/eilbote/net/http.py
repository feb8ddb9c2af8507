"""One small file fetched, or question asked, over HTTPS, of exactly the server that was meant.

It must never follow a redirection, never speak to an address of this machine or of its network unless
that is allowed, never send a cookie or a name of ours, and never read more than it was allowed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

from eilbote.errors import Refused, Unreachable
from eilbote.secret import Secret

_LATER = 300.0
_MOST_ADDRESSES = 3
_LONGEST_LOCATION = 2_000


@cache
def authorities() -> ssl.SSLContext:
    """The authorities that mail servers are judged by too. Not the context of those: a request names its own
    protocol in the handshake (ALPN), and a mail server must never be spoken to under that name."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Answer(Struct, frozen=True):
    """What a server answered. `location`: where it points elsewhere; `content` with status 200 alone, unless
    the request is `once`. `retry_after`: seconds that it asks to wait."""

    status: int
    location: str = ""
    content: bytes = b""
    retry_after: float | None = None
    content_type: str = ""


async def fetch(
    host: str,
    path: str,
    addresses: Sequence[str],
    *,
    most: int,
    seconds: float = 10.0,
    port: int = 443,
    context: ssl.SSLContext | None = None,
    local_allowed: bool = False,
) -> bytes:
    """The content of `https://host/path`, from one of the numeric `addresses` of the host; at most `most`
    bytes. `context` verifies the certificate (None: by the system's authorities).

    Raises Unreachable `http.unreachable` or `http.not_public`, Refused `http.refused` (any status but
    200) or `http.too_large`."""
    request = Request("GET", path)
    answer = await ask(
        host,
        request,
        addresses,
        most=most,
        seconds=seconds,
        port=port,
        context=context,
        local_allowed=local_allowed,
    )
    if answer.status != 200:
        raise Refused("http.refused", host=host, status=answer.status)
    return answer.content


class Request(Struct, frozen=True):
    """What is asked: a method, a path, and for POST the content with its type. `once`: it changes something
    there, so that it goes to another address only where this one took no connection; and the content of every
    answer is wanted."""

    method: str
    path: str
    content: Secret | bytes = b""
    content_type: str = ""
    accept: str = ""
    once: bool = False


async def ask(
    host: str,
    request: Request,
    addresses: Sequence[str],
    *,
    most: int,
    seconds: float = 10.0,
    port: int = 443,
    context: ssl.SSLContext | None = None,
    local_allowed: bool = False,
) -> Answer:
    """As `fetch`, with any request, and whatever the status of the answer is."""
    import httpx2  # noqa: PLC0415  # heavy, and hardly any command fetches

    public = [one for one in addresses if local_allowed or ipaddress.ip_address(one).is_global]
    if not public:
        raise Unreachable("http.not_public", _LATER, host=host)
    headers = {"Host": host, "User-Agent": "Eilbote", "Accept-Encoding": "identity"}
    if request.content_type:
        headers["Content-Type"] = request.content_type
    if request.accept:
        headers["Accept"] = request.accept
    sent = request.content.reveal().encode() if isinstance(request.content, Secret) else request.content
    reason = ""
    for address in public[:_MOST_ADDRESSES]:
        shown = f"[{address}]" if ":" in address else address
        try:
            async with (
                asyncio.timeout(3 * seconds),  # against a server that drips
                httpx2.AsyncClient(
                    verify=context or authorities(),
                    trust_env=False,
                    follow_redirects=False,
                    timeout=seconds,
                ) as client,
                client.stream(
                    request.method,
                    f"https://{shown}:{port}{request.path}",
                    headers=headers,
                    content=sent or None,
                    extensions={"sni_hostname": host},
                ) as answer,
            ):
                status, later = answer.status_code, _later(answer.headers.get("retry-after", ""))
                if status != 200 and not request.once:
                    location = answer.headers.get("location", "")[:_LONGEST_LOCATION]
                    return Answer(status, location, retry_after=later)
                content = bytearray()
                async for block in answer.aiter_raw():
                    content += block
                    if len(content) > most:
                        raise Refused("http.too_large", host=host, limit=most)
                return Answer(
                    status,
                    content=bytes(content),
                    retry_after=later,
                    content_type=answer.headers.get("content-type", "")[:200],
                )
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, TimeoutError) as failure:
            reason = str(failure)[:300] or type(failure).__name__
            if request.once and not isinstance(failure, httpx2.ConnectError | httpx2.ConnectTimeout):
                break  # it may have been received
    raise Unreachable("http.unreachable", _LATER, host=host, reason=reason)


def _later(text: str) -> float | None:
    """Retry-After in seconds (RFC 9110 section 10.2.3); a date is not looked at."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
