"""The DKIM signatures of a mail that came back, verified with the keys that name servers give (RFC 6376).

Tells what was seen and judges nothing. The mail is our own probe, and never anybody else's.
"""

from __future__ import annotations

import asyncio
import re

from eilbote.diagnosis.trips import Signature
from eilbote.errors import EilboteError
from eilbote.mail.auth_results import AuthResults
from eilbote.mail.headers import Headers
from eilbote.net.dns import Resolver

_MOST = 4
_KEY_SECONDS = 5.0
_NAME = re.compile(r"(?:[A-Za-z0-9_](?:[\w-]{0,62})\.)*[A-Za-z0-9_][\w-]{0,62}")
_METHODS = {
    "spf": ("smtp.mailfrom", "smtp.helo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from",),
}


async def signatures_of(
    raw: bytes, headers: Headers, domain: str, resolver: Resolver
) -> tuple[Signature, ...]:
    """The first few signatures, the topmost first; `domain` is that of the From."""
    found = []
    for at, text in enumerate(headers.sources("DKIM-Signature")[:_MOST]):
        tags = tags_of(text)
        signer = tags.get("d", "").lower()
        key = await _key(resolver, f"{tags.get('s', '')}._domainkey.{signer}")
        found.append(
            Signature(
                signer[:253],
                tuple(one.strip().lower() for one in tags.get("h", "").split(":"))[:100],
                partial="l" in tags,
                aligned=is_aligned(signer, domain),
                valid=None if key is None else await asyncio.to_thread(_is_valid, raw, at, key),
                selector=tags.get("s", "")[:63],
                own=signer.rstrip(".") == domain.lower().rstrip("."),
            )
        )
    return tuple(found)


def selectors_of(headers: Headers, domain: str) -> list[str]:
    """The names of the keys that signatures of exactly this domain are made with, as far as they say."""
    found = []
    for text in headers.sources("DKIM-Signature")[:_MOST]:
        tags = tags_of(text)
        if tags.get("d", "").lower().rstrip(".") == domain.lower().rstrip(".") and tags.get("s"):
            found.append(tags["s"][:63])
    return found


def aligned_methods(results: AuthResults | None, domain: str) -> tuple[str, ...]:
    """Methods that passed for this domain, as the server that keeps the mail says."""
    return tuple(
        one.method
        for one in (results.results if results is not None else ())
        if one.result == "pass"
        and one.method in _METHODS
        and is_aligned(one.named(*_METHODS[one.method]).rpartition("@")[2], domain)
    )


def is_aligned(one: str, other: str) -> bool:
    """Whether two domains belong to one organisation as far as their names tell: equal, or one within."""
    one, other = one.lower().rstrip("."), other.lower().rstrip(".")
    shorter = min(one, other, key=len)
    return "." in shorter and (one == other or one.endswith("." + other) or other.endswith("." + one))


def tags_of(text: str) -> dict[str, str]:
    """The tags of a signature (RFC 6376 section 3.2), without blanks."""
    pairs = (piece.partition("=") for piece in text[:8000].split(";"))
    return {name.strip(): re.sub(r"\s+", "", value) for name, _, value in pairs if name.strip()}


async def _key(resolver: Resolver, name: str) -> bytes | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        async with asyncio.timeout(_KEY_SECONDS):
            looked = await resolver.ask(name, "TXT")
    except (EilboteError, TimeoutError):
        return None
    for record in looked.records:
        return b"".join(getattr(record, "strings", ()))
    return None


def _is_valid(raw: bytes, at: int, key: bytes) -> bool:
    import dkim  # type: ignore[import-untyped]  # noqa: PLC0415  # only a round trip pays for it

    try:
        return bool(dkim.DKIM(raw).verify(at, dnsfunc=lambda name, timeout=0: key))
    except (dkim.DKIMException, ValueError):
        return False  # a key or a signature that nobody can read proves nothing
